import { expect, test } from '@jest/globals';
import { SimulatedClock } from 'xstate';
import { Inbox } from '../src/inbox.ts';

const TIMEOUT_MS = 1000;

/** An inbox; `handled` are the names of what was handled. */
function start() {
  const clock = new SimulatedClock();
  const handled: string[] = [];
  const inbox = new Inbox(clock, TIMEOUT_MS, () => handled.push('(silent)'));
  const add = (name: string, isRelay = false) =>
    inbox.add({ isRelay, trace: undefined, handle: () => void handled.push(name) });
  return { clock, inbox, add, news: () => handled.splice(0) };
}

test('what waits is handled in order once no command is pending', () => {
  const { inbox, add, news } = start();
  inbox.commandPending();
  inbox.commandPending();
  for (const name of ['a', 'b', 'c']) add(name);
  inbox.commandDone();
  inbox.handleWaiting(() => true);
  expect(news()).toEqual([]);
  inbox.commandDone();
  inbox.handleWaiting(() => true);
  expect([news(), inbox.isSettled]).toEqual([['a', 'b', 'c'], true]);
});

test('what is handled may send a command: the rest waits for that one, but relays of a member do not', () => {
  const { inbox, add, news } = start();
  inbox.add({ isRelay: false, trace: undefined, handle: () => inbox.commandPending() });
  add('relay', true);
  add('other');
  add('relay behind it', true);
  inbox.handleWaiting(() => false);
  expect(news()).toEqual([]);
  inbox.handleWaiting(() => true);
  expect([news(), inbox.isSettled]).toEqual([['relay'], false]);
});

test('is silent when no command is done in time, and never otherwise', () => {
  const { clock, inbox, news } = start();
  inbox.commandPending();
  clock.increment(TIMEOUT_MS - 1);
  inbox.commandPending();
  inbox.commandDone();
  clock.increment(TIMEOUT_MS - 1);
  inbox.commandDone();
  clock.increment(10 * TIMEOUT_MS);
  expect(news()).toEqual([]);
  inbox.commandPending();
  clock.increment(TIMEOUT_MS);
  expect(news()).toEqual(['(silent)']);
  inbox.giveUp();
  clock.increment(10 * TIMEOUT_MS);
  expect([news(), inbox.isSettled]).toEqual([[], true]);
});

test('handles nothing of a participant that is over, and is never silent again', () => {
  const { clock, inbox, add, news } = start();
  inbox.commandPending();
  add('a');
  inbox.close();
  inbox.handleWaiting(() => true);
  clock.increment(10 * TIMEOUT_MS);
  expect(news()).toEqual([]);
});
