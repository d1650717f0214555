import { compile } from 'proxy-addr';
import * as v from 'valibot';
import { isTrustworthy } from './auth/bounded-fetch.ts';
import { isFrameAncestor, isOriginPattern } from './http/origins.ts';
import { readIceServers } from './ice-servers.ts';
import type { IceServer } from './protocol/server.ts';
import { LOG_LEVELS, type LogLevel } from './telemetry/logger.ts';
import { ROOM_ID_FORMS, type RoomIdForm } from './telemetry/room-ids.ts';

/** Everything an operator can set, validated and frozen. Milliseconds and bytes unless named otherwise. */
export interface Config {
  /** Undefined: all interfaces, IPv6 and IPv4. */
  readonly host: string | undefined;
  /** 0: any free port. */
  readonly port: number;
  /** Of the page, the socket and health, without a slash at the end; empty: none. */
  readonly basePath: string;
  readonly keepAliveTimeoutMs: number;
  readonly roomCapacity: number;
  readonly roomIdleTimeoutMs: number;
  readonly resumeGraceMs: number;
  /** `resumeGraceMs` at most counts. */
  readonly reloadGraceMs: number;
  readonly heartbeatIntervalMs: number;
  readonly firstMessageTimeoutMs: number;
  /** How long a connection may be outside a room. */
  readonly outsideTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly rateLimitMessages: number;
  readonly rateLimitWindowMs: number;
  readonly maxPayloadBytes: number;
  readonly maxQueueBytes: number;
  /** Undefined: a sixteenth of V8's heap limit, at most 256 MiB. */
  readonly maxAllQueuesBytes: number | undefined;
  readonly maxOutboxMessages: number;
  readonly maxOutboxBytes: number;
  /** Undefined: an eighth of V8's heap limit, at most 256 MiB. */
  readonly maxAllOutboxesBytes: number | undefined;
  readonly maxConnections: number;
  /** WebSockets of one address at a time, and TCP connections without one; 0: any number. */
  readonly maxConnectionsPerAddress: number;
  readonly maxRooms: number;
  /** Connection attempts and failed joins of one address within `attemptsWindowMs`; 0: any number. */
  readonly maxAttemptsPerAddress: number;
  readonly attemptsWindowMs: number;
  /** Told to clients in Ready. */
  readonly iceServers: readonly IceServer[];
  /** Origins, and patterns of them; empty: any origin. */
  readonly allowedOrigins: readonly string[];
  /** Sites that may have the call page in a frame. */
  readonly frameAncestors: readonly string[];
  /** Addresses whose `X-Forwarded-For` is believed. */
  readonly trustProxy: readonly string[];
  readonly tlsCertFile: string | undefined;
  readonly tlsKeyFile: string | undefined;
  /** Whether clients have to say who they are. */
  readonly auth: 'off' | 'optional' | 'required';
  readonly authSecretsFile: string | undefined;
  readonly authJwksFile: string | undefined;
  readonly authJwksUrl: string | undefined;
  readonly authIssuer: string | undefined;
  readonly authAudience: string | undefined;
  /** The longest life of a token, in seconds. */
  readonly authMaxTtlS: number;
  /** From the end of a token to the close of its connection. */
  readonly authGraceMs: number;
  readonly authHookUrl: string | undefined;
  readonly authHookTimeoutMs: number;
  readonly logLevel: LogLevel;
  /** How room ids are in logs and spans. */
  readonly logRoomIds: RoomIdForm;
  /** Serve /metrics as Prometheus text. */
  readonly prometheus: boolean;
  readonly inspect: boolean;
  readonly inspectPort: number;
  /** False: only documented API of xstate, ws, valibot and OpenTelemetry’s SDK is used. */
  readonly fastPaths: boolean;
}

/** One environment variable: how docs/operations.md and error messages describe it, and how it is read. */
export interface Variable<T = unknown> {
  readonly fallback: string;
  readonly allowed: string;
  readonly meaning: string;
  readonly schema: v.GenericSchema<string, T>;
  /** Its value is not shown when it is wrong: it may hold credentials. */
  readonly isSecret?: true;
  /** The messages of its schema say which part is wrong, and belong into the error. */
  readonly namesPart?: true;
}

