import { describe, expect, test } from '@jest/globals';
import { ConfigError, readConfig, VARIABLES } from '../src/config.ts';
import { LOG_LEVELS } from '../src/telemetry/logger.ts';

const DEFAULTS = {
  host: undefined,
  port: 8080,
  basePath: '',
  keepAliveTimeoutMs: 5000,
  roomCapacity: 8,
  roomIdleTimeoutMs: 60_000,
  resumeGraceMs: 15_000,
  reloadGraceMs: 8000,
  heartbeatIntervalMs: 15_000,
  firstMessageTimeoutMs: 30_000,
  outsideTimeoutMs: 600_000,
  drainTimeoutMs: 10_000,
  rateLimitMessages: 20,
  rateLimitWindowMs: 1000,
  maxPayloadBytes: 65_536,
  maxQueueBytes: 1_048_576,
  maxAllQueuesBytes: undefined,
  maxOutboxMessages: 256,
  maxOutboxBytes: 1_048_576,
  maxAllOutboxesBytes: undefined,
  maxConnections: 10_000,
  maxConnectionsPerAddress: 1000,
  maxRooms: 100_000,
  maxAttemptsPerAddress: 1000,
  attemptsWindowMs: 60_000,
  iceServers: [],
  allowedOrigins: [],
  frameAncestors: [],
  trustProxy: [],
  tlsCertFile: undefined,
  tlsKeyFile: undefined,
  auth: 'off',
  authSecretsFile: undefined,
  authJwksFile: undefined,
  authJwksUrl: undefined,
  authIssuer: undefined,
  authAudience: undefined,
  authMaxTtlS: 86_400,
  authGraceMs: 25_000,
  authHookUrl: undefined,
  authHookTimeoutMs: 2000,
  logLevel: 'info',
  logRoomIds: 'plain',
  prometheus: false,
  inspect: false,
  inspectPort: 8081,
  fastPaths: true,
};

type Name = keyof typeof VARIABLES;
const NAMES = Object.keys(VARIABLES) as Name[];

