import { once } from 'node:events';
import { WebSocket } from 'ws';
import { readConfig } from '../../../src/config.ts';
import { createServer } from '../../../src/server.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';

/**
 * A program: runs a server, says to it what must be refused and what must be relayed, and prints what it answered and
 * what it logged as one JSON object. It is run with the packages as they are, and with doctored ones.
 */

const logs: Record<string, unknown>[] = [];
const logger = createLogger('info', { stream: { write: (line) => void logs.push(JSON.parse(line)) } });
const config = readConfig({
  HOST: '127.0.0.1',
  PORT: '0',
  RATE_LIMIT_MESSAGES: '12',
  RATE_LIMIT_WINDOW_MS: '600000',
  BLOOM_FAST_PATHS: process.env.BLOOM_FAST_PATHS,
});
const server = createServer(config, logger);
const url = new URL('/ws', await server.listen());

/** Ids are random: each is told by the order in which it was first heard. */
const names = new Map<string, string>();
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f-]{21}/g;
const named = (text: string) =>
  text.replace(UUID, (id) => {
    if (!names.has(id)) names.set(id, `id ${names.size}`);
    return names.get(id) as string;
  });

class Client {
  readonly socket: WebSocket;
  readonly heard: string[] = [];
  #pings = 0;

  static async connect(): Promise<Client> {
    const client = new Client();
    await once(client.socket, 'open');
    return client;
  }

  private constructor() {
    this.socket = new WebSocket(url);
    this.socket.on('message', (data) => this.heard.push(String(data)));
  }

  /** Sends one text, and waits until the server has handled it and all that it led to has arrived here. */
  async say(message: object | string): Promise<void> {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
    await this.settled();
  }

  async settled(): Promise<void> {
    this.#pings += 1;
    this.socket.ping(String(this.#pings));
    while (String((await once(this.socket, 'pong'))[0]) !== String(this.#pings));
  }

  last<T>(): T {
    return JSON.parse(this.heard.at(-1) as string);
  }
}

const [one, two, outsider, session] = [
  await Client.connect(),
  await Client.connect(),
  await Client.connect(),
  await Client.connect(),
];
const NOBODY = '9b2f6c1e-3d4a-4f5b-8c6d-7e8f9a0b1c2d';
await one.say({ type: 'CreateRoom' });
const { room_id, participants } = one.last<{ room_id: string; participants: string[] }>();
await two.say({ type: 'JoinRoom', room_id: room_id.toUpperCase() });
const self = participants[0] as string;
const other = two.last<{ participants: string[] }>().participants[1] as string;

// Relays: to a member, with text of every kind; to a stranger; from an outsider.
for (const sdp of ['v=0\r\n', 'ü 💐 "', 'x'.repeat(3000)]) await one.say({ type: 'Offer', to: other, sdp });
await one.say({ type: 'Offer', to: NOBODY, sdp: 'to a stranger' });
await outsider.say({ type: 'Offer', to: self, sdp: 'from an outsider' });
await outsider.say({ type: 'LeaveRoom' });

// What is no message.
await two.say('{');
await two.say({ type: 'JoinRoom', room_id: 'no UUID' });
await two.say({ type: 'Offer', to: self });
await two.say({ type: 'Offer', to: self, sdp: 'with a field', more: 1 });
await two.say({ type: 'IceCandidate', to: self, candidate: '', sdpMLineIndex: 1.5 });
await two.say({ type: 'IceCandidate', to: self, candidate: '', sdpMid: null, sdpMLineIndex: 1 });

// A session, and one whose room is full of rules: a version 1 UUID opens none.
await session.say({ type: 'Hello', resume_token: 'x'.repeat(129), last_seq: 0 });
const greeted = await Client.connect();
await greeted.say({ type: 'Hello' });
greeted.heard.length = 0; // Ready has a random token
await greeted.say({
  type: 'JoinRoom',
  room_id: '9b2f6c1e-3d4a-1f5b-8c6d-7e8f9a0b1c2d',
  create_if_missing: true,
});
await greeted.say({ type: 'JoinRoom', room_id, create_if_missing: true });

// The rate.
for (let i = 0; i < 14; i += 1) await outsider.say({ type: 'LeaveRoom' });

// The end: a member leaves, and a room goes on without it.
two.socket.close();
await once(two.socket, 'close');
do await one.settled();
while (!one.heard.some((text) => text.includes('PeerDisconnected')));
await greeted.settled();

const heard = [one, two, outsider, session, greeted].map((client) => client.heard.map(named));
process.stdout.write(JSON.stringify({ heard, logs: logs.map(({ msg, packages }) => ({ msg, packages })) }));
for (const { socket } of [one, outsider, session, greeted]) socket.terminate();
await server.stop();
