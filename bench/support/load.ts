import { now } from './clock.ts';
import type { Dialect } from './dialects.ts';
import { clientFrame, NO_MASK, OPCODE } from './frame.ts';
import { RawSocket } from './raw-socket.ts';
import { MARK, offerSdp } from './sdp.ts';

/**
 * Offers through rooms, each member sending to the next. All frames are made before the first is sent, and of what
 * comes back only the header and one digit are read, so that this process does less for a message than any server.
 * The digit tells whether every message arrived, once and in order.
 */

/** What went through in one stretch of load. */
export interface Passage {
  readonly messages: number;
  /** Never arrived, or arrived out of order. */
  readonly lost: number;
  /** From the first message sent to the last received. */
  readonly milliseconds: number;
  /** Milliseconds from write to read, of every message. */
  readonly latencies: readonly number[];
  /** When each of these was sent, by clock.ts; made when asked for, so that nobody is charged who does not ask. */
  sentAt(): number[];
}

const MARKS = 10;
/** What is shorter is no relay but talk about the room. */
const SHORTEST_RELAY = 1000;
const LOST_AFTER_MS = 10_000;
const TICK_MS = 1;
/** Rooms that fill up at a time. */
const CONCURRENCY = 16;
const CONNECTIONS_PER_ADDRESS = 2000;

/** One member of a room and the neighbour it sends to. */
class Pair {
  readonly #from: RawSocket;
  /** A frame for each mark, one after the other, so that a run of them is one slice. */
  readonly #frames: Buffer;
  readonly #frameBytes: number;
  sentAt: number[] = [];
  #markBeforeEnd = 0;
  #nextMark = 0;
  #expectedMark = 0;
  /** Messages that may be sent as soon as what was read is handled. */
  owed = 0;
  sent = 0;
  received = 0;
  disordered = 0;
  latencies: number[] = [];
  /** A message may be followed by another when it arrives. */
  isClosedLoop = false;

  constructor(from: RawSocket, message: (sdp: string) => string | Uint8Array, mask?: Buffer) {
    this.#from = from;
    const frames = Array.from({ length: MARKS }, (_, mark) => {
      const payload = message(offerSdp(mark));
      return clientFrame(payload, typeof payload === 'string' ? OPCODE.text : OPCODE.binary, mask);
    });
    this.#frames = Buffer.concat(frames);
    this.#frameBytes = (frames[0] as Buffer).length;
  }

  /** Sends one, to see that the neighbour receives just this offer, and where in the message the mark is. */
  async rehearse(to: RawSocket): Promise<void> {
    this.send(1);
    const payload = await to.nextWith(MARK);
    const sdp = offerSdp(0);
    if (!payload.includes(sdp) && !payload.includes(JSON.stringify(sdp).slice(1, -1)))
      throw new Error(`not what was sent: ${payload}`);
    this.#markBeforeEnd = payload.length - payload.indexOf(MARK) - MARK.length;
    this.#expectedMark = 1;
    this.received = 1;
    to.onFrame = (bytes, start, end) => this.#receive(bytes, start, end);
    to.onRead = () => this.#settle();
  }

  reset(): void {
    this.sent = 0;
    this.received = 0;
    this.disordered = 0;
    this.latencies = [];
    this.sentAt = [];
  }

