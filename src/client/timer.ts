/** The longest a timer takes, some 25 days: a longer one would be due at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** A time as an option gives it. Infinity will do; a RangeError is thrown for what is no time. */
export function readMs(name: string, ms: number): number {
  if (typeof ms !== 'number' || !(ms >= 0))
    throw new RangeError(`${name} is ${ms}: no time in milliseconds.`);
  return Math.min(ms, MAX_TIMER_MS);
}
