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
  const { pipe } = schema as Any;
  if (pipe === undefined) return schemaAcceptor(schema);
  const [base, ...actions]: Any[] = pipe;
  return [schemaAcceptor(base), ...actions.map(actionAcceptor)].reduceRight((rest, part) => both(part, rest));
}

function schemaAcceptor(schema: Any): Acceptor {
  switch (schema.type) {
    case 'literal':
      return (value) => value === schema.literal;
    case 'string':
      return (value) => typeof value === 'string';
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
      return (value) => requirement.test(value);
    case 'min_value':
      return (value) => (value as number) >= requirement;
    case 'max_value':
      return (value) => (value as number) <= requirement;
    case 'max_length':
      return (value) => (value as string).length <= requirement;
    case 'to_lower_case':
      return (value) => (value as string).toLowerCase() === value;
    default:
      return nothing;
  }
}

type Fields = Readonly<Record<string, unknown>>;

interface Field {
  readonly key: string;
  readonly accepts: Acceptor;
  readonly isOptional: boolean;
}

/** Of objects as JSON makes them, where no field is undefined. */
function objectAcceptor(entries: Readonly<Record<string, Any>>): Acceptor {
  const fields = Object.entries(entries).map(([key, schema]) => fieldOf(key, schema));
  return (value) => typeof value === 'object' && value !== null && hasJust(fields, value as Fields);
}

function hasJust(fields: readonly Field[], value: Fields): boolean {
  let found = 0;
  for (const { key, accepts, isOptional } of fields) {
    const field = value[key];
    if (field === undefined && isOptional) continue;
    if (!accepts(field)) return false;
    found += 1;
  }
  for (const _ in value) found -= 1;
  return found === 0;
}

function fieldOf(key: string, schema: Any): Field {
  const isOptional = schema.type === 'optional' && schema.pipe === undefined && schema.default === undefined;
  return { key, accepts: acceptorOf(isOptional ? schema.wrapped : schema), isOptional };
}

const anything: Acceptor = () => true;
const nothing: Acceptor = () => false;

function both(first: Acceptor, second: Acceptor): Acceptor {
  return (value) => first(value) && second(value);
}

function nullOr(accepts: Acceptor): Acceptor {
  return (value) => value === null || accepts(value);
}
