import { expect, test } from '@jest/globals';
import { median, quantile, quartiles } from '../../../bench/support/statistics.ts';

test('quantiles are values that were measured, by nearest rank', () => {
  const values = [5, 1, 4, 2, 3, 10, 9, 8, 7, 6];
  expect([0, 0.1, 0.5, 0.99, 1].map((q) => quantile(values, q))).toEqual([1, 1, 5, 10, 10]);
  expect(median([3, 1, 2])).toBe(2);
  expect(quartiles(values)).toEqual([3, 8]);
  expect(values[0]).toBe(5);
});

test('nothing has no quantile', () => {
  expect(quantile([], 0.5)).toBeNaN();
});
