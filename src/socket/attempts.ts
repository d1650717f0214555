import { keyOf } from './address.ts';

/** Arrivals of one address, the oldest at `first`. */
interface History {
  times: number[];
  first: number;
}

/**
 * How often an address may try: connection attempts and failed joins count alike, so that neither floods nor a
 * search for room ids pay. The window rolls: at no moment are there more attempts than the limit in the time before it.
 * What is beyond the limit is not counted. Loopback is not limited: it is the operator's own, and behind an untrusted
 * local proxy it would be everybody.
 */
export class Attempts {
  readonly #limit: number;
  readonly #windowMs: number;
  /** By what an address counts under; the one whose last attempt is longest ago comes first. */
  readonly #histories = new Map<string, History>();
  #sweep: NodeJS.Timeout | undefined;

  /** `limit` attempts within `windowMs`; a limit of 0 allows any number. */
  constructor(limit: number, windowMs: number) {
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#histories.size;
  }

  /** Counts one attempt. Returns 0, or beyond the limit the milliseconds until the next may succeed. */
  count(address: string): number {
    const key = keyOf(address);
    if (this.#limit === 0 || key === undefined) return 0;
    const now = performance.now();
    const history = this.#histories.get(key) ?? { times: [], first: 0 };
    this.#forgetOld(history, now);
    if (history.times.length - history.first >= this.#limit) {
      return Math.max(1, Math.ceil((history.times[history.first] as number) + this.#windowMs - now));
    }
    history.times.push(now);
    this.#histories.delete(key);
    this.#histories.set(key, history);
    this.#sweep ??= setTimeout(() => this.#sweepOld(), this.#windowMs).unref();
    return 0;
  }

  #forgetOld(history: History, now: number): void {
    const { times } = history;
    while (history.first < times.length && (times[history.first] as number) <= now - this.#windowMs)
      history.first += 1;
    if (history.first * 2 <= times.length) return;
    history.times = times.slice(history.first);
    history.first = 0;
  }

  /** Forgets addresses that have not tried within the window. */
  #sweepOld(): void {
    const now = performance.now();
    this.#sweep = undefined;
    for (const [key, { times }] of this.#histories) {
      const restMs = (times.at(-1) as number) + this.#windowMs - now;
      if (restMs > 0) {
        this.#sweep = setTimeout(() => this.#sweepOld(), restMs).unref();
        return;
      }
      this.#histories.delete(key);
    }
  }
}
