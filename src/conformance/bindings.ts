import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';

const NAME = /^[A-Z][A-Z0-9_]*$/;
const NAME_IN_TEXT = /"(?:upper\((?<loud>[A-Z][A-Z0-9_]*)\)|(?<plain>[A-Z][A-Z0-9_]*))"/g;
const ANYTHING = '…';

/**
 * What the words in capitals of one transcript stand for. "ROOM" takes the value of the first message heard that
 * has it, and stands for that value from then on; no two words stand for the same. One that is sent before it
 * was heard is a fresh UUID: nobody's. "upper(ROOM)" is sent in upper case. "…" matches anything, and
 * as the name of a field any further fields.
 */
export class Bindings {
  readonly #values = new Map<string, string>();

  /** The text to send. */
  fill(text: string): string {
    return text.replaceAll(NAME_IN_TEXT, (_, loud?: string, plain?: string) =>
      loud === undefined ? `"${this.#valueOf(plain as string)}"` : `"${this.#valueOf(loud).toUpperCase()}"`,
    );
  }

  /** Whether `actual` is what was expected; if so, words met for the first time are bound. */
  match(expected: unknown, actual: unknown): boolean {
    if (expected === ANYTHING) return true;
    if (typeof expected === 'string' && NAME.test(expected)) return this.#isValueOf(expected, actual);
    if (Array.isArray(expected)) {
      return (
        Array.isArray(actual) &&
        actual.length === expected.length &&
        expected.every((item, index) => this.match(item, actual[index]))
      );
    }
    if (!isObject(expected)) return isDeepStrictEqual(expected, actual);
    if (!isObject(actual)) return false;
    const { [ANYTHING]: further, ...fields } = expected;
    return (
      Object.entries(fields).every(
        ([name, value]) => Object.hasOwn(actual, name) && this.match(value, actual[name]),
      ) &&
      (further !== undefined || Object.keys(actual).length === Object.keys(fields).length)
    );
  }

  #valueOf(name: string): string {
    const value = this.#values.get(name) ?? randomUUID();
    this.#values.set(name, value);
    return value;
  }

  #isValueOf(name: string, actual: unknown): boolean {
    const known = this.#values.get(name);
    if (known !== undefined) return actual === known;
    if (typeof actual !== 'string' || [...this.#values.values()].includes(actual)) return false;
    this.#values.set(name, actual);
    return true;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
