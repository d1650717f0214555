import { keyOf } from './address.ts';

/** How many of something each address has at the moment, up to a limit. */
export class AddressCounter {
  readonly #limit: number;
  readonly #counts = new Map<string, number>();

  /** A limit of 0 allows any number. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Takes one for the address; false if it has as many as it may. Loopback may have any number. */
  take(address: string): boolean {
    const key = keyOf(address);
    if (key === undefined || this.#limit === 0) return true;
    const count = this.#counts.get(key) ?? 0;
    if (count >= this.#limit) return false;
    this.#counts.set(key, count + 1);
    return true;
  }

  /** Gives back one that was taken. */
  release(address: string): void {
    const key = keyOf(address);
    if (key === undefined) return;
    const count = this.#counts.get(key) ?? 0;
    if (count > 1) this.#counts.set(key, count - 1);
    else this.#counts.delete(key);
  }
}
