/**
 * The glue that a team would write: rooms on `ws`, forked by bench/meet.ts. It parses, looks up the addressee in the
 * room and sends. It validates nothing, limits nothing and records nothing. Its heartbeat is the one of ws's README.
 */
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

const HEARTBEAT_MS = 15_000;
const rooms = new Map<string, Map<string, WebSocket>>();
const answered = new WeakSet<WebSocket>();
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, backlog: 4096 });

server.on('connection', (socket) => {
  const id = randomUUID();
  let name = '';
  const tellOthers = (message: object) => {
    const text = JSON.stringify(message);
    for (const [other, to] of rooms.get(name) ?? []) if (other !== id) to.send(text);
  };
  const leave = () => {
    if (!rooms.get(name)?.delete(id)) return;
    tellOthers({ type: 'left', id });
    if (rooms.get(name)?.size === 0) rooms.delete(name);
  };
  answered.add(socket);
  socket.on('pong', () => answered.add(socket));
  socket.on('close', leave);
  socket.on('message', (data) => {
    const message = JSON.parse(data.toString());
    if (message.type === 'join') {
      name = message.room;
      const room = rooms.get(name) ?? new Map<string, WebSocket>();
      socket.send(JSON.stringify({ type: 'joined', id, members: [...room.keys()] }));
      rooms.set(name, room.set(id, socket));
      tellOthers({ type: 'came', id });
    } else if (message.type === 'leave') leave();
    else
      rooms
        .get(name)
        ?.get(message.to)
        ?.send(JSON.stringify({ ...message, to: undefined, from: id }));
  });
});
setInterval(() => {
  for (const socket of server.clients) {
    if (!answered.delete(socket)) socket.terminate();
    else socket.ping();
  }
}, HEARTBEAT_MS);
server.on('listening', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on('disconnect', () => process.exit(0));
