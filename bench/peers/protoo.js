import { createServer } from 'node:http';
import protoo from 'protoo-server';
import { started } from './started.js';

/** A peer that is on its way out cannot be told. */
const tell = (peer, method, data) => peer.notify(method, data).catch(() => {});

/** Rooms of protoo, the signalling of mediasoup's demo, in which a notification goes from peer to peer. */
const rooms = new Map();
const http = createServer();
new protoo.WebSocketServer(http).on('connectionrequest', ({ request }, accept) => {
  const { searchParams } = new URL(request.url, 'ws://localhost');
  const name = searchParams.get('room');
  const room = rooms.get(name) ?? new protoo.Room();
  rooms.set(name, room);
  const peer = room.createPeer(searchParams.get('peer'), accept());
  const others = room.peers.filter((other) => other !== peer);
  tell(peer, 'members', { members: others.map(({ id }) => id) });
  for (const other of others) tell(other, 'came', { id: peer.id });
  peer.on('close', () => {
    for (const other of room.peers) tell(other, 'left', { id: peer.id });
    if (room.peers.length === 0) rooms.delete(name);
  });
  peer.on('notification', ({ method, data: { to, ...data } }) => {
    const addressee = room.getPeer(to);
    if (addressee) tell(addressee, method, { from: peer.id, ...data });
  });
});
http.listen(0, '127.0.0.1', () => started(http));
