import type { IncomingMessage } from 'node:http';
import type { Handshake } from '../auth/authorizer.ts';
import { queryOf, tokenOf } from '../auth/credentials.ts';
import { RefusalError } from '../auth/refusal.ts';

/**
 * What an upgrade brings to say who the client is. A token is in a header or in a subprotocol, never in the URL; a ticket is in
 * the URL, and nothing that logs may have the URL. Throws RefusalError.
 */
export function handshakeOf(request: IncomingMessage, address: string): Handshake {
  const { headers } = request;
  const token = tokenOf(headers);
  const ticket = ticketOf(request);
  if (token !== undefined && ticket !== undefined) throw new RefusalError('form');
  const { origin, cookie, authorization } = headers;
  const userAgent = headers['user-agent'];
  return {
    address,
    ...(origin !== undefined && { origin }),
    ...(cookie !== undefined && { cookie }),
    ...(authorization !== undefined && { authorization }),
    ...(userAgent !== undefined && { userAgent }),
    ...(token !== undefined && { token }),
    ...(ticket !== undefined && { ticket }),
  };
}

function ticketOf(request: IncomingMessage): string | undefined {
  const tickets = queryOf(request).getAll('ticket');
  if (tickets.length > 1) throw new RefusalError('form');
  return tickets[0];
}
