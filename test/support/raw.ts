import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { ServerMessage } from '../../src/protocol/server.ts';
import { RemoteRouter } from './remote/router.ts';

/** A WebSocket client that may break every rule: frames are bytes, and the socket is the caller's. */

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

interface FrameOptions {
  fin?: boolean;
  mask?: boolean;
  /** The three reserved bits, 0 to 7. */
  rsv?: number;
  /** Claimed in the place of the payload's length. */
  length?: number | bigint;
}

/** One frame of RFC 6455 section 5.2, from a client unless `mask` is false. */
export function frame(opcode: number, payload: string | Uint8Array = '', options: FrameOptions = {}): Buffer {
  const { fin = true, mask = true, rsv = 0 } = options;
  const data = Buffer.from(payload as Uint8Array);
  const length = options.length ?? data.length;
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode];
  const masked = mask ? 0x80 : 0;
  let extended = Buffer.alloc(0);
  if (length < 126) head.push(masked | Number(length));
  else if (length < 65536) {
    head.push(masked | 126);
    extended = Buffer.alloc(2);
    extended.writeUInt16BE(Number(length));
  } else {
    head.push(masked | 127);
    extended = Buffer.alloc(8);
    extended.writeBigUInt64BE(BigInt(length));
  }
  if (!mask) return Buffer.concat([Buffer.from(head), extended, data]);
  const key = randomBytes(4);
  for (let i = 0; i < data.length; i++) data[i] = (data[i] as number) ^ (key[i % 4] as number);
  return Buffer.concat([Buffer.from(head), extended, key, data]);
}

/** A text frame with an object as JSON. */
export function textFrame(message: object): Buffer {
  return frame(OPCODE.text, JSON.stringify(message));
}

/** A Close frame. */
export function closeFrame(code: number, reason = ''): Buffer {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return frame(OPCODE.close, payload);
}

