import * as v from 'valibot';

/**
 * Whether a value is valid by a schema, and would be left as it is: so are most messages. False says to ask valibot, which
 * makes an object of its own and an issue of whatever is wrong; that touches three times as much code.
 */
export type Acceptor = (value: unknown) => boolean;

/** valibot's own types are left to whatever schema is read. */
// biome-ignore lint/suspicious/noExplicitAny: one reading for schemas of every type
type Any = any;

/**
 * Reads a schema once, for all values. The schema stays the only statement of the rules: a part that is not known here
 * accepts nothing. test/protocol/valibot/acceptance.test.ts compares with valibot over random schemas and values. The fields of
 * valibot's schemas are not all documented, so `READS_SCHEMAS` says whether they mean what they did.
 */
export function acceptorOf(schema: v.GenericSchema): Acceptor {
  return READS_SCHEMAS ? compile(schema) : nothing;
}

function compile(schema: Any): Acceptor {
  const parts = partsOf(schema);
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : (value) => acceptAll(parts, value);
}

/** What all have to accept a value, in order. */
function partsOf(schema: Any): readonly Acceptor[] {
  if (!hasOnlyKnownFields(schema)) return [nothing];
  if (schema.pipe === undefined) return [schemaAcceptor(schema)];
  const [base, ...actions]: Any[] = schema.pipe;
  const parts = [...partsOf(base), ...actions.map(actionAcceptor).filter((part) => part !== anything)];
  return parts.includes(isLowerCaseUuid) ? parts.filter((part) => part !== isLowerCase) : parts;
}

function acceptAll(parts: readonly Acceptor[], value: unknown): boolean {
  for (const accepts of parts) if (!accepts(value)) return false;
  return true;
}

function schemaAcceptor(schema: Any): Acceptor {
  switch (schema.type) {
    case 'literal':
      return (value) => value === schema.literal;
    case 'string':
      return isString;
    case 'boolean':
      return (value) => typeof value === 'boolean';
    case 'number':
      return (value) => typeof value === 'number' && !Number.isNaN(value);
    case 'nullable':
      return schema.default === undefined ? nullOr(compile(schema.wrapped)) : nothing;
    case 'strict_object':
      return objectAcceptor(schema.entries);
    default:
      return nothing;
  }
}

/** What follows a schema in its pipe. */
function actionAcceptor(action: Any): Acceptor {
  if (!hasOnlyKnownFields(action)) return nothing;
  const { requirement } = action;
  switch (action.type) {
    case 'metadata':
      return anything;
    case 'check':
    case 'integer':
    case 'safe_integer':
      return typeof requirement === 'function' ? requirement : nothing;
    case 'uuid':
      return requirement?.source === UUID ? isLowerCaseUuid : nothing;
    case 'min_value':
      return (value) => (value as number) >= requirement;
    case 'max_value':
      return (value) => (value as number) <= requirement;
    case 'max_length':
      return (value) => (value as string).length <= requirement;
    case 'to_lower_case':
      return isLowerCase;
    default:
      return nothing;
  }
}

/** The fields that valibot gives its schemas and actions. A field of another name may change what is valid. */
const KNOWN_FIELDS = new Set([
  ...['kind', 'type', 'reference', 'async', 'expects', 'message', '~run', '~standard', 'pipe'],
  ...['literal', 'wrapped', 'default', 'entries', 'requirement', 'metadata'],
]);

function hasOnlyKnownFields(schema: object): boolean {
  return Reflect.ownKeys(schema).every((key) => KNOWN_FIELDS.has(key as string));
}

function isString(value: unknown): boolean {
  return typeof value === 'string';
}

/** valibot's expression, which ignores case: it takes these, too, but by seven times as much code. */
const UUID = '^[\\da-f]{8}(?:-[\\da-f]{4}){3}-[\\da-f]{12}$';
const DASH = 45;

function isLowerCaseUuid(value: unknown): boolean {
  const text = value as string;
  if (text.length !== 36) return false;
  for (let i = 0; i < 36; i += 1) {
    const code = text.charCodeAt(i);
    const isDigit = (code >= 48 && code <= 57) || (code >= 97 && code <= 102);
    const isDash = i === 8 || i === 13 || i === 18 || i === 23;
    if (isDash ? code !== DASH : !isDigit) return false;
  }
  return true;
}

