import type { ClientMessage, Dialect } from './protocol/client.ts';
import type { CloseReason } from './protocol/codes.ts';
import type { Pulse } from './socket/heartbeat.ts';
import type { Sender } from './socket/sender.ts';
import type { MessageTracer } from './telemetry/tracing.ts';

/** How a socket ended: by the client's wish or fault (`closed`), with its page, which may come back (`away`), or `lost`. */
export type SocketEnd = 'closed' | 'away' | 'lost';

/** The connection a link belongs to. */
export interface Endpoint {
  readonly isReading: boolean;
  readonly dialect: Dialect;
  readonly seq: number;
  message(message: ClientMessage, at: number): void;
  invalid(reason: string, at: number): void;
  unread(at: number): void;
  acknowledged(seq: number): void;
  /** Forgets what is too old to be kept for a resume: called before each ping. */
  forgetOld(): void;
  /** The client has heard the Ready this link was last told of. */
  greeted(): void;
  detached(link: Link, end: SocketEnd): void;
}

/** What a link needs of its socket besides writing. */
export interface LinkSocket {
  /** Sends a WebSocket ping with this payload. */
  ping(payload: string): void;
  /** Drops the connection, at once. */
  terminate(): void;
  /** Hears of each attempt that counts against its address: a room asked for, or joined in vain. */
  attempted(): void;
}

/** The payload of the ping behind a Ready; every other ping carries a `seq`. */
const READY = 'ready';
/** Pings that an answer may be to: a client that answers every other ping is alive, but not with ever older ones. */
const MAX_ASKED = 4;

/**
 * One socket's end of a connection. What the socket says goes to the connection it belongs to now: a Hello that
 * resumes a session moves the link there.
 */
export class Link implements Pulse {
  readonly sender: Sender;
  /** Of its client's messages: each leads back to the handshake. */
  readonly tracer: MessageTracer;
  /** Who is at the other end, as far as the address tells. */
  readonly address: string;
  unanswered = 0;
  group = 0;
  readonly #socket: LinkSocket;
  #endpoint: Endpoint | undefined;
  /** Payloads of the pings without an answer, the oldest first; undefined while there is none. */
  #asked: string[] | undefined;

  constructor(sender: Sender, tracer: MessageTracer, address: string, socket: LinkSocket) {
    this.sender = sender;
    this.tracer = tracer;
    this.address = address;
    this.#socket = socket;
  }

  moveTo(endpoint: Endpoint): void {
    this.#endpoint = endpoint;
  }

  get isReading(): boolean {
    return this.#endpoint?.isReading ?? false;
  }

  get dialect(): Dialect {
    return this.#endpoint?.dialect ?? 'base';
  }

  message(message: ClientMessage, at: number): void {
    this.#endpoint?.message(message, at);
  }

  invalid(reason: string, at: number): void {
    this.#endpoint?.invalid(reason, at);
  }

  unread(at: number): void {
    this.#endpoint?.unread(at);
  }

  /** The number of the latest message: what a ping sent now is behind. */
  get seq(): number {
    return this.#endpoint?.seq ?? 0;
  }

  /** Pings the client; what was written before has arrived when its answer comes back. */
  ping(): void {
    this.#endpoint?.forgetOld();
    this.#ask(String(this.seq));
  }

  /** The client is dead: it answers no pings. */
  drop(): void {
    this.#socket.terminate();
  }

  /** Asks the client's side whether a Ready just written has arrived. */
  confirmReady(): void {
    this.#ask(READY);
  }

  /**
   * A pong came. Returns whether it answers a ping: its payload must be the ping's, and each ping is answered once. A client
   * may leave out the answers before its latest (RFC 6455 section 5.5.3), so it has received all pings up to that one.
   */
  ponged(payload: string): boolean {
    const asked = this.#asked ?? [];
    const index = asked.indexOf(payload);
    if (index < 0) return false;
    const answered = asked.splice(0, index + 1);
    if (asked.length === 0) this.#asked = undefined;
    if (answered.includes(READY)) this.#endpoint?.greeted();
    if (payload !== READY) this.#endpoint?.acknowledged(Number(payload));
    return true;
  }

  #ask(payload: string): void {
    this.#asked ??= [];
    this.#asked.push(payload);
    if (this.#asked.length > MAX_ASKED) this.#asked.shift();
    this.#socket.ping(payload);
  }

  attempted(): void {
    this.#socket.attempted();
  }

  close(reason: CloseReason): void {
    this.sender.close(reason);
  }

  /** Closes without a word to the room: the whole server goes, and nobody leaves. */
  dismiss(reason: CloseReason): void {
    this.#endpoint = undefined;
    this.sender.close(reason);
  }

  /** The socket is gone, however it went. Only the first call counts. */
  ended(end: SocketEnd): void {
    const endpoint = this.#endpoint;
    this.#endpoint = undefined;
    endpoint?.detached(this, end);
  }
}
