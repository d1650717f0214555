import { expect, test } from '@jest/globals';
import { Turn } from '../../src/socket/turn.ts';
import { turnIsOver } from '../support/wait.ts';

function openTurn() {
  const turn = new Turn();
  const flushed: string[] = [];
  /** Writes to the socket of this name; returns whether that is held back. */
  const write = (name: string, then = () => {}) =>
    turn.holds({
      flush() {
        flushed.push(name);
        then();
      },
    });
  return { turn, flushed, write };
}

/** Writes to sockets one turn each, until a write is held back; returns how many were not. */
async function writesUntilHeld(write: (name: string) => boolean): Promise<number> {
  for (let unheld = 0; unheld < 1000; unheld += 1) {
    if (write('x')) return unheld;
    await turnIsOver();
  }
  throw new Error('never held');
}

test('flushes what it holds when it is over, in order, and once', async () => {
  const { flushed, write } = openTurn();
  expect([write('a'), write('b')]).toEqual([true, true]);
  await Promise.resolve();
  await new Promise((resolve) => process.nextTick(resolve));
  expect(flushed).toEqual([]);
  await turnIsOver();
  expect(flushed).toEqual(['a', 'b']);
  await turnIsOver();
  expect(flushed).toEqual(['a', 'b']);
});

test('what a flush writes belongs to the next turn', async () => {
  const { turn, flushed, write } = openTurn();
  write('a', () => write('c'));
  write('b');
  turn.joined();
  await turnIsOver();
  expect(flushed).toEqual(['a', 'b']);
  await turnIsOver();
  expect(flushed).toEqual(['a', 'b', 'c']);
});

test('holds on for as long as something joins what is held', async () => {
  const { turn, write } = openTurn();
  for (let i = 0; i < 5; i += 1) {
    expect(write('a')).toBe(true);
    turn.joined();
    await turnIsOver();
  }
});

test('where nothing joins, lets writes go at once, and tries again now and then', async () => {
  const { write } = openTurn();
  expect(write('a')).toBe(true);
  await turnIsOver();
  expect(await writesUntilHeld(write)).toBe(32);
  await turnIsOver();
  expect(await writesUntilHeld(write)).toBe(32);
});

test('where it has paid, it is given up after four turns in which nothing joins', async () => {
  const { turn, write } = openTurn();
  write('a');
  turn.joined();
  await turnIsOver();
  for (let unpaid = 0; unpaid < 3; unpaid += 1) {
    expect(write('a')).toBe(true);
    await turnIsOver();
  }
  write('a');
  turn.joined();
  await turnIsOver();
  for (let unpaid = 0; unpaid < 4; unpaid += 1) {
    expect(write('a')).toBe(true);
    await turnIsOver();
  }
  expect(await writesUntilHeld(write)).toBe(32);
});

test('all of a turn is held, or what comes before the first that is', async () => {
  const { write, flushed } = openTurn();
  write('a');
  await turnIsOver();
  const held = Array.from({ length: 40 }, (_, i) => write(String(i)));
  expect(held.indexOf(true)).toBe(32);
  expect(held.lastIndexOf(false)).toBe(31);
  await turnIsOver();
  expect(flushed).toEqual(['a', ...Array.from({ length: 8 }, (_, i) => String(32 + i))]);
});
