import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { add, clear, isFull, rollingWindow } from '../../machines/rolling-window.ts';

describe('a rolling window', () => {
  test('is full when as many frames as the limit arrived within it', () => {
    const window = rollingWindow(2, 1000);
    expect(isFull(window, 0)).toBe(false);
    add(window, 0);
    expect(isFull(window, 0)).toBe(false);
    add(window, 0);
    expect(isFull(window, 0)).toBe(true);
  });

  test('forgets a frame when it is exactly as old as the window', () => {
    const window = rollingWindow(1, 1000);
    add(window, 5);
    expect(isFull(window, 1004.999)).toBe(true);
    expect(isFull(window, 1005)).toBe(false);
  });

  test('asks after the oldest frame, not the newest', () => {
    const window = rollingWindow(2, 1000);
    add(window, 0);
    add(window, 900);
    expect(isFull(window, 999)).toBe(true);
    expect(isFull(window, 1000)).toBe(false);
    add(window, 1000);
    expect(isFull(window, 1899)).toBe(true);
    expect(isFull(window, 1900)).toBe(false);
  });

  test('holds at any start of the clock, 0 and below included', () => {
    const window = rollingWindow(1, 1000);
    expect(isFull(window, -5000)).toBe(false);
    add(window, -5000);
    expect(isFull(window, -5000)).toBe(true);
  });

  test('is empty again when cleared, wherever it stood', () => {
    const window = rollingWindow(3, 1000);
    for (let frames = 0; frames < 5; frames++) add(window, 0);
    clear(window);
    for (let frames = 0; frames < 3; frames++) {
      expect(isFull(window, 0)).toBe(false);
      add(window, 0);
    }
    expect(isFull(window, 0)).toBe(true);
  });

  test('takes no more place than a client uses of its limit', () => {
    const window = rollingWindow(1000, 1000);
    for (let at = 0; at < 100_000; at += 300) add(window, at); // at most 4 within a second
    expect(window.arrivals).toHaveLength(4);
    for (let frames = 0; frames < 1000; frames++) add(window, 100_000);
    expect([window.arrivals.length, isFull(window, 100_000)]).toEqual([1000, true]);
  });

  test('agrees with a list of all arrivals', () => {
    const step = fc.oneof(
      { weight: 9, arbitrary: fc.record({ after: fc.nat({ max: 300 }), clear: fc.constant(false) }) },
      { weight: 1, arbitrary: fc.record({ after: fc.nat({ max: 300 }), clear: fc.constant(true) }) },
    );
    const limits = fc.integer({ min: 1, max: 20 });
    const windows = fc.integer({ min: 1, max: 1000 });
    fc.assert(
      fc.property(limits, windows, fc.array(step, { maxLength: 80 }), (limit, windowMs, steps) => {
        const window = rollingWindow(limit, windowMs);
        let arrivals: number[] = [];
        let at = 0;
        for (const { after, clear: clears } of steps) {
          at += after;
          const counted = arrivals.filter((arrival) => at - arrival < windowMs).length;
          expect(isFull(window, at)).toBe(counted >= limit);
          if (clears) {
            clear(window);
            arrivals = [];
          } else {
            add(window, at);
            arrivals.push(at);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
