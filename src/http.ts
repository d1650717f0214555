import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { createSecureContext, Server as TlsServer } from 'node:tls';
import proxyAddr from 'proxy-addr';
import { v4 as uuid } from 'uuid';
import { WebSocketServer, type Server as WebSocketServerOf } from 'ws';
import type { Access } from './auth/access.ts';
import type { Handshake } from './auth/authorizer.ts';
import { isRefusal, type Refusal } from './auth/refusal.ts';
import type { AuthRoute } from './auth/routes.ts';
import type { Codec, Dialect } from './codec/codec.ts';
import { type Config, ConfigError } from './config.ts';
import { type Headers, refuseUpgrade, send } from './http/answer.ts';
import { handshakeOf } from './http/handshake.ts';
import { originMatcher } from './http/origins.ts';
import { PlainConnections } from './http/plain-connections.ts';
import { handshakeProblem, hasBody, pathOf } from './http/request.ts';
import type { CloseReason } from './protocol/codes.ts';
import { AddressCounter } from './socket/address-counter.ts';
import { Attempts } from './socket/attempts.ts';
import { Heartbeat } from './socket/heartbeat.ts';
import type { QueueBudget } from './socket/queue-budget.ts';
import { Throttle } from './socket/throttle.ts';
import { Turn } from './socket/turn.ts';
import type { Counters } from './telemetry/counters.ts';
import type { Logger } from './telemetry/logger.ts';
import type { RoomName } from './telemetry/room-ids.ts';
import { type MessageTracer, traceHandshake } from './telemetry/tracing.ts';
import type { Transport } from './transport/transport.ts';
import { ClientSocket, type ServedConnection, type SocketListener } from './transport/ws/client-socket.ts';
import { Sender, type SenderSettings } from './transport/ws/sender.ts';
import { DOCUMENTED, type WsPaths, wsPaths } from './transport/ws/ws-paths.ts';

/** What the HTTP side serves. */
export interface Host {
  /** A client has connected, from this remote IP address, after trusted proxies. */
  connect(
    transport: Transport,
    tracer: MessageTracer,
    address: string,
    access: Access | undefined,
  ): ServedConnection;
  rooms(): number;
}

/** Who may connect. */
export interface Guard {
  /** What `handshake` throws is a refusal, too. `fields` are for the log. Never rejects. */
  authenticate(handshake: () => Handshake, fields: object): Promise<Access | Refusal>;
  /** By their path below the base path. */
  readonly routes: Readonly<Record<string, AuthRoute>>;
}

/** Answers one request. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** Who answers GET and HEAD of a path. */
export type Routes = Readonly<Record<string, RequestHandler>>;

/** What answers one path. */
interface Route {
  /** All but OPTIONS, which every path answers. */
  readonly methods: readonly string[];
  /** What refuses any other method. */
  readonly otherMethod: string;
  readonly handle: RequestHandler;
}

/** What a page may do with what allows it at all, besides the methods. */
const PREFLIGHT: Headers = {
  'Access-Control-Allow-Headers': '*',
  'Access-Control-Max-Age': '600',
};

/** How long a closing handshake may take before the socket is destroyed, in milliseconds. */
const CLOSE_TIMEOUT_MS = 3000;
/** How often Node looks for requests that take too long, in milliseconds. */
const CHECKING_INTERVAL_MS = 5000;
/** A request has at least this long to arrive whole, in milliseconds: networks are slow, too. */
const MIN_PATIENCE_MS = 1000;

/** A client has this long to read a response, however slowly it reads, in milliseconds. */
const RESPONSE_TIMEOUT_MS = 5 * 60 * 1000;
/** TCP connections without a WebSocket: as many as MAX_CONNECTIONS, but at least so many. */
const MIN_PLAIN_CONNECTIONS = 1000;

/** A frame this large takes long enough for others to have their turn, in bytes. */
const LARGE_BYTES = 16 * 1024;

const MAX_TIMER_MS = 2 ** 31 - 1;

