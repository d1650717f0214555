import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';

/**
 * A client in a process of its own, which can be stopped or run in another network namespace; remote.ts drives it.
 * `node remote-client.ts URL base|session`; one JSON object a line:
 *
 *     in   {"send": message}   {"reconnect": true}
 *     out  {"open": true}   {"heard": message}
 *
 * A session comes back by itself when its socket closes or hears no ping for three heartbeats, which is what a
 * browser's client has to do. A base client stays away. Ends when standard input does.
 */

const [url = '', dialect] = process.argv.slice(2);
const RETRY_MS = 50;
/** The first network is whole, and may be slow; those after it may be gone. */
const FIRST_TIMEOUT_MS = 30_000;
const NEXT_TIMEOUT_MS = 1000;

let socket: WebSocket;
let token: string | undefined;
let lastSeq = 0;
let silence: NodeJS.Timeout | undefined;
let handshakeTimeout = FIRST_TIMEOUT_MS;

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function connect(): void {
  clearTimeout(silence);
  const mine = new WebSocket(url, { perMessageDeflate: false, handshakeTimeout });
  socket = mine;
  let silenceMs: number | undefined;
  const watch = (): void => {
    clearTimeout(silence);
    if (silenceMs !== undefined) silence = setTimeout(() => mine.terminate(), silenceMs);
  };
  mine.on('error', () => {}); // close follows
  mine.on('open', () => {
    handshakeTimeout = NEXT_TIMEOUT_MS;
    say({ open: true });
    if (dialect !== 'session') return;
    const resumption = token === undefined ? {} : { resume_token: token, last_seq: lastSeq };
    mine.send(JSON.stringify({ type: 'Hello', ...resumption }));
  });
  mine.on('ping', () => mine === socket && watch());
  mine.on('message', (data) => {
    if (mine !== socket) return;
    const message = JSON.parse(data.toString());
    if (message.type === 'Ready') {
      token = message.resume_token;
      if (!message.resumed) lastSeq = 0;
      silenceMs = 3 * message.heartbeat_ms;
      watch();
    }
    if (message.seq !== undefined) lastSeq = message.seq;
    say({ heard: message });
  });
  mine.on('close', () => {
    if (mine === socket && dialect === 'session') setTimeout(connect, RETRY_MS);
  });
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const command = JSON.parse(line);
    if (command.send) socket.send(JSON.stringify(command.send));
    // The old socket is left as it is: its network is gone, and nobody is told.
    if (command.reconnect) connect();
  })
  .on('close', () => process.exit(0));
connect();
