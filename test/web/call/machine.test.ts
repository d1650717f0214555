import { afterEach, describe, expect, test } from '@jest/globals';
import { type Actor, createActor, SimulatedClock, waitFor } from 'xstate';
import { SignalingError } from '../../../src/client/index.ts';
import type { Call, Entrance } from '../../../web/call/call.ts';
import type { KeptCall } from '../../../web/call/kept.ts';
import { type CallInput, callMachine } from '../../../web/call/machine.ts';
import { ReplacedError } from '../../../web/call/notice.ts';

const ROOM = '3f2c8e0a-5b1d-4c7e-9a64-1d2e3f405162';
const OTHER = '7a1b2c3d-5b1d-4c7e-9a64-1d2e3f405162';
const JOIN: Entrance = { type: 'join', roomId: ROOM };

/** A call whose server answers when the test says so. */
class FakeCall {
  readonly entered: Entrance[] = [];
  isOver = false;
  isCapturing = true;
  answer = Promise.withResolvers<{ roomId: string; participants: string[] }>();
  kept: unknown;
  ended: (error: unknown) => void = () => {};

  enter(entrance: Entrance) {
    this.entered.push(entrance);
    return this.answer.promise;
  }
  onEnded(ended: (error: unknown) => void): void {
    this.ended = ended;
  }
  stopCapturing(): void {
    this.isCapturing = false;
  }
  end(): void {
    this.isOver = true;
  }
}

const actors: Actor<typeof callMachine>[] = [];
afterEach(() => {
  for (const actor of actors.splice(0)) actor.stop();
});

function start(destination: Partial<CallInput> = {}) {
  const calls: FakeCall[] = [];
  const makeCall = (kept: unknown) => {
    calls.push(Object.assign(new FakeCall(), { kept }));
    return calls.at(-1) as unknown as Call;
  };
  const clock = new SimulatedClock();
  const actor = createActor(callMachine, {
    clock,
    input: { makeCall, roomId: undefined, isBad: false, ...destination },
  }).start();
  actors.push(actor);
  return { actor, calls, clock };
}

async function inRoom() {
  const { actor, calls } = start();
  actor.send({ type: 'enter', entrance: JOIN });
  const call = calls[0] as FakeCall;
  call.answer.resolve({ roomId: ROOM, participants: [] });
  await waitFor(actor, (snapshot) => snapshot.matches({ call: 'inRoom' }));
  return { actor, call };
}

test('in: the room that the server names becomes the link', async () => {
  const { actor, calls } = start();
  actor.send({ type: 'enter', entrance: { type: 'create' } });
  expect(actor.getSnapshot().matches({ call: 'entering' })).toBe(true);
  calls[0]?.answer.resolve({ roomId: ROOM, participants: [] });
  const { context } = await waitFor(actor, (snapshot) => snapshot.matches({ call: 'inRoom' }));
  expect(context).toMatchObject({ roomId: ROOM, notice: undefined, call: calls[0] });
  expect(calls[0]?.entered).toEqual([{ type: 'create' }]);
});

test.each([
  ['RoomNotFound', 'roomNotFound'],
  ['RateLimited', 'tooManyAttempts'],
  ['Internal', 'serverFull'],
  ['Closed', 'failed'],
] as const)('refused with %s: back at the entrance of that room, and told %s', async (code, notice) => {
  const { actor, calls } = start();
  actor.send({ type: 'enter', entrance: JOIN });
  calls[0]?.answer.reject(new SignalingError(code, ''));
  const { context } = await waitFor(actor, (snapshot) => snapshot.matches('lobby'));
  expect(context).toMatchObject({ roomId: ROOM, notice, call: undefined });
  // The devices go on: the preview shows them still.
  expect(calls[0]).toMatchObject({ isOver: true, isCapturing: true });
});

test('a full room is asked again after a while, with the same words, until there is a place', async () => {
  const { actor, calls, clock } = start();
  actor.send({ type: 'enter', entrance: JOIN });
  const call = calls[0] as FakeCall;
  for (let i = 1; i <= 3; i++) {
    call.answer.reject(new SignalingError('RoomFull', ''));
    await waitFor(actor, (snapshot) => snapshot.matches({ call: 'full' }));
    expect(actor.getSnapshot().context).toMatchObject({ roomId: ROOM, notice: 'roomFull' });
    call.answer = Promise.withResolvers();
    clock.increment(4_999);
    expect(call.entered).toHaveLength(i);
    clock.increment(1);
    expect(call.entered).toHaveLength(i + 1);
    expect(actor.getSnapshot().context.notice).toBe('roomFull');
  }
  call.answer.resolve({ roomId: ROOM, participants: [] });
  const { context } = await waitFor(actor, (snapshot) => snapshot.matches({ call: 'inRoom' }));
  expect([context.notice, calls.length]).toEqual([undefined, 1]);
});

