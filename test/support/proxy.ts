import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A TCP proxy between clients and the server that breaks connections as it is told: at any byte, also in the
 * middle of a frame, in either direction; with a word to both ends, to one, or to none.
 */

/** From the client to the server, or from the server to the client. */
export type Direction = 'up' | 'down';

/**
 * What the ends see of a cut. `end`: both a FIN, behind all that was forwarded. `reset`: both a reset. `silent`:
 * neither anything, as when a network is gone. `client` and `server`: that end alone a reset.
 */
export type CutKind = 'end' | 'reset' | 'silent' | 'client' | 'server';

/**
 * Where a connection is cut, `bytes` into a part of one direction: its HTTP `head`, its first text `frame` (Hello
 * upwards, Ready downwards), or what comes `after` that frame. Within `head` and `frame` the number is taken modulo
 * their length, so that the part is never forwarded whole.
 */
export interface CutPoint {
  readonly direction: Direction;
  readonly part: 'head' | 'frame' | 'after';
  readonly bytes: number;
}

/** The bytes of one direction of one connection. */
class Lane {
  readonly #to: Socket;
  /** Received, and not forwarded yet. */
  #held: Buffer = Buffer.alloc(0);
  /** Forwarded. */
  #passed = 0;
  /** All that was received, until the first text frame is known. */
  #early: Buffer | undefined = Buffer.alloc(0);
  #headEnd: number | undefined;
  /** Where the first text frame starts, or may start: pings and pongs may come before. */
  #frameStart = 0;
  #frameEnd: number | undefined;
  #cutPoint: CutPoint | undefined;
  #cut: () => void = () => {};
  #isStalled = false;
  #isFlowing = false;
  #hasEnded = false;
  /** Bytes forwarded in one go, before the event loop has its turn; for so many pieces, then as they come. */
  slice = Number.POSITIVE_INFINITY;
  #pieces = 100;

