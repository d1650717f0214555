import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type RawData, WebSocket, WebSocketServer } from 'ws';

/** A message on its way to a client, or a frame on its way to the server. */
export type Message = Record<string, unknown> & { readonly type: string };

/** One behaviour of a server that is not as it should be; what it leaves out is passed on as it is. */
export interface Lie {
  /** The frames that reach the server in the place of this one. */
  up?(text: string, passage: Passage): readonly string[];
  /** The messages that reach the client in the place of this one. */
  down?(message: Message, passage: Passage): readonly Message[];
  /** The code the client's socket is closed with. */
  close?(code: number): number;
  /** The code with which the server hears the client close. */
  goes?(code: number): number;
  /** Whether the server hears that a client is gone. */
  readonly hidesEnds?: true;
  /** What a plain request is answered. */
  answer?(status: number, headers: Record<string, string>): [number, Record<string, string>];
}

/** No status, and no close frame (RFC 6455 section 7.4.1): what cannot be sent. */
const UNSENDABLE = [1005, 1006];

/** One client's connection through a liar. */
export class Passage {
  readonly client: WebSocket;
  readonly server: WebSocket;
  readonly everybody: ReadonlySet<Passage>;
  /** For a lie to keep messages in. */
  held: Message[] = [];

  constructor(client: WebSocket, url: URL, lie: Lie, everybody: ReadonlySet<Passage>) {
    this.client = client;
    this.server = new WebSocket(url, { perMessageDeflate: false, autoPong: false });
    this.everybody = everybody;
    const isOpen = once(this.server, 'open');
    const toServer = (send: () => void) => void isOpen.then(send, () => {});
    client.on('message', (data, isBinary) =>
      toServer(() => {
        if (isBinary) this.server.send(data, { binary: true });
        else
          for (const text of lie.up?.(String(data), this) ?? [data])
            this.server.send(text, { binary: false });
      }),
    );
    client.on('ping', (data) => toServer(() => this.server.ping(data)));
    client.on('pong', (data) => toServer(() => this.server.pong(data)));
    client.on('close', (code) => {
      if (!lie.hidesEnds) toServer(() => end(this.server, lie.goes?.(code) ?? code));
    });
    client.on('error', () => {});
    this.server.on('message', (data: RawData) => {
      const message = JSON.parse(String(data));
      for (const each of lie.down?.(message, this) ?? [message]) this.tell(each);
    });
    this.server.on('ping', (data) => client.ping(data));
    this.server.on('pong', (data) => client.pong(data));
    this.server.on('close', (code) => end(client, lie.close?.(code) ?? code));
    this.server.on('error', () => {});
  }

  get others(): readonly Passage[] {
    return [...this.everybody].filter((each) => each !== this);
  }

  tell(message: object): void {
    if (this.client.readyState === WebSocket.OPEN) this.client.send(JSON.stringify(message));
  }
}

function end(socket: WebSocket, code: number): void {
  if (code === 1006) socket.terminate();
  else socket.close(UNSENDABLE.includes(code) ? undefined : code);
}

/** A server that is as the one behind it, but for one lie. */
export class Liar {
  /** `ws://127.0.0.1:PORT/ws` */
  readonly url: URL;
  readonly #server: Server;
  readonly #passages = new Set<Passage>();

  static async listen(target: URL, lie: Lie): Promise<Liar> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Liar(server, target, lie);
  }

  private constructor(server: Server, target: URL, lie: Lie) {
    this.#server = server;
    this.url = new URL(target);
    this.url.port = String((server.address() as AddressInfo).port);
    const sockets = new WebSocketServer({
      noServer: true,
      maxPayload: 1024 * 1024,
      autoPong: false,
      skipUTF8Validation: true,
    });
    server.on('upgrade', (request, socket, head) => {
      if (request.url !== target.pathname) return void socket.end('HTTP/1.1 404 Not Found\r\n\r\n');
      sockets.handleUpgrade(request, socket, head, (client) => {
        const passage = new Passage(client, target, lie, this.#passages);
        this.#passages.add(passage);
        client.on('close', () => this.#passages.delete(passage));
      });
    });
    server.on('request', (request, response) => {
      const isSocket = request.url === target.pathname;
      const status = isSocket ? 426 : 404;
      const headers: Record<string, string> = isSocket ? { Upgrade: 'websocket' } : {};
      const [saidStatus, saidHeaders] = lie.answer?.(status, headers) ?? [status, headers];
      response.writeHead(saidStatus, saidHeaders).end();
    });
  }

  async close(): Promise<void> {
    for (const { client, server } of this.#passages) {
      client.terminate();
      server.terminate();
    }
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