test('a user who stops waiting for a place is at the entrance, and nothing is asked any more', async () => {
  const { actor, calls, clock } = start();
  actor.send({ type: 'enter', entrance: JOIN });
  calls[0]?.answer.reject(new SignalingError('RoomFull', ''));
  await waitFor(actor, (snapshot) => snapshot.matches({ call: 'full' }));
  actor.send({ type: 'leave' });
  clock.increment(60_000);
  expect(actor.getSnapshot().context).toMatchObject({ notice: undefined, call: undefined });
  expect(calls[0]).toMatchObject({ isOver: true, entered: [JOIN] });
});

test('who returns after a reload gets the call as it was', async () => {
  const { actor, calls } = start();
  const kept = { roomId: ROOM } as KeptCall;
  actor.send({ type: 'enter', entrance: JOIN, kept });
  expect(actor.getSnapshot().context.isReturning).toBe(true);
  expect(calls[0]?.kept).toBe(kept);
  calls[0]?.answer.resolve({ roomId: ROOM, participants: [] });
  const { context } = await waitFor(actor, (snapshot) => snapshot.matches({ call: 'inRoom' }));
  expect(context.isReturning).toBe(false);
});

test('who thinks better of it is not taken in by a late answer', async () => {
  const { actor, calls } = start();
  actor.send({ type: 'enter', entrance: JOIN });
  actor.send({ type: 'leave' });
  calls[0]?.answer.resolve({ roomId: ROOM, participants: [] });
  await calls[0]?.answer.promise;
  expect(actor.getSnapshot().matches('lobby')).toBe(true);
  expect(calls[0]?.isOver).toBe(true);
});

describe('out', () => {
  test('by leaving: nothing is captured any more, and the way back is there', async () => {
    const { actor, call } = await inRoom();
    actor.send({ type: 'leave' });
    expect(actor.getSnapshot().value).toBe('lobby');
    expect(actor.getSnapshot().context).toMatchObject({ roomId: ROOM, notice: 'left', call: undefined });
    expect(call).toMatchObject({ isOver: true, isCapturing: false });
  });

  test('by the server', async () => {
    const { actor, call } = await inRoom();
    call.ended(new SignalingError('RoomFull', ''));
    expect(actor.getSnapshot().context).toMatchObject({ roomId: ROOM, notice: 'roomFull' });
    expect(call).toMatchObject({ isOver: true, isCapturing: false });
  });

  test.each([
    ['Back', undefined, false, ROOM, 'left'],
    ['a link to another room', OTHER, false, OTHER, undefined],
    ['a broken link', undefined, true, ROOM, 'left'],
  ] as const)('by %s: the user is asked, and stays or leaves', async (_, roomId, isBad, leadsTo, notice) => {
    const { actor, call } = await inRoom();
    actor.send({ type: 'navigate', roomId, isBad });
    expect(actor.getSnapshot().value).toEqual({ call: { inRoom: 'asked' } });
    // The address bar is put right by it: the link is still that of the call.
    expect(actor.getSnapshot().context.roomId).toBe(ROOM);
    actor.send({ type: 'stay' });
    expect(actor.getSnapshot().value).toEqual({ call: { inRoom: 'talking' } });
    expect(call).toMatchObject({ isOver: false, isCapturing: true });

    actor.send({ type: 'navigate', roomId, isBad });
    actor.send({ type: 'leave' });
    expect(actor.getSnapshot().context).toMatchObject({ roomId: leadsTo, notice, call: undefined });
    expect(call).toMatchObject({ isOver: true, isCapturing: false });
  });

  test('by another page that has taken the session', async () => {
    const { actor, call } = await inRoom();
    call.ended(new ReplacedError());
    expect(actor.getSnapshot().context).toMatchObject({ roomId: ROOM, notice: 'moved' });
  });

  test('by another tab that goes on with the call', async () => {
    const { actor, call } = await inRoom();
    actor.send({ type: 'move' });
    expect(actor.getSnapshot().context).toMatchObject({ roomId: ROOM, notice: 'moved', call: undefined });
    expect(call).toMatchObject({ isOver: true, isCapturing: false });
  });
});

test('a link to where one is changes nothing', async () => {
  const { actor, call } = await inRoom();
  actor.send({ type: 'navigate', roomId: ROOM, isBad: false });
  expect(actor.getSnapshot().matches({ call: 'inRoom' })).toBe(true);
  expect(call.isOver).toBe(false);
});

test('a broken link is told at once', () => {
  expect(start({ isBad: true }).actor.getSnapshot().context.notice).toBe('badLink');
});
