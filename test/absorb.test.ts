import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type AnyStateMachine, assign, createActor, emit, raise, SimulatedClock, setup } from 'xstate';
import { connectionMachine } from '../machines/connection.ts';
import { roomMachine } from '../machines/room.ts';
import { supervisorMachine } from '../machines/supervisor.ts';
import { absorbing } from '../src/absorb.ts';

/** Either an event for the machine, or time that passes, in milliseconds. */
type Step = { readonly event: { readonly type: string } } | { readonly pass: number };

/** Everything that can be told of a run from outside, step by step. */
function run(machine: AnyStateMachine, input: object, steps: readonly Step[]): unknown[] {
  const clock = new SimulatedClock();
  const actor = createActor(machine, { input, clock });
  const seen: unknown[] = [];
  actor.on('*', (emitted) => seen.push(['emitted', emitted]));
  actor.subscribe({ error: (error) => seen.push(['died', String(error)]) });
  actor.start();
  for (const step of steps) {
    if ('pass' in step) clock.increment(step.pass);
    else actor.send(step.event);
    const { status, value, context } = actor.getSnapshot();
    seen.push([status, value, structuredClone(context)]);
  }
  return seen;
}

function expectSame(machine: AnyStateMachine, input: object, steps: readonly Step[]): void {
  expect(run(absorbing(machine), input, steps)).toEqual(run(machine, input, steps));
}

const id = fc.constantFrom('a', 'b', 'c');
const pass = (...times: number[]) => fc.record({ pass: fc.constantFrom(...times) });
const event = <T extends object>(shape: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(shape).map((each) => ({ event: each as unknown as { type: string } }));
const steps = (...kinds: fc.Arbitrary<Step>[]) => fc.array(fc.oneof(...kinds), { maxLength: 60 });

describe('decides as XState alone does, over random events', () => {
  test('room', () => {
    const participant_id = id;
    const message = fc.record({ type: fc.constant('Offer'), to: id, sdp: fc.constant('sdp') });
    const kinds = steps(
      event({ type: fc.constantFrom('create', 'join'), participant_id, isSession: fc.boolean() }),
      event({ type: fc.constantFrom('leave', 'interrupt'), participant_id }),
      event({ type: fc.constant('resume'), participant_id, lost: fc.boolean() }),
      event({ type: fc.constant('relay'), from: id, message }),
      event({ type: fc.constant('relay'), from: id }), // throws where it is looked at
      event({ type: fc.constant('unheard') }),
      pass(1, 999, 1000),
    );
    const input = { room_id: 'room', capacity: 2, idleTimeoutMs: 1000 };
    fc.assert(
      fc.property(kinds, (each) => expectSame(roomMachine, input, each)),
      { numRuns: 300 },
    );
  });

  test('connection', () => {
    const at = fc.nat(3000);
    const message = fc.record({ type: fc.constant('Offer'), to: id, sdp: fc.constant('sdp') });
    const kinds = steps(
      event({ type: fc.constantFrom('client.create', 'client.leave', 'client.unread'), at }),
      event({
        type: fc.constant('client.hello'),
        at,
        resume: fc.constantFrom(null, { token: 't', lastSeq: 1 }),
      }),
      event({ type: fc.constant('client.join'), at, room_id: id, createIfMissing: fc.boolean() }),
      event({ type: fc.constant('client.relay'), at, message }),
      event({ type: fc.constant('client.invalid'), at, reason: fc.constant('why') }),
      event({ type: fc.constant('room.entered'), room_id: id }),
      event({
        type: fc.constantFrom('room.refused', 'room.closed'),
        code: fc.constant('Internal'),
        message: id,
      }),
      event({ type: fc.constant('socket.attached'), lost: fc.boolean() }),
      event({ type: fc.constantFrom('session.found', 'session.unknown', 'socket.lost', 'socket.closed') }),
      pass(1, 500, 1000),
    );
    const input = {
      participant_id: 'self',
      limit: 3,
      windowMs: 1000,
      firstMessageTimeoutMs: 3000,
      resumeGraceMs: 2000,
    };
    fc.assert(
      fc.property(kinds, (each) => expectSame(connectionMachine, input, each)),
      { numRuns: 500 },
    );
  });

  test('supervisor', () => {
    const kinds = steps(
      event({ type: fc.constantFrom('room.wanted', 'room.ended'), room_id: id }),
      event({ type: fc.constant('room.failed'), room_id: id, at: fc.nat(5000) }),
      event({ type: fc.constant('stop') }),
    );
    const input = { maxRooms: 2, maxFailures: 2, failureWindowMs: 1000 };
    fc.assert(
      fc.property(kinds, (each) => expectSame(supervisorMachine, input, each)),
      { numRuns: 300 },
    );
  });
});

describe('what is absorbed', () => {
  const machine = setup({
    types: { events: {} as { type: string }, emitted: {} as { type: string }, context: {} as { n: number } },
    actions: {
      say: emit({ type: 'said' }),
      count: assign({ n: ({ context }) => context.n + 1 }),
      again: raise({ type: 'say' }),
      fail: () => {
        throw new Error('no');
      },
    },
  }).createMachine({
    context: { n: 0 },
    initial: 'on',
    states: { on: {}, off: {} },
    on: {
      say: { actions: 'say' },
      count: { actions: ['say', 'count'] },
      again: { actions: 'again' },
      fail: { actions: ['say', 'fail'] },
      switch: { target: '.off' },
    },
  });

  const isSameSnapshot = (type: string): boolean => {
    const actor = createActor(absorbing(machine)).start();
    const before = actor.getSnapshot();
    actor.send({ type });
    return actor.getSnapshot() === before;
  };

  test('an event that only emits keeps the snapshot', () => expect(isSameSnapshot('say')).toBe(true));
  test('one that assigns or moves brings another', () => {
    expect(['count', 'switch'].map(isSameSnapshot)).toEqual([false, false]);
  });

  test.each(['say', 'count', 'again', 'fail', 'switch', 'unheard'])(
    '%s: the same seen from outside',
    (type) => {
      expectSame(machine, {}, [{ event: { type } }, { event: { type: 'say' } }]);
    },
  );

  test('a machine with eventless transitions is left alone', () => {
    const eventless = setup({}).createMachine({ initial: 'a', states: { a: { always: 'b' }, b: {} } });
    expect(absorbing(eventless)).toBe(eventless);
  });
});
