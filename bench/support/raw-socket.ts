import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { clientFrame, extentAt, OPCODE } from './frame.ts';

const CLOSE_TIMEOUT_MS = 2000;
/** Close code 1001 (RFC 6455 section 7.4.1). */
const GOING_AWAY = Buffer.from([0x03, 0xe9]);

export interface ConnectOptions {
  readonly localAddress?: string | undefined;
  readonly subprotocol?: string | undefined;
}

/**
 * The client end of a WebSocket, as little as a load generator needs: bytes out, frames in, nothing decoded. While
 * `onFrame` is unset, frames wait to be read by `next`.
 */
export class RawSocket {
  /** Called for each text or binary frame, with the bytes received and where its payload lies in them. */
  onFrame: ((bytes: Buffer, start: number, end: number) => void) | undefined;
  /** Called when the frames of one read have all been handed on. */
  onRead: (() => void) | undefined;
  /** A text message that the server wants answered by another (Engine.IO's ping). */
  heartbeat: { readonly ping: string; readonly pong: string } | undefined;
  readonly #socket: Socket;
  readonly #waiting: Buffer[] = [];
  #wake: (() => void) | undefined;
  #rest: Buffer = Buffer.alloc(0);
  #isClosed = false;

  /**
   * Connects to a ws: URL and shakes hands. `localAddress` is for who runs out of ports on one address. Throws
   * when the answer is not 101.
   */
  static async connect(url: URL, { localAddress, subprotocol }: ConnectOptions = {}): Promise<RawSocket> {
    const socket = connect({
      host: url.hostname,
      port: Number(url.port),
      noDelay: true,
      ...(localAddress !== undefined && { localAddress }),
    });
    await once(socket, 'connect');
    socket.write(
      `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nConnection: Upgrade\r\n` +
        `Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
        (subprotocol === undefined ? '' : `Sec-WebSocket-Protocol: ${subprotocol}\r\n`) +
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    );
    let head: Buffer = Buffer.alloc(0);
    while (!head.includes('\r\n\r\n')) {
      const ended = once(socket, 'close').then(() => [Buffer.from('closed')]);
      head = Buffer.concat([head, (await Promise.race([once(socket, 'data'), ended]))[0]]);
      if (socket.destroyed) throw new Error(`no handshake: ${head.toString('latin1')}`);
    }
    const end = head.indexOf('\r\n\r\n') + 4;
    if (!head.toString('latin1', 0, 13).startsWith('HTTP/1.1 101 ')) throw new Error(head.toString('latin1'));
    return new RawSocket(socket, head.subarray(end));
  }

  private constructor(socket: Socket, head: Buffer) {
    this.#socket = socket;
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#isClosed = true;
      this.#wake?.();
    });
    socket.on('data', (bytes) => this.#take(bytes));
    this.#take(head);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Frames as `clientFrame` makes them, one or many. */
  write(frames: Uint8Array): void {
    this.#socket.write(frames);
  }

  send(message: string | Uint8Array): void {
    this.write(clientFrame(message, typeof message === 'string' ? OPCODE.text : OPCODE.binary));
  }

  /** The payload of the next frame not read yet. Throws when the socket closes first. */
  async next(): Promise<Buffer> {
    for (;;) {
      const payload = this.#waiting.shift();
      if (payload !== undefined) return payload;
      if (this.#isClosed) throw new Error('the server has closed the connection');
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  /** Reads on to a message with this text in it. */
  async nextWith(text: string): Promise<Buffer> {
    for (;;) {
      const payload = await this.next();
      if (payload.includes(text)) return payload;
    }
  }

  /** The frames that came before `onFrame` was set. */
  takeWaiting(): Buffer[] {
    return this.#waiting.splice(0);
  }

  /** Closes as a browser does: a close frame, and the server ends the stream; after 2 s without an end, this does. */
  end(): void {
    if (this.#isClosed) return;
    this.write(clientFrame(GOING_AWAY, OPCODE.close));
    setTimeout(() => this.#socket.destroy(), CLOSE_TIMEOUT_MS).unref();
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(read: Buffer): void {
    const bytes = this.#rest.length === 0 ? read : Buffer.concat([this.#rest, read]);
    let offset = 0;
    for (;;) {
      const extent = extentAt(bytes, offset);
      if (extent === undefined) break;
      this.#hear((bytes[offset] as number) & 0x0f, bytes, extent.start, extent.end);
      offset = extent.end;
    }
    this.#rest = bytes.subarray(offset);
    this.onRead?.();
  }

  #hear(opcode: number, bytes: Buffer, start: number, end: number): void {
    if (opcode === OPCODE.ping) return this.write(clientFrame(bytes.subarray(start, end), OPCODE.pong));
    if (opcode !== OPCODE.text && opcode !== OPCODE.binary) return;
    if (this.heartbeat !== undefined && end - start === this.heartbeat.ping.length) {
      if (bytes.toString('latin1', start, end) === this.heartbeat.ping) return this.send(this.heartbeat.pong);
    }
    if (this.onFrame !== undefined) return this.onFrame(bytes, start, end);
    this.#waiting.push(Buffer.from(bytes.subarray(start, end)));
    this.#wake?.();
  }
}
