import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ClientMessage, Dialect } from '../../src/protocol/client.ts';
import { type Parsed, parseClientMessage } from '../../src/protocol/reading.ts';

const ID = '9b2f6c1e-3d4a-4f5b-8c6d-7e8f9a0b1c2d';

type BaseType = Exclude<ClientMessage['type'], 'Hello' | 'Ping'>;

/** Those of the base protocol. */
const MESSAGES = {
  CreateRoom: { type: 'CreateRoom' },
  JoinRoom: { type: 'JoinRoom', room_id: ID },
  LeaveRoom: { type: 'LeaveRoom' },
  Offer: { type: 'Offer', to: ID, sdp: 'v=0\r\n' },
  Answer: { type: 'Answer', to: ID, sdp: 'v=0\r\n' },
  IceCandidate: {
    type: 'IceCandidate',
    to: ID,
    candidate: 'candidate:1 1 udp 1 192.0.2.1 5000 typ host',
    sdpMid: '0',
    sdpMLineIndex: 0,
    usernameFragment: 'u',
  },
} as const satisfies { [T in BaseType]: Extract<ClientMessage, { type: T }> };

const types = Object.keys(MESSAGES) as BaseType[];
const DIALECTS: readonly Dialect[] = ['base', 'session'];
const OPTIONAL = ['sdpMid', 'sdpMLineIndex', 'usernameFragment'];

/** Reads a frame in the base protocol; fails if a session would read it otherwise. */
function read(text: string): Parsed {
  const parsed = parseClientMessage(text);
  for (const dialect of DIALECTS) expect(parseClientMessage(text, dialect)).toEqual(parsed);
  return parsed;
}

const parse = (message: unknown) => read(JSON.stringify(message));

/** The reason a frame is refused for; fails if it is not, or if the reason is no short sentence. */
function reason(text: string, parsed = read(text)): string {
  if (parsed.ok) throw new Error(`not refused: ${text.slice(0, 200)}`);
  expect(parsed.reason).not.toBe('');
  expect(parsed.reason.length).toBeLessThan(320);
  return parsed.reason;
}

const refusal = (message: unknown) => reason(JSON.stringify(message));

describe('valid', () => {
  test.each(types)('%s', (type) => {
    expect(parse(MESSAGES[type])).toEqual({ ok: true, message: MESSAGES[type] });
  });

  test('an IceCandidate of its required fields alone', () => {
    const message = { type: 'IceCandidate', to: ID, candidate: '' };
    expect(parse(message)).toEqual({ ok: true, message });
  });

  test.each(OPTIONAL)('an IceCandidate whose %s is null', (field) => {
    const message = { ...MESSAGES.IceCandidate, [field]: null };
    expect(parse(message)).toEqual({ ok: true, message });
  });

  test.each([0, 1, 65535])('sdpMLineIndex %s', (sdpMLineIndex) => {
    const message = { ...MESSAGES.IceCandidate, sdpMLineIndex };
    expect(parse(message)).toEqual({ ok: true, message });
  });

  test('an empty SDP, and one of any characters, as they are', () => {
    for (const sdp of ['', ' v=0 ', '\u0000', '💐', '\ud800', '__proto__']) {
      expect(parse({ ...MESSAGES.Offer, sdp })).toEqual({ ok: true, message: { ...MESSAGES.Offer, sdp } });
    }
  });

  test('ids in capitals, read as the same ids (RFC 9562)', () => {
    expect(parse({ type: 'JoinRoom', room_id: ID.toUpperCase() })).toEqual({
      ok: true,
      message: { type: 'JoinRoom', room_id: ID },
    });
    expect(parse({ ...MESSAGES.Offer, to: ID.toUpperCase() })).toEqual({ ok: true, message: MESSAGES.Offer });
  });

  test('white space around and within', () => {
    expect(read(' \t\r\n{ "type" :\n"LeaveRoom" }\n')).toEqual({
      ok: true,
      message: { type: 'LeaveRoom' },
    });
  });
});