const MAX_TIMER_MS = 2 ** 31 - 1;
const MAX_BYTES = 2 ** 40;
const DAY_MS = 24 * 60 * 60 * 1000;

function integer(fallback: number, min: number, max: number, meaning: string): Variable<number> {
  return {
    fallback: String(fallback),
    allowed: `an integer from ${min} to ${max}`,
    meaning,
    schema: v.pipe(
      v.string(),
      v.regex(/^\d+$/),
      v.transform(Number),
      v.safeInteger(),
      v.minValue(min),
      v.maxValue(max),
    ),
  };
}

/** An integer, or nothing. */
function optionalInteger(min: number, max: number, meaning: string): Variable<number | undefined> {
  const { schema, allowed } = integer(min, min, max, meaning);
  const empty = v.pipe(
    v.literal(''),
    v.transform(() => undefined),
  );
  return {
    fallback: '',
    allowed: `${allowed}, or empty`,
    meaning,
    schema: v.union([empty, schema]) as unknown as v.GenericSchema<string, number | undefined>,
  };
}

function text(allowed: string, meaning: string): Variable<string | undefined> {
  return {
    fallback: '',
    allowed,
    meaning,
    schema: v.pipe(
      v.string(),
      v.transform((value) => (value === '' ? undefined : value)),
    ),
  };
}

function list(allowed: string, isItem: (item: string) => boolean, meaning: string): Variable<string[]> {
  return {
    fallback: '',
    allowed,
    meaning,
    schema: v.pipe(
      v.string(),
      v.transform((value) =>
        value
          .split(',')
          .map((item) => item.trim())
          .filter((item) => item !== ''),
      ),
      v.check((items) => items.every(isItem)),
    ),
  };
}

function isProxy(item: string): boolean {
  try {
    compile(item);
    return true;
  } catch {
    return false;
  }
}

/** An address that the server itself asks: https, or http on this machine. */
function ownUrl(meaning: string): Variable<string | undefined> {
  return {
    fallback: '',
    allowed: 'a URL that begins with https://, or with http:// and names this machine; empty: none',
    meaning,
    isSecret: true,
    schema: v.pipe(
      v.string(),
      v.check((value) => value === '' || (URL.canParse(value) && isTrustworthy(new URL(value)))),
      v.transform((value) => (value === '' ? undefined : value)),
    ),
  };
}