/** An upgrade that is let in. */
interface Opening {
  readonly participantId: string;
  readonly handshake: ReturnType<typeof traceHandshake>;
  /** Those of its path. */
  readonly dialects: readonly Dialect[];
  readonly address: string;
  readonly access: Access | undefined;
}

/** The network side: WebSockets at /ws, /healthz, /readyz, and the routes it is given; the rest is answered 404. */
export class HttpFront {
  readonly #config: Config;
  readonly #host: Host;
  readonly #logger: Logger;
  readonly #counters: Counters;
  readonly #roomName: RoomName;
  readonly #server: Server;
  readonly #sockets: WebSocketServerOf<typeof ClientSocket>;
  readonly #plain: PlainConnections;
  /** WebSockets of each address. */
  readonly #perAddress: AddressCounter;
  /** A client that neither reads nor writes for so long is gone, in milliseconds. */
  readonly #patienceMs: number;
  /** WebSockets whose end is not known yet. */
  #open = 0;
  readonly #wsPaths: WsPaths;
  readonly #senders: SenderSettings;
  readonly #throttle = new Throttle();
  readonly #heartbeat: Heartbeat;
  readonly #attempts: Attempts;
  readonly #socketPath: string;
  /** By the path of the upgrade. The first of each is spoken where no subprotocol is agreed on. */
  readonly #dialects: ReadonlyMap<string, readonly Dialect[]>;
  readonly #routes: Readonly<Record<string, Route>>;
  /** Undefined: anybody may connect. */
  readonly #guard: Guard | undefined;
  readonly #isAllowed: (origin: string) => boolean;
  readonly #trusts: (address: string, hop: number) => boolean;
  readonly #startedAt = performance.now();
  #isStopping = false;
  #emptied: () => void = () => {};

