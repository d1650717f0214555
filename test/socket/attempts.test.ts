import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Attempts, keyOf } from '../../src/socket/attempts.ts';

const WINDOW_MS = 60_000;

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe('what an address counts under', () => {
  const sameAs: [address: string, other: string][] = [
    ['192.0.2.7', '::ffff:192.0.2.7'],
    ['192.0.2.7', '::ffff:c000:207'],
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff'],
    ['2001:db8:1:2::1', '2001:0DB8:0001:0002:0000:0000:0000:0009'],
    ['2001:db8::1', '2001:db8:0:0:a:b:c:d'],
    ['fe80::1%eth0', 'fe80::2%eth1'],
    ['192.0.2.7', '192.0.2.7:50123'],
    ['2001:db8::1', '[2001:db8::2]'],
    ['2001:db8::1', '[2001:db8::2]:50123'],
  ];
  test.each(sameAs)('%s and %s: the same', (address, other) => {
    expect(keyOf(address)).toBeDefined();
    expect(keyOf(address)).toBe(keyOf(other));
  });

  const notAs: [address: string, other: string][] = [
    ['192.0.2.7', '192.0.2.8'],
    ['2001:db8:1:2::1', '2001:db8:1:3::1'],
    ['2001:db8:1:2::1', '2001:db8:2:2::1'],
    ['::ffff:192.0.2.7', '::ffff:192.0.2.8'],
    ['2001:db8::1', '192.0.2.7'],
    ['unknown', '192.0.2.7'],
  ];
  test.each(notAs)('%s and %s: different', (address, other) => {
    expect(keyOf(address)).toBeDefined();
    expect(keyOf(address)).not.toBe(keyOf(other));
  });

  test.each(['127.0.0.1', '127.9.8.7', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', '::ffff:7f00:1'])(
    '%s: loopback is not limited',
    (address) => expect(keyOf(address)).toBeUndefined(),
  );

  test.each(['', 'unknown', '_hidden', 'example.org', '192.0.2.7.9', '2001:db8::1::2', ':::'])(
    '%j: no address counts as it is',
    (address) => expect(keyOf(address)).toBe(address),
  );
});

describe('counting', () => {
  /** The answers to this many attempts in a row. */
  async function count(attempts: Attempts, times: number, address = '192.0.2.7'): Promise<number[]> {
    const answers: number[] = [];
    for (let i = 0; i < times; i++) answers.push(await attempts.count(address));
    return answers;
  }

  test('up to the limit is free, beyond it the wait is told', async () => {
    const attempts = new Attempts(3, WINDOW_MS);
    expect(await count(attempts, 3)).toEqual([0, 0, 0]);
    expect(await count(attempts, 2)).toEqual([WINDOW_MS, WINDOW_MS]);
    jest.advanceTimersByTime(20_000);
    expect(await count(attempts, 1)).toEqual([40_000]);
  });

  test('when the window is over the count starts afresh, however many were refused', async () => {
    const attempts = new Attempts(2, WINDOW_MS);
    await count(attempts, 1);
    jest.advanceTimersByTime(WINDOW_MS - 1);
    expect(await count(attempts, 50)).toEqual([0, ...Array(49).fill(1)]);
    jest.advanceTimersByTime(1);
    expect(await count(attempts, 3)).toEqual([0, 0, WINDOW_MS]);
  });

  test('a refusal always names a wait of at least a millisecond', async () => {
    const attempts = new Attempts(1, 1000);
    await count(attempts, 1);
    for (let ms = 0; ms < 999; ms += 37) {
      expect((await count(attempts, 1))[0]).toBeGreaterThanOrEqual(1);
      jest.advanceTimersByTime(37);
    }
  });

  test('one address costs no other', async () => {
    const attempts = new Attempts(1, WINDOW_MS);
    expect(await count(attempts, 2)).toEqual([0, WINDOW_MS]);
    expect(await count(attempts, 1, '192.0.2.8')).toEqual([0]);
    expect(await count(attempts, 1, '2001:db8::1')).toEqual([0]);
  });

  test('one /64 is one address, and so is IPv4 in either notation', async () => {
    const attempts = new Attempts(2, WINDOW_MS);
    expect(await attempts.count('2001:db8::1')).toBe(0);
    expect(await attempts.count('2001:db8::2')).toBe(0);
    expect(await attempts.count('2001:db8::3')).toBe(WINDOW_MS);
    expect(await attempts.count('192.0.2.7')).toBe(0);
    expect(await attempts.count('::ffff:192.0.2.7')).toBe(0);
    expect(await attempts.count('192.0.2.7')).toBe(WINDOW_MS);
  });

  test('loopback may try any number of times', async () => {
    const attempts = new Attempts(1, WINDOW_MS);
    for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) {
      expect(await count(attempts, 5, address)).toEqual([0, 0, 0, 0, 0]);
    }
  });

  test('with a limit of 0 so may anybody', async () => {
    expect(await count(new Attempts(0, WINDOW_MS), 1000)).toEqual(Array(1000).fill(0));
  });

  test('attempts at one moment count one by one', async () => {
    const attempts = new Attempts(5, WINDOW_MS);
    const answers = await Promise.all(Array.from({ length: 8 }, () => attempts.count('192.0.2.7')));
    expect(answers.filter((answer) => answer === 0)).toHaveLength(5);
  });

  test('forgets an address when its window is over: a flood of them leaves nothing behind', async () => {
    const attempts = new Attempts(5, WINDOW_MS);
    for (let i = 0; i < 100; i++) await attempts.count(`192.0.2.${i}`);
    expect(jest.getTimerCount()).toBe(100);
    jest.advanceTimersByTime(WINDOW_MS);
    expect(jest.getTimerCount()).toBe(0);
  });
});
