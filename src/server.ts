import type { IncomingMessage, RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import { v4 as uuid } from 'uuid';
import type { AnyStateMachine, InspectionEvent } from 'xstate';
import { connectionMachine } from '../machines/connection.ts';
import { participantMachine } from '../machines/participant.ts';
import { roomMachine } from '../machines/room.ts';
import { supervisorMachine } from '../machines/supervisor.ts';
import type { Start } from './actor/actor.ts';
import { SlicedClock } from './actor/clock.ts';
import { inspectedStarter } from './actor/inspected-actor.ts';
import { fastestPath, fastestStarter } from './actor/xstate/fast-path.ts';
import { Admissions } from './admissions.ts';
import { Authentication } from './authentication.ts';
import { bloomDialect } from './codec/bloom.ts';
import type { Dialect } from './codec/codec.ts';
import type { Config } from './config.ts';
import { Connection, type ConnectionServices } from './connection.ts';
import { below, HttpFront } from './http.ts';
import { defaultOutboxesBytes, defaultQueuesBytes } from './memory.ts';
import { type Participant, type ParticipantServices, registrarOf } from './participant.ts';
import { Participants } from './participants.ts';
import type { ServerDraining } from './protocol/server.ts';
import { READS_SCHEMAS } from './protocol/valibot/acceptance.ts';
import { LiveRoom } from './room.ts';
import { LocalRouter } from './routing/local.ts';
import type { Replies, Router } from './routing/router.ts';
import { Sessions } from './sessions.ts';
import { OutboxBudget } from './socket/outbox-budget.ts';
import { QueueBudget } from './socket/queue-budget.ts';
import { Supervisor } from './supervisor.ts';
import { Counters } from './telemetry/counters.ts';
import type { Logger } from './telemetry/logger.ts';
import { registerMetrics } from './telemetry/metrics.ts';
import { roomNames } from './telemetry/room-ids.ts';
import { wsPaths } from './transport/ws/ws-paths.ts';

/** A room that fails this often within the window is closed. */
const MAX_ROOM_FAILURES = 5;
const ROOM_FAILURE_WINDOW_MS = 60_000;

/** How long a room on another node may take to do what it was asked for, in milliseconds. */
const ANSWER_TIMEOUT_MS = 10_000;

/** How long closing handshakes may take when the server stops, in milliseconds. */
const FAREWELL_MS = 1000;

/** What a test or an embedder may put in the place of Bloom's own. */
export interface Parts {
  readonly roomMachine?: typeof roomMachine;
  readonly connectionMachine?: typeof connectionMachine;
  readonly participantMachine?: typeof participantMachine;
  /** Reaches the rooms, wherever they are; `replies` reaches the participants of this server. */
  readonly router?: (replies: Replies) => Router;
  /** The path of Bloom's own WebSocket below the base path; `/ws` if left out. */
  readonly path?: string;
  /** Sees every actor and event; halves their throughput, so leave it out unless somebody looks. */
  readonly inspect?: (event: InspectionEvent) => void;
  /** Dialects that are spoken besides Bloom's own, each asked for by its path or its subprotocol. */
  readonly codecs?: readonly Dialect[];
  /** Answers GET /metrics. */
  readonly prometheus?: RequestListener;
  /** The call page: who answers which path. */
  readonly page?: Readonly<Record<string, RequestListener>>;
}

export interface BloomServer {
  /** What has to be done before the first client, where another HTTP server listens. Idempotent. */
  start(): Promise<void>;
  /** Whether an upgrade is for this server, by its path. */
  isFor(request: IncomingMessage): boolean;
  /** Answers an upgrade that another HTTP server received. */
  handleUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void;
  /** Listens and returns the base URL, which ends with a slash: the WebSocket is `ws` below it. Throws what `net.Server` emits: EADDRINUSE, EACCES, … */
  listen(): Promise<URL>;
  /**
   * Stops. With `drainMs`, sessions hear ServerDraining first, and everybody has that long to go elsewhere before
   * being closed with 1012; without, sockets are closed with 1001 at once. Settles at most 1 s after that.
   * Idempotent: a later call is answered by the first; one without `drainMs` ends a drain that is under way.
   */
  stop(options?: { readonly drainMs?: number }): Promise<void>;
  /**
   * Reads the TLS certificate and key, and the keys of tokens, from their files again, for the connections that come from
   * now on. Where they are wrong the old ones stay. The log says either.
   */
  reload(): void;
}

/** Jitter is half the time, so that every client has moved before the deadline. */
function drainingFor(ms: number): ServerDraining {
  const deadlineMs = Math.max(0, Math.ceil(ms));
  return { type: 'ServerDraining', deadline_ms: deadlineMs, jitter_ms: Math.floor(deadlineMs / 2) };
}

/** Composes a server: the one place where implementations are chosen. */
export function createServer(config: Config, givenLogger: Logger, parts: Parts = {}): BloomServer {
  const roomName = roomNames(config.logRoomIds);
  const logger = givenLogger.child({}, { serializers: { room_id: roomName } });
  const clock = new SlicedClock();
  const startsOf = <T extends AnyStateMachine>(machine: T): Start<T> =>
    parts.inspect !== undefined || !config.fastPaths
      ? inspectedStarter(machine, clock, parts.inspect)
      : fastestStarter(machine, clock);
  tellFastPaths(config, logger);
  const counters = new Counters();

  const authentication = config.auth === 'off' ? undefined : new Authentication(config, config.auth, logger);
  const admissions = new Admissions();
  const participants = new Participants((id) => admissions.forget(id));
  const startRoom = startsOf(parts.roomMachine ?? roomMachine);
  const supervisor = new Supervisor(
    startsOf(supervisorMachine),
    {
      maxRooms: config.maxRooms,
      maxFailures: MAX_ROOM_FAILURES,
      failureWindowMs: ROOM_FAILURE_WINDOW_MS,
    },
    (room_id, reports) =>
      new LiveRoom(
        startRoom,
        { room_id, capacity: config.roomCapacity, idleTimeoutMs: config.roomIdleTimeoutMs },
        { ...reports, resized: (before, after) => counters.roomResized(before, after) },
        participants,
      ),
    logger,
    counters,
  );

  const sessions = new Sessions<Participant>();
  let drainEndsAt: number | undefined;
  const outboxBudget = new OutboxBudget(
    config.maxAllOutboxesBytes ?? defaultOutboxesBytes(),
    (outboxes, bytes) =>
      logger.warn(
        { outboxes, bytes },
        'MAX_ALL_OUTBOXES_BYTES is reached: the largest and oldest outboxes are emptied',
      ),
  );
  const queueBudget = new QueueBudget(
    config.maxAllQueuesBytes ?? defaultQueuesBytes(),
    (connections, bytes) =>
      logger.warn({ connections, bytes }, 'MAX_ALL_QUEUES_BYTES is reached: the slowest readers are closed'),
  );
  const startConnection = startsOf(parts.connectionMachine ?? connectionMachine);
  const startParticipant = startsOf(parts.participantMachine ?? participantMachine);
  const router = parts.router?.(participants) ?? new LocalRouter(supervisor, participants);
  const services: ParticipantServices = {
    node_id: uuid(),
    router: authentication === undefined ? router : admissions.guard(router, participants),
    answerTimeoutMs: ANSWER_TIMEOUT_MS,
    clock,
    participants,
    sessions,
    welcome: {
      heartbeat_ms: config.heartbeatIntervalMs,
      resume_grace_ms: config.resumeGraceMs,
      limits: {
        messages: config.rateLimitMessages,
        window_ms: config.rateLimitWindowMs,
        max_payload_bytes: config.maxPayloadBytes,
        room_capacity: config.roomCapacity,
      },
      ice_servers: config.iceServers,
    },
    outboxBudget,
    maxSessions: config.maxConnections,
    draining: () => (drainEndsAt === undefined ? undefined : drainingFor(drainEndsAt - performance.now())),
    outboxLimits: {
      messages: config.maxOutboxMessages,
      bytes: config.maxOutboxBytes,
      // A dead socket is noticed within three heartbeats; from then on the grace runs.
      ageMs: 3 * config.heartbeatIntervalMs + config.resumeGraceMs,
    },
    logger,
    counters,
  };
  const { resumeGraceMs, reloadGraceMs, outsideTimeoutMs } = config;
  const registrar = registrarOf(
    startParticipant,
    { resumeGraceMs, reloadGraceMs: Math.min(reloadGraceMs, resumeGraceMs), outsideTimeoutMs },
    services,
  );
  const connectionServices: ConnectionServices = {
    registrar,
    countAttempt: (address) => front.countAttempt(address),
    logger,
  };
  const front: HttpFront = new HttpFront(
    config,
    {
      rooms: () => supervisor.size,
      connect: (transport, tracer, address, access) =>
        new Connection(
          startConnection,
          {
            connection_id: parts.inspect && `of ${tracer.participantId.slice(0, 8)}`,
            limit: config.rateLimitMessages,
            windowMs: config.rateLimitWindowMs,
            firstMessageTimeoutMs: config.firstMessageTimeoutMs,
          },
          transport,
          tracer,
          address,
          access === undefined
            ? connectionServices
            : { ...connectionServices, registrar: admissions.registrarFor(access, registrar) },
        ),
    },
    logger,
    counters,
    roomName,
    queueBudget,
    [{ ...bloomDialect(config.fastPaths), path: parts.path }, ...(parts.codecs ?? [])],
    {
      ...(parts.page && below(config.basePath, parts.page)),
      ...(parts.prometheus && { '/metrics': parts.prometheus }),
    },
    authentication,
  );

  registerMetrics(counters, {
    connections: () => front.connections,
    rooms: () => supervisor.size,
    queuedBytes: () => front.queuedBytes,
    sessions: () => sessions.size,
    outboxBytes: () => outboxBudget.usedBytes,
  });

  async function stop(drainMs: number): Promise<void> {
    front.drain();
    if (drainMs > 0) {
      drainEndsAt = performance.now() + drainMs;
      const draining = drainingFor(drainMs);
      for (const session of sessions.all()) session.drain(draining);
      await front.emptied(drainMs);
    }
    supervisor.stop();
    await front.stop(drainMs > 0 ? 'ServiceRestart' : 'GoingAway', FAREWELL_MS);
    clock.stop();
    authentication?.stop();
  }
  let stopped: Promise<void> | undefined;
  let started: Promise<void> | undefined;
  const start = (): Promise<void> => {
    started ??= Promise.resolve(authentication?.start());
    return started;
  };

  return {
    start,
    isFor: (request) => front.isFor(request),
    handleUpgrade: (request, socket, head) => front.handleUpgrade(request, socket, head),
    async listen() {
      await start();
      const { host, port } = await front.listen();
      const scheme = config.tlsCertFile === undefined ? 'http' : 'https';
      return new URL(`${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}${config.basePath}/`);
    },
    stop({ drainMs = 0 } = {}) {
      if (drainMs === 0) front.stopWaiting();
      stopped ??= stop(drainMs);
      return stopped;
    },
    reload() {
      front.reloadCertificate();
      authentication?.reload();
    },
  };
}

/** One line when the server is slower than it could be, since its dependencies are not as they were when it was built. */
function tellFastPaths({ fastPaths }: Config, logger: Logger): void {
  if (!fastPaths) return logger.info('fast paths are off: BLOOM_FAST_PATHS');
  const { framesTexts, tellsEnds } = wsPaths();
  const off = [
    ...(fastestPath() === 'absorbing' ? [] : ['xstate']),
    ...(framesTexts && tellsEnds ? [] : ['ws']),
    ...(READS_SCHEMAS ? [] : ['valibot']),
  ];
  if (off.length === 0) return;
  logger.warn({ packages: off }, 'fast paths are off for packages of a version that Bloom does not know');
}
