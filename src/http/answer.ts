import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

export type Headers = Readonly<Record<string, string>>;

/** Answers with `body` as JSON. */
export function send(response: ServerResponse, status: number, body: object, headers: Headers = {}): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, STATUS_CODES[status], {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    ...headers,
  });
  response.end(text);
}

/** Answers an upgrade on the bare socket, which a response still being written may own: it goes behind that. */
export function refuseUpgrade(socket: Socket, status: number, error: string, headers: Headers = {}): void {
  const text = `${JSON.stringify({ error })}\n`;
  const lines = Object.entries({
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
    ...headers,
    Connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.on('error', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${text}`, () =>
    socket.destroySoon(),
  );
}
