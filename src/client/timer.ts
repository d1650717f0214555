/** The longest a timer takes, some 25 days: a longer one would be due at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** A time as an option gives it. Infinity will do; throws a RangeError for a value that is not a time. */
export function readMs(name: string, ms: number): number {
  if (typeof ms !== 'number' || !(ms >= 0))
    throw new RangeError(`${name} is ${ms}; it must be a number of milliseconds from 0.`);
  return Math.min(ms, MAX_TIMER_MS);
}
