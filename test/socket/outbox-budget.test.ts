import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Outgoing } from '../../src/codec/outgoing.ts';
import { Outbox } from '../../src/socket/outbox.ts';
import { OutboxBudget } from '../../src/socket/outbox-budget.ts';
import { codec } from '../support/codec.ts';

const PLENTY = { messages: 1000, bytes: 1_000_000, ageMs: 1_000_000 };
const message = (length: number) => new Outgoing({ type: 'Offer', from: 'a', sdp: 'x'.repeat(length) });

/** Outboxes with a common budget, on a clock that stands until it is moved. */
function openOutboxes(limitBytes: number, limits: Partial<typeof PLENTY> = {}) {
  let now = 0;
  const emptied: [outboxes: number, bytes: number][] = [];
  const budget = new OutboxBudget(limitBytes, (...told) => void emptied.push(told));
  return {
    budget,
    emptied,
    wait(ms: number) {
      now += ms;
    },
    open: () => new Outbox({ ...PLENTY, ...limits }, codec, budget, () => now),
  };
}

const write = (outbox: Outbox, count: number, length: number) => {
  for (let i = 0; i < count; i += 1) outbox.write(message(length));
};
const isLossless = (outbox: Outbox) => !outbox.missedSince(0, codec).lost;

describe('beyond the limit', () => {
  test('an outbox that holds much is emptied, and not the one that writes', () => {
    const { open, emptied } = openOutboxes(100_000);
    const [silent, other] = [open(), open()];
    write(silent, 9, 10_000);
    write(other, 2, 3000);
    expect([isLossless(silent), isLossless(other)]).toEqual([true, true]);
    write(other, 1, 3000);
    expect([isLossless(silent), isLossless(other)]).toEqual([false, true]);
    expect(emptied).toEqual([[1, expect.any(Number)]]);
  });

  test('however many hold much: all that are small stay lossless', () => {
    const { open, budget } = openOutboxes(1_000_000);
    const holders = Array.from({ length: 30 }, open);
    for (const holder of holders) write(holder, 10, 10_000);
    const others = Array.from({ length: 20 }, open);
    for (const other of others) write(other, 1, 3000);
    expect(budget.usedBytes).toBeLessThanOrEqual(1_000_000);
    expect(others.every(isLossless)).toBe(true);
    expect(holders.filter(isLossless).length).toBeGreaterThan(0);
  });

  test('of those about as large, the one that has kept its oldest message longest', () => {
    const { open, wait } = openOutboxes(96_000);
    const [first, second, third] = [open(), open(), open()];
    write(second, 3, 10_000);
    wait(10);
    write(first, 3, 10_500); // a little larger, and younger
    wait(10);
    write(third, 3, 10_000);
    write(open(), 1, 3000);
    expect([first, second, third].map(isLossless)).toEqual([true, false, true]);
  });

  test('the largest is emptied even when it is the one that writes', () => {
    const { open } = openOutboxes(100_000);
    const [small, large] = [open(), open()];
    write(small, 1, 10_000);
    write(large, 9, 10_000);
    expect([isLossless(small), isLossless(large)]).toEqual([true, false]);
  });

  test('what it has emptied it counts no more, and an outbox goes on afterwards', () => {
    const { open, budget, emptied } = openOutboxes(100_000);
    const outbox = open();
    write(outbox, 10, 10_000);
    expect([emptied.length, budget.usedBytes]).toEqual([1, 0]);
    write(outbox, 1, 100);
    expect(outbox.missedSince(10, codec)).toEqual({
      texts: [expect.stringContaining('"seq":11')],
      lost: false,
    });
  });
});

describe('what is counted', () => {
  test('is memory: a character that needs two bytes makes all of its text take two', () => {
    const { open, budget } = openOutboxes(Number.POSITIVE_INFINITY);
    open().write(new Outgoing({ type: 'Offer', from: 'a', sdp: 'x'.repeat(10_000) }));
    const ascii = budget.usedBytes;
    open().write(new Outgoing({ type: 'Offer', from: 'a', sdp: `→${'x'.repeat(9999)}` }));
    expect(budget.usedBytes - ascii).toBeGreaterThan(1.9 * ascii);
  });

  test('is memory: each message counts for more than its few characters', () => {
    const { open, budget } = openOutboxes(Number.POSITIVE_INFINITY);
    write(open(), 100, 0);
    expect(budget.usedBytes).toBeGreaterThan(100 * 150);
  });

  test('is nothing once the sessions are over, whatever they are sent afterwards', () => {
    const { open, budget } = openOutboxes(100_000);
    const outboxes = Array.from({ length: 5 }, open);
    for (const outbox of outboxes) write(outbox, 3, 9000);
    for (const outbox of outboxes) outbox.close();
    for (const outbox of outboxes) expect(outbox.write(message(10))).toBe('closed');
    expect(budget.usedBytes).toBe(0);
  });

  test('goes with age, without a write', () => {
    const { open, budget, wait } = openOutboxes(100_000, { ageMs: 100 });
    const outbox = open();
    write(outbox, 3, 1000);
    wait(101);
    expect(budget.usedBytes).toBeGreaterThan(3000);
    outbox.trim();
    expect(budget.usedBytes).toBe(0);
  });

  test('stays within the limit and matches what the outboxes hold, whatever happens', () => {
    const step = fc.record({
      which: fc.nat(4),
      what: fc.constantFrom('write', 'write', 'write', 'acknowledge', 'wait', 'close'),
      length: fc.nat(3000),
    });
    const property = fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const { open, budget, wait } = openOutboxes(10_000, { messages: 5, bytes: 6000, ageMs: 50 });
      const outboxes = Array.from({ length: 5 }, open);
      for (const { which, what, length } of steps) {
        const outbox = outboxes[which] as Outbox;
        if (what === 'write') outbox.write(message(length));
        else if (what === 'acknowledge') outbox.acknowledge(outbox.seq - 1);
        else if (what === 'close') outbox.close();
        else wait(length / 100);
        expect(budget.usedBytes).toBeLessThanOrEqual(10_000);
        expect(budget.usedBytes).toBe(outboxes.reduce((sum, { heldBytes }) => sum + heldBytes, 0));
      }
      for (const outbox of outboxes) outbox.close();
      expect(budget.usedBytes).toBe(0);
    });
    fc.assert(property, { numRuns: 300 });
  });
});
