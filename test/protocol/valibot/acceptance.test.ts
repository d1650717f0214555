import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import * as v from 'valibot';
import { BASE, SESSION } from '../../../src/protocol/client.ts';
import { acceptorOf } from '../../../src/protocol/valibot/acceptance.ts';

/** Some of which valibot finds valid, and some of which it changes. */
const TEXTS = [
  '',
  'a',
  'A',
  'ab',
  'abc',
  '__proto__',
  '9b2f6c1e-3d4a-4f5b-8c6d-7e8f9a0b1c2d',
  '9B2F6C1E-3D4A-4F5B-8C6D-7E8F9A0B1C2D',
  '9b2f6c1e-3d4a-1f5b-8c6d-7e8f9a0b1c2d',
];
const KEYS = ['a', 'b', 'c', '__proto__', 'constructor'];

const scalar = fc.oneof(
  fc.constantFrom(null, true, false, ...TEXTS),
  fc.constantFrom(-1, 0, 1, 2, 0.5, 65535, 65536, 2 ** 53, 1e308),
);

/** As JSON makes them: own fields, whatever their names, none of them undefined. */
const json = (value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  value.map((each) => JSON.parse(JSON.stringify(each)));
const value = json(
  fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 3 }, scalar, tie('object'), fc.array(scalar, { maxLength: 2 })),
    object: fc
      .array(fc.tuple(fc.constantFrom(...KEYS), tie('value')), { maxLength: 3 })
      .map((fields) =>
        JSON.parse(`{${fields.map(([key, one]) => `"${key}":${JSON.stringify(one)}`).join(',')}}`),
      ),
  })).value,
);

/** Schemas of the kinds that are known. */
const known: fc.Arbitrary<v.GenericSchema> = fc.letrec<{ schema: v.GenericSchema; leaf: v.GenericSchema }>(
  (tie) => ({
    leaf: fc.constantFrom<v.GenericSchema>(
      v.literal('a'),
      v.literal(1),
      v.string(),
      v.boolean(),
      v.number(),
      v.pipe(v.string(), v.uuid(), v.toLowerCase()),
      v.pipe(v.string(), v.maxLength(2), v.metadata({ note: 'none' })),
      v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65535)),
      v.pipe(v.number(), v.safeInteger()),
      v.pipe(
        v.boolean(),
        v.check((is) => is),
      ),
    ),
    schema: fc.oneof(
      { maxDepth: 3 },
      tie('leaf'),
      tie('schema').map((schema) => v.nullable(schema)),
      tie('schema').map((schema) => v.pipe(schema, v.metadata({ note: 'none' }))),
      fc
        .dictionary(fc.constantFrom('a', 'b', 'c'), entry(tie('schema')))
        .map((entries) => v.strictObject(entries)),
    ),
  }),
).schema;

function entry(schema: fc.Arbitrary<v.GenericSchema>): fc.Arbitrary<v.GenericSchema> {
  return fc.oneof(
    schema,
    schema.map((one) => v.optional(one)),
  );
}

/** Of each schema something is not known, or changes what is valid: this value, for one. */
const CHANGED: readonly (readonly [v.GenericSchema, unknown])[] = [
  [v.object({ a: v.string() }), { a: '', b: 1 }],
  [v.strictObject({ a: v.optional(v.string(), 'x') }), {}],
  [v.strictObject({ a: v.fallback(v.optional(v.string()), 'x') }), {}],
  [v.strictObject({ a: v.nullable(v.string(), 'x') }), { a: null }],
  [v.strictObject({ a: v.pipe(v.optional(v.string()), v.transform(String)) }), { a: 'a' }],
  [v.strictObject({}), []],
  [v.strictObject({ a: v.strictObject({}) }), { a: [] }],
  [v.pipe(v.string(), v.trim()), ' a'],
  [v.pipe(v.pipe(v.string(), v.toLowerCase()), v.maxLength(2)), 'A'],
  [
    v.pipe(
      v.strictObject({}),
      v.transform(() => ({ a: 1 })),
    ),
    {},
  ],
  [v.union([v.pipe(v.string(), v.toUpperCase()), v.number()]), 'a'],
  [v.array(v.pipe(v.string(), v.trim())), [' a']],
];

