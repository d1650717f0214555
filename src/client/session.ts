import type { ClientMessage } from '../protocol/client.ts';
import { RETRY_AFTER } from '../protocol/retry.ts';
import type { Ready, ServerMessage } from '../protocol/server.ts';
import type { Loss } from './machines/signaling.ts';
import { readMessage } from './message.ts';

/** Who hears what becomes of a session. */
export interface SessionHost {
  /** The socket being opened is open, and Hello is said. */
  opened(): void;
  /** The server answered Hello; with what it said before it, this is all in order. */
  ready(ready: Ready): void;
  /** Each message once, whatever the sockets did. */
  message(message: Exclude<ServerMessage, Ready>): void;
  /** There is no socket any more, or only one that is being opened. */
  lost(loss: Loss): void;
  /** The socket being opened beside the one in use was lost. */
  failed(loss: Loss): void;
}

/** Brings a token for a socket that is to be opened. */
export type TokenSource = () => Promise<string>;

const ABNORMAL = 1006;
/** This client leaves for good. */
export const GOODBYE = 1000;
/** Its page is left or reloaded, and another may go on with the session: the server keeps the seat for a while. */
export const AWAY = 4001;
/** This client goes on elsewhere. The server does not tell the room that it left. */
const MOVED = 4000;
/** The token has expired: a new one lets this client in again. */
const UNAUTHORIZED = 4401;
/** The session goes on over another socket: of this client or another, which the code does not tell. */
const REPLACED = 4409;

/**
 * A session with the server over however many sockets: one in use, and for a while perhaps one being opened. Keeps the
 * token and counts what was heard, so that another socket goes on exactly where the last one stopped.
 */
export class Session {
  readonly #openSocket: (token: string | undefined) => WebSocket;
  readonly #tokens: TokenSource | undefined;
  readonly #host: SessionHost;
  #socket: WebSocket | undefined;
  #next: WebSocket | undefined;
  #token: string | undefined;
  #lastSeq = 0;
  /** A socket has brought the token since the last Ready: the server may give the session to that. */
  #isClaiming = false;
  /** A socket that brought the token ended unanswered: a server that was stalled may still give the session to it. */
  #hasStaleClaim = false;
  /** The token that is being fetched, for a socket that is not there yet. */
  #fetching: object | undefined;
  /** The server has refused a token since the last Ready: asked once more, it would refuse the next. */
  #wasRefused = false;

  /** With a source of tokens, each socket is opened with a new one. */
  constructor(openSocket: (token: string | undefined) => WebSocket, host: SessionHost, tokens?: TokenSource) {
    this.#openSocket = openSocket;
    this.#host = host;
    this.#tokens = tokens;
  }

  /** What another socket has to bring to go on with this session; undefined before the first Ready. */
  get resumption(): { readonly token: string; readonly lastSeq: number } | undefined {
    return this.#token === undefined ? undefined : { token: this.#token, lastSeq: this.#lastSeq };
  }

  /** Goes on with the session of an earlier page. Before the first `open`. */
  restore({ token, lastSeq }: { readonly token: string; readonly lastSeq: number }): void {
    this.#token = token;
    this.#lastSeq = lastSeq;
  }

  /** Opens a socket and says Hello, unless one is being opened. */
  open(): void {
    if (this.isOpening) return;
    if (this.#tokens === undefined) return this.#open(undefined);
    const fetching = {};
    this.#fetching = fetching;
    const got = (use: () => void) => {
      if (this.#fetching !== fetching) return; // given up meanwhile
      this.#fetching = undefined;
      use();
    };
    this.#tokens().then(
      (token) => got(() => this.#open(token)),
      (error: unknown) => got(() => this.#failed({ reason: `There is no token: ${error}`, afterMs: 0 })),
    );
  }

  #open(token: string | undefined): void {
    let socket: WebSocket;
    try {
      socket = this.#openSocket(token);
    } catch (error) {
      // A page served by https may not open ws://, for one.
      return this.#host.lost({ reason: String(error), afterMs: false });
    }
    this.#next = socket;
    socket.onopen = () => {
      const resumption = this.#token && { resume_token: this.#token, last_seq: this.#lastSeq };
      if (resumption) this.#isClaiming = true;
      const hello: ClientMessage = { type: 'Hello', ...resumption };
      socket.send(JSON.stringify(hello));
      if (socket === this.#next) this.#host.opened();
    };
    socket.onmessage = ({ data }) => this.#hear(socket, data);
    socket.onclose = ({ code, reason }) => this.#closed(socket, code, reason);
  }

  get isOpening(): boolean {
    return this.#next !== undefined || this.#fetching !== undefined;
  }

  send(text: string): void {
    this.#socket?.send(text);
  }

  /** Gives up every socket, closing it with `code`. The host is not told. */
  drop(code?: number): void {
    this.dropNext(code);
    this.#socket?.close(code);
    this.#socket = undefined;
  }

  /** Gives up the socket being opened. The host is not told. */
  dropNext(code?: number): void {
    const next = this.#next;
    this.#next = undefined;
    this.#fetching = undefined;
    if (next !== undefined && this.#isClaiming) this.#hasStaleClaim = true;
    next?.close(code);
  }

  #hear(socket: WebSocket, data: unknown): void {
    const message = readMessage(data);
    if (message === undefined) {
      socket.close();
      return this.#closed(
        socket,
        ABNORMAL,
        'The server sent something that is not a message of Bloom’s protocol.',
      );
    }
    if (message.type === 'Ready') {
      if (socket === this.#next) this.#greet(socket, message);
    } else if (socket === this.#socket) {
      const { seq = 0 } = message;
      if (seq <= this.#lastSeq) return; // heard by the last socket, while this one was being opened
      this.#lastSeq = seq;
      this.#host.message(message);
    }
  }

  #greet(socket: WebSocket, ready: Ready): void {
    const before = this.#socket;
    this.#socket = socket;
    this.#next = undefined;
    this.#token = ready.resume_token;
    this.#isClaiming = false;
    this.#wasRefused = false;
    if (!ready.resumed) this.#lastSeq = 0;
    before?.close(MOVED);
    this.#host.ready(ready);
  }

  #closed(socket: WebSocket, code: number, reason: string): void {
    const isNext = socket === this.#next;
    if (isNext) this.#next = undefined;
    else if (socket === this.#socket) this.#socket = undefined;
    else return;
    if (isNext && this.#isClaiming && code === ABNORMAL) this.#hasStaleClaim = true;
    const isOwnDoing = code === REPLACED && !isNext && (this.#isClaiming || this.#hasStaleClaim);
    if (isOwnDoing) this.#hasStaleClaim = false; // once: the next time it is another page
    const [afterMs = 0, withinMs] = isOwnDoing || this.#hasNewToken(code) ? [] : (RETRY_AFTER[code] ?? []);
    const loss: Loss = {
      reason: reason || (isNext ? 'The server could not be reached.' : 'The connection was lost.'),
      code: code === ABNORMAL ? undefined : code,
      afterMs,
      withinMs,
    };
    this.#failed(loss);
  }

  /** Whether a refusal is worth another try. The next token may be refused as this one was: then it is not. */
  #hasNewToken(code: number): boolean {
    if (code !== UNAUTHORIZED || this.#tokens === undefined || this.#wasRefused) return false;
    this.#wasRefused = true;
    return true;
  }

  #failed(loss: Loss): void {
    if (this.#socket !== undefined) this.#host.failed(loss);
    else this.#host.lost(loss);
  }
}
