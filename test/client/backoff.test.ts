import { expect, test } from '@jest/globals';
import { backoffMs, readBackoff } from '../../src/client/backoff.ts';

test('the back-off is anything up to a bound that doubles, however often', () => {
  const backoff = { baseMs: 500, capMs: 15_000, maxAttempts: Number.POSITIVE_INFINITY };
  expect([0, 1, 2, 5, 5000].map((attempt) => backoffMs(backoff, attempt, 1))).toEqual([
    500, 1000, 2000, 15_000, 15_000,
  ]);
  expect(backoffMs(backoff, 3, 0)).toBe(0);
  expect(backoffMs(backoff, 3, 0.5)).toBe(2000);
});

test('nor is it ever longer than a timer takes, or no time at all', () => {
  const backoff = readBackoff({ capMs: Number.POSITIVE_INFINITY });
  expect(backoff && backoffMs(backoff, 5000, 1)).toBe(2 ** 31 - 1);
  const none = readBackoff({ baseMs: 0 });
  expect(none && backoffMs(none, 5000, 1)).toBe(0);
});

test('what is not said is the default', () => {
  const defaults = { baseMs: 500, capMs: 15_000, maxAttempts: Number.POSITIVE_INFINITY };
  expect([readBackoff(), readBackoff({ baseMs: undefined }), readBackoff(false)]).toEqual([
    defaults,
    defaults,
    false,
  ]);
});

test.each([
  [{ baseMs: Number.NaN }, 'reconnect.baseMs is NaN; it must be a number of milliseconds from 0.'],
  [{ baseMs: '500' as never }, 'reconnect.baseMs is 500; it must be a number of milliseconds from 0.'],
  [{ capMs: -1 }, 'reconnect.capMs is -1; it must be a number of milliseconds from 0.'],
  [{ maxAttempts: Number.NaN }, 'reconnect.maxAttempts is NaN; it must be a number from 0.'],
])('%j is refused', (reconnect, message) => {
  expect(() => readBackoff(reconnect)).toThrow(new RangeError(message));
});