/** The lines of a handshake that the server accepts. */
export function handshake(url: URL, headers: Record<string, string> = {}): string {
  const all = {
    Host: url.host,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    'Sec-WebSocket-Version': '13',
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${url.pathname} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

export class RawClient {
  readonly socket: Socket;
  /** The head of the answer to its handshake. */
  readonly head: string;
  /** Every text message heard so far. */
  readonly heard: ServerMessage[] = [];
  /** The payload of every ping so far; it answers none by itself. */
  readonly pings: Buffer[] = [];
  /** Settles with the code of the server's Close frame, or with 1006 when the socket is gone without one. */
  readonly closeCode: Promise<number>;
  /** Settles when the socket is gone altogether. */
  readonly gone: Promise<void>;
  #buffer = Buffer.alloc(0);
  #pings = 0;
  readonly #pongs = new Map<string, () => void>();
  #closed!: (code: number) => void;
  #wake: (() => void) | undefined;
  #read = 0;

  /** Connects and shakes hands. With `allowHalfOpen` the socket stays open when the server ends its side. */
  static async connect(
    url: URL,
    {
      allowHalfOpen = false,
      headers = {},
    }: { allowHalfOpen?: boolean; headers?: Record<string, string> } = {},
  ): Promise<RawClient> {
    const socket = connect({ host: url.hostname, port: Number(url.port), allowHalfOpen });
    socket.unref(); // one that a failed test leaves behind must not keep Jest from exiting
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(handshake(url, headers));
    let head = Buffer.alloc(0);
    while (!head.includes('\r\n\r\n')) head = Buffer.concat([head, (await once(socket, 'data'))[0]]);
    const end = head.indexOf('\r\n\r\n') + 4;
    if (!head.toString('latin1').startsWith('HTTP/1.1 101 ')) throw new Error(head.toString());
    return new RawClient(socket, head.toString('latin1', 0, end), head.subarray(end));
  }

  private constructor(socket: Socket, head: string, rest: Buffer) {
    this.socket = socket;
    this.head = head;
    this.closeCode = new Promise((resolve) => {
      this.#closed = resolve;
    });
    this.gone = new Promise((resolve) => {
      socket.on('close', () => {
        this.#closed(1006);
        this.#wake?.();
        resolve();
      });
    });
    this.#take(rest);
    socket.on('data', (data) => this.#take(data));
  }

  /** Writes bytes as they are. */
  send(...chunks: Uint8Array[]): void {
    this.socket.write(Buffer.concat(chunks));
  }

  /** The next message not read yet; fails when the socket closes first. */
  async next(): Promise<ServerMessage> {
    while (this.#read === this.heard.length) {
      if (this.socket.closed) throw new Error('closed before the next message');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.heard[this.#read++] as ServerMessage;
  }

  /** Reads on until a message of this type. */
  async nextOf<T extends ServerMessage['type']>(type: T): Promise<Extract<ServerMessage, { type: T }>> {
    for (;;) {
      const message = await this.next();
      if (message.type === type) return message as Extract<ServerMessage, { type: T }>;
    }
  }

  /** Waits until the server has handled all this client sent, in rooms of other threads, too. */
  async settled(): Promise<void> {
    await this.#ponged();
    if (await RemoteRouter.quiet()) await this.#ponged();
  }

  async #ponged(): Promise<void> {
    const payload = `settled ${this.#pings++}`;
    const pong = new Promise<void>((resolve) => this.#pongs.set(payload, resolve));
    this.send(frame(OPCODE.ping, payload));
    const closed = this.gone.then(async () => {
      throw new Error(`closed with ${await this.closeCode} before the pong`);
    });
    await Promise.race([pong, closed]);
  }

  /** Joins a room; returns this client's id. */
  async joinRoom(room_id: string): Promise<string> {
    this.send(textFrame({ type: 'JoinRoom', room_id }));
    const { participant_id } = await this.nextOf('PeerConnected');
    await this.nextOf('RoomParticipants');
    return participant_id;
  }

  #take(data: Uint8Array): void {
    this.#buffer = Buffer.concat([this.#buffer, data]);
    for (;;) {
      const buffer = this.#buffer;
      if (buffer.length < 2) return;
      let length = (buffer[1] as number) & 0x7f;
      let offset = 2;
      if (length === 126) {
        if (buffer.length < 4) return;
        length = buffer.readUInt16BE(2);
        offset = 4;
      } else if (length === 127) {
        if (buffer.length < 10) return;
        length = Number(buffer.readBigUInt64BE(2));
        offset = 10;
      }
      if (buffer.length < offset + length) return;
      this.#buffer = buffer.subarray(offset + length);
      this.#hear((buffer[0] as number) & 0x0f, buffer.subarray(offset, offset + length));
    }
  }

  #hear(opcode: number, payload: Buffer): void {
    switch (opcode) {
      case OPCODE.text:
        this.heard.push(JSON.parse(payload.toString()));
        this.#wake?.();
        break;
      case OPCODE.close:
        this.#closed(payload.length < 2 ? 1005 : payload.readUInt16BE());
        break;
      case OPCODE.ping:
        this.pings.push(payload);
        break;
      case OPCODE.pong:
        this.#pongs.get(payload.toString())?.();
        break;
    }
  }
}

export interface RawResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends bytes on a socket of its own and reads one HTTP response. */
export async function rawRequest(url: URL, ...chunks: (string | Uint8Array)[]): Promise<RawResponse> {
  const socket = connect({ host: url.hostname, port: Number(url.port) });
  socket.on('error', () => {});
  await once(socket, 'connect');
  for (const chunk of chunks) socket.write(chunk);
  try {
    return await readResponse(socket);
  } finally {
    socket.destroy();
  }
}

/** Reads one HTTP response with a Content-Length, or up to the socket's end without one. */
export async function readResponse(socket: Socket): Promise<RawResponse> {
  let text = '';
  for await (const data of socket.iterator({ destroyOnReturn: false })) {
    text += data.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    if (end === -1) continue;
    const { headers } = parseHead(text.slice(0, end));
    const length = headers['content-length'];
    if (headers.upgrade !== undefined && text.startsWith('HTTP/1.1 101')) break;
    if (length !== undefined && text.length >= end + 4 + Number(length)) break;
  }
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) throw new Error(`no HTTP response but ${JSON.stringify(text)}`);
  return { ...parseHead(text.slice(0, end)), body: text.slice(end + 4) };
}

function parseHead(head: string): Omit<RawResponse, 'body'> {
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { status: Number(statusLine.split(' ')[1]), headers };
}
