import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Logger } from '../telemetry/logger.ts';
import { PAGE_PROTOCOL } from './feed.ts';

/** What is served. */
export interface Served {
  /** A page of ours has connected. */
  page(socket: WebSocket): void;
  /** Somebody who reads Stately's format has connected. */
  stately(socket: WebSocket): void;
  /** The SVG of a machine's chart, by its name; undefined if there is no such machine. */
  chart(name: string): Promise<string> | undefined;
}

/** Nobody outside this machine gets in, whatever else it is told to listen on. */
const HOST = '127.0.0.1';
const HOST_NAMES: readonly string[] = [HOST, 'localhost', '[::1]'];

const MAX_SOCKETS = 32;
const MAX_PAYLOAD = 4096;

/** Nothing from elsewhere, nothing inline. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const STATELY_POLICY = `${POLICY}; frame-src https://stately.ai https://*.stately.ai`;

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

/** Beside this file, in src/ as in dist/. */
const DIRECTORY = new URL('./page/', import.meta.url);

/** The inspector's web server: pages, charts, and the WebSocket at /ws, for browsers of this machine alone. */
export class Bridge {
  readonly #served: Served;
  readonly #logger: Logger;
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_PAYLOAD,
    handleProtocols: (offered) => offered.has(PAGE_PROTOCOL) && PAGE_PROTOCOL,
  });

  constructor(served: Served, logger: Logger) {
    this.#served = served;
    this.#logger = logger;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error) => {
        logger.error({ err: error, path: request.url }, 'inspector failed on a request');
        send(response, 500, 'html', 'Failed; the log says why.');
      });
    });
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /** Listens on 127.0.0.1. Throws what `net.Server` emits: EADDRINUSE, EACCES, … */
  async listen(port: number): Promise<URL> {
    this.#server.listen({ host: HOST, port });
    await once(this.#server, 'listening');
    return new URL(`http://${HOST}:${(this.#server.address() as AddressInfo).port}/`);
  }

  /** Disconnects everybody. Idempotent. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A page from elsewhere can make its own name resolve to 127.0.0.1, but the Host header tells.
    if (!isLocal(request.headers.host)) return send(response, 403, 'html', 'Open it as localhost.');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      return send(response, 405, 'html', 'GET or HEAD only.');
    }
    const path = pathOf(request);
    if (path === '/') return this.#file(response, 'index.html');
    if (path === '/stately') return this.#file(response, 'stately.html', STATELY_POLICY);
    const [, chart] = /^\/charts\/([\w-]+)\.svg$/.exec(path) ?? [];
    const svg = chart === undefined ? undefined : await this.#served.chart(chart);
    if (svg !== undefined) return send(response, 200, 'svg', svg);
    if (/^\/[a-z]+\.(?:css|js|svg)$/.test(path)) return this.#file(response, path.slice(1));
    send(response, 404, 'html', 'Not found.');
  }

  async #file(response: ServerResponse, name: string, policy = POLICY): Promise<void> {
    try {
      const content = await readFile(new URL(name, DIRECTORY));
      send(response, 200, name.split('.')[1] as string, content, policy);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      send(response, 404, 'html', 'Not found.');
    }
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const refusal = this.#refusalOf(request);
    if (refusal !== undefined) {
      this.#logger.warn({ ...refusal, origin: request.headers.origin }, 'inspector refused a WebSocket');
      refuse(socket, refusal);
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('error', () => webSocket.terminate());
      if (webSocket.protocol === PAGE_PROTOCOL) this.#served.page(webSocket);
      else this.#served.stately(webSocket);
    });
  }

  #refusalOf(request: IncomingMessage): { status: number; reason: string } | undefined {
    const { host, origin } = request.headers;
    const path = pathOf(request);
    if (!isLocal(host)) return { status: 403, reason: 'Not Localhost' };
    // Browsers always send an Origin; only pages served from here may listen.
    if (origin !== undefined && origin !== `http://${host}`) return { status: 403, reason: 'Wrong Origin' };
    if (path !== '/ws' && path !== '/') return { status: 404, reason: 'Not Found' };
    if (this.#sockets.clients.size >= MAX_SOCKETS) return { status: 503, reason: 'Too Many Pages' };
    return undefined;
  }
}

function refuse(socket: Duplex, { status, reason }: { status: number; reason: string }): void {
  socket.on('error', () => socket.destroy());
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** Any port will do: it may be tunnelled. */
function isLocal(host: string | undefined): boolean {
  const address = `http://${host}`;
  return URL.canParse(address) && HOST_NAMES.includes(new URL(address).hostname) && !/[/@?#]/.test(`${host}`);
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0] as string;
}

function send(
  response: ServerResponse,
  status: number,
  type: string,
  content: string | Buffer,
  policy = POLICY,
): void {
  response.writeHead(status, {
    'Content-Type': TYPES[type] as string,
    'Content-Length': Buffer.byteLength(content),
    'Content-Security-Policy': policy,
    'Cache-Control': 'no-store',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(content);
}
