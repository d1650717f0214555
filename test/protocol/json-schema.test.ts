import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import type { Dialect } from '../../src/protocol/client.ts';
import { CLIENT_MESSAGES, SERVER_MESSAGES } from '../../src/protocol/messages.ts';
import { parseClientMessage } from '../../src/protocol/reading.ts';
import { validateServerMessage } from '../../src/protocol/validation.ts';

/**
 * The JSON Schemas of docs/schema/ against the code: what one accepts, the other accepts. They differ in one
 * thing: JSON Schema counts the characters of a string, where valibot counts UTF-16 code units.
 */

const ajv = new Ajv2020({ strictTypes: true });
addFormats.default(ajv);
for (const direction of ['client', 'server'] as const) {
  const file = new URL(`../../docs/schema/${direction}.json`, import.meta.url);
  ajv.addSchema(JSON.parse(readFileSync(file, 'utf8')));
}

const DEFINITION = { base: 'Base', session: 'Session' } as const;
const fits = (direction: 'client' | 'server', dialect: Dialect, value: unknown): boolean =>
  ajv.validate(`urn:bloom-signaling:${direction}#/$defs/${DEFINITION[dialect]}`, value);

/** What both say of a message from a client; Hello, which either dialect reads, opens a session. */
function clientVerdicts(value: unknown, dialect: Dialect): [boolean, boolean] {
  const parsed = parseClientMessage(JSON.stringify(value), dialect);
  const isHello = parsed.ok && parsed.message.type === 'Hello';
  return [parsed.ok && (dialect === 'session' || !isHello), fits('client', dialect, value)];
}

function serverVerdicts(value: unknown, dialect: Dialect): [boolean, boolean] {
  return [validateServerMessage(value, dialect) === undefined, fits('server', dialect, value)];
}

const clientExamples = Object.values(CLIENT_MESSAGES).flatMap(({ example, inSession }) =>
  inSession === undefined ? [example] : [example, inSession.example],
);
const baseServerExamples = Object.values(SERVER_MESSAGES).map(({ example }) => example);
const serverExamples = [
  ...baseServerExamples,
  ...baseServerExamples.map((example) => ({ ...example, seq: 1 })),
];
const dialects = fc.constantFrom<Dialect>('base', 'session');

/** What may stand where a field is, right and wrong. */
const V4 = '9b2f6c1e-3d4a-4f5b-8c6d-7e8f9a0b1c2d';
const values = fc.oneof(
  fc.constantFrom<unknown>(
    ...[V4, V4.toUpperCase(), V4.replace('-4', '-1'), V4.replace('-8', '-c'), `urn:uuid:${V4}`, `${V4}\n`],
    ...['', 'x', 'x'.repeat(128), 'x'.repeat(129), 'CreateRoom', 'RoomFull', 'stun:example.org', 'http://x'],
    ...[0, 1, -1, 0.5, 65_535, 65_536, Number.MAX_SAFE_INTEGER, 2 ** 53, true, false, null],
    ...[[], [V4], [V4, 7], ['stun:x'], {}, { urls: 'stun:x' }, [{ urls: 'stun:x' }], [{ urls: [] }]],
    ...[{ messages: 1, window_ms: 1, max_payload_bytes: 1, room_capacity: 1 }],
  ),
  fc.uuid(),
  fc.integer(),
  fc.string({ unit: 'grapheme-ascii' }),
  fc.jsonValue(),
);
const fields = fc.constantFrom(
  ...new Set([...clientExamples, ...serverExamples].flatMap((example) => Object.keys(example))),
  ...['create_if_missing', 'lost', 'x', 'toString', 'constructor'],
);

/** A message with up to three fields removed, replaced or added. */
function mutants(examples: readonly object[]): fc.Arbitrary<object> {
  const change = fc.record({ field: fields, value: fc.option(values, { nil: undefined }) });
  return fc
    .tuple(fc.constantFrom(...examples), fc.array(change, { maxLength: 3 }))
    .map(([example, changes]) =>
      JSON.parse(
        JSON.stringify({
          ...example,
          ...Object.fromEntries(changes.map(({ field, value }) => [field, value])),
        }),
      ),
    );
}

/** Both kinds of verdict have to occur, often, or the property says nothing. */
function agree(examples: readonly object[], verdicts: typeof clientVerdicts): void {
  const count = { accepted: 0, refused: 0 };
  fc.assert(
    fc.property(
      fc.oneof(mutants(examples), mutants(examples), fc.jsonValue()),
      dialects,
      (value, dialect) => {
        const [code, schema] = verdicts(value, dialect);
        count[code ? 'accepted' : 'refused'] += 1;
        expect(schema).toBe(code);
      },
    ),
    { numRuns: 3000 },
  );
  expect(Math.min(count.accepted, count.refused)).toBeGreaterThan(200);
}

describe('from clients', () => {
  test('whatever the one accepts, the other does', () => agree(clientExamples, clientVerdicts));

  test('ids in upper case, and of any version where nothing is opened under them', () => {
    for (const room_id of [V4.toUpperCase(), V4.replace('-4', '-1')]) {
      expect(clientVerdicts({ type: 'JoinRoom', room_id }, 'base')).toEqual([true, true]);
    }
  });

  test.each([true, false])('create_if_missing %s with an id of another version', (create_if_missing) => {
    const join = { type: 'JoinRoom', room_id: V4.replace('-4', '-1'), create_if_missing };
    expect(clientVerdicts(join, 'session')).toEqual([!create_if_missing, !create_if_missing]);
    expect(clientVerdicts(join, 'base')).toEqual([false, false]);
  });

  test('token and number go together', () => {
    const both = { resume_token: 'x', last_seq: 0 };
    for (const [hello, isRead] of [
      [{}, true],
      [both, true],
      [{ resume_token: 'x' }, false],
      [{ last_seq: 0 }, false],
    ] as const) {
      expect(clientVerdicts({ type: 'Hello', ...hello }, 'session')).toEqual([isRead, isRead]);
    }
  });
});

describe('from servers', () => {
  test('whatever the one accepts, the other does', () => agree(serverExamples, serverVerdicts));

  test('a number is for sessions, and for all but Ready', () => {
    for (const example of baseServerExamples) {
      const isReady = example.type === 'Ready';
      const isNew = SERVER_MESSAGES[example.type].knownTo === 'session';
      expect(serverVerdicts(example, 'base')).toEqual([!isNew, !isNew]);
      expect(serverVerdicts({ ...example, seq: 1 }, 'base')).toEqual([false, false]);
      expect(serverVerdicts(example, 'session')).toEqual([isReady, isReady]);
      expect(serverVerdicts({ ...example, seq: 1 }, 'session')).toEqual([!isReady, !isReady]);
    }
  });
});
