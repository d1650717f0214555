/** How long to wait between attempts to connect. */
export interface Backoff {
  /** The longest wait before the first attempt, in milliseconds; it doubles with each. Default 500. */
  readonly baseMs: number;
  /** No wait is longer, in milliseconds. Default 15000. */
  readonly capMs: number;
  /** Attempts at most, in a row. Default Infinity. */
  readonly maxAttempts: number;
}

/**
 * Full jitter: anything from nothing to a bound that doubles with each attempt (the first is 0), so that many
 * clients that lost the same server come back evenly. `random` is from 0 to 1.
 */
export function backoffMs({ baseMs, capMs }: Backoff, attempt: number, random: number): number {
  return Math.round(random * Math.min(capMs, baseMs * 2 ** attempt));
}
