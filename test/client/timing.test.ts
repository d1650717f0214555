import { expect, test } from '@jest/globals';
import { TIMING } from '../../src/client/machines/negotiation.ts';
import { readTiming } from '../../src/client/timing.ts';

const DEFAULTS = { ...TIMING, matchMs: 3000, strayMs: 60_000, renewMs: 1000 };

test('what is not said is the default, and so is what is undefined', () => {
  expect(readTiming()).toEqual(DEFAULTS);
  expect(readTiming({ answerMs: undefined, matchMs: 10 })).toEqual({ ...DEFAULTS, matchMs: 10 });
});

test('a time that no timer takes is long, and not over at once, though it doubles thrice', () => {
  expect(readTiming({ answerMs: Number.POSITIVE_INFINITY }).answerMs * 8).toBe(2 ** 31 - 1);
});

test.each([[Number.NaN], [-1], ['5000' as never]])('%j is no time', (answerMs) => {
  expect(() => readTiming({ answerMs })).toThrow(
    `timing.answerMs is ${answerMs}; it must be a number of milliseconds from 0.`,
  );
});