describe('refused', () => {
  test.each([
    '',
    ' ',
    'CreateRoom',
    '{',
    '{"type":"CreateRoom"',
    "{'type':'CreateRoom'}",
    '{"type":"CreateRoom"}{}',
    '\ufeff{"type":"CreateRoom"}',
    'undefined',
    'NaN',
  ])('not JSON: %j', (text) => expect(reason(text)).toBe('The frame is not JSON.'));

  test.each(['null', 'true', '7', '"CreateRoom"', '[]', '[{"type":"CreateRoom"}]'])('no object: %s', (text) =>
    expect(reason(text)).toBe('The frame is not a JSON object.'),
  );

  test('a missing type', () => {
    for (const message of [{}, { Type: 'CreateRoom' }, { room_id: ID }]) {
      expect(refusal(message)).toContain('"type" is missing');
    }
    expect(reason('{"__proto__":{"type":"CreateRoom"}}')).toContain('"type" is missing');
  });

  test.each([
    null,
    7,
    true,
    [],
    {},
    ['CreateRoom'],
    '',
    'createroom',
    'CreateRoom ',
    'hello',
    'HELLO',
    'Hello ',
    'RoomCreated',
    'Ready',
    'PeerResumed',
    'Error',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
  ])('an unknown type: %j, with those expected', (type) => {
    const sentence = refusal({ ...MESSAGES.JoinRoom, type });
    expect(sentence).toContain(typeof type === 'string' ? `Unknown type ${JSON.stringify(type)}` : 'type');
    for (const known of types) expect(sentence).toContain(known);
  });

  /** Public texts: what there is besides the base protocol is not named to those who do not speak it. */
  const SIX = 'CreateRoom, JoinRoom, LeaveRoom, Offer, Answer, IceCandidate';

  test.each([
    ['not JSON', 'The frame is not JSON.'],
    ['[]', 'The frame is not a JSON object.'],
    ['{}', `The field "type" is missing; expected one of ${SIX}.`],
    ['{"type":"Nothing"}', `Unknown type "Nothing"; expected one of ${SIX}.`],
    ['{"type":null}', `Unknown type null; expected one of ${SIX}.`],
    ['{"type":7}', `Unknown type of type number; expected one of ${SIX}.`],
    ['{"type":["x"]}', `Unknown type of type array; expected one of ${SIX}.`],
  ])('%s, in the words it has always been', (text, sentence) => expect(reason(text)).toBe(sentence));

  const fields = types.flatMap((type) =>
    Object.keys(MESSAGES[type])
      .filter((field) => field !== 'type')
      .map((field) => [type, field] as const),
  );

  test.each(fields.filter(([, field]) => !OPTIONAL.includes(field)))('%s without %s', (type, field) => {
    const { [field]: _, ...rest } = MESSAGES[type] as Record<string, unknown>;
    expect(refusal(rest)).toMatch(new RegExp(`^${type}\\.${field}: `));
  });

  const MISTYPED: unknown[] = [7, true, [], {}, ['x'], { toString: 'x' }];
  const NULLABLE = new Set(OPTIONAL);
  const mistyped = fields.flatMap(([type, field]) =>
    (field === 'sdpMLineIndex' ? ['0', ...MISTYPED.slice(1)] : MISTYPED)
      .concat(NULLABLE.has(field) ? [] : [null])
      .map((value) => [type, field, value] as const),
  );

  test.each(mistyped)('%s with %s: %j', (type, field, value) => {
    expect(refusal({ ...MESSAGES[type], [field]: value })).toMatch(new RegExp(`^${type}\\.${field}: `));
  });

  test.each([-1, 0.5, 65536, 1e300, Number.MIN_SAFE_INTEGER])('sdpMLineIndex %s', (sdpMLineIndex) => {
    expect(refusal({ ...MESSAGES.IceCandidate, sdpMLineIndex })).toMatch(/^IceCandidate\.sdpMLineIndex: /);
  });

  test.each([
    '',
    'room-1',
    ID.slice(1),
    `${ID}0`,
    ` ${ID}`,
    `${ID}\n`,
    `{${ID}}`,
    `urn:uuid:${ID}`,
    ID.replaceAll('-', ''),
    ID.replace('9', 'g'),
    ID.replace('-', '–'),
  ])('an id that is no UUID: %j', (id) => {
    expect(refusal({ type: 'JoinRoom', room_id: id })).toMatch(/^JoinRoom\.room_id: /);
    for (const type of ['Offer', 'Answer', 'IceCandidate'] as const) {
      expect(refusal({ ...MESSAGES[type], to: id })).toMatch(new RegExp(`^${type}\\.to: `));
    }
  });

  const UNKNOWN = ['x', '', 'from', 'self_id', 'Type', '__proto__', 'constructor', 'toString', 'valueOf'];
  test.each(types.flatMap((type) => UNKNOWN.map((field) => [type, field] as const)))(
    '%s with an unknown field %j',
    (type, field) => {
      const text = JSON.stringify(MESSAGES[type]).replace(/}$/, `,${JSON.stringify(field)}:null}`);
      expect(reason(text)).toContain(type);
      expect(reason(text)).toContain(field);
    },
  );

  test('the fields of another message', () => {
    refusal({ type: 'CreateRoom', room_id: ID });
    refusal({ type: 'LeaveRoom', room_id: ID });
    refusal({ ...MESSAGES.Offer, candidate: '' });
    refusal({ ...MESSAGES.JoinRoom, to: ID });
  });
});

