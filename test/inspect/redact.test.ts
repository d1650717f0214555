import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { add, rollingWindow } from '../../machines/rolling-window.ts';
import { redact } from '../../src/inspect/redact.ts';

/** What the inspector shows of contexts and events: readable, bounded, and without a secret. */

const NAMES = [
  'sdp',
  'candidate',
  'usernameFragment',
  'sdpMid',
  'token',
  'resume_token',
  'resumeToken',
  'accessToken',
  'authorization',
  'Authorization',
  'password',
  'client_secret',
  'x-api-key',
  'credential',
];

const secret = fc.stringMatching(/^[A-Z0-9]{16}$/).map((text) => `SECRET${text}`);

/** Ways to hide a value deeper; each must keep what is inside of it readable for whoever looks for it. */
const WRAPPERS: Readonly<Record<string, (value: unknown) => unknown>> = {
  field: (value) => ({ type: 'Offer', payload: value, to: 'somebody' }),
  array: (value) => [1, value, 'x'],
  map: (value) => new Map<unknown, unknown>([['room', value]]),
  mapKey: (value) => new Map<unknown, unknown>([[value, 1]]),
  set: (value) => new Set([value]),
  cause: (value) => new Error('outer', { cause: value }),
  ownProperty: (value) => Object.assign(new Error('outer'), { details: value }),
  message: (value) => new Error(`Cannot handle ${text(value)}`),
  json: (value) => text(value),
  prose: (value) => `received ${text(value)} from a client`,
  cut: (value) => `received ${text(value).slice(0, -1)}`,
};

/** JSON, with what JSON would leave out. */
function text(value: unknown): string {
  return JSON.stringify(value, (_, inner) => {
    if (inner instanceof Map || inner instanceof Set) return [...inner];
    if (inner instanceof Error) return { ...inner, message: inner.message, cause: inner.cause };
    return inner;
  });
}

const wrappers = fc.array(fc.constantFrom(...Object.values(WRAPPERS)), { maxLength: 5 });
const wrap = (value: unknown, by: ((value: unknown) => unknown)[]) =>
  by.reduce((inner, next) => next(inner), value);

describe('no secret survives', () => {
  test('under a name that says it is one, wherever it is nested', () => {
    const holder = fc.record({ name: fc.constantFrom(...NAMES), secret, isMap: fc.boolean() });
    fc.assert(
      fc.property(holder, wrappers, ({ name, secret, isMap }, by) => {
        const held = isMap ? new Map([[name, secret]]) : { type: 'x', [name]: secret };
        expect(JSON.stringify(redact(wrap(held, by)))).not.toContain(secret);
      }),
      { numRuns: 2000 },
    );
  });

  test('in structures under such a name', () => {
    fc.assert(
      fc.property(fc.constantFrom(...NAMES), secret, wrappers, (name, secret, by) => {
        expect(JSON.stringify(redact({ [name]: wrap(secret, by) }))).not.toContain(secret);
      }),
    );
  });

  const sdp = (secret: string) =>
    `v=0\r\no=- 46117314 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-ufrag:x\r\na=ice-pwd:${secret}\r\n`;

  test.each<[string, (secret: string) => string]>([
    ['an SDP', sdp],
    ['an SDP behind words', (secret) => `setRemoteDescription failed on ${sdp(secret)}`],
    ['a line of an SDP', (secret) => `a=ice-pwd:${secret}`],
    ['a candidate', (secret) => `candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx ${secret}`],
    ['a JWT', (secret) => `it was eyJhbGciOiJIUzI1NiJ9.${secret}.x`],
    ['a bearer', (secret) => `sent Bearer ${secret}`],
    ['a header', (secret) => `Authorization: Basic ${secret}`],
    ['a query', (secret) => `GET /ws?room=1&token=${secret}&x=1`],
    ['an assignment', (secret) => `resume_token = ${secret}`],
    ['a number of valibot', (secret) => `Hello.token: Invalid UUID: Received "${secret}"`],
  ])('in %s, by its looks', (_, write) => {
    fc.assert(
      fc.property(secret, wrappers, (secret, by) => {
        expect(JSON.stringify(redact(wrap(write(secret), by)))).not.toContain(secret);
      }),
    );
  });

  test('in bytes', () => {
    expect(redact({ sent: Buffer.from('v=0 SECRET'), also: new ArrayBuffer(3) })).toEqual({
      sent: '[10 bytes]',
      also: '[3 bytes]',
    });
  });
});