export const VARIABLES = {
  HOST: text('a host name or address; empty: all interfaces', 'Address to listen on.'),
  PORT: integer(8080, 0, 65535, 'Port to listen on; 0 takes any free one.'),
  BASE_PATH: {
    fallback: '',
    allowed: 'a path such as /call, of letters, digits and . _ ~ -; empty: none',
    meaning:
      'Prefix of all paths but /metrics: the page is at /call/, the WebSocket at /call/ws. Health is at /healthz and /readyz, too.',
    schema: v.pipe(
      v.string(),
      v.regex(/^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)*\/?$/),
      v.transform((value) => value.replace(/\/$/, '')),
    ),
  },
  KEEP_ALIVE_TIMEOUT_MS: integer(
    5000,
    0,
    MAX_TIMER_MS,
    'How long an HTTP connection may wait for its next request. More than that of a load balancer before it. 0: one request a connection.',
  ),
  ROOM_CAPACITY: integer(8, 1, 1000, 'Participants in a room at most.'),
  ROOM_IDLE_TIMEOUT_MS: integer(60_000, 1, MAX_TIMER_MS, 'How long an empty room lives.'),
  RESUME_GRACE_MS: integer(15_000, 0, MAX_TIMER_MS, 'How long a session keeps its seat without a socket.'),
  RELOAD_GRACE_MS: integer(
    8000,
    0,
    MAX_TIMER_MS,
    'How long a session keeps its seat after its page was left or reloaded (close 4001); never longer than RESUME_GRACE_MS.',
  ),
  HEARTBEAT_INTERVAL_MS: integer(
    15_000,
    100,
    MAX_TIMER_MS,
    'Time between WebSocket pings; a socket that leaves two unanswered is dead.',
  ),
  FIRST_MESSAGE_TIMEOUT_MS: integer(
    30_000,
    1,
    MAX_TIMER_MS,
    'A socket that says nothing for so long is closed 4408; a connection whose request is not complete by then, 408.',
  ),
  OUTSIDE_TIMEOUT_MS: integer(
    600_000,
    1,
    MAX_TIMER_MS,
    'How long a connection may be outside a room before it is closed 4408; a request for a room counts, too. The SDK connects again at its next call.',
  ),
  DRAIN_TIMEOUT_MS: integer(10_000, 0, DAY_MS, 'On SIGTERM, how long clients have to go elsewhere.'),
  RATE_LIMIT_MESSAGES: integer(20, 1, 100_000, 'Text frames a connection may send within the window.'),
  RATE_LIMIT_WINDOW_MS: integer(1000, 1, MAX_TIMER_MS, 'Length of the rolling window, and of the penalty.'),
  MAX_PAYLOAD_BYTES: integer(65_536, 256, 16 * 1024 * 1024, 'Largest frame read; a larger one closes 1009.'),
  MAX_QUEUE_BYTES: integer(
    1024 * 1024,
    1024,
    1024 * 1024 * 1024,
    'What may wait for a slow reader; beyond it its connection is closed with 1013.',
  ),
  MAX_ALL_QUEUES_BYTES: optionalInteger(
    65_536,
    MAX_BYTES,
    'What may wait for all slow readers together; beyond it the largest queues are closed with 1013. Empty: a sixteenth of V8’s heap limit, at most 256 MiB.',
  ),
  MAX_OUTBOX_MESSAGES: integer(
    256,
    1,
    100_000,
    'Messages kept for a session until they have arrived; beyond it the oldest are forgotten.',
  ),
  MAX_OUTBOX_BYTES: integer(1024 * 1024, 1024, MAX_BYTES, 'Bytes of those messages.'),
  MAX_ALL_OUTBOXES_BYTES: optionalInteger(
    65_536,
    MAX_BYTES,
    'Memory kept for all sessions together; beyond it the largest and oldest outboxes are emptied. Empty: an eighth of V8’s heap limit, at most 256 MiB.',
  ),
  MAX_CONNECTIONS: integer(10_000, 1, 10_000_000, 'Connections at most; one more is answered 503.'),
  MAX_CONNECTIONS_PER_ADDRESS: integer(
    1000,
    0,
    10_000_000,
    'Connections of one address (IPv6: one /64) at a time; one more is answered 429. As many TCP connections without a WebSocket may there be; one more is closed. Loopback is not limited. 0: no limit.',
  ),
  MAX_ROOMS: integer(100_000, 1, 10_000_000, 'Rooms at most, idle ones included.'),
  MAX_ATTEMPTS_PER_ADDRESS: integer(
    1000,
    0,
    1_000_000_000,
    'Attempts of one address (IPv6: one /64) within the window: connections, rooms asked for, joins in vain; beyond it 429, and close 4429. Loopback is not limited. 0: no limit.',
  ),
  ATTEMPTS_WINDOW_MS: integer(60_000, 1000, MAX_TIMER_MS, 'Length of that window.'),
  ICE_SERVERS: {
    fallback: '[]',
    allowed: 'a JSON array of RTCIceServer: urls (stun:, stuns:, turn: or turns:), username, credential',
    meaning:
      'STUN and TURN servers told to clients that say Hello. An entry that browsers refuse is refused at the start.',
    isSecret: true,
    namesPart: true,
    schema: v.pipe(
      v.string(),
      v.parseJson(undefined, 'it is not JSON'),
      v.rawTransform(({ dataset, addIssue, NEVER }): IceServer[] => {
        try {
          return readIceServers(dataset.value);
        } catch (error) {
          addIssue({ message: (error as Error).message });
          return NEVER;
        }
      }),
    ),
  },
  ALLOWED_ORIGINS: list(
    'origins such as https://app.example, https://*.preview.example.org (* is part of a label, never of the last two), capacitor://localhost, app:// (any host) or null, separated by commas; empty: any',
    isOriginPattern,
    'Pages that may connect, by their Origin header; others are answered 403. Clients that send none may.',
  ),
  FRAME_ANCESTORS: list(
    'self, origins such as https://app.example and patterns such as https://*.example.org (no IPv6 addresses), separated by commas; empty: none',
    isFrameAncestor,
    'Sites that may show the call page in a frame. Their frame has to allow camera, microphone, display-capture, clipboard-write and screen-wake-lock.',
  ),
  TRUST_PROXY: list(
    'addresses, CIDR subnets, loopback, linklocal or uniquelocal, separated by commas; empty: none',
    isProxy,
    'Reverse proxies whose X-Forwarded-For is believed.',
  ),
  TLS_CERT_FILE: text(
    'a path to a PEM file; set together with TLS_KEY_FILE',
    'Certificate chain: serve wss and https.',
  ),
  TLS_KEY_FILE: text(
    'a path to a PEM file; set together with TLS_CERT_FILE',
    'Private key of the certificate.',
  ),
  AUTH: {
    fallback: 'off',
    allowed: 'off, optional or required',
    meaning:
      'Whether a client says who it is when it connects (docs/auth.md). optional: a client without a token gets a generated id; required: it is answered 401.',
    schema: v.picklist(['off', 'optional', 'required']) as unknown as v.GenericSchema<
      string,
      'off' | 'optional' | 'required'
    >,
  },
  AUTH_SECRETS_FILE: text(
    'a path to a file with lines kid=base64',
    'Secrets of tokens with HS256, each of 32 bytes or more. Read again when it changes and on SIGHUP.',
  ),
  AUTH_JWKS_FILE: text(
    'a path to a JWK set',
    'Public keys of tokens. Read again when it changes and on SIGHUP.',
  ),
  AUTH_JWKS_URL: ownUrl(
    'Where the public keys of tokens are. Fetched at the start, every ten minutes, and for a token with an unknown key. The last good set is used for a day while that fails. Needs AUTH_AUDIENCE.',
  ),
  AUTH_ISSUER: text('text; empty: any', 'What the claim iss of a token must be.'),
  AUTH_AUDIENCE: text('text; empty: any', 'What the claim aud of a token must be, or contain.'),
  AUTH_MAX_TTL_S: integer(86_400, 1, 2_000_000, 'Seconds from iat to exp of a token at most.'),
  AUTH_GRACE_MS: integer(
    25_000,
    0,
    DAY_MS,
    'How long a connection goes on after its token has expired; then it is closed 4401.',
  ),
  AUTH_HOOK_URL: ownUrl(
    'Who is asked about clients that bring no token, with their cookies (docs/auth.md). Needs ALLOWED_ORIGINS.',
  ),
  AUTH_HOOK_TIMEOUT_MS: integer(2000, 1, 60_000, 'How long that may take; then the client is refused.'),
  LOG_LEVEL: {
    fallback: 'info',
    allowed: `one of ${LOG_LEVELS.join(', ')}`,
    meaning: 'Least severe log line written.',
    schema: v.picklist(LOG_LEVELS) as unknown as v.GenericSchema<string, LogLevel>,
  },
  LOG_ROOM_IDS: {
    fallback: 'plain',
    allowed: `one of ${ROOM_ID_FORMS.join(', ')}`,
    meaning:
      'How room ids are in logs and spans. plain: anybody who reads these can join the rooms; hashed: by an HMAC with a key of the process.',
    schema: v.picklist(ROOM_ID_FORMS) as unknown as v.GenericSchema<string, RoomIdForm>,
  },
  METRICS: {
    fallback: '',
    allowed: 'prometheus, or empty',
    meaning: 'Serve metrics as Prometheus text at /metrics, besides what OTEL_* exports.',
    schema: v.pipe(
      v.picklist(['', 'prometheus']) as unknown as v.GenericSchema<string, string>,
      v.transform((value) => value === 'prometheus'),
    ),
  },
  INSPECT: {
    fallback: '0',
    allowed: '0 or 1',
    meaning: 'Start the statechart inspector on localhost (docs/inspector.md).',
    schema: v.pipe(
      v.picklist(['0', '1']) as unknown as v.GenericSchema<string, string>,
      v.transform((value) => value === '1'),
    ),
  },
  INSPECT_PORT: integer(8081, 0, 65535, 'Port of the inspector; 0 takes any free one.'),
  BLOOM_FAST_PATHS: {
    fallback: 'on',
    allowed: 'on or off',
    meaning:
      'Whether undocumented API of xstate, ws, valibot and OpenTelemetry’s SDK is used, for speed. Try off when a new version of one is suspected.',
    schema: v.pipe(
      v.picklist(['on', 'off']) as unknown as v.GenericSchema<string, string>,
      v.transform((value) => value === 'on'),
    ),
  },
} satisfies Record<string, Variable>;

