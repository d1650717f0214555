import type { IncomingMessage } from 'node:http';

/** Scheme and authority of a target in absolute-form (RFC 9112, section 3.2.2). */
const ORIGIN = /^(?:http|ws)s?:\/\/[^/?]*/i;

/** The path that a request is for, without the query. */
export function pathOf({ url = '' }: IncomingMessage): string {
  return url.replace(ORIGIN, '').split('?', 1)[0] || '/';
}

/** Whether a body follows the head of the request. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || !/^0*$/.test(headers['content-length'] ?? '');
}

/**
 * What is wrong with a request to open a WebSocket, as a sentence; undefined if nothing is. ws checks the headers of
 * its own protocol. It does not check what RFC 6455, section 4.2.1 asks for besides: HTTP/1.1 and a Host.
 */
export function handshakeProblem(request: IncomingMessage): string | undefined {
  if (request.httpVersion !== '1.1') return 'A WebSocket needs HTTP/1.1.';
  const hosts = request.headersDistinct.host ?? [];
  if (hosts.length !== 1 || hosts[0] === '') return 'A WebSocket needs exactly one Host header.';
  // The server would read the body as frames.
  if (hasBody(request)) return 'A request to open a WebSocket has no body.';
  return undefined;
}
