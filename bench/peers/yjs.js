/** The signalling server of y-webrtc, which is its command alone and would listen on all interfaces. */
import { Server } from 'node:http';
import { started } from './started.js';

const { listen } = Server.prototype;
Server.prototype.listen = function () {
  return listen.call(this, 0, '127.0.0.1', () => started(this));
};
await import('./node_modules/y-webrtc/bin/server.js');
