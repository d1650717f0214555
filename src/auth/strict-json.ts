import type { Check } from './refusal.ts';
import { RefusalError } from './refusal.ts';

/** Deeper JSON is refused. Claims of real issuers have four levels. */
const MAX_DEPTH = 16;
/** Names that would change how objects behave where somebody copies them by assignment. */
const PROTOTYPE_NAMES: ReadonlySet<unknown> = new Set(['__proto__', 'constructor', 'prototype']);

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;

/**
 * Reads an object from JSON text that somebody else wrote. JSON.parse keeps the last of two equal names, and another
 * reader the first, so a text with equal names is refused, and one with names of prototypes. Names are compared as they
 * are after unescaping. Throws RefusalError.
 */
export function readStrictJson(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const text = decode(bytes);
  const value = parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new RefusalError('json');
  const problem = problemOf(text);
  if (problem !== undefined) throw new RefusalError(problem);
  return value as Record<string, unknown>;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new RefusalError('encoding');
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new RefusalError('json');
  }
}

/** Walks over text that is known to be JSON: a string is a name where the next token is a colon. */
function problemOf(text: string): Check | undefined {
  const names: Set<string>[] = [];
  let string = '';
  for (const [token] of text.matchAll(TOKEN)) {
    switch (token) {
      case '{':
      case '[':
        if (names.length === MAX_DEPTH) return 'json';
        names.push(new Set());
        break;
      case '}':
      case ']':
        names.pop();
        break;
      case ':': {
        const name = JSON.parse(string) as string;
        const seen = names.at(-1);
        if (PROTOTYPE_NAMES.has(name)) return 'prototype name';
        if (seen?.has(name)) return 'duplicate name';
        seen?.add(name);
        break;
      }
      case ',':
        break;
      default:
        string = token;
    }
  }
  return undefined;
}