describe('Hello', () => {
  const token = 'A_-z'.repeat(8);

  test.each<[string, object]>([
    ['alone', {}],
    ['with token and last_seq', { resume_token: token, last_seq: 7 }],
    ['with last_seq 0', { resume_token: token, last_seq: 0 }],
    ['with the greatest last_seq', { resume_token: token, last_seq: Number.MAX_SAFE_INTEGER }],
    ['with an empty token', { resume_token: '', last_seq: 0 }],
    ['with the longest token', { resume_token: 'x'.repeat(128), last_seq: 0 }],
  ])('%s is read, in either dialect', (_, fields) => {
    const message = { type: 'Hello', ...fields };
    expect(parse(message)).toEqual({ ok: true, message });
  });

  test.each<[string, object]>([
    ['a token without last_seq', { resume_token: token }],
    ['last_seq without a token', { last_seq: 7 }],
    ['last_seq 0 without a token', { last_seq: 0 }],
    ['an empty token without last_seq', { resume_token: '' }],
  ])('%s is refused: they go together', (_, fields) => {
    expect(refusal({ type: 'Hello', ...fields })).toBe('Hello: resume_token and last_seq go together');
  });

  test.each([null, 7, true, [], {}, ['x'], 'x'.repeat(129), 'x'.repeat(65_000)])(
    'the token %j is refused',
    (resume_token) => {
      expect(refusal({ type: 'Hello', resume_token, last_seq: 0 })).toMatch(/^Hello\.resume_token: /);
    },
  );

  test.each([-1, 0.5, 2 ** 53, -(2 ** 53), 1e300, Number.MIN_VALUE, null, '0', '', true, [], [0], {}])(
    'last_seq %j is refused',
    (last_seq) => {
      expect(refusal({ type: 'Hello', resume_token: token, last_seq })).toMatch(/^Hello\.last_seq: /);
    },
  );

  test('last_seq beyond what a number can hold is refused', () => {
    for (const digits of ['9'.repeat(400), '1e999', '-0.1']) {
      reason(`{"type":"Hello","resume_token":"x","last_seq":${digits}}`);
    }
  });

  test.each([
    'x',
    '',
    'token',
    'Resume_token',
    'participant_id',
    'room_id',
    'seq',
    '__proto__',
    'constructor',
  ])('with an unknown field %j is refused', (field) => {
    for (const fields of ['', '"resume_token":"x","last_seq":0,']) {
      const text = `{"type":"Hello",${fields}${JSON.stringify(field)}:null}`;
      expect(reason(text)).toContain('Hello');
      expect(reason(text)).toContain(field);
    }
  });
});

