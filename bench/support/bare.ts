/**
 * The yardstick, forked by bench/relay.ts: what a relay costs that does nothing but relay. It parses, looks up the
 * addressee, stringifies and sends; no rooms, no validation, no limits, no actors, no spans.
 */
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

const sockets = new Map<string, WebSocket>();
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, backlog: 4096 });
server.on('connection', (socket) => {
  const id = randomUUID();
  sockets.set(id, socket);
  socket.on('close', () => sockets.delete(id));
  socket.on('message', (data) => {
    const { type, to, sdp } = JSON.parse(data.toString());
    sockets.get(to)?.send(JSON.stringify({ type, from: id, sdp }));
  });
  socket.send(JSON.stringify({ id }));
});
server.on('listening', () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});
process.on('disconnect', () => process.exit(0));