  send(count: number): void {
    const at = performance.now();
    for (let left = count; left > 0; ) {
      const run = Math.min(left, MARKS - this.#nextMark);
      const start = this.#nextMark * this.#frameBytes;
      this.#from.write(this.#frames.subarray(start, start + run * this.#frameBytes));
      this.#nextMark = (this.#nextMark + run) % MARKS;
      left -= run;
    }
    for (let i = 0; i < count; i += 1) this.sentAt.push(at);
    this.sent += count;
  }

  #receive(bytes: Buffer, start: number, end: number): void {
    if (end - start < SHORTEST_RELAY) return;
    const mark = (bytes[end - this.#markBeforeEnd] as number) - 0x30;
    if (mark !== this.#expectedMark) this.disordered += 1;
    this.#expectedMark = (mark + 1) % MARKS;
    this.latencies.push(performance.now() - (this.sentAt[this.received] as number));
    this.received += 1;
    if (this.isClosedLoop) this.owed += 1;
  }

  #settle(): void {
    if (this.owed > 0) this.send(this.owed);
    this.owed = 0;
  }
}

export interface Seats {
  readonly rooms: number;
  readonly roomSize: number;
}

/** Opens the connections of one room, adding them to `sockets`, and has each member send its first message. */
async function openRoom(
  base: URL,
  dialect: Dialect,
  roomSize: number,
  sockets: RawSocket[],
): Promise<Pair[]> {
  const members: RawSocket[] = [];
  const paths = await dialect.paths(base, roomSize);
  for (const path of paths) {
    const { subprotocol } = dialect;
    const localAddress = addressOf(sockets.length);
    const socket = await RawSocket.connect(new URL(path, base), { subprotocol, localAddress });
    members.push(socket);
    sockets.push(socket);
  }
  const messages = await dialect.meet(members, paths);
  const pairs: Pair[] = [];
  for (const [i, message] of messages.entries()) {
    const pair = new Pair(members[i] as RawSocket, message, dialect.isEcho && NO_MASK);
    await pair.rehearse(members[(i + (dialect.isEcho ? 0 : 1)) % roomSize] as RawSocket);
    pairs.push(pair);
  }
  return pairs;
}

/**
 * Where the nth connection comes from: an address has some 28,000 ports to connect to one port from, and those used
 * rest for a minute.
 */
export function addressOf(n: number): string {
  return `127.0.0.${1 + Math.floor(n / CONNECTIONS_PER_ADDRESS)}`;
}

export class Load {
  readonly #sockets: readonly RawSocket[];
  readonly #pairs: readonly Pair[];

  /** Opens the connections and brings them into their rooms, some rooms at a time. */
  static async open(base: URL, dialect: Dialect, { rooms, roomSize }: Seats): Promise<Load> {
    const sockets: RawSocket[] = [];
    const pairs: Pair[] = [];
    let waiting = rooms;
    const fill = async (): Promise<void> => {
      while (waiting > 0) {
        waiting -= 1;
        const room = await openRoom(base, dialect, roomSize, sockets);
        pairs.push(...room);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, fill));
    return new Load(sockets, pairs);
  }

  /** Opens connections that say nothing. */
  static async openIdle(base: URL, dialect: Dialect, connections: number): Promise<Load> {
    const sockets: RawSocket[] = [];
    const [path = '/'] = await dialect.paths(base, 1);
    const { subprotocol } = dialect;
    let waiting = connections;
    const open = async (): Promise<void> => {
      while (waiting > 0) {
        waiting -= 1;
        const localAddress = addressOf(waiting);
        sockets.push(await RawSocket.connect(new URL(path, base), { subprotocol, localAddress }));
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, open));
    return new Load(sockets, []);
  }

  private constructor(sockets: readonly RawSocket[], pairs: readonly Pair[]) {
    this.#sockets = sockets;
    this.#pairs = pairs;
  }

  get connections(): number {
    return this.#sockets.length;
  }

  /** As fast as the server relays: `window` messages of each sender are on their way at any time. */
  saturate(window: number, milliseconds: number): Promise<Passage> {
    return this.#pass(async () => {
      for (const pair of this.#pairs) {
        pair.isClosedLoop = true;
        pair.send(window);
      }
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      for (const pair of this.#pairs) pair.isClosedLoop = false;
    });
  }

  /** So many messages a second, whatever the server does; the senders take turns. */
  pace(perSecond: number, milliseconds: number): Promise<Passage> {
    return this.#pass(async () => {
      const startedAt = performance.now();
      const total = Math.round((perSecond * milliseconds) / 1000);
      const done = Promise.withResolvers<void>();
      let sent = 0;
      const timer = setInterval(() => {
        const due = Math.min(total, Math.floor(((performance.now() - startedAt) * perSecond) / 1000));
        for (; sent < due; sent += 1) this.#pairs[sent % this.#pairs.length]?.send(1);
        if (performance.now() - startedAt >= milliseconds && sent === total) done.resolve();
      }, TICK_MS);
      await done.promise;
      clearInterval(timer);
    });
  }

  /** Connections that the server has closed. */
  get closed(): number {
    return this.#sockets.filter((socket) => socket.isClosed).length;
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
  }

  async #pass(send: () => Promise<void>): Promise<Passage> {
    for (const pair of this.#pairs) pair.reset();
    const startedAt = performance.now();
    await send();
    const giveUpAt = performance.now() + LOST_AFTER_MS;
    const sum = (of: (pair: Pair) => number) => this.#pairs.reduce((total, pair) => total + of(pair), 0);
    const missing = () => sum((pair) => pair.sent - pair.received);
    while (missing() > 0 && performance.now() < giveUpAt && !this.#sockets.some((socket) => socket.isClosed))
      await new Promise((resolve) => setTimeout(resolve, 1));
    const latencies = this.#pairs.map((pair) => pair.latencies);
    const sentAt = this.#pairs.map((pair) => pair.sentAt);
    return {
      messages: sum((pair) => pair.received),
      lost: missing() + sum((pair) => pair.disordered),
      milliseconds: performance.now() - startedAt,
      latencies: latencies.flat(),
      sentAt() {
        const clockAhead = now() - performance.now();
        return latencies.flatMap((of, i) => of.map((_, j) => (sentAt[i]?.[j] as number) + clockAhead));
      },
    };
  }
}
