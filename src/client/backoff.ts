import type { Partly } from './partly.ts';
import { MAX_TIMER_MS, readMs } from './timer.ts';

/** How long to wait between attempts to connect. */
export interface Backoff {
  /** The longest wait before the first attempt, in milliseconds; it doubles with each. Default 500. */
  readonly baseMs: number;
  /** No wait is longer, in milliseconds. Default 15000. */
  readonly capMs: number;
  /** Attempts at most, in a row. Default Infinity. */
  readonly maxAttempts: number;
}

/** What the option asks for. Throws a RangeError for a value that is not a time, or not a count. */
export function readBackoff(reconnect: Partly<Backoff> | false = {}): Backoff | false {
  if (reconnect === false) return false;
  const { baseMs = 500, capMs = 15_000, maxAttempts = Number.POSITIVE_INFINITY } = reconnect;
  if (!(maxAttempts >= 0))
    throw new RangeError(`reconnect.maxAttempts is ${maxAttempts}; it must be a number from 0.`);
  return {
    baseMs: readMs('reconnect.baseMs', baseMs),
    capMs: readMs('reconnect.capMs', capMs),
    maxAttempts,
  };
}

/**
 * Full jitter: anything from nothing to a bound that doubles with each attempt (the first is 0), so that many
 * clients that lost the same server come back evenly. `random` is from 0 to 1.
 */
export function backoffMs({ baseMs, capMs }: Backoff, attempt: number, random: number): number {
  const doubled = baseMs * 2 ** Math.min(attempt, 31);
  return Math.round(random * Math.min(capMs, doubled, MAX_TIMER_MS));
}
