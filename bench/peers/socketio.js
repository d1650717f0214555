import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { started } from './started.js';

/**
 * Signalling as Socket.IO's users write it: rooms joined by name, the roster told to the joiner, relays to a
 * socket id. Nothing is validated; whether the addressee shares a room with the sender is not asked.
 */
const http = createServer();
const io = new Server(http, { transports: ['websocket'], serveClient: false });
io.on('connection', (socket) => {
  socket.on('join', (room) => {
    socket.join(room);
    io.to(room).emit('members', [...(io.sockets.adapter.rooms.get(room) ?? [])]);
  });
  socket.on('leave', (room) => {
    socket.leave(room);
    socket.to(room).emit('left', socket.id);
  });
  for (const kind of ['Offer', 'Answer', 'IceCandidate'])
    socket.on(kind, ({ to, ...data }) => io.to(to).emit(kind, { from: socket.id, ...data }));
  socket.on('offer', ({ to, sdp }) => io.to(to).emit('offer', { from: socket.id, sdp }));
});
http.listen(0, '127.0.0.1', () => started(http));