describe('what is no secret is shown', () => {
  const word = fc
    .stringMatching(/^[a-z]{1,8}$/)
    .filter((name) => !/candidate|token|sdp|pwd|ufrag|jwt/.test(name));
  const plain = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constant(null),
      fc.boolean(),
      fc.integer(),
      word,
      fc.uuid(),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(word, tie('value'), { maxKeys: 4 }),
    ),
  })).value;

  test('plain values come back as they are', () => {
    fc.assert(fc.property(plain, (value) => expect(redact(value)).toEqual(value)));
  });

  test('messages keep what is not secret in them, and the length of what is', () => {
    const message = { type: 'IceCandidate', to: 'bob', candidate: 'candidate:1', sdpMLineIndex: 0 };
    expect(redact(message)).toEqual({ ...message, candidate: '[redacted 11 characters]' });
    expect(redact({ sdp: 'x' })).toEqual({ sdp: '[redacted 1 character]' });
    expect(redact({ token: { a: 1 } })).toEqual({ token: '[redacted]' });
  });

  test('what is empty or absent is no secret', () => {
    const end = { type: 'IceCandidate', candidate: '', sdpMid: null, usernameFragment: null };
    expect(redact({ ...end, hasToken: true, sdp: undefined })).toEqual({ ...end, hasToken: true });
  });

  test('sentences for the developer of a client stay readable', () => {
    for (const sentence of [
      'Offer.sdp: Invalid type: Expected string but received undefined',
      'IceCandidate: no participant 59bf98c6 in this room.',
      'Unknown type "x"; expected one of CreateRoom, JoinRoom, LeaveRoom, Offer, Answer, IceCandidate.',
      'Wait until your room has answered.',
    ]) {
      expect(redact(sentence)).toBe(sentence);
    }
  });

  test('what JSON cannot say is written out', () => {
    const window = rollingWindow(20, 1000);
    add(window, 812.4);
    add(window, 930.25);
    expect(
      redact({
        window,
        bytes: Uint8Array.of(1, 2),
        failures: new Map([['r', [1, 2]]]),
        byObject: new Map([[{ a: 1 }, 'x']]),
        set: new Set([1]),
        error: new RangeError('too far', { cause: 'why' }),
        date: new Date(0),
        numbers: [Number.NaN, -Infinity, 12n],
        run: function run() {},
        actor: { sessionId: 'x:3', send() {} },
      }),
    ).toEqual({
      window: { arrivals: [812.4, 930.25, '-Infinity', '-Infinity'], limit: 20, windowMs: 1000, next: 2 },
      bytes: '[2 bytes]',
      failures: { r: [1, 2] },
      byObject: { '{"a":1}': 'x' },
      set: [1],
      error: { name: 'RangeError', message: 'too far', cause: 'why' },
      date: '1970-01-01T00:00:00.000Z',
      numbers: ['NaN', '-Infinity', '12n'],
      run: '[function run]',
      actor: '[actor x:3]',
    });
  });
});

describe('the copy', () => {
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
    withObjectString: true,
    maxDepth: 6,
  });

  test('is JSON, whatever it is a copy of', () => {
    fc.assert(
      fc.property(anything, (value) => {
        const copy = redact(value);
        expect(JSON.parse(JSON.stringify(copy))).toEqual(copy);
      }),
    );
  });

  test('leaves its original alone', () => {
    fc.assert(
      fc.property(secret, fc.constantFrom(...NAMES), (secret, name) => {
        const original = { [name]: secret, list: [{ [name]: secret }], map: new Map([[name, secret]]) };
        const before = structuredClone(original);
        redact(original);
        expect(original).toEqual(before);
      }),
    );
  });

  test('is bounded, and says what it leaves out', () => {
    let deep: unknown = 'end';
    for (let i = 0; i < 10_000; i++) deep = { deep };
    expect(JSON.stringify(redact(deep))).toContain('[not shown: too deep]');
    expect(redact(Array.from({ length: 102 }, () => 0))).toHaveLength(101);
    expect((redact(Array.from({ length: 102 }, () => 0)) as unknown[]).at(-1)).toBe('… 2 more');
    expect(redact('x'.repeat(5000))).toBe(`${'x'.repeat(1000)}… (5000 characters)`);
    const wide = Array.from({ length: 100 }, () => Array.from({ length: 100 }, () => 'y'.repeat(2000)));
    expect(JSON.stringify(redact(wide)).length).toBeLessThan(1_000_000);
    expect(JSON.stringify(redact(wide))).toContain('[not shown: too much]');
  });

  test('survives circles, throwing getters and proxies', () => {
    const circle: Record<string, unknown> = { name: 'circle' };
    circle.self = circle;
    const hostile = {
      get boom() {
        throw new Error('no');
      },
    };
    const proxy = new Proxy({}, { ownKeys: () => ['a', 'a'] });
    expect(redact([circle, hostile, proxy])).toEqual([
      { name: 'circle', self: '[circular]' },
      '[unreadable]',
      '[unreadable]',
    ]);
    expect(redact(JSON.parse('{"__proto__":{"x":1}}'))).toEqual(JSON.parse('{"__proto__":{"x":1}}'));
  });

  test('takes linear time for text that is made to be slow', () => {
    const pieces = ['-', 'token', 'eyJ', 'candidate', 'a=ice ', 'o=1 ', 'sdp', '\\"', 'bearer ', '[', '"'];
    const start = performance.now();
    for (const piece of pieces) redact(piece.repeat(200_000));
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
