import type { SessionStorage } from '../../src/client/index.ts';

/** A tab's `sessionStorage`, for clients in Node. */
export class MemoryStorage implements SessionStorage {
  readonly #items: Map<string, string>;

  constructor(items: Iterable<[string, string]> = []) {
    this.#items = new Map(items);
  }

  get size(): number {
    return this.#items.size;
  }

  getItem(key: string): string | null {
    return this.#items.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.#items.set(key, value);
  }

  removeItem(key: string): void {
    this.#items.delete(key);
  }

  /** What "Duplicate tab" does, and what a browser restores after a crash. */
  copy(): MemoryStorage {
    return new MemoryStorage(this.#items);
  }
}
