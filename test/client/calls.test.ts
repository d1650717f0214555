import { expect, test } from '@jest/globals';
import { Calls, type SeatCall } from '../../src/client/calls.ts';

const LEAVE: SeatCall = { type: 'leave' };
const ENTER: SeatCall = { type: 'enter', request: {} };
const ROOM = { roomId: 'room', participants: ['self'] };

function start() {
  const done: string[] = [];
  const calls = new Calls({ begin: ({ type }) => done.push(type), withdraw: () => done.push('withdraw') });
  return { calls, done };
}

test('one call is under way at a time, and the next begins when it is told to', async () => {
  const { calls, done } = start();
  const [entered, left] = [calls.add(ENTER, {}), calls.add(LEAVE, {})];
  expect([calls.areWaiting, done]).toEqual([true, []]);
  calls.advance();
  calls.advance();
  expect([calls.areWaiting, done]).toEqual([true, ['enter']]);
  calls.settle(ROOM);
  calls.advance();
  expect([calls.areWaiting, done]).toEqual([false, ['enter', 'leave']]);
  calls.reject(new Error('refused'));
  expect(await entered).toBe(ROOM);
  await expect(left).rejects.toThrow('refused');
});

test('a call whose signal aborts is taken back: in silence while it waits, told when it is under way', async () => {
  const { calls, done } = start();
  const controllers = [new AbortController(), new AbortController()];
  const [first, second] = controllers.map(({ signal }) => calls.add(LEAVE, { signal }));
  calls.advance();
  for (const controller of controllers.reverse()) controller.abort(new Error('changed my mind'));
  await expect(first).rejects.toThrow('changed my mind');
  await expect(second).rejects.toThrow('changed my mind');
  expect([calls.areWaiting, done]).toEqual([false, ['leave', 'withdraw']]);
  calls.settle(undefined); // what nobody waits for
});

test('at the end all are rejected', async () => {
  const { calls } = start();
  const all = [calls.add(ENTER, {}), calls.add(LEAVE, {})];
  calls.advance();
  calls.end(new Error('over'));
  for (const call of all) await expect(call).rejects.toThrow('over');
});