function isLowerCase(value: unknown): boolean {
  return (value as string).toLowerCase() === value;
}

type Fields = Readonly<Record<string, unknown>>;

interface Field {
  readonly key: string;
  readonly parts: readonly Acceptor[];
  readonly isOptional: boolean;
}

/** Of objects as JSON makes them, where no field is undefined. */
function objectAcceptor(entries: Readonly<Record<string, Any>>): Acceptor {
  const fields = Object.entries(entries).map(([key, schema]) => fieldOf(key, schema));
  return (value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && hasJust(fields, value as Fields);
}

function hasJust(fields: readonly Field[], value: Fields): boolean {
  let found = 0;
  for (const { key, parts, isOptional } of fields) {
    const field = value[key];
    if (field === undefined && isOptional) continue;
    if (!acceptAll(parts, field)) return false;
    found += 1;
  }
  for (const _ in value) found -= 1;
  return found === 0;
}

function fieldOf(key: string, schema: Any): Field {
  const isOptional =
    schema.type === 'optional' &&
    schema.pipe === undefined &&
    schema.default === undefined &&
    hasOnlyKnownFields(schema);
  return { key, parts: partsOf(isOptional ? schema.wrapped : schema), isOptional };
}

const anything: Acceptor = () => true;
const nothing: Acceptor = () => false;

function nullOr(accepts: Acceptor): Acceptor {
  return (value) => value === null || accepts(value);
}

/** A schema of each kind that is known here, with values of which it allows some. */
const SAMPLES: readonly (readonly [schema: () => v.GenericSchema, values: readonly unknown[]])[] = [
  [() => v.literal('a'), ['a', 'b', 1]],
  [() => v.string(), ['', 1, null]],
  [() => v.boolean(), [true, 'true']],
  [() => v.number(), [0, '0']],
  [() => v.nullable(v.string()), ['', null, 1]],
  [() => v.nullable(v.string(), 'a'), [null]],
  [
    () => v.strictObject({ a: v.string(), b: v.optional(v.boolean()) }),
    [{ a: '' }, { a: 1 }, {}, { a: '', c: 1 }],
  ],
  [
    () => v.strictObject({ a: v.string(), b: v.optional(v.boolean()) }),
    [{ a: '', b: true }, { a: '', b: 1 }, [], null],
  ],
  [() => v.strictObject({ a: v.optional(v.string(), 'b') }), [{}]],
  [() => v.strictObject({ a: v.pipe(v.string(), v.maxLength(2)) }), [{ a: 'ab' }, { a: 'abc' }]],
  [() => v.pipe(v.string(), v.metadata({}), v.maxLength(2)), ['ab', 'abc']],
  [() => v.pipe(v.string(), v.toLowerCase()), ['a', 'A']],
  [
    () => v.pipe(v.string(), v.uuid(), v.toLowerCase()),
    ['9b2f6c1e-3d4a-4f5b-8c6d-7e8f9a0b1c2d', '9B2F6C1E-3D4A-4F5B-8C6D-7E8F9A0B1C2D', 'no'],
  ],
  [() => v.pipe(v.number(), v.integer()), [1, 1.5]],
  [() => v.pipe(v.number(), v.safeInteger()), [1, 2 ** 53]],
  [() => v.pipe(v.number(), v.minValue(1)), [1, 0]],
  [() => v.pipe(v.number(), v.maxValue(1)), [1, 2]],
  [
    () =>
      v.pipe(
        v.strictObject({ a: v.string() }),
        v.check(({ a }) => a === 'a'),
      ),
    [{ a: 'a' }, { a: 'b' }],
  ],
];

/** Whether the sample schemas accept just what valibot allows and leaves as it is. Where false, valibot reads all messages. */
export const READS_SCHEMAS: boolean = SAMPLES.every(([make, values]) => {
  try {
    const schema = make();
    const accepts = compile(schema);
    return values.every((value) => accepts(value) === isLeftAlone(schema, value));
  } catch {
    return false;
  }
});

function isLeftAlone(schema: v.GenericSchema, value: unknown): boolean {
  const before = JSON.stringify(value);
  const { success, output } = v.safeParse(schema, value);
  return success && JSON.stringify(output) === before;
}
