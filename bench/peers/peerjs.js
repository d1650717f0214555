import { PeerServer } from 'peer';
import { started } from './started.js';

/** PeerJS server as its own command starts it, but for limits that the load would meet. */
PeerServer(
  { host: '127.0.0.1', port: 0, path: '/', concurrent_limit: 100_000, alive_timeout: 3_600_000 },
  (server) => started(server),
);
