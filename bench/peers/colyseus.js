import { createServer } from 'node:http';
import { Room, Server } from '@colyseus/core';
import { WebSocketTransport } from '@colyseus/ws-transport';
import { started } from './started.js';

/** Rooms of Colyseus without a state, in which offers go from client to client. */
class Signalling extends Room {
  maxClients = 1000;
  onJoin(client) {
    client.send('seated', {});
    this.broadcast('came', { id: client.sessionId }, { except: client });
  }
  onLeave(client) {
    this.broadcast('left', { id: client.sessionId });
  }
  messages = {
    '*': (client, kind, { to, text }) => {
      this.clients.getById(to)?.send(kind, { from: client.sessionId, text });
    },
    offer: (client, { to, sdp }) => {
      this.clients.getById(to)?.send('offer', { from: client.sessionId, sdp });
    },
  };
}

const http = createServer();
const server = new Server({
  greet: false,
  transport: new WebSocketTransport({ server: http, pingInterval: 15_000 }),
});
server.define('signalling', Signalling);
await server.listen(0, '127.0.0.1');
started(http);
