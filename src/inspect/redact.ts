import { types } from 'node:util';
import { isSecretName, placeholder, redactText } from './secrets.ts';

/** What JSON can say. */
export type Plain = null | boolean | number | string | Plain[] | { [name: string]: Plain };

const MAX_DEPTH = 8;
const MAX_ITEMS = 100;
const MAX_VALUES = 2000;
/** Characters of one text, and of all texts together. */
const MAX_TEXT = 1000;
const MAX_CHARACTERS = 65_536;
/** Longer text is searched, but not parsed as JSON. */
const MAX_JSON = 262_144;

type Field = readonly [name: string, read: () => unknown];

interface Walk {
  values: number;
  characters: number;
  /** The objects the walk is inside of. */
  readonly inside: Set<object>;
}

/**
 * A copy of `value` that JSON can carry and that tells no secret: what stands under the name of an SDP, a
 * candidate, a token or the like is replaced by its length, at any depth, in Maps and Errors and in JSON text.
 * The copy is bounded in depth, items and characters, and says where it leaves something out. Never throws,
 * and leaves `value` as it is.
 */
export function redact(value: unknown): Plain {
  return walk(value, 0, { values: 0, characters: 0, inside: new Set() });
}

function walk(value: unknown, depth: number, state: Walk): Plain {
  state.values += 1;
  if (state.values > MAX_VALUES) return '[not shown: too much]';
  switch (typeof value) {
    case 'string':
      return cut(withoutSecrets(value, depth, state), state);
    case 'number':
      return Number.isFinite(value) ? value + 0 : String(value); // JSON has no -0
    case 'boolean':
      return value;
    case 'object':
      return value === null ? null : guarded(value, depth, state);
    case 'function':
      return `[function ${value.name || 'anonymous'}]`;
    case 'bigint':
      return `${value}n`;
    default:
      return String(value);
  }
}

/** Proxies and getters may throw. */
function guarded(value: object, depth: number, state: Walk): Plain {
  if (state.inside.has(value)) return '[circular]';
  if (depth >= MAX_DEPTH) return '[not shown: too deep]';
  state.inside.add(value);
  try {
    return walkObject(value, depth + 1, state);
  } catch {
    return '[unreadable]';
  } finally {
    state.inside.delete(value);
  }
}

function walkObject(value: object, depth: number, state: Walk): Plain {
  if (Array.isArray(value)) return walkList(value, value.length, depth, state);
  if (types.isSet(value)) return walkList(value, value.size, depth, state);
  if (types.isMap(value)) return walkMap(value, depth, state);
  if (types.isDate(value)) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return `[${value.byteLength} bytes]`;
  if (isActor(value)) return `[actor ${value.sessionId}]`;
  const record = value as Record<string, unknown>;
  // An error's own fields are not enumerable; its stack would repeat the message.
  const hidden = types.isNativeError(value) ? ['name', 'message', 'cause'] : [];
  const names = [...hidden.filter((name) => name in value), ...Object.keys(value)];
  const fields = names.map((name): Field => [name, () => record[name]]);
  return walkFields(fields, fields.length, depth, state);
}

function walkList(list: Iterable<unknown>, length: number, depth: number, state: Walk): Plain[] {
  const items: Plain[] = [];
  let before: unknown;
  for (const item of list) {
    if (items.length === MAX_ITEMS) return [...items, `… ${length - MAX_ITEMS} more`];
    // A list may be of names and values in turn, as of raw headers, or a pair of them.
    const isSecret =
      typeof before === 'string' && /^[\w-]{1,40}$/.test(before) && isSecretName(before) && tells(item);
    items.push(isSecret ? placeholder(item) : walk(item, depth, state));
    before = item;
  }
  return items;
}

function walkMap(map: ReadonlyMap<unknown, unknown>, depth: number, state: Walk): Plain {
  const fields: Field[] = [];
  for (const [key, value] of map) {
    if (fields.length === MAX_ITEMS) break;
    fields.push([typeof key === 'string' ? key : JSON.stringify(walk(key, depth, state)), () => value]);
  }
  return walkFields(fields, map.size, depth, state);
}

function walkFields(fields: readonly Field[], size: number, depth: number, state: Walk): Plain {
  const shown: [string, Plain][] = [];
  for (const [name, read] of fields.slice(0, MAX_ITEMS)) {
    const value = read();
    if (value === undefined) continue;
    const isSecret = isSecretName(name) && tells(value);
    shown.push([cut(redactText(name), state), isSecret ? placeholder(value) : walk(value, depth, state)]);
  }
  if (size > MAX_ITEMS) shown.push(['…', `${size - MAX_ITEMS} more`]);
  return Object.fromEntries(shown); // which defines, so that a field called __proto__ stays a field
}

/** An absent or empty value is no secret: `candidate: ""` ends the candidates. */
function tells(value: unknown): boolean {
  return value !== null && value !== undefined && value !== '' && typeof value !== 'boolean';
}

/** Text that is JSON is redacted as what it says. */
function withoutSecrets(text: string, depth: number, state: Walk): string {
  if (depth >= MAX_DEPTH || text.length > MAX_JSON || !/^\s*[[{"]/.test(text)) return redactText(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return redactText(text);
  }
  return JSON.stringify(walk(value, depth + 1, state));
}

function cut(text: string, state: Walk): string {
  const length = Math.max(0, Math.min(MAX_TEXT, MAX_CHARACTERS - state.characters));
  state.characters += Math.min(text.length, length);
  return text.length <= length ? text : `${text.slice(0, length)}… (${text.length} characters)`;
}

function isActor(value: object): value is { sessionId: string } {
  return 'sessionId' in value && typeof value.sessionId === 'string' && 'send' in value;
}
