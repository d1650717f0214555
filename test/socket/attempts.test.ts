import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Attempts } from '../../src/socket/attempts.ts';

const WINDOW_MS = 60_000;

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe('counting', () => {
  /** The answers to this many attempts in a row. */
  function count(attempts: Attempts, times: number, address = '192.0.2.7'): number[] {
    return Array.from({ length: times }, () => attempts.count(address));
  }

  test('up to the limit is free, beyond it the wait is told', () => {
    const attempts = new Attempts(3, WINDOW_MS);
    expect(count(attempts, 3)).toEqual([0, 0, 0]);
    expect(count(attempts, 2)).toEqual([WINDOW_MS, WINDOW_MS]);
    jest.advanceTimersByTime(20_000);
    expect(count(attempts, 1)).toEqual([40_000]);
  });

  test('the window rolls: no stretch of its length has more attempts than the limit', () => {
    const attempts = new Attempts(4, WINDOW_MS);
    expect(count(attempts, 1)).toEqual([0]);
    jest.advanceTimersByTime(WINDOW_MS - 1000);
    expect(count(attempts, 5)).toEqual([0, 0, 0, 1000, 1000]);
    jest.advanceTimersByTime(1000);
    // The first attempt has left the window, the three of a second ago have not.
    expect(count(attempts, 3)).toEqual([0, WINDOW_MS - 1000, WINDOW_MS - 1000]);
    jest.advanceTimersByTime(WINDOW_MS - 1000);
    expect(count(attempts, 4)).toEqual([0, 0, 0, 1000]);
  });

  test('over a long time an address gets the limit in each window, whatever it asks for', () => {
    const attempts = new Attempts(10, WINDOW_MS);
    const admitted: number[] = [];
    for (let at = 0; at < 5 * WINDOW_MS; at += 500) {
      if (attempts.count('192.0.2.7') === 0) admitted.push(at);
      jest.advanceTimersByTime(500);
    }
    expect(admitted).toHaveLength(50);
    for (let i = 10; i < admitted.length; i++)
      expect((admitted[i] as number) - (admitted[i - 10] as number)).toBeGreaterThanOrEqual(WINDOW_MS);
  });

  test('what is refused is not counted', () => {
    const attempts = new Attempts(2, WINDOW_MS);
    count(attempts, 50);
    jest.advanceTimersByTime(WINDOW_MS);
    expect(count(attempts, 3)).toEqual([0, 0, WINDOW_MS]);
  });

  test('a refusal always names a wait of at least a millisecond', () => {
    const attempts = new Attempts(1, 1000);
    count(attempts, 1);
    for (let ms = 0; ms < 999; ms += 37) {
      expect(count(attempts, 1)[0]).toBeGreaterThanOrEqual(1);
      jest.advanceTimersByTime(37);
    }
  });

  test('one address costs no other', () => {
    const attempts = new Attempts(1, WINDOW_MS);
    expect(count(attempts, 2)).toEqual([0, WINDOW_MS]);
    expect(count(attempts, 1, '192.0.2.8')).toEqual([0]);
    expect(count(attempts, 1, '2001:db8::1')).toEqual([0]);
  });

  test('one /64 is one address, and so is IPv4 in either notation', () => {
    const attempts = new Attempts(2, WINDOW_MS);
    expect(attempts.count('2001:db8::1')).toBe(0);
    expect(attempts.count('2001:db8::2')).toBe(0);
    expect(attempts.count('2001:db8::3')).toBe(WINDOW_MS);
    expect(attempts.count('192.0.2.7')).toBe(0);
    expect(attempts.count('::ffff:192.0.2.7')).toBe(0);
    expect(attempts.count('192.0.2.7')).toBe(WINDOW_MS);
  });

  test('loopback may try any number of times', () => {
    const attempts = new Attempts(1, WINDOW_MS);
    for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) {
      expect(count(attempts, 5, address)).toEqual([0, 0, 0, 0, 0]);
    }
  });

  test('with a limit of 0 so may anybody', () => {
    expect(count(new Attempts(0, WINDOW_MS), 1000)).toEqual(Array(1000).fill(0));
  });

  test('forgets an address when its window is over: a flood of them leaves nothing behind', () => {
    const attempts = new Attempts(5, WINDOW_MS);
    for (let i = 0; i < 100; i++) attempts.count(`192.0.2.${i}`);
    jest.advanceTimersByTime(WINDOW_MS / 2);
    attempts.count('192.0.2.7');
    expect([attempts.size, jest.getTimerCount()]).toEqual([100, 1]);
    jest.advanceTimersByTime(WINDOW_MS / 2);
    expect([attempts.size, jest.getTimerCount()]).toEqual([1, 1]);
    jest.advanceTimersByTime(WINDOW_MS / 2);
    expect([attempts.size, jest.getTimerCount()]).toEqual([0, 0]);
  });
});