const UNKNOWN: readonly v.GenericSchema[] = [
  ...CHANGED.map(([schema]) => schema),
  v.looseObject({ a: v.string() }),
  v.strictObject({ a: v.exactOptional(v.string()) }),
  v.pipe(v.string(), v.regex(/^a/g)),
];

/** What valibot says of a value: valid, and left as it is. */
function isLeft(schema: v.GenericSchema, given: unknown): boolean {
  const { success, output } = v.safeParse(schema, structuredClone(given));
  return success && isDeepStrictEqual(output, given);
}

test('accepts just what valibot finds valid and leaves as it is', () => {
  fc.assert(
    fc.property(known, value, (schema, given) => {
      expect(acceptorOf(schema)(given)).toBe(isLeft(schema, given));
    }),
    { numRuns: 3000 },
  );
});

test('accepts a UUID in lower case, and nothing that only looks like one', () => {
  const uuid = v.pipe(v.string(), v.uuid(), v.toLowerCase());
  const [accepts, lookalike] = [
    acceptorOf(uuid),
    fc.constantFrom(...'09afgAFG/:`@-\n\u212a\u0660', '', '00'),
  ];
  const changes = fc.array(fc.tuple(fc.nat(36), lookalike), { maxLength: 2 });
  fc.assert(
    fc.property(fc.uuid(), changes, (given, list) => {
      const text = list.reduce((one, [at, by]) => one.slice(0, at) + by + one.slice(at + 1), given);
      expect(accepts(text)).toBe(isLeft(uuid, text));
    }),
    { numRuns: 5000 },
  );
});

test.each(CHANGED)('%#: does not accept what valibot finds valid and changes', (schema, given) => {
  expect(v.is(schema, given)).toBe(true);
  expect(acceptorOf(schema)(given)).toBe(false);
});

test('of a schema of which something is not known, accepts nothing that valibot would not leave as it is', () => {
  fc.assert(
    fc.property(fc.constantFrom(...UNKNOWN), value, (schema, given) => {
      if (acceptorOf(schema)(given)) expect(isLeft(schema, given)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test('each part of a schema made in steps counts', () => {
  const short = v.pipe(v.string(), v.maxLength(1));
  const accepts = acceptorOf(v.pipe(short, v.toLowerCase()));
  expect(['a', 'ab', 'A'].map(accepts)).toEqual([true, false, false]);
});

describe('the messages of clients', () => {
  const schemas = [
    ...Object.entries(BASE).map(([type, schema]) => [`${type}, base`, schema] as const),
    ...Object.entries(SESSION).map(([type, schema]) => [`${type}, session`, schema] as const),
  ];
  const types = [...Object.keys(BASE), 'Hello'];
  const id = fc.constant('9b2f6c1e-3d4a-4f5b-8c6d-7e8f9a0b1c2d');

  test.each(schemas)('%s: accepts just those that valibot leaves as they are', (name, schema) => {
    const type = fc.oneof(
      { weight: 9, arbitrary: fc.constant(name.split(',')[0]) },
      fc.constantFrom(...types),
    );
    const own = Object.keys(schema.entries).filter((key) => key !== 'type');
    const extra = fc.constantFrom('x', 'to', '__proto__');
    const fields = fc
      .tuple(fc.subarray(own), fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, fc.tuple(extra)))
      .chain(([some, more]) =>
        fc.tuple(...[...some, ...more].map((key) => fc.tuple(fc.constant(key), fc.oneof(id, scalar)))),
      );
    let accepted = 0;
    fc.assert(
      fc.property(type, fields, (is, others) => {
        const text = [['type', is], ...others].map(
          ([key, one]) => `${JSON.stringify(key)}:${JSON.stringify(one)}`,
        );
        const given = JSON.parse(`{${text.join(',')}}`);
        const isAccepted = acceptorOf(schema)(given);
        expect(isAccepted).toBe(isLeft(schema, given));
        if (isAccepted) accepted += 1;
      }),
      { numRuns: 3000 },
    );
    expect(accepted).toBeGreaterThan(0);
  });
});
