import type * as v from 'valibot';

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
 * accepts nothing. test/protocol/acceptance.test.ts compares with valibot over random schemas and values.
 */
export function acceptorOf(schema: v.GenericSchema): Acceptor {
  const parts = partsOf(schema);
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : (value) => acceptAll(parts, value);
}

/** What all have to accept a value, in order. */
function partsOf(schema: Any): readonly Acceptor[] {
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
      return schema.default === undefined ? nullOr(acceptorOf(schema.wrapped)) : nothing;
    case 'strict_object':
      return objectAcceptor(schema.entries);
    default:
      return nothing;
  }
}

/** What follows a schema in its pipe. */
function actionAcceptor(action: Any): Acceptor {
  const { requirement } = action;
  switch (action.type) {
    case 'metadata':
      return anything;
    case 'check':
    case 'integer':
    case 'safe_integer':
      return requirement;
    case 'uuid':
      return requirement.source === UUID ? isLowerCaseUuid : nothing;
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
  const { type, pipe, fallback } = schema;
  const isOptional =
    type === 'optional' && pipe === undefined && schema.default === undefined && fallback === undefined;
  return { key, parts: partsOf(isOptional ? schema.wrapped : schema), isOptional };
}

const anything: Acceptor = () => true;
const nothing: Acceptor = () => false;

function nullOr(accepts: Acceptor): Acceptor {
  return (value) => value === null || accepts(value);
}
