import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';

/** The rate a server reads at. */
export interface Pace {
  /** Text frames of one socket within the rolling window. */
  readonly messages: number;
  readonly windowMs: number;
}

/** Our window is longer than the server's: a busy server counts a frame later than we send it. */
const PACE_FACTOR = 1.5;
/** The longest delay of a timer. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** A step did not go as the transcript says. The message is the reason. */
export class CheckFailed extends Error {
  override readonly name = 'CheckFailed';
}

/** One socket of a participant in a transcript. Each wait ends after `patienceMs`. */
export class Participant {
  readonly #socket: WebSocket;
  readonly #patienceMs: number;
  readonly #heard: string[] = [];
  #closeCode: number | undefined;
  #wake: () => void = () => {};
  #sentAt: number[] = [];
  #pings = 0;
  /** Aborted when the participant breaks off; ends every pause. */
  readonly #gone = new AbortController();
  /** True once the participant has heard Ready. */
  isSession = false;
  /** The socket was closed as the transcript says: nothing more is expected from it. */
  isOver = false;

  /** Throws CheckFailed when the server does not accept the handshake in time. */
  static async connect(url: URL, patienceMs: number): Promise<Participant> {
    const socket = new WebSocket(url, { perMessageDeflate: false, handshakeTimeout: patienceMs });
    const participant = new Participant(socket, patienceMs);
    try {
      await once(socket, 'open');
    } catch (error) {
      const { message, code } = error as NodeJS.ErrnoException; // when several addresses fail, the message is empty
      throw new CheckFailed(`could not connect: ${message || code}`);
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

  /** Sends a text frame. Waits to stay within the server's rate, unless `atOnce`. */
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

  /** Sends a frame of these bytes, even if they are not valid for its kind. */
  sendBytes(bytes: Uint8Array, kind: 'binary' | 'text'): void {
    this.#socket.send(bytes, { binary: kind === 'binary' });
  }

  /** The text of the next message. Throws CheckFailed when none comes in time, or the socket closes first. */
  async next(): Promise<string> {
    await this.#until(() => this.#heard.length > 0 || this.#closeCode !== undefined);
    const text = this.#heard.shift();
    if (text !== undefined) return text;
    if (this.#closeCode !== undefined)
      throw new CheckFailed(`the server closed the socket with ${this.#closeCode} instead`);
    throw new CheckFailed(`heard nothing within ${this.#patienceMs} ms`);
  }

  /** Describes what the participant heard that the transcript does not show; undefined if there is nothing. */
  get unexpected(): string | undefined {
    const [first, ...rest] = this.#heard;
    if (first !== undefined)
      return `heard ${first}${rest.length > 0 ? ` and ${rest.length} more` : ''}, which the check does not expect`;
    return this.#closeCode === undefined ? undefined : `the server closed the socket with ${this.#closeCode}`;
  }

  /** Forgets the messages that no step has read. */
  forget(): void {
    this.#heard.length = 0;
  }

  /** Waits until the server has handled every frame sent here, and its answers have arrived. */
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
      throw new CheckFailed(`the server did not answer a ping within ${this.#patienceMs} ms`);
  }

  /** The close code. Throws CheckFailed when the socket is not closed in time, or a message comes first. */
  async closed(): Promise<number> {
    await this.#until(() => this.#closeCode !== undefined);
    if (this.#heard.length > 0) throw new CheckFailed(this.unexpected as string);
    if (this.#closeCode === undefined)
      throw new CheckFailed(`the server did not close the socket within ${this.#patienceMs} ms`);
    return this.#closeCode;
  }

  close(code: number | undefined): void {
    this.isOver = true;
    this.#socket.close(code);
  }

  /** Ends the socket without a close frame. */
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