/** The lines of the error a bad environment is answered with; fails if it is accepted. */
function problems(env: Record<string, string>): string[] {
  try {
    readConfig(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message.split('\n');
  }
  throw new Error(`accepted: ${JSON.stringify(env)}`);
}

describe('defaults', () => {
  test('hold for whatever is not set', () => expect(readConfig({})).toEqual(DEFAULTS));

  test('hold for whatever is set empty', () => {
    expect(readConfig(Object.fromEntries(NAMES.map((name) => [name, ''])))).toEqual(DEFAULTS);
  });

  test('hold for whatever is undefined', () => {
    expect(readConfig(Object.fromEntries(NAMES.map((name) => [name, undefined])))).toEqual(DEFAULTS);
  });

  test('are themselves allowed', () => {
    const fallbacks = Object.fromEntries(NAMES.map((name) => [name, VARIABLES[name].fallback]));
    expect(readConfig(fallbacks)).toEqual(DEFAULTS);
  });

  test('variables of other programs change nothing', () => {
    expect(readConfig({ PATH: '/bin', NODE_ENV: 'x', port: '1', constructor: 'y' })).toEqual(DEFAULTS);
  });
});

test('is frozen', () => {
  const config = readConfig({});
  expect(Object.isFrozen(config)).toBe(true);
  expect(() => Object.assign(config, { port: 1 })).toThrow(TypeError);
});

test('every variable says what it means and what is allowed', () => {
  for (const name of NAMES) {
    expect([name, VARIABLES[name].meaning]).toEqual([name, expect.stringMatching(/^[A-Z].*\.$/)]);
    expect([name, VARIABLES[name].allowed]).toEqual([name, expect.stringMatching(/./)]);
  }
});

describe('integers', () => {
  const BOUNDS = [
    ['PORT', 'port', 0, 65535],
    ['KEEP_ALIVE_TIMEOUT_MS', 'keepAliveTimeoutMs', 0, 2 ** 31 - 1],
    ['ROOM_CAPACITY', 'roomCapacity', 1, 1000],
    ['ROOM_IDLE_TIMEOUT_MS', 'roomIdleTimeoutMs', 1, 2 ** 31 - 1],
    ['RESUME_GRACE_MS', 'resumeGraceMs', 0, 2 ** 31 - 1],
    ['RELOAD_GRACE_MS', 'reloadGraceMs', 0, 2 ** 31 - 1],
    ['HEARTBEAT_INTERVAL_MS', 'heartbeatIntervalMs', 100, 2 ** 31 - 1],
    ['FIRST_MESSAGE_TIMEOUT_MS', 'firstMessageTimeoutMs', 1, 2 ** 31 - 1],
    ['OUTSIDE_TIMEOUT_MS', 'outsideTimeoutMs', 1, 2 ** 31 - 1],
    ['DRAIN_TIMEOUT_MS', 'drainTimeoutMs', 0, 24 * 60 * 60 * 1000],
    ['RATE_LIMIT_MESSAGES', 'rateLimitMessages', 1, 100_000],
    ['RATE_LIMIT_WINDOW_MS', 'rateLimitWindowMs', 1, 2 ** 31 - 1],
    ['MAX_PAYLOAD_BYTES', 'maxPayloadBytes', 256, 16 * 1024 * 1024],
    ['MAX_QUEUE_BYTES', 'maxQueueBytes', 1024, 1024 ** 3],
    ['MAX_OUTBOX_MESSAGES', 'maxOutboxMessages', 1, 100_000],
    ['MAX_OUTBOX_BYTES', 'maxOutboxBytes', 1024, 2 ** 40],
    ['MAX_CONNECTIONS', 'maxConnections', 1, 10_000_000],
    ['MAX_CONNECTIONS_PER_ADDRESS', 'maxConnectionsPerAddress', 0, 10_000_000],
    ['MAX_ROOMS', 'maxRooms', 1, 10_000_000],
    ['MAX_ATTEMPTS_PER_ADDRESS', 'maxAttemptsPerAddress', 0, 1_000_000_000],
    ['AUTH_MAX_TTL_S', 'authMaxTtlS', 1, 2_000_000],
    ['AUTH_GRACE_MS', 'authGraceMs', 0, 24 * 60 * 60 * 1000],
    ['AUTH_HOOK_TIMEOUT_MS', 'authHookTimeoutMs', 1, 60_000],
    ['ATTEMPTS_WINDOW_MS', 'attemptsWindowMs', 1000, 2 ** 31 - 1],
    ['INSPECT_PORT', 'inspectPort', 0, 65535],
  ] as const;

  test.each(BOUNDS)('%s is read', (name, key, min, max) => {
    for (const value of [min, min + 1, max]) expect(readConfig({ [name]: String(value) })[key]).toBe(value);
  });

  test.each(BOUNDS)('%s: what is wrong is named, with its value and what is allowed', (name, _, min, max) => {
    const wrong = [
      'x',
      '-1',
      '1.5',
      '1e3',
      '0x10',
      ' 8',
      '8 ',
      '8ms',
      'NaN',
      'Infinity',
      '９',
      '9'.repeat(400),
    ];
    if (min > 0) wrong.push(String(min - 1));
    wrong.push(String(max + 1));
    for (const value of wrong) {
      expect(problems({ [name]: value })).toEqual([
        `${name} is ${JSON.stringify(value)}; allowed: an integer from ${min} to ${max}.`,
      ]);
    }
  });

  // A longer delay overflows Node's timers, which then run at once.
  test.each(NAMES.filter((name) => name.endsWith('_MS')))('%s fits into a timer', (name) => {
    expect(problems({ [name]: String(2 ** 31) })).toHaveLength(1);
  });

  test('every number there is has its bounds here', () => {
    const numbers = NAMES.filter((name) => /^\d+$/.test(VARIABLES[name].fallback) && name !== 'INSPECT');
    expect(BOUNDS.map(([name]) => name).sort()).toEqual(numbers.sort());
  });
});

describe('budgets that follow the heap where they are empty', () => {
  test.each([
    ['MAX_ALL_QUEUES_BYTES', 'maxAllQueuesBytes'],
    ['MAX_ALL_OUTBOXES_BYTES', 'maxAllOutboxesBytes'],
  ] as const)('%s', (name, key) => {
    expect(readConfig({ [name]: '' })[key]).toBeUndefined();
    for (const value of [65_536, 2 ** 40]) expect(readConfig({ [name]: String(value) })[key]).toBe(value);
    for (const value of ['65535', String(2 ** 40 + 1), '1.5', 'x', ' ']) {
      expect(problems({ [name]: value })).toEqual([
        `${name} is ${JSON.stringify(value)}; allowed: an integer from 65536 to ${2 ** 40}, or empty.`,
      ]);
    }
  });
});

describe('LOG_LEVEL', () => {
  test.each(LOG_LEVELS)('%s', (level) => expect(readConfig({ LOG_LEVEL: level }).logLevel).toBe(level));

  test.each(['INFO', 'verbose', '30', ' info', 'toString'])('%j is none', (level) => {
    expect(problems({ LOG_LEVEL: level })).toEqual([
      `LOG_LEVEL is ${JSON.stringify(level)}; allowed: one of ${LOG_LEVELS.join(', ')}.`,
    ]);
  });
});

test('LOG_ROOM_IDS', () => {
  for (const form of ['plain', 'hashed'] as const)
    expect(readConfig({ LOG_ROOM_IDS: form }).logRoomIds).toBe(form);
  expect(problems({ LOG_ROOM_IDS: 'none' })).toEqual([
    'LOG_ROOM_IDS is "none"; allowed: one of plain, hashed.',
  ]);
});

describe('switches', () => {
  test.each([
    ['METRICS', 'prometheus', { '': false, prometheus: true }, 'prometheus, or empty'],
    ['BLOOM_FAST_PATHS', 'fastPaths', { '': true, on: true, off: false }, 'on or off'],
    ['INSPECT', 'inspect', { '': false, 0: false, 1: true }, '0 or 1'],
  ] as const)('%s', (name, key, values, allowed) => {
    for (const [value, expected] of Object.entries(values))
      expect(readConfig({ [name]: value })[key]).toBe(expected);
    for (const value of ['true', 'yes', '2', 'Prometheus', ' ']) {
      expect(problems({ [name]: value })).toEqual([
        `${name} is ${JSON.stringify(value)}; allowed: ${allowed}.`,
      ]);
    }
  });
});

test('HOST is taken as it is', () => {
  for (const host of ['127.0.0.1', '::', 'bloom.example']) expect(readConfig({ HOST: host }).host).toBe(host);
});

describe('ALLOWED_ORIGINS', () => {
  test.each([
    ['https://app.example', ['https://app.example']],
    ['https://a.example, http://localhost:3000 ,', ['https://a.example', 'http://localhost:3000']],
    ['https://[2001:db8::1]:8443', ['https://[2001:db8::1]:8443']],
    ['null, capacitor://localhost, app://', ['null', 'capacitor://localhost', 'app://']],
    ['https://*.preview.example.org:444', ['https://*.preview.example.org:444']],
    [' , ,', []],
  ])('%j', (value, origins) =>
    expect(readConfig({ ALLOWED_ORIGINS: value }).allowedOrigins).toEqual(origins),
  );

  // Each of these would never equal what a browser sends.
  test.each([
    'app.example',
    'https://app.example/',
    'https://app.example/call',
    'https://APP.example',
    'https://app.example:443',
    'https://user@app.example',
    '*',
    'NULL',
    'https://',
    'file:///',
    'app:',
    'app:x',
    'app://a/b',
    'App://a',
    'app://*',
    'ws://app.example',
    'javascript://x',
    'https://*',
    'https://*.example',
    'https://example.*',
    'https://a.*.example',
    'https://**.a.example',
    'https://*.a.example:*',
    'https://*.a.example/',
    'http*://a.b.example',
    'https://*.2.3.4',
    'https://a.example https://b.example',
    'https://a.example,b.example',
  ])('%j is none', (value) => {
    expect(problems({ ALLOWED_ORIGINS: value })).toEqual([
      expect.stringMatching(/^ALLOWED_ORIGINS is ".*"; allowed: origins such as /),
    ]);
  });
});

describe('BASE_PATH', () => {
  test.each([
    ['/', ''],
    ['/call', '/call'],
    ['/call/', '/call'],
    ['/a/b-c_d.e~f', '/a/b-c_d.e~f'],
    ['/..a/.b', '/..a/.b'],
  ])('%j', (value, path) => expect(readConfig({ BASE_PATH: value }).basePath).toBe(path));

  test.each([
    'call',
    '//',
    '/call//',
    '/a//b',
    '/..',
    '/a/../b',
    '/./b',
    '/a b',
    '/a?x',
    '/a#x',
    '/%61',
    '/é',
    'https://x/',
  ])('%j is refused', (value) => {
    expect(problems({ BASE_PATH: value })).toEqual([
      `BASE_PATH is ${JSON.stringify(value)}; allowed: a path such as /call, of letters, digits and . _ ~ -; empty: none.`,
    ]);
  });
});

describe('FRAME_ANCESTORS', () => {
  test.each([
    ['self', ['self']],
    ['https://a.example:444, http://localhost', ['https://a.example:444', 'http://localhost']],
    ['https://*.example.org,capacitor://localhost', ['https://*.example.org', 'capacitor://localhost']],
  ])('%j', (value, sites) => expect(readConfig({ FRAME_ANCESTORS: value }).frameAncestors).toEqual(sites));

  test.each([
    '*',
    "'self'",
    'none',
    'null',
    'a.example',
    'https://',
    'https://a.example/',
    'https://[::1]',
    'https:',
    'https://a;b',
    "https://a'",
    'https://a b',
    'https://a.*',
    'https://a*.b',
  ])('%j is refused', (value) => {
    expect(problems({ FRAME_ANCESTORS: value })).toEqual([
      expect.stringMatching(/^FRAME_ANCESTORS is ".*"; allowed: self, origins such as /),
    ]);
  });
});

describe('ICE_SERVERS', () => {
  const turn = { urls: 'turn:turn.example:3478?transport=udp', username: 'u', credential: 'secret' };

  test.each([
    [[]],
    [[{ urls: 'stun:stun.example:3478' }]],
    [[{ urls: 'stuns:stun.example' }, turn]],
    [[{ ...turn, urls: ['turn:turn.example', 'turns:turn.example:5349?transport=tcp'] }]],
    [[{ urls: ['stun:[2001:db8::1]:3478'] }]],
  ])('%j is read as it is', (servers) => {
    expect(readConfig({ ICE_SERVERS: JSON.stringify(servers) }).iceServers).toEqual(servers);
    expect(readConfig({ ICE_SERVERS: JSON.stringify(servers, null, 2) }).iceServers).toEqual(servers);
  });

  test.each([
    'stun:stun.example',
    '[',
    '{}',
    'null',
    '0',
    '"stun:stun.example"',
    '["stun:stun.example"]',
    '[null]',
    '[[]]',
    '[{}]',
    '[{"url":"stun:stun.example"}]',
    '[{"urls":"stun.example"}]',
    '[{"urls":"https://stun.example"}]',
    '[{"urls":"stun:"}]',
    '[{"urls":"stun:a b"}]',
    '[{"urls":""}]',
    '[{"urls":null}]',
    '[{"urls":7}]',
    '[{"urls":[]}]',
    '[{"urls":["stun:stun.example",""]}]',
    '[{"urls":[["stun:stun.example"]]}]',
    '[{"urls":"turn:turn.example","username":null}]',
    '[{"urls":"turn:turn.example","credential":{}}]',
    '[{"urls":"stun:stun.example"},{}]',
    '[{"urls":"stun:stun.example"}],',
  ])('%s is none', (value) => {
    const lines = problems({ ICE_SERVERS: value });
    expect(lines).toEqual([
      expect.stringMatching(/^ICE_SERVERS is .*; allowed: a JSON array of RTCIceServer: /),
    ]);
  });
});

describe('TRUST_PROXY', () => {
  test.each([
    ['10.0.0.1', ['10.0.0.1']],
    ['10.0.0.0/8, 2001:db8::/32', ['10.0.0.0/8', '2001:db8::/32']],
    ['loopback,linklocal,uniquelocal', ['loopback', 'linklocal', 'uniquelocal']],
  ])('%j', (value, proxies) => expect(readConfig({ TRUST_PROXY: value }).trustProxy).toEqual(proxies));

  test.each([
    'true',
    'proxy.example',
    '10.0.0.256',
    '10.0.0.0/33',
    '10.0.0.0/',
    '::1/129',
    'loopback;::1',
    'toString',
  ])('%j is none', (value) => {
    expect(problems({ TRUST_PROXY: value })).toEqual([
      expect.stringMatching(/^TRUST_PROXY is ".*"; allowed: addresses, CIDR subnets, /),
    ]);
  });
});

describe('TLS', () => {
  test('takes both files', () => {
    expect(readConfig({ TLS_CERT_FILE: 'c.pem', TLS_KEY_FILE: 'k.pem' })).toMatchObject({
      tlsCertFile: 'c.pem',
      tlsKeyFile: 'k.pem',
    });
  });

  test.each([
    ['TLS_CERT_FILE', 'TLS_KEY_FILE'],
    ['TLS_KEY_FILE', 'TLS_CERT_FILE'],
  ])('%s without %s is refused, the missing one named first', (set, unset) => {
    const expected = [`${unset} is empty, but ${set} is set; allowed: both or neither.`];
    expect(problems({ [set]: 'x.pem' })).toEqual(expected);
    expect(problems({ [set]: 'x.pem', [unset]: '' })).toEqual(expected);
  });
});

test('everything wrong is reported together, a line each', () => {
  const lines = problems({
    PORT: '99999',
    LOG_LEVEL: 'loud',
    ALLOWED_ORIGINS: '*',
    TRUST_PROXY: 'all',
    ICE_SERVERS: 'stun:stun.example',
    RESUME_GRACE_MS: '-1',
    ROOM_CAPACITY: '0',
    MAX_ROOMS: '5',
    TLS_KEY_FILE: 'k.pem',
  });
  expect(lines.map((line) => line.split(' ', 1)[0]).sort()).toEqual([
    'ALLOWED_ORIGINS',
    'ICE_SERVERS',
    'LOG_LEVEL',
    'PORT',
    'RESUME_GRACE_MS',
    'ROOM_CAPACITY',
    'TLS_CERT_FILE',
    'TRUST_PROXY',
  ]);
});

test('a value of several lines does not break the report', () => {
  expect(problems({ PORT: '80\n443' })).toEqual(['PORT is "80\\n443"; allowed: an integer from 0 to 65535.']);
});

test('a wrong ICE_SERVERS is told by entry and part, without its credentials', () => {
  const account = { username: 'bloom', credential: 's3cret' };
  const value = JSON.stringify([{ urls: 'stun:h' }, { urls: 'turn:h:99999', ...account }]);
  expect(problems({ ICE_SERVERS: value })).toEqual([
    'ICE_SERVERS is wrong (not shown, since it may hold credentials): entry 2: "turn:h:99999": the port is not a number from 1 to 65535; allowed: a JSON array of RTCIceServer: urls (stun:, stuns:, turn: or turns:), username, credential.',
  ]);
  expect(problems({ ICE_SERVERS: '[' })).toEqual([expect.stringContaining('): it is not JSON; allowed: ')]);
});
