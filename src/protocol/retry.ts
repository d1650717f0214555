/**
 * When to connect again after a close code of the server's: at least this many milliseconds later, or never; and
 * then after a random part of so many more, where that is more than the back-off. Codes that are not here: with
 * back-off alone. Apart from codes.ts, so that a client need not carry its prose.
 */
export const RETRY_AFTER: Readonly<Record<number, readonly [afterMs: number | false, withinMs?: number]>> = {
  1003: [false],
  1007: [false],
  1008: [false],
  1009: [false],
  1012: [0, 5000],
  1013: [1000],
  4401: [false],
  4409: [false],
  4429: [60_000],
};
