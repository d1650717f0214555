import { expect, test } from '@jest/globals';
import { backoffMs } from '../../src/client/backoff.ts';

test('the back-off is anything up to a bound that doubles, however often', () => {
  const backoff = { baseMs: 500, capMs: 15_000, maxAttempts: Number.POSITIVE_INFINITY };
  expect([0, 1, 2, 5, 5000].map((attempt) => backoffMs(backoff, attempt, 1))).toEqual([
    500, 1000, 2000, 15_000, 15_000,
  ]);
  expect(backoffMs(backoff, 3, 0)).toBe(0);
  expect(backoffMs(backoff, 3, 0.5)).toBe(2000);
});