describe('JoinRoom with create_if_missing', () => {
  const join = (create_if_missing: unknown) => JSON.stringify({ ...MESSAGES.JoinRoom, create_if_missing });

  test.each([true, false])('%s is read in a session as it is', (value) => {
    expect(parseClientMessage(join(value), 'session')).toEqual({
      ok: true,
      message: { ...MESSAGES.JoinRoom, create_if_missing: value },
    });
  });

  test.each([true, false, null])('%s is an unknown field in the base protocol', (value) => {
    for (const parsed of [parseClientMessage(join(value)), parseClientMessage(join(value), 'base')]) {
      const sentence = reason(join(value), parsed);
      expect(sentence).toMatch(/^JoinRoom\.create_if_missing: /);
      expect(sentence).toBe(
        (
          parseClientMessage(JSON.stringify({ ...MESSAGES.JoinRoom, xyz: value })) as { reason: string }
        ).reason.replaceAll('xyz', 'create_if_missing'),
      );
    }
  });

  test.each([null, 0, 1, '', 'true', [], {}])('%j is refused in a session: it is no boolean', (value) => {
    expect(reason(join(value), parseClientMessage(join(value), 'session'))).toMatch(
      /^JoinRoom\.create_if_missing: /,
    );
  });

  test.each(types.filter((type) => type !== 'JoinRoom'))('is no field of %s, in either dialect', (type) => {
    expect(refusal({ ...MESSAGES[type], create_if_missing: true })).toContain('create_if_missing');
  });

  test('the id is checked and read as ever', () => {
    const text = JSON.stringify({ type: 'JoinRoom', room_id: ID.toUpperCase(), create_if_missing: true });
    expect(parseClientMessage(text, 'session')).toEqual({
      ok: true,
      message: { type: 'JoinRoom', room_id: ID, create_if_missing: true },
    });
    const bad = '{"type":"JoinRoom","room_id":"room-1","create_if_missing":true}';
    expect(reason(bad, parseClientMessage(bad, 'session'))).toMatch(/^JoinRoom\.room_id: /);
  });
});

describe('hostile frames', () => {
  const FRAME = 65_536;

  test.each([
    ['a long type', JSON.stringify({ type: 'x'.repeat(FRAME) })],
    ['a long id', JSON.stringify({ type: 'JoinRoom', room_id: 'x'.repeat(FRAME) })],
    ['a long field name', JSON.stringify({ type: 'CreateRoom', ['x'.repeat(FRAME)]: 1 })],
    ['a field name of dots', JSON.stringify({ type: 'CreateRoom', ['.'.repeat(FRAME)]: 1 })],
    ['a long value of the wrong type', JSON.stringify({ ...MESSAGES.Offer, sdp: ['x'.repeat(FRAME)] })],
    [
      'a long number',
      `{"type":"IceCandidate","to":"${ID}","candidate":"","sdpMLineIndex":${'9'.repeat(FRAME)}}`,
    ],
    ['a long token', JSON.stringify({ type: 'Hello', resume_token: 'x'.repeat(FRAME), last_seq: 0 })],
    ['many fields', JSON.stringify(Object.fromEntries(Array.from({ length: 9999 }, (_, i) => [`f${i}`, i])))],
    ['a long text that is no JSON', 'x'.repeat(FRAME)],
    ['lone surrogates', JSON.stringify({ type: '\ud800'.repeat(1000) })],
    ['pairs of surrogates', JSON.stringify({ type: `x${'💐'.repeat(1000)}` })],
  ])('%s is refused in a short sentence', (_, text) => {
    reason(text);
  });

  /** As deep as a frame of 64 KiB can be. */
  const nested = (open: string, close: string, depth: number) =>
    `${open.repeat(depth)}${open.endsWith(':') ? 'null' : ''}${close.repeat(depth)}`;
  const DEEP = [
    ['arrays', nested('[', ']', 32_000)],
    ['objects', nested('{"x":', '}', 10_000)],
  ] as const;

  test.each(DEEP)('%s nested as deep as a frame can hold, in place of the message', (_, value) => {
    reason(value);
  });

  test.each(DEEP)('%s nested as deep as a frame can hold, in place of the type', (_, value) => {
    reason(`{"type":${value}}`);
  });

  test.each(DEEP)('%s nested as deep as a frame can hold, in place of a field', (_, value) => {
    reason(`{"type":"JoinRoom","room_id":${value}}`);
    reason(`{"type":"Offer","to":"${ID}","sdp":${value}}`);
    reason(`{"type":"CreateRoom","x":${value}}`);
    reason(`{"type":"Hello","resume_token":${value},"last_seq":0}`);
    reason(`{"type":"Hello","resume_token":"x","last_seq":${value}}`);
    const join = `{"type":"JoinRoom","room_id":"${ID}","create_if_missing":${value}}`;
    reason(join, parseClientMessage(join, 'session'));
  });

  test('a key given twice counts once, the last', () => {
    expect(read('{"type":"CreateRoom","type":"LeaveRoom"}')).toEqual({
      ok: true,
      message: { type: 'LeaveRoom' },
    });
  });

  test('the message parsed has no fields but its own', () => {
    for (const type of ['CreateRoom', 'Hello']) {
      const parsed = parse({ type });
      expect(parsed.ok && Object.keys(parsed.message)).toEqual(['type']);
    }
  });
});

