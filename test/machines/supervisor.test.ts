import { describe, expect, test } from '@jest/globals';
import { createActor } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import {
  type SupervisorDecision,
  type SupervisorEvent,
  type SupervisorInput,
  supervisorMachine,
} from '../../machines/supervisor.ts';

const input = { maxRooms: 2, maxFailures: 3, failureWindowMs: 1000 };

function startSupervisor(overrides: Partial<SupervisorInput> = {}) {
  const actor = createActor(supervisorMachine, { input: { ...input, ...overrides } });
  let decisions: SupervisorDecision[] = [];
  actor.on('*', (decision) => decisions.push(decision));
  actor.start();
  return {
    actor,
    /** Sends an event and returns what the supervisor decided. */
    decide(event: SupervisorEvent): SupervisorDecision[] {
      decisions = [];
      actor.send(event);
      return decisions;
    },
    state: () => actor.getSnapshot().value,
    failures: () => actor.getSnapshot().context.failures,
  };
}

const wanted = (room_id: string): SupervisorEvent => ({ type: 'room.wanted', room_id });
const ended = (room_id: string): SupervisorEvent => ({ type: 'room.ended', room_id });
const failed = (room_id: string, at = 0): SupervisorEvent => ({ type: 'room.failed', room_id, at });
const stop: SupervisorEvent = { type: 'stop' };

const open = (room_id: string) => ({ type: 'open', room_id });
const restart = (room_id: string) => ({ type: 'restart', room_id });
const close = (room_id: string) => ({ type: 'close', room_id });
const forget = (room_id: string) => ({ type: 'forget', room_id });

describe('opening', () => {
  test('goes up to the limit, and no further', () => {
    const supervisor = startSupervisor();
    expect(supervisor.decide(wanted('r1'))).toEqual([open('r1')]);
    expect(supervisor.state()).toBe('accepting');
    expect(supervisor.decide(wanted('r2'))).toEqual([open('r2')]);
    expect(supervisor.state()).toBe('full');
    expect(supervisor.decide(wanted('r3'))).toEqual([]);
    expect(supervisor.actor.getSnapshot().context.rooms).toBe(2);
  });

  test('a limit of one is one room', () => {
    const supervisor = startSupervisor({ maxRooms: 1 });
    expect(supervisor.decide(wanted('r1'))).toEqual([open('r1')]);
    expect(supervisor.decide(wanted('r2'))).toEqual([]);
  });

  test('goes on when a room is over', () => {
    const supervisor = startSupervisor();
    supervisor.decide(wanted('r1'));
    supervisor.decide(wanted('r2'));
    expect(supervisor.decide(ended('r1'))).toEqual([forget('r1')]);
    expect(supervisor.state()).toBe('accepting');
    expect(supervisor.decide(wanted('r3'))).toEqual([open('r3')]);
    expect(supervisor.decide(wanted('r4'))).toEqual([]);
  });

  test('below the limit a room that is over makes place for another', () => {
    const supervisor = startSupervisor();
    supervisor.decide(wanted('r1'));
    expect(supervisor.decide(ended('r1'))).toEqual([forget('r1')]);
    expect(supervisor.decide(wanted('r2'))).toEqual([open('r2')]);
    expect(supervisor.decide(wanted('r3'))).toEqual([open('r3')]);
  });
});

describe('stopping', () => {
  test.each([
    ['accepting', ['r1']],
    ['full', ['r1', 'r2']],
  ])('from %s: opens no room, forgets those that end', (state, rooms) => {
    const supervisor = startSupervisor();
    for (const room of rooms) supervisor.decide(wanted(room));
    expect(supervisor.state()).toBe(state);
    expect(supervisor.decide(stop)).toEqual([]);
    expect(supervisor.state()).toBe('stopped');
    expect(supervisor.decide(wanted('r9'))).toEqual([]);
    for (const room of rooms) expect(supervisor.decide(ended(room))).toEqual([forget(room)]);
    expect(supervisor.decide(wanted('r9'))).toEqual([]);
    expect(supervisor.actor.getSnapshot().context.rooms).toBe(0);
  });

  test('still deals with rooms that fail', () => {
    const supervisor = startSupervisor();
    supervisor.decide(wanted('r1'));
    supervisor.decide(stop);
    const decisions = [1, 2, 3].flatMap((at) => supervisor.decide(failed('r1', at)));
    expect(decisions).toEqual([restart('r1'), restart('r1'), close('r1')]);
    expect(supervisor.state()).toBe('stopped');
  });
});