type VariableName = keyof typeof VARIABLES;

/** A wrong setting. The message has a line for each, naming the variable, its value and what is allowed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Reads the environment; an unset or empty variable takes its default. Throws ConfigError. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const read = <T>(name: VariableName & string, variable: Variable<T>): T => {
    const { schema, fallback, allowed, isSecret, namesPart } = variable;
    const value = env[name] || fallback;
    const result = v.safeParse(schema, value, { abortPipeEarly: true });
    const shown = isSecret ? 'wrong (not shown, since it may hold credentials)' : JSON.stringify(value);
    const part = namesPart && !result.success ? `: ${result.issues[0].message}` : '';
    if (!result.success) problems.push(`${name} is ${shown}${part}; allowed: ${allowed}.`);
    return (result.success ? result.output : undefined) as T;
  };
  const config: Config = {
    host: read('HOST', VARIABLES.HOST),
    port: read('PORT', VARIABLES.PORT),
    basePath: read('BASE_PATH', VARIABLES.BASE_PATH),
    keepAliveTimeoutMs: read('KEEP_ALIVE_TIMEOUT_MS', VARIABLES.KEEP_ALIVE_TIMEOUT_MS),
    roomCapacity: read('ROOM_CAPACITY', VARIABLES.ROOM_CAPACITY),
    roomIdleTimeoutMs: read('ROOM_IDLE_TIMEOUT_MS', VARIABLES.ROOM_IDLE_TIMEOUT_MS),
    resumeGraceMs: read('RESUME_GRACE_MS', VARIABLES.RESUME_GRACE_MS),
    reloadGraceMs: read('RELOAD_GRACE_MS', VARIABLES.RELOAD_GRACE_MS),
    heartbeatIntervalMs: read('HEARTBEAT_INTERVAL_MS', VARIABLES.HEARTBEAT_INTERVAL_MS),
    firstMessageTimeoutMs: read('FIRST_MESSAGE_TIMEOUT_MS', VARIABLES.FIRST_MESSAGE_TIMEOUT_MS),
    outsideTimeoutMs: read('OUTSIDE_TIMEOUT_MS', VARIABLES.OUTSIDE_TIMEOUT_MS),
    drainTimeoutMs: read('DRAIN_TIMEOUT_MS', VARIABLES.DRAIN_TIMEOUT_MS),
    maxAttemptsPerAddress: read('MAX_ATTEMPTS_PER_ADDRESS', VARIABLES.MAX_ATTEMPTS_PER_ADDRESS),
    attemptsWindowMs: read('ATTEMPTS_WINDOW_MS', VARIABLES.ATTEMPTS_WINDOW_MS),
    iceServers: read('ICE_SERVERS', VARIABLES.ICE_SERVERS),
    rateLimitMessages: read('RATE_LIMIT_MESSAGES', VARIABLES.RATE_LIMIT_MESSAGES),
    rateLimitWindowMs: read('RATE_LIMIT_WINDOW_MS', VARIABLES.RATE_LIMIT_WINDOW_MS),
    maxPayloadBytes: read('MAX_PAYLOAD_BYTES', VARIABLES.MAX_PAYLOAD_BYTES),
    maxQueueBytes: read('MAX_QUEUE_BYTES', VARIABLES.MAX_QUEUE_BYTES),
    maxAllQueuesBytes: read('MAX_ALL_QUEUES_BYTES', VARIABLES.MAX_ALL_QUEUES_BYTES),
    maxOutboxMessages: read('MAX_OUTBOX_MESSAGES', VARIABLES.MAX_OUTBOX_MESSAGES),
    maxOutboxBytes: read('MAX_OUTBOX_BYTES', VARIABLES.MAX_OUTBOX_BYTES),
    maxAllOutboxesBytes: read('MAX_ALL_OUTBOXES_BYTES', VARIABLES.MAX_ALL_OUTBOXES_BYTES),
    maxConnections: read('MAX_CONNECTIONS', VARIABLES.MAX_CONNECTIONS),
    maxConnectionsPerAddress: read('MAX_CONNECTIONS_PER_ADDRESS', VARIABLES.MAX_CONNECTIONS_PER_ADDRESS),
    maxRooms: read('MAX_ROOMS', VARIABLES.MAX_ROOMS),
    allowedOrigins: read('ALLOWED_ORIGINS', VARIABLES.ALLOWED_ORIGINS),
    frameAncestors: read('FRAME_ANCESTORS', VARIABLES.FRAME_ANCESTORS),
    trustProxy: read('TRUST_PROXY', VARIABLES.TRUST_PROXY),
    tlsCertFile: read('TLS_CERT_FILE', VARIABLES.TLS_CERT_FILE),
    tlsKeyFile: read('TLS_KEY_FILE', VARIABLES.TLS_KEY_FILE),
    auth: read('AUTH', VARIABLES.AUTH),
    authSecretsFile: read('AUTH_SECRETS_FILE', VARIABLES.AUTH_SECRETS_FILE),
    authJwksFile: read('AUTH_JWKS_FILE', VARIABLES.AUTH_JWKS_FILE),
    authJwksUrl: read('AUTH_JWKS_URL', VARIABLES.AUTH_JWKS_URL),
    authIssuer: read('AUTH_ISSUER', VARIABLES.AUTH_ISSUER),
    authAudience: read('AUTH_AUDIENCE', VARIABLES.AUTH_AUDIENCE),
    authMaxTtlS: read('AUTH_MAX_TTL_S', VARIABLES.AUTH_MAX_TTL_S),
    authGraceMs: read('AUTH_GRACE_MS', VARIABLES.AUTH_GRACE_MS),
    authHookUrl: read('AUTH_HOOK_URL', VARIABLES.AUTH_HOOK_URL),
    authHookTimeoutMs: read('AUTH_HOOK_TIMEOUT_MS', VARIABLES.AUTH_HOOK_TIMEOUT_MS),
    logLevel: read('LOG_LEVEL', VARIABLES.LOG_LEVEL),
    logRoomIds: read('LOG_ROOM_IDS', VARIABLES.LOG_ROOM_IDS),
    prometheus: read('METRICS', VARIABLES.METRICS),
    inspect: read('INSPECT', VARIABLES.INSPECT),
    inspectPort: read('INSPECT_PORT', VARIABLES.INSPECT_PORT),
    fastPaths: read('BLOOM_FAST_PATHS', VARIABLES.BLOOM_FAST_PATHS),
  };
  if ((config.tlsCertFile === undefined) !== (config.tlsKeyFile === undefined)) {
    const [set, unset] = config.tlsCertFile
      ? ['TLS_CERT_FILE', 'TLS_KEY_FILE']
      : ['TLS_KEY_FILE', 'TLS_CERT_FILE'];
    problems.push(`${unset} is empty, but ${set} is set; allowed: both or neither.`);
  }
  if (problems.length === 0) problems.push(...authProblems(config));
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return Object.freeze(config);
}

/** Settings of authentication that are dangerous or without effect together. */
function authProblems(config: Config): string[] {
  const { auth, authSecretsFile, authJwksFile, authJwksUrl, authAudience, authHookUrl, allowedOrigins } =
    config;
  if (auth === 'off') return [];
  const problems: string[] = [];
  if ((authSecretsFile ?? authJwksFile ?? authJwksUrl ?? authHookUrl) === undefined) {
    problems.push(
      `AUTH is ${JSON.stringify(auth)}, and nothing says who a client is; set AUTH_SECRETS_FILE, AUTH_JWKS_FILE, AUTH_JWKS_URL or AUTH_HOOK_URL.`,
    );
  }
  // A key server signs for other services as well.
  if (authJwksUrl !== undefined && authAudience === undefined)
    problems.push(
      'AUTH_AUDIENCE is empty, but AUTH_JWKS_URL is set; allowed: the name of this server in tokens.',
    );
  // Any page could connect with a user's cookies.
  if (authHookUrl !== undefined && allowedOrigins.length === 0)
    problems.push('ALLOWED_ORIGINS is empty, but AUTH_HOOK_URL is set; allowed: the origins of your pages.');
  return problems;
}