describe('whatever is sent', () => {
  const uuid = fc.uuid();
  const text = fc.string({
    unit: fc.constantFrom('a', '"', '\\', '\n', '\u2028', 'é', '💐', '\ud800', '\udfff'),
  });
  const nullable = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
  const message: fc.Arbitrary<ClientMessage> = fc.oneof(
    fc.record({ type: fc.constantFrom('CreateRoom' as const, 'LeaveRoom' as const, 'Hello' as const) }),
    fc.record({ type: fc.constant('Hello' as const), resume_token: text, last_seq: fc.maxSafeNat() }),
    fc.record({ type: fc.constant('JoinRoom' as const), room_id: uuid }),
    fc.record({ type: fc.constantFrom('Offer' as const, 'Answer' as const), to: uuid, sdp: text }),
    fc.record(
      {
        type: fc.constant('IceCandidate' as const),
        to: uuid,
        candidate: text,
        sdpMid: nullable(text),
        sdpMLineIndex: nullable(fc.nat({ max: 65535 })),
        usernameFragment: nullable(text),
      },
      { requiredKeys: ['type', 'to', 'candidate'] },
    ),
  );

  /** JSON of an object with its keys in an order given by `ranks`, and white space between all tokens. */
  function write(value: object, ranks: readonly number[], space: string): string {
    const entries = Object.entries(value)
      .map(([key, item], index) => ({
        text: `${JSON.stringify(key)}${space}:${space}${JSON.stringify(item)}`,
        index,
      }))
      .sort((a, b) => (ranks[a.index] ?? 0) - (ranks[b.index] ?? 0))
      .map((entry) => entry.text);
    return `${space}{${space}${entries.join(`${space},${space}`)}${space}}${space}`;
  }

  test('a valid message is read as it is, in any order of keys, with any white space', () => {
    const ranks = fc.array(fc.nat({ max: 100 }), { minLength: 6, maxLength: 6 });
    const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\r', '\n'), maxLength: 3 });
    fc.assert(
      fc.property(message, ranks, space, (valid, order, white) => {
        expect(read(write(valid, order, white))).toEqual({ ok: true, message: valid });
      }),
      { numRuns: 300 },
    );
  });

  test('a session’s JoinRoom likewise; the base protocol refuses it', () => {
    const join = fc.record({
      type: fc.constant('JoinRoom' as const),
      room_id: fc.uuid({ version: 4 }), // as create_if_missing wants it
      create_if_missing: fc.boolean(),
    });
    fc.assert(
      fc.property(join, fc.array(fc.nat({ max: 100 }), { minLength: 3, maxLength: 3 }), (valid, order) => {
        const frame = write(valid, order, ' ');
        expect(parseClientMessage(frame, 'session')).toEqual({ ok: true, message: valid });
        reason(frame, parseClientMessage(frame, 'base'));
      }),
    );
  });

  test('a valid message with one more field is refused', () => {
    fc.assert(
      fc.property(message, fc.string(), fc.jsonValue(), (valid, key, value) => {
        fc.pre(!(key in (valid.type === 'Hello' || valid.type === 'Ping' ? valid : MESSAGES[valid.type])));
        refusal({ ...valid, [key]: value });
      }),
    );
  });

  test('any JSON value is read or refused, never thrown at', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(...types, 'Hello' as const), (value, type) => {
        parse(value);
        parse({ type: value });
        const valid = type === 'Hello' ? { type, resume_token: 'x', last_seq: 0 } : MESSAGES[type];
        const parsed = parse({ ...valid, ...(value as object) });
        if (!parsed.ok) expect(parsed.reason.length).toBeLessThan(320);
      }),
      { numRuns: 300 },
    );
  });

  test('any text is read or refused, never thrown at', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (any) => void read(any)));
  });
});
