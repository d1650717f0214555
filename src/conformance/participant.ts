import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { Pace } from './target.ts';

/** How much longer than the server's window ours is: a server that was busy counts a frame later than it was sent. */
const PACE_FACTOR = 1.5;
/** A timer takes no more. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Why a step did not go as written. */
export class Miss extends Error {
  override readonly name = 'Miss';
}

/** One socket of somebody in a transcript. Whatever it waits for, it waits so long and no longer. */
export class Participant {
  readonly #socket: WebSocket;
  readonly #patienceMs: number;
  readonly #heard: string[] = [];
  #closeCode: number | undefined;
  #wake: () => void = () => {};
  #sentAt: number[] = [];
  #pings = 0;
  /** Aborted when it breaks off: then there is nothing to pause for. */
  readonly #gone = new AbortController();
  /** A session from its Ready on. */
  isSession = false;
  /** It closed its socket, or was to be closed: nothing more is expected of it. */
  isOver = false;

  /** Throws Miss when the server does not accept the handshake in time. */
  static async connect(url: URL, patienceMs: number): Promise<Participant> {
    const socket = new WebSocket(url, { perMessageDeflate: false, handshakeTimeout: patienceMs });
    const participant = new Participant(socket, patienceMs);
    try {
      await once(socket, 'open');
    } catch (error) {
      const { message, code } = error as NodeJS.ErrnoException; // where several addresses fail, there is only a code
      throw new Miss(`could not connect: ${message || code}`);
    }
    return participant;
  }

  private constructor(socket: WebSocket, patienceMs: number) {
    this.#socket = socket;
    this.#patienceMs = patienceMs;
    socket.on('error', () => {}); // close follows
    socket.on('message', (data, isBinary) => {
      this.#heard.push(isBinary ? '(a binary frame)' : data.toString());
      this.#wake();
    });
    socket.on('pong', () => this.#wake());
    socket.on('close', (code) => {
      this.#closeCode = code;
      this.#wake();
    });
  }

  /** Sends a text frame, later if need be, so that it stays within the server's rate; at once if told to. */
  async send(text: string, { messages, windowMs }: Pace, atOnce: boolean): Promise<void> {
    if (!atOnce && this.#sentAt.length >= messages) {
      const oldest = this.#sentAt.at(-messages) as number;
      const waitMs = Math.max(0, oldest + PACE_FACTOR * windowMs - performance.now());
      await pause(Math.min(waitMs, MAX_TIMER_MS), undefined, { signal: this.#gone.signal }).catch(() => {});
    }
    this.#sentAt.push(performance.now());
    this.#sentAt = this.#sentAt.slice(-messages);
    this.#socket.send(text);
  }

  /** Sends a frame of these bytes, whether or not they are what its kind takes. */
  sendBytes(bytes: Uint8Array, kind: 'binary' | 'text'): void {
    this.#socket.send(bytes, { binary: kind === 'binary' });
  }

  /** The text of the next message; Miss when none comes in time, or the socket closes first. */
  async next(): Promise<string> {
    await this.#until(() => this.#heard.length > 0 || this.#closeCode !== undefined);
    const text = this.#heard.shift();
    if (text !== undefined) return text;
    if (this.#closeCode !== undefined)
      throw new Miss(`its socket was closed with ${this.#closeCode} instead`);
    throw new Miss(`heard nothing within ${this.#patienceMs} ms`);
  }

  /** What it has heard that nobody asked about. */
  get unasked(): string | undefined {
    const [first, ...rest] = this.#heard;
    if (first !== undefined)
      return `heard ${first}${rest.length > 0 ? ` and ${rest.length} more` : ''} besides`;
    return this.#closeCode === undefined ? undefined : `its socket was closed with ${this.#closeCode}`;
  }

  /** Forgets what it has heard that nobody asked about. */
  forget(): void {
    this.#heard.length = 0;
  }

  /** Waits until the server has handled all that was sent here, and all it said here by then is heard. */
  async settle(): Promise<void> {
    if (this.#closeCode !== undefined) return;
    const payload = `settle ${this.#pings++}`;
    let isBack = false;
    const pong = (data: Buffer) => {
      isBack ||= data.toString() === payload;
    };
    this.#socket.prependListener('pong', pong);
    this.#socket.ping(payload);
    await this.#until(() => isBack || this.#closeCode !== undefined);
    this.#socket.off('pong', pong);
    if (!isBack && this.#closeCode === undefined)
      throw new Miss(`a ping was not answered within ${this.#patienceMs} ms`);
  }

  /** The code its socket was closed with; Miss when it is not closed in time, or hears something first. */
  async closed(): Promise<number> {
    await this.#until(() => this.#closeCode !== undefined);
    if (this.#heard.length > 0) throw new Miss(this.unasked as string);
    if (this.#closeCode === undefined)
      throw new Miss(`its socket was not closed within ${this.#patienceMs} ms`);
    return this.#closeCode;
  }

  close(code: number | undefined): void {
    this.isOver = true;
    this.#socket.close(code);
  }

  /** Without a close frame. */
  breakOff(): void {
    this.isOver = true;
    this.#gone.abort();
    this.#socket.terminate();
  }

  async #until(isTrue: () => boolean): Promise<void> {
    const end = performance.now() + this.#patienceMs;
    while (!isTrue()) {
      const left = end - performance.now();
      if (left <= 0) return;
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, left);
      });
      clearTimeout(timer);
    }
  }
}
