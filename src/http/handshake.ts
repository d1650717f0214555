import type { IncomingMessage } from 'node:http';
import type { Handshake } from '../auth/authorizer.ts';
import { tokenOf } from '../auth/credentials.ts';
import { RefusalError } from '../auth/refusal.ts';

/**
 * What an upgrade brings to say who the client is. A token is in a header or in a subprotocol, never in the URL; a ticket is in
 * the URL, and nothing that logs may have the URL. Throws RefusalError.
 */
export function handshakeOf({ headers, url = '' }: IncomingMessage, address: string): Handshake {
  const token = tokenOf(headers);
  const ticket = ticketIn(url);
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

function ticketIn(url: string): string | undefined {
  const at = url.indexOf('?');
  if (at < 0) return undefined;
  const tickets = new URLSearchParams(url.slice(at + 1)).getAll('ticket');
  if (tickets.length > 1) throw new RefusalError('form');
  return tickets[0];
}
