import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import proxyAddr from 'proxy-addr';
import { v4 as uuid } from 'uuid';
import { WebSocketServer, type Server as WebSocketServerOf } from 'ws';
import { type Config, ConfigError } from './config.ts';
import { Link } from './link.ts';
import type { CloseReason } from './protocol/codes.ts';
import type { ParticipantId } from './protocol/server.ts';
import { Attempts } from './socket/attempts.ts';
import { ClientSocket, type SocketListener } from './socket/client-socket.ts';
import { FRAMES_TEXTS } from './socket/frame.ts';
import { Heartbeat } from './socket/heartbeat.ts';
import { receive } from './socket/receiver.ts';
import { Sender, type SenderSettings } from './socket/sender.ts';
import { Throttle } from './socket/throttle.ts';
import { Turn } from './socket/turn.ts';
import type { Logger } from './telemetry/logger.ts';
import type { Tally } from './telemetry/tally.ts';
import { type MessageTracer, traceHandshake } from './telemetry/tracing.ts';

/** Who the HTTP side serves. */
export interface Host {
  /** A client has connected: what its socket says comes by the link. */
  connect(participantId: ParticipantId, link: Link): void;
  rooms(): number;
}

/** Answers one request. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** Who answers GET and HEAD of a path. */
export type Routes = Readonly<Record<string, RequestHandler>>;

type Headers = Readonly<Record<string, string>>;

/** How long a closing handshake may take before the socket is destroyed, in milliseconds. */
const CLOSE_TIMEOUT_MS = 3000;
/** How often Node looks for requests that take too long, in milliseconds. */
const CHECKING_INTERVAL_MS = 5000;
/** A request has at least this long to arrive whole, in milliseconds: networks are slow, too. */
const MIN_PATIENCE_MS = 1000;

/** A frame this large takes long enough for others to have their turn, in bytes. */
const LARGE_BYTES = 16 * 1024;

/** The network side: WebSockets at /ws, /healthz, /readyz, and the routes it is given; the rest is answered 404. */
export class HttpFront {
  readonly #config: Config;
  readonly #host: Host;
  readonly #logger: Logger;
  readonly #tally: Tally;
  readonly #server: Server;
  readonly #sockets: WebSocketServerOf<typeof ClientSocket>;
  /**
   * TCP connections without a WebSocket, those that have not said a word of TLS or HTTP yet included. With TLS also those
   * with one: the WebSocket is on the TLS socket then, which does not tell what is below it.
   */
  readonly #unserved = new Set<Socket>();
  readonly #whenClosed = forgetIn(this.#unserved);
  /** WebSockets whose end is not known yet. */
  #open = 0;
  readonly #senders: SenderSettings;
  readonly #throttle = new Throttle();
  readonly #heartbeat: Heartbeat;
  readonly #attempts: Attempts;
  readonly #trusts: (address: string, hop: number) => boolean;
  readonly #startedAt = performance.now();
  #isStopping = false;
  #emptied: () => void = () => {};