  /** `roomName` is what spans have for a room's id. The first of `dialects` is spoken where none is asked for. */
  constructor(
    config: Config,
    host: Host,
    logger: Logger,
    counters: Counters,
    roomName: RoomName,
    queueBudget: QueueBudget,
    dialects: readonly [Dialect, ...Dialect[]],
    routes: Routes = {},
    guard?: Guard,
  ) {
    this.#guard = guard;
    this.#roomName = roomName;
    this.#counters = counters;
    this.#config = config;
    this.#socketPath = `${config.basePath}${dialects[0]?.path ?? '/ws'}`;
    this.#dialects = dialectsByPath(config.basePath, dialects);
    this.#routes = Object.assign(
      Object.create(null),
      read({ ...routes, ...this.#ownRoutes() }),
      this.#authRoutes(),
    );
    this.#isAllowed = originMatcher(config.allowedOrigins);
    this.#host = host;
    this.#logger = logger;
    this.#trusts = proxyAddr.compile([...config.trustProxy]);
    this.#sockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      // Without it ws agrees to the first that is offered, whatever it is. Browsers fail when none comes back.
      handleProtocols: (offered, request) => {
        const names = this.#dialectsOf(request).map(({ subprotocol }) => subprotocol);
        return names.find((name) => name !== undefined && offered.has(name)) ?? false;
      },
      maxPayload: config.maxPayloadBytes,
      WebSocket: ClientSocket,
      ...{ closeTimeout: CLOSE_TIMEOUT_MS }, // not in @types/ws yet
    });
    this.#wsPaths = config.fastPaths ? wsPaths() : DOCUMENTED;
    this.#senders = {
      turn: new Turn(),
      maxQueueBytes: config.maxQueueBytes,
      queueBudget,
      framesTexts: this.#wsPaths.framesTexts,
    };
    this.#heartbeat = new Heartbeat(config.heartbeatIntervalMs);
    this.#attempts = new Attempts(config.maxAttemptsPerAddress, config.attemptsWindowMs);
    this.#perAddress = new AddressCounter(config.maxConnectionsPerAddress);
    this.#plain = new PlainConnections({
      all: Math.max(config.maxConnections, MIN_PLAIN_CONNECTIONS),
      perAddress: config.maxConnectionsPerAddress,
      isExempt: (address) => this.#trusts(address, 0),
    });
    this.#patienceMs = patienceOf(config);
    this.#server = makeServer(config);
    this.#server.on('connection', (socket: Socket) => {
      if (this.#plain.add(socket)) return;
      this.#logger.debug(
        { address: socket.remoteAddress },
        'connection refused: too many without a WebSocket',
      );
      socket.destroy();
    });
    this.#server.on('request', (request, response) => this.#answer(request, response));
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket as Socket, head));
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

  /** Whether the request is for a WebSocket of this server, by its path. */
  isFor(request: IncomingMessage): boolean {
    return this.#dialectsOf(request).length > 0;
  }

  /** Answers an upgrade that another HTTP server received. */
  handleUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    this.#upgrade(request, socket, head);
  }

  /** Counts one attempt of an address: returns 0, or how long it must wait, in milliseconds. */
  countAttempt(address: string): number {
    return this.#attempts.count(address);
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

  /** Settles `emptied` now. */
  stopWaiting(): void {
    this.#emptied();
  }

  /** New connections are served with the certificate as its files are now. Where these are wrong the old one stays. */
  reloadCertificate(): void {
    const server: unknown = this.#server;
    if (!(server instanceof TlsServer)) return this.#logger.info('there is no TLS certificate to reload');
    try {
      const pair = readCertificate(this.#config);
      server.setSecureContext(pair);
      const { validTo } = new X509Certificate(pair.cert);
      this.#logger.info({ valid_to: validTo }, 'TLS certificate reloaded');
    } catch (error) {
      this.#logger.error({ err: error }, 'TLS certificate not reloaded: the old one stays in use');
    }
  }

  /** Stops listening, closes every socket with `reason`, and destroys what has not closed after `timeoutMs`. */
  async stop(reason: CloseReason, timeoutMs: number): Promise<void> {
    this.drain();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    // The sockets of another HTTP server are not waited for by our own.
    const open = [...this.#sockets.clients].map((socket) => once(socket, 'close'));
    for (const { connection } of this.#sockets.clients) connection.dismiss(reason);
    const overdue = setTimeout(() => {
      this.#plain.destroyAll();
      for (const socket of this.#sockets.clients) socket.terminate();
    }, timeoutMs);
    await Promise.all([closed, ...open]);
    clearTimeout(overdue);
    this.#heartbeat.stop();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.#boundTime(request, response);
    const path = pathOf(request);
    const route = this.#routes[path];
    const methods = route?.methods ?? READING;
    const allow = () => ({ Allow: [...methods, 'OPTIONS'].join(', ') });
    if (request.method === 'OPTIONS' && (route !== undefined || path === '*')) {
      const cors = this.#corsHeaders(request.headers.origin);
      const allowed = { 'Access-Control-Allow-Methods': methods.join(', ') };
      response.writeHead(204, { ...allow(), ...allowed, ...PREFLIGHT, ...cors }).end();
    } else if (route === undefined) {
      this.#send(request, response, 404, { error: this.#notFound });
    } else if (!methods.includes(request.method ?? '')) {
      this.#send(request, response, 405, { error: route.otherMethod }, allow());
    } else {
      route.handle(request, response);
    }
  }

  /** Answers with JSON that pages of allowed origins may read, so that they can tell what they have reached. */
  #send(
    { headers }: IncomingMessage,
    response: ServerResponse,
    status: number,
    body: object,
    more: Headers = {},
  ): void {
    send(response, status, body, { ...this.#corsHeaders(headers.origin), ...more });
  }

  #corsHeaders(origin: string | undefined): Headers {
    if (this.#config.allowedOrigins.length === 0) return { 'Access-Control-Allow-Origin': '*' };
    const allowed = origin !== undefined && this.#isAllowed(origin);
    return { Vary: 'Origin', ...(allowed && { 'Access-Control-Allow-Origin': origin }) };
  }

  get #notFound(): string {
    return `Not found. This is Bloom, a WebRTC signalling server. Its WebSocket is at ${this.#socketPath}.`;
  }

  /** A client that does not read its response, or reads it a byte at a time, is sent away. A stream needs its own bound. */
  #boundTime(request: IncomingMessage, response: ServerResponse): void {
    request.socket.setTimeout(this.#patienceMs);
    const overdue = setTimeout(() => request.socket.destroy(), RESPONSE_TIMEOUT_MS).unref();
    response.on('close', () => clearTimeout(overdue));
    // What a route leaves unread of a body must not become the next request.
    if (hasBody(request) || this.#config.keepAliveTimeoutMs === 0) response.shouldKeepAlive = false;
  }

  #ownRoutes(): Routes {
    const { basePath } = this.#config;
    const socket: RequestHandler = (request, response) => {
      const error = `This is Bloom's WebSocket: connect to ${this.#socketPath} with a WebSocket client (ws: or wss:).`;
      this.#send(request, response, 426, { error }, { Upgrade: 'websocket', Connection: 'Upgrade' });
    };
    const health: RequestHandler = (request, response) =>
      this.#send(request, response, 200, {
        status: 'ok',
        rooms: this.#host.rooms(),
        connections: this.connections,
        uptime: Math.round((performance.now() - this.#startedAt) / 1000),
      });
    const ready: RequestHandler = (request, response) =>
      this.#isStopping
        ? this.#send(request, response, 503, { status: 'stopping' })
        : this.#send(request, response, 200, { status: 'ready' });
    return {
      '/healthz': health,
      '/readyz': ready,
      ...{ [this.#socketPath]: socket, [`${this.#socketPath}/`]: socket },
      ...below(basePath, { '/healthz': health, '/readyz': ready }),
    };
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const participantId = uuid();
    const handshake = traceHandshake(this.#counters, participantId, request.headers, this.#roomName);
    const refuse = (status: number, error: string, headers?: Headers): void => {
      handshake.answered(status);
      this.#logger.debug({ participant_id: participantId, status }, 'handshake refused');
      this.#boundRefusal(socket);
      refuseUpgrade(socket, status, error, headers);
    };
    const dialects = this.#dialectsOf(request);
    if (dialects.length === 0) return refuse(404, this.#notFound);
    const problem = handshakeProblem(request);
    if (problem !== undefined) return refuse(400, problem);
    if (this.#isStopping) return refuse(503, 'The server is stopping.', { 'Retry-After': '5' });
    if (!this.#allowsOrigin(request.headers.origin)) return refuse(403, 'This origin may not connect.');
    if (this.connections >= this.#config.maxConnections) {
      return refuse(503, 'The server is at its connection limit.', { 'Retry-After': '30' });
    }
    const address = proxyAddr(request, this.#trusts);
    const waitMs = this.#attempts.count(address);
    if (waitMs > 0) {
      const seconds = String(Math.ceil(waitMs / 1000));
      return refuse(429, 'Too many attempts from this address.', { 'Retry-After': seconds });
    }
    if (!this.#perAddress.take(address)) {
      return refuse(429, 'Too many connections from this address.', { 'Retry-After': '30' });
    }
    const open = (access?: Access) =>
      this.#letIn(request, socket, head, { participantId, handshake, dialects, address, access });
    if (this.#guard === undefined) return open();
    const release = () => this.#perAddress.release(address);
    void this.#admit(this.#guard, request, address, participantId).then((result) => {
      if (!isRefusal(result)) {
        const isFull = this.connections >= this.#config.maxConnections;
        if (!this.#isStopping && !isFull) return open(result);
        refuse(503, 'The server is stopping, or at its connection limit.', { 'Retry-After': '5' });
      } else refuse(401, result.refused, { 'WWW-Authenticate': 'Bearer' });
      release();
    });
  }

  async #admit(
    guard: Guard,
    request: IncomingMessage,
    address: string,
    participantId: string,
  ): Promise<Access | Refusal> {
    const { socket } = request;
    const broken = () => socket.destroy();
    socket.on('error', broken);
    try {
      return await guard.authenticate(() => handshakeOf(request, address), { participant_id: participantId });
    } finally {
      socket.off('error', broken);
    }
  }

  #letIn(
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    { participantId, handshake, dialects, address, access }: Opening,
  ): void {
    let isServed = false;
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
      isServed = true;
      this.#plain.remove(socket);
      handshake.answered(101);
      this.#logger.debug({ participant_id: participantId, address }, 'connection opened');
      const codec = codecFor(dialects, webSocket.protocol);
      this.#serve(webSocket, socket, codec, handshake.messagesOf(participantId), address, access);
    });
    if (isServed) return;
    // ws has refused a malformed handshake itself.
    this.#boundRefusal(socket);
    handshake.answered(400);
    this.#perAddress.release(address);
  }

  /** A refusal may wait behind a response that its client does not read. */
  #boundRefusal(socket: Socket): void {
    const overdue = setTimeout(() => socket.destroy(), this.#patienceMs).unref();
    socket.once('close', () => clearTimeout(overdue));
  }

  #allowsOrigin(origin: string | undefined): boolean {
    const { allowedOrigins } = this.#config;
    return origin === undefined || allowedOrigins.length === 0 || this.#isAllowed(origin);
  }

  #dialectsOf(request: IncomingMessage): readonly Dialect[] {
    return this.#dialects.get(pathOf(request).replace(/\/$/, '')) ?? [];
  }

  #serve(
    webSocket: ClientSocket,
    socket: Socket,
    codec: Codec,
    tracer: MessageTracer,
    address: string,
    access: Access | undefined,
  ): void {
    const sender = new Sender(webSocket, socket, codec, this.#senders);
    const connection = this.#host.connect(sender, tracer, address, access);
    this.#open += 1;
    this.#heartbeat.add(connection);
    webSocket.serve(socket, connection, sender, this.#listener, this.#wsPaths.tellsEnds);
    if (access !== undefined) this.#closeAtExpiry(webSocket, access);
  }

  #closeAtExpiry(webSocket: ClientSocket, { identity }: Access): void {
    const endsAt = identity.expires_at * 1000 + this.#config.authGraceMs;
    const restMs = Math.min(Math.max(0, endsAt - Date.now()), MAX_TIMER_MS);
    const timer = setTimeout(() => webSocket.connection.close('Unauthorized'), restMs).unref();
    webSocket.once('close', () => clearTimeout(timer));
  }

  #authRoutes(): Readonly<Record<string, Route>> {
    const routes = Object.entries(this.#guard?.routes ?? {}).map(([path, route]) => [
      `${this.#config.basePath}${path}`,
      {
        methods: [route.method],
        otherMethod: `Only ${route.method} is answered here.`,
        handle: (request, response) => this.#answerAuth(route, request, response),
      } satisfies Route,
    ]);
    return Object.fromEntries(routes);
  }

  #answerAuth(route: AuthRoute, request: IncomingMessage, response: ServerResponse): void {
    if (!this.#allowsOrigin(request.headers.origin))
      return this.#send(request, response, 403, { error: 'This origin may not connect.' });
    const waitMs = route.isAttempt ? this.#attempts.count(proxyAddr(request, this.#trusts)) : 0;
    if (waitMs > 0) {
      const headers = { 'Retry-After': String(Math.ceil(waitMs / 1000)) };
      return this.#send(request, response, 429, { error: 'Too many attempts from this address.' }, headers);
    }
    Promise.resolve(route.answer(request)).then(
      ({ status, body, headers }) => this.#send(request, response, status, body, headers),
      (error: unknown) => {
        this.#logger.error({ err: error }, 'a request for authentication failed');
        if (!response.headersSent) this.#send(request, response, 500, { error: 'Internal' });
      },
    );
  }

  readonly #listener: SocketListener = {
    message: (socket, data, isBinary) => {
      // What comes after a close is dropped as well, and ws reads it for some seconds.
      if (socket.readyState !== socket.OPEN) return this.#throttle.rest(socket);
      if (isBinary) return socket.connection.close('UnsupportedData');
      if (!socket.connection.frame(data)) this.#throttle.rest(socket);
      else if (data.length >= LARGE_BYTES) this.#throttle.giveWay(socket);
    },
    pinged: (socket) => this.#throttle.rest(socket),
    ponged: (socket, payload) => {
      if (socket.connection.pong(payload)) this.#heartbeat.heard(socket.connection);
      else this.#throttle.rest(socket); // it answers no ping: it is not asked for, as a client's ping
    },
    ended: ({ connection }, end) => {
      this.#open -= 1;
      this.#perAddress.release(connection.address);
      this.#heartbeat.remove(connection);
      connection.ended(end);
      this.#logger.debug({ participant_id: connection.participantId, end }, 'connection closed');
      if (this.#open === 0) this.#emptied();
    },
    closed: ({ sender }) => sender.closed(),
  };
}

function makeServer(config: Config): Server {
  const patienceMs = patienceOf(config);
  const options = {
    // Only WebSocket upgrades are taken; a request that offers another, such as curl's h2c, is answered plainly.
    shouldUpgradeCallback: ({ headers }: IncomingMessage) => headers.upgrade?.toLowerCase() === 'websocket',
    // An unfinished request gets the same time as a WebSocket without a first message.
    headersTimeout: patienceMs,
    requestTimeout: patienceMs,
    keepAliveTimeout: config.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(patienceMs, CHECKING_INTERVAL_MS),
  };
  if (config.tlsCertFile === undefined) return createServer(options);
  return createTlsServer({ ...options, ...readCertificate(config), handshakeTimeout: patienceMs });
}

interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** The certificate and its key as their files are now. Throws ConfigError when they are not a pair. */
function readCertificate({ tlsCertFile = '', tlsKeyFile = '' }: Config): Certificate {
  try {
    const pair = { cert: readFileSync(tlsCertFile), key: readFileSync(tlsKeyFile) };
    createSecureContext(pair);
    return pair;
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`TLS_CERT_FILE ${tlsCertFile} and TLS_KEY_FILE ${tlsKeyFile}: ${cause}`);
  }
}

/** The codec of the dialect that was agreed on. */
function codecFor(dialects: readonly Dialect[], subprotocol: string): Codec {
  const dialect = dialects.find((each) => each.subprotocol === subprotocol) ?? dialects[0];
  return (dialect as Dialect).open();
}

function dialectsByPath(
  basePath: string,
  dialects: readonly Dialect[],
): ReadonlyMap<string, readonly Dialect[]> {
  const byPath = new Map<string, Dialect[]>();
  for (const dialect of dialects) {
    const path = `${basePath}${dialect.path ?? '/ws'}`;
    byPath.set(path, [...(byPath.get(path) ?? []), dialect]);
  }
  return byPath;
}

const READING = ['GET', 'HEAD'];

/** Routes that are read. */
function read(routes: Routes): Readonly<Record<string, Route>> {
  const otherMethod = 'Only GET, HEAD and OPTIONS are answered here.';
  const entries = Object.entries(routes).map(
    ([path, handle]) => [path, { methods: READING, otherMethod, handle }] as const,
  );
  return Object.fromEntries(entries);
}

/** These routes under a prefix. The prefix itself leads to the page, whose URLs are relative to it. */
export function below(basePath: string, routes: Routes): Routes {
  const entries = Object.entries(routes).map(([path, handler]) => [`${basePath}${path}`, handler] as const);
  const all = Object.fromEntries(entries);
  if (basePath === '' || routes['/'] === undefined) return all;
  return { ...all, [basePath]: redirectTo(`${basePath}/`) };
}

function redirectTo(path: string): RequestHandler {
  return ({ url = '' }, response) => {
    const [, query] = url.split('?', 2);
    const location = query === undefined ? path : `${path}?${query}`;
    response.writeHead(308, { Location: location, 'Content-Length': 0, 'Cache-Control': 'no-cache' }).end();
  };
}

function patienceOf({ firstMessageTimeoutMs }: Config): number {
  return Math.max(firstMessageTimeoutMs, MIN_PATIENCE_MS);
}
