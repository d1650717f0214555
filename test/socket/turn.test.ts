import { expect, test } from '@jest/globals';
import { Turn } from '../../src/socket/turn.ts';

const isOver = () => new Promise((resolve) => setImmediate(resolve));

function openTurn() {
  const turn = new Turn();
  const flushed: string[] = [];
  const hold = (name: string, then = () => {}) =>
    turn.add({
      flush() {
        flushed.push(name);
        then();
      },
    });
  return { flushed, hold };
}

test('flushes what it holds when it is over, in order, and once', async () => {
  const { flushed, hold } = openTurn();
  hold('a');
  hold('b');
  await Promise.resolve();
  await new Promise((resolve) => process.nextTick(resolve));
  expect(flushed).toEqual([]);
  await isOver();
  expect(flushed).toEqual(['a', 'b']);
  await isOver();
  expect(flushed).toEqual(['a', 'b']);
});

test('what a flush adds belongs to the next turn', async () => {
  const { flushed, hold } = openTurn();
  hold('a', () => hold('c'));
  hold('b');
  await isOver();
  expect(flushed).toEqual(['a', 'b']);
  await isOver();
  expect(flushed).toEqual(['a', 'b', 'c']);
});