  constructor(config: Config, host: Host, logger: Logger, tally: Tally, routes: Routes = {}) {
    this.#tally = tally;
    this.#routes = Object.assign(Object.create(null), routes, this.#routes);
    this.#config = config;
    this.#host = host;
    this.#logger = logger;
    this.#trusts = proxyAddr.compile([...config.trustProxy]);
    this.#sockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      handleProtocols: () => false, // or ws agrees to the first that is offered, whatever it is
      maxPayload: config.maxPayloadBytes,
      WebSocket: ClientSocket,
      ...{ closeTimeout: CLOSE_TIMEOUT_MS }, // not in @types/ws yet
    });
    this.#senders = {
      turn: new Turn(),
      maxQueueBytes: config.maxQueueBytes,
      framesTexts: config.fastPaths && FRAMES_TEXTS,
    };
    this.#heartbeat = new Heartbeat(config.heartbeatIntervalMs);
    this.#attempts = new Attempts(config.maxAttemptsPerAddress, config.attemptsWindowMs);
    this.#server = makeServer(config);
    this.#server.on('connection', (socket: Socket) => {
      this.#unserved.add(socket);
      socket.on('close', this.#whenClosed);
    });
    this.#server.on('request', (request, response) => this.#answer(request, response));
    this.#server.on(
      'upgrade',
      (request, socket, head) => void this.#upgrade(request, socket as Socket, head),
    );
  }

  /** Open WebSockets, those still closing included. */
  get connections(): number {
    return this.#sockets.clients.size;
  }

  /** Bytes waiting for slow readers, over all sockets. */
  get queuedBytes(): number {
    let bytes = 0;
    for (const socket of this.#sockets.clients) bytes += socket.bufferedAmount;
    return bytes;
  }

  /** Listens, and returns the address bound. Throws what `net.Server` emits: EADDRINUSE, EACCES, … */
  async listen(): Promise<{ host: string; port: number }> {
    const { host, port } = this.#config;
    this.#server.listen({ port, ...(host === undefined ? {} : { host }) });
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening on TCP');
    return { host: host ?? 'localhost', port: address.port };
  }

  /** Answers upgrades and /readyz with 503 from now on; goes on serving who is here. */
  drain(): void {
    this.#isStopping = true;
  }

  /** Settles when nobody is connected any more, or after `timeoutMs`. */
  async emptied(timeoutMs: number): Promise<void> {
    if (this.#open === 0 || timeoutMs === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#emptied = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Stops listening, closes every socket with `reason`, and destroys what has not closed after `timeoutMs`. */
  async stop(reason: CloseReason, timeoutMs: number): Promise<void> {
    this.drain();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const { link } of this.#sockets.clients) link.dismiss(reason);
    const overdue = setTimeout(() => {
      for (const socket of this.#unserved) socket.destroy();
      for (const socket of this.#sockets.clients) socket.terminate();
    }, timeoutMs);
    await closed;
    clearTimeout(overdue);
    this.#heartbeat.stop();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const route = this.#routes[pathOf(request)];
    if (route === undefined) return send(response, 404, { error: 'Not found.' });
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return send(response, 405, { error: 'GET or HEAD only.' }, { Allow: 'GET, HEAD' });
    }
    route(request, response);
  }

  readonly #routes: Routes = {
    '/ws': (_, response) =>
      send(
        response,
        426,
        { error: 'Connect with a WebSocket.' },
        { Upgrade: 'websocket', Connection: 'Upgrade' },
      ),
    '/healthz': (_, response) =>
      send(response, 200, {
        status: 'ok',
        rooms: this.#host.rooms(),
        connections: this.connections,
        uptime: Math.round((performance.now() - this.#startedAt) / 1000),
      }),
    '/readyz': (_, response) =>
      this.#isStopping
        ? send(response, 503, { status: 'stopping' })
        : send(response, 200, { status: 'ready' }),
  };

  async #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const participantId = uuid();
    const handshake = traceHandshake(this.#tally, participantId, request.headers);
    const refuse = (status: number, error: string, headers?: Headers): void => {
      handshake.answered(status);
      this.#logger.debug({ participant_id: participantId, status }, 'handshake refused');
      refuseUpgrade(socket, status, error, headers);
    };
    if (pathOf(request) !== '/ws') return refuse(404, 'Not found.');
    if (this.#isStopping) return refuse(503, 'The server is stopping.', { 'Retry-After': '5' });
    if (!this.#allowsOrigin(request.headers.origin)) return refuse(403, 'This origin may not connect.');
    if (this.connections >= this.#config.maxConnections) {
      return refuse(503, 'The server is at its connection limit.', { 'Retry-After': '30' });
    }
    const address = proxyAddr(request, this.#trusts);
    const waitMs = await this.#attempts.count(address);
    if (waitMs > 0) {
      const seconds = String(Math.ceil(waitMs / 1000));
      return refuse(429, 'Too many attempts from this address.', { 'Retry-After': seconds });
    }
    const refused = () => handshake.answered(400);
    socket.once('close', refused); // ws refuses a malformed handshake itself
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
      socket.off('close', refused);
      this.#unserved.delete(socket);
      socket.off('close', this.#whenClosed);
      handshake.answered(101);
      this.#logger.debug({ participant_id: participantId, address }, 'connection opened');
      this.#serve(webSocket, socket, handshake.messagesOf(participantId), address);
    });
  }

  #allowsOrigin(origin: string | undefined): boolean {
    const { allowedOrigins } = this.#config;
    return origin === undefined || allowedOrigins.length === 0 || allowedOrigins.includes(origin);
  }

  #serve(webSocket: ClientSocket, socket: Socket, tracer: MessageTracer, address: string): void {
    const sender = new Sender(webSocket, socket, this.#senders);
    const link = new Link(sender, tracer, address, webSocket);
    this.#open += 1;
    this.#heartbeat.add(link);
    webSocket.serve(socket, link, this.#listener);
    this.#host.connect(tracer.participantId, link);
  }

  readonly #listener: SocketListener = {
    message: (socket, data, isBinary) => {
      // What comes after a close is dropped as well, and ws reads it for some seconds.
      if (socket.readyState !== socket.OPEN) return this.#throttle.rest(socket);
      if (isBinary) return socket.link.close('UnsupportedData');
      if (!receive(data, socket.link, this.#config.fastPaths)) this.#throttle.rest(socket);
      else if (data.length >= LARGE_BYTES) this.#throttle.giveWay(socket);
    },
    pinged: (socket) => this.#throttle.rest(socket),
    ponged: (socket, payload) => {
      if (!this.#heartbeat.heard(socket.link)) this.#throttle.rest(socket);
      socket.link.ponged(payload);
    },
    attempted: (socket) => void this.#countAttempt(socket.link),
    ended: ({ link }, end) => {
      this.#open -= 1;
      this.#heartbeat.remove(link);
      link.ended(end);
      this.#logger.debug({ participant_id: link.tracer.participantId, end }, 'connection closed');
      if (this.#open === 0) this.#emptied();
    },
  };

  /** An address that tries too often is sent away: it cannot search for room ids, nor fill the server with rooms. */
  async #countAttempt(link: Link): Promise<void> {
    if ((await this.#attempts.count(link.address)) > 0) link.close('TooManyAttempts');
  }
}

function makeServer(config: Config): Server {
  const { tlsCertFile, tlsKeyFile } = config;
  const patienceMs = Math.max(config.firstMessageTimeoutMs, MIN_PATIENCE_MS);
  const options = {
    // Only WebSocket upgrades are taken; a request that offers another, such as curl's h2c, is answered plainly.
    shouldUpgradeCallback: ({ headers }: IncomingMessage) => headers.upgrade?.toLowerCase() === 'websocket',
    // Who has not even finished asking is as silent as who says nothing on a WebSocket.
    headersTimeout: patienceMs,
    requestTimeout: patienceMs,
    connectionsCheckingInterval: Math.min(patienceMs, CHECKING_INTERVAL_MS),
  };
  if (tlsCertFile === undefined || tlsKeyFile === undefined) return createServer(options);
  try {
    return createTlsServer({
      ...options,
      cert: readFileSync(tlsCertFile),
      key: readFileSync(tlsKeyFile),
      handshakeTimeout: patienceMs,
    });
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`TLS_CERT_FILE ${tlsCertFile} and TLS_KEY_FILE ${tlsKeyFile}: ${cause}`);
  }
}

/** A listener for the end of any of them. */
function forgetIn(sockets: Set<Socket>) {
  return function (this: Socket): void {
    sockets.delete(this);
  };
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0] as string;
}

function send(response: ServerResponse, status: number, body: object, headers: Headers = {}): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, STATUS_CODES[status], {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    ...headers,
  });
  response.end(text);
}

/** Answers an upgrade on the bare socket, which a response still being written may own: it goes behind that. */
function refuseUpgrade(socket: Socket, status: number, error: string, headers: Headers = {}): void {
  const text = `${JSON.stringify({ error })}\n`;
  const lines = Object.entries({
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
    ...headers,
    Connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.on('error', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${text}`, () =>
    socket.destroySoon(),
  );
}
