import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type RawData, WebSocket, WebSocketServer } from 'ws';

/** A message on its way to a client, or a frame on its way to the server. */
export type Message = Record<string, unknown> & { readonly type: string };

/** One fault of a server. What a fault does not define is passed on unchanged. */
export interface Fault {
  /** The frames that the server gets instead of this one. */
  up?(text: string, passage: Passage): readonly string[];
  /** The messages that the client gets instead of this one. */
  down?(message: Message, passage: Passage): readonly Message[];
  /** The close code that the client gets. */
  close?(code: number): number;
  /** The close code that the server gets. */
  goes?(code: number): number;
  /** The server does not learn that a client has gone. */
  readonly hidesEnds?: true;
  /** The answer to a plain HTTP request. */
  answer?(status: number, headers: Record<string, string>): [number, Record<string, string>];
}

/** Close codes that no endpoint may send (RFC 6455 section 7.4.1). */
const UNSENDABLE = [1005, 1006];

/** One client's connection through a faulty server. */
export class Passage {
  readonly client: WebSocket;
  readonly server: WebSocket;
  readonly everybody: ReadonlySet<Passage>;
  /** Messages that the fault holds back. */
  held: Message[] = [];

  constructor(client: WebSocket, url: URL, fault: Fault, everybody: ReadonlySet<Passage>) {
    this.client = client;
    this.server = new WebSocket(url, { perMessageDeflate: false, autoPong: false });
    this.everybody = everybody;
    const isOpen = once(this.server, 'open');
    const toServer = (send: () => void) => void isOpen.then(send, () => {});
    client.on('message', (data, isBinary) =>
      toServer(() => {
        if (isBinary) this.server.send(data, { binary: true });
        else
          for (const text of fault.up?.(String(data), this) ?? [data])
            this.server.send(text, { binary: false });
      }),
    );
    client.on('ping', (data) => toServer(() => this.server.ping(data)));
    client.on('pong', (data) => toServer(() => this.server.pong(data)));
    client.on('close', (code) => {
      if (!fault.hidesEnds) toServer(() => end(this.server, fault.goes?.(code) ?? code));
    });
    client.on('error', () => {});
    this.server.on('message', (data: RawData) => {
      const message = JSON.parse(String(data));
      for (const each of fault.down?.(message, this) ?? [message]) this.tell(each);
    });
    this.server.on('ping', (data) => client.ping(data));
    this.server.on('pong', (data) => client.pong(data));
    this.server.on('close', (code) => end(client, fault.close?.(code) ?? code));
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

/** A proxy that behaves as the server behind it, except for one fault. */
export class FaultyServer {
  /** `ws://127.0.0.1:PORT/ws` */
  readonly url: URL;
  readonly #server: Server;
  readonly #passages = new Set<Passage>();

  static async listen(target: URL, fault: Fault): Promise<FaultyServer> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FaultyServer(server, target, fault);
  }

  private constructor(server: Server, target: URL, fault: Fault) {
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
        const passage = new Passage(client, target, fault, this.#passages);
        this.#passages.add(passage);
        client.on('close', () => this.#passages.delete(passage));
      });
    });
    server.on('request', (request, response) => {
      const isSocket = request.url === target.pathname;
      const status = isSocket ? 426 : 404;
      const headers: Record<string, string> = isSocket ? { Upgrade: 'websocket' } : {};
      const [saidStatus, saidHeaders] = fault.answer?.(status, headers) ?? [status, headers];
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