  constructor(from: Socket, to: Socket) {
    this.#to = to;
    from.on('data', (data) => this.#take(data));
    from.on('end', () => {
      this.#hasEnded = true;
      this.#flow();
    });
  }

  cutAt(point: CutPoint, cut: () => void): void {
    this.#cutPoint = point;
    this.#cut = cut;
    this.#flow();
  }

  stall(): void {
    this.#isStalled = true;
  }

  go(): void {
    this.#isStalled = false;
    this.#flow();
  }

  #take(data: Buffer): void {
    this.#held = this.#held.length === 0 ? data : Buffer.concat([this.#held, data]);
    if (this.#early !== undefined) this.#look(data);
    this.#flow();
  }

  /** Finds where the head ends, and the first text frame. */
  #look(data: Buffer): void {
    const early = Buffer.concat([this.#early as Buffer, data]);
    this.#early = early;
    if (this.#headEnd === undefined) {
      const end = early.indexOf('\r\n\r\n');
      if (end === -1) return;
      this.#headEnd = end + 4;
      this.#frameStart = end + 4;
    }
    for (;;) {
      const length = frameLength(early.subarray(this.#frameStart));
      if (length === undefined) return;
      const isText = ((early[this.#frameStart] as number) & 0x0f) === 1;
      if (isText) {
        this.#frameEnd = this.#frameStart + length;
        this.#early = undefined;
        return;
      }
      this.#frameStart += length;
    }
  }

  /** How far bytes may go: up to the cut, or up to where it is known how far that is. */
  #barrier(): number {
    if (this.#cutPoint === undefined) return Number.POSITIVE_INFINITY;
    const { part, bytes } = this.#cutPoint;
    const [headEnd, start, end] = [this.#headEnd, this.#frameStart, this.#frameEnd];
    if (part === 'head') return headEnd === undefined ? 0 : bytes % headEnd;
    if (headEnd === undefined) return Number.POSITIVE_INFINITY;
    if (end === undefined) return start;
    return part === 'frame' ? start + (bytes % (end - start)) : end + bytes;
  }

  /** Whether the place of the cut is known, and everything before it is forwarded. */
  #isAtCut(): boolean {
    if (this.#cutPoint === undefined) return false;
    const isKnown = this.#cutPoint.part === 'head' ? this.#headEnd : this.#frameEnd;
    return isKnown !== undefined && this.#passed >= this.#barrier();
  }

  #flow(): void {
    if (this.#isFlowing || this.#isStalled) return;
    if (this.#pieces <= 0) this.slice = Number.POSITIVE_INFINITY;
    const count = Math.min(this.#held.length, this.slice, Math.max(0, this.#barrier() - this.#passed));
    if (count > 0) {
      this.#pieces -= 1;
      if (!this.#to.destroyed) this.#to.write(this.#held.subarray(0, count));
      this.#held = this.#held.subarray(count);
      this.#passed += count;
    }
    if (this.#isAtCut()) {
      this.#cutPoint = undefined;
      this.#isStalled = true;
      this.#cut();
    } else if (count > 0 && this.#held.length > 0) {
      this.#isFlowing = true;
      setImmediate(() => {
        this.#isFlowing = false;
        this.#flow();
      });
    } else if (this.#hasEnded && this.#held.length === 0) this.#to.end();
  }
}

/** The length of the frame these bytes begin with (RFC 6455 section 5.2); undefined while it cannot be known. */
function frameLength(bytes: Buffer): number | undefined {
  if (bytes.length < 2) return undefined;
  const second = bytes[1] as number;
  const masking = second & 0x80 ? 4 : 0;
  const short = second & 0x7f;
  if (short < 126) return 2 + masking + short;
  if (short === 126) return bytes.length < 4 ? undefined : 4 + masking + bytes.readUInt16BE(2);
  return bytes.length < 10 ? undefined : 10 + masking + Number(bytes.readBigUInt64BE(2));
}

/** One connection through the proxy. */
export class Passage {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #lanes: Readonly<Record<Direction, Lane>>;
  readonly #cut = Promise.withResolvers<CutKind>();
  #isCut = false;

  constructor(client: Socket, server: Socket) {
    this.#client = client;
    this.#server = server;
    this.#lanes = { up: new Lane(client, server), down: new Lane(server, client) };
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => {
        if (!this.#isCut) other.destroySoon();
      });
    }
  }

  /** Settles when the connection is cut. */
  get hasBeenCut(): Promise<CutKind> {
    return this.#cut.promise;
  }

  /** Cuts the connection when its bytes get there. With `ready`, not before that is settled. */
  cutAt(point: CutPoint, kind: CutKind, ready: Promise<unknown> = Promise.resolve()): void {
    this.#lanes[point.direction].cutAt(point, () => {
      this.stall();
      ready.then(() => this.cut(kind));
    });
  }

  /** Cuts the connection here and now. Only the first cut counts. */
  cut(kind: CutKind): void {
    if (this.#isCut) return;
    this.#isCut = true;
    this.stall();
    switch (kind) {
      case 'end':
        this.#client.end();
        this.#server.end();
        break;
      case 'reset':
        this.#client.resetAndDestroy();
        this.#server.resetAndDestroy();
        break;
      case 'client':
        this.#client.resetAndDestroy();
        break;
      case 'server':
        this.#server.resetAndDestroy();
        break;
    }
    this.#cut.resolve(kind);
  }

  /** Nothing goes through any more, in either direction or in that one, and nobody is told. */
  stall(...directions: Direction[]): void {
    for (const direction of directions.length === 0 ? (['up', 'down'] as const) : directions)
      this.#lanes[direction].stall();
  }

  /** What was held goes on, and all that follows. */
  go(): void {
    this.#lanes.up.go();
    this.#lanes.down.go();
  }

  /** Forwards this many bytes at a time, so that a frame arrives in pieces; a hundred times each way. */
  set slice(bytes: number) {
    this.#lanes.up.slice = bytes;
    this.#lanes.down.slice = bytes;
  }

  /** Ends what is left of it. */
  destroy(): void {
    this.#isCut = true;
    this.#client.destroy();
    this.#server.destroy();
  }
}

export class FaultyProxy {
  /** `ws://127.0.0.1:PORT/ws` */
  readonly wsUrl: URL;
  readonly #listener: Server;
  /** Every connection so far, in order. */
  readonly passages: Passage[] = [];
  /** Sees each connection before its first byte goes through. */
  onPassage: (passage: Passage) => void = () => {};

  /** Forwards to the server at `target`. */
  static async listen(target: URL): Promise<FaultyProxy> {
    const listener = createServer({ allowHalfOpen: true });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return new FaultyProxy(listener, target);
  }

  private constructor(listener: Server, target: URL) {
    const address = listener.address();
    if (address === null || typeof address === 'string') throw new Error('not listening on TCP');
    this.wsUrl = new URL(target);
    this.wsUrl.port = String(address.port);
    this.#listener = listener;
    listener.on('connection', (client) => {
      const server = connect({
        host: target.hostname,
        port: Number(target.port),
        allowHalfOpen: true,
      });
      const passage = new Passage(client, server);
      this.passages.push(passage);
      this.onPassage(passage);
    });
  }

  /** Ends every connection, those that were cut in silence included. */
  clear(): void {
    for (const passage of this.passages) passage.destroy();
  }

  async close(): Promise<void> {
    this.clear();
    this.#listener.close();
    await once(this.#listener, 'close');
  }
}