describe('a room that fails', () => {
  test.each(['accepting', 'full'])('%s: goes on below the limit, is closed at it', (state) => {
    const supervisor = startSupervisor({ maxRooms: state === 'full' ? 1 : 2 });
    supervisor.decide(wanted('r1'));
    expect(supervisor.state()).toBe(state);
    expect(supervisor.decide(failed('r1', 0))).toEqual([restart('r1')]);
    expect(supervisor.decide(failed('r1', 1))).toEqual([restart('r1')]);
    expect(supervisor.decide(failed('r1', 2))).toEqual([close('r1')]);
    expect(supervisor.state()).toBe(state); // the place is free when the room has ended
    expect(supervisor.decide(ended('r1'))).toEqual([forget('r1')]);
  });

  test('a limit of one closes at the first failure', () => {
    const supervisor = startSupervisor({ maxFailures: 1 });
    supervisor.decide(wanted('r1'));
    expect(supervisor.decide(failed('r1'))).toEqual([close('r1')]);
  });

  test('may fail again when its failures are as old as the window', () => {
    const supervisor = startSupervisor();
    supervisor.decide(wanted('r1'));
    supervisor.decide(failed('r1', 0));
    supervisor.decide(failed('r1', 500));
    expect(supervisor.decide(failed('r1', 1000))).toEqual([restart('r1')]);
    expect(supervisor.failures().get('r1')).toEqual([500, 1000]);
    expect(supervisor.decide(failed('r1', 1499))).toEqual([close('r1')]);
  });

  test('may fail for ever, slowly, and no more is kept than the window holds', () => {
    const supervisor = startSupervisor();
    supervisor.decide(wanted('r1'));
    for (let at = 0; at < 100_000; at += 500) {
      expect(supervisor.decide(failed('r1', at))).toEqual([restart('r1')]);
      expect(supervisor.failures().get('r1')!.length).toBeLessThan(input.maxFailures);
    }
  });

  test('has its failures counted for itself alone', () => {
    const supervisor = startSupervisor();
    supervisor.decide(wanted('r1'));
    supervisor.decide(wanted('r2'));
    for (const at of [0, 1]) {
      expect(supervisor.decide(failed('r1', at))).toEqual([restart('r1')]);
      expect(supervisor.decide(failed('r2', at))).toEqual([restart('r2')]);
    }
    expect(supervisor.decide(failed('r1', 2))).toEqual([close('r1')]);
    expect(supervisor.failures().get('r2')).toEqual([0, 1]);
    expect(supervisor.decide(failed('r2', 2))).toEqual([close('r2')]);
  });

  test.each([1, 2])('is forgotten with its failures, of %s rooms', (maxRooms) => {
    const supervisor = startSupervisor({ maxRooms });
    supervisor.decide(wanted('r1'));
    supervisor.decide(failed('r1'));
    supervisor.decide(ended('r1'));
    expect(supervisor.failures().size).toBe(0);
  });

  test('is closed with its failures forgotten', () => {
    const supervisor = startSupervisor();
    supervisor.decide(wanted('r1'));
    for (const at of [0, 1, 2]) supervisor.decide(failed('r1', at));
    expect(supervisor.failures().size).toBe(0);
  });
});

describe('every reachable state of a supervisor of two rooms', () => {
  const rooms = ['r1', 'r2'];
  const paths = getShortestPaths(supervisorMachine, {
    input: { ...input, maxFailures: 2 },
    // Only a room that lives ends or fails.
    events: ({ context }) => [
      ...rooms.map(wanted),
      ...(context.rooms > 0 ? rooms.flatMap((room) => [ended(room), failed(room)]) : []),
      stop,
    ],
    serializeState: ({ value, context }) =>
      JSON.stringify([value, context.rooms, [...context.failures].sort()]),
  });

  test('all states are reached', () => {
    expect(new Set(paths.map(({ state }) => state.value))).toEqual(new Set(['accepting', 'full', 'stopped']));
  });

  test.each(
    paths.map(({ state }) => state).map((state) => [state.value, state.context.rooms, state] as const),
  )('%s with %s rooms keeps the limits', (value, count, { context }) => {
    expect(count).toBeGreaterThanOrEqual(0);
    expect(count).toBeLessThanOrEqual(context.maxRooms);
    if (value !== 'stopped') expect(value).toBe(count === context.maxRooms ? 'full' : 'accepting');
    for (const failures of context.failures.values()) expect(failures.length).toBeLessThan(2);
  });
});
