import { createServer } from 'node:http';
import protoo from 'protoo-server';
import { started } from './started.js';

/** Rooms of protoo, the signalling of mediasoup's demo, in which a notification goes from peer to peer. */
const rooms = new Map();
const http = createServer();
new protoo.WebSocketServer(http).on('connectionrequest', ({ request }, accept) => {
  const { searchParams } = new URL(request.url, 'ws://localhost');
  const name = searchParams.get('room');
  const room = rooms.get(name) ?? new protoo.Room();
  rooms.set(name, room);
  const peer = room.createPeer(searchParams.get('peer'), accept());
  peer.on('close', () => {
    if (room.peers.length === 0) rooms.delete(name);
  });
  peer.on('notification', ({ data: { to, sdp } }) => {
    room.getPeer(to)?.notify('offer', { from: peer.id, sdp });
  });
});
http.listen(0, '127.0.0.1', () => started(http));
