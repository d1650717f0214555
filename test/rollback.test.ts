import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type AnyActorLogic, assign, createActor, emit, SimulatedClock, setup } from 'xstate';
import { type RoomEvent, roomMachine } from '../machines/room.ts';
import { withRollback } from '../src/rollback.ts';

const boom = new Error('boom');

/** XState puts a sentence of its own before the message of a guard's error. */
const failure = (type: string) => ({
  type: 'failed',
  error: expect.objectContaining({ message: expect.stringMatching(/boom$/) }),
  event: { type },
});

function fail(): never {
  throw boom;
}

type CounterEvent =
  | { type: 'count' }
  | { type: 'guard' }
  | { type: 'assign' }
  | { type: 'action' }
  | { type: 'entry' }
  | { type: 'wait' }
  | { type: 'unwind' };

/** Counts; and fails in every place where a machine can, on the event named after it. */
const counterMachine = setup({
  types: {
    context: {} as { count: number },
    events: {} as CounterEvent,
    emitted: {} as { type: 'counted'; count: number } | { type: 'overdue' },
  },
  actions: {
    count: assign({ count: ({ context }) => context.count + 1 }),
    tellCount: emit(({ context }) => ({ type: 'counted', count: context.count })),
    tellOverdue: emit({ type: 'overdue' }),
    failingAssign: assign({ count: () => fail() }),
    failingAction: () => fail(),
  },
  guards: { failingGuard: () => fail() },
  delays: { patience: 100, deadline: 1000 },
}).createMachine({
  id: 'counter',
  context: { count: 0 },
  initial: 'counting',
  on: { count: { actions: ['count', 'tellCount'] } },
  states: {
    counting: {
      description: 'Overdue after the deadline.',
      after: { deadline: { target: 'over', actions: 'tellOverdue' } },
      on: {
        guard: { guard: 'failingGuard', target: 'over', actions: ['count', 'tellCount'] },
        assign: { target: 'over', actions: ['count', 'tellCount', 'failingAssign'] },
        action: { target: 'over', actions: ['count', 'tellCount', 'failingAction'] },
        entry: { target: 'broken', actions: ['count', 'tellCount'] },
        wait: { target: 'waiting' },
      },
    },
    waiting: {
      description: 'Fails when its patience ends.',
      after: { patience: { target: 'over', actions: ['count', 'tellCount', 'failingAction'] } },
    },
    broken: {
      description: 'Fails on entry, with a timer of its own set.',
      entry: 'failingAction',
      after: { patience: { actions: 'tellOverdue' } },
    },
    over: { description: 'Over.' },
  },
});

/** Starts an actor, with an error observer; keeps what it emits. */
function start<TLogic extends AnyActorLogic>(logic: TLogic, input?: unknown) {
  const clock = new SimulatedClock();
  const actor = createActor(logic as AnyActorLogic, { clock, input });
  const emitted: unknown[] = [];
  const errors: unknown[] = [];
  actor.on('*', (event) => emitted.push(event));
  actor.subscribe({ error: (error) => errors.push(error) });
  actor.start();
  return { actor, clock, emitted, errors };
}

describe('a transition that throws', () => {
  test.each(['guard', 'assign', 'action', 'entry'] as const)(
    'in its %s: costs one event, and emits nothing but that it failed',
    (type) => {
      const { actor, emitted, errors } = start(withRollback(counterMachine));
      actor.send({ type: 'count' });
      const before = actor.getSnapshot();
      actor.send({ type });
      expect(emitted).toEqual([{ type: 'counted', count: 1 }, failure(type)]);
      expect(actor.getSnapshot()).toBe(before);
      expect(errors).toEqual([]);
    },
  );

  test('without rollback the same would end the actor', () => {
    const { actor, errors } = start(counterMachine);
    actor.send({ type: 'action' });
    expect([actor.getSnapshot().status, errors]).toEqual(['error', [boom]]);
  });

  test.each(['guard', 'assign', 'action', 'entry'] as const)(
    'in its %s: the next event is as ever',
    (type) => {
      const { actor, emitted } = start(withRollback(counterMachine));
      actor.send({ type });
      actor.send({ type: 'count' });
      actor.send({ type });
      actor.send({ type: 'count' });
      const counts = emitted.filter((event) => (event as { type: string }).type === 'counted');
      expect(counts).toEqual([
        { type: 'counted', count: 1 },
        { type: 'counted', count: 2 },
      ]);
    },
  );

  test('leaves the events waiting in the mailbox', () => {
    const { actor, emitted } = start(withRollback(counterMachine));
    const { unsubscribe } = actor.on('counted', () => {
      unsubscribe();
      actor.send({ type: 'action' });
      actor.send({ type: 'count' });
    });
    actor.send({ type: 'count' });
    expect(emitted).toEqual([
      { type: 'counted', count: 1 },
      failure('action'),
      { type: 'counted', count: 2 },
    ]);
  });

  test('may be answered with an event sent at once', () => {
    const { actor, emitted } = start(withRollback(counterMachine));
    actor.on('failed', () => actor.send({ type: 'count' }));
    actor.send({ type: 'assign' });
    expect(emitted).toMatchObject([{ type: 'failed' }, { type: 'counted', count: 1 }]);
  });

  test.each(['guard', 'assign', 'action', 'entry'] as const)(
    'in its %s: the timers run on, and no new one is set',
    (type) => {
      const { actor, clock, emitted } = start(withRollback(counterMachine));
      clock.increment(999);
      actor.send({ type });
      clock.increment(1);
      expect(actor.getSnapshot().value).toBe('over');
      clock.increment(10_000);
      expect(emitted).toEqual([failure(type), { type: 'overdue' }]);
    },
  );

  test('on a timer: the actor stays where it was, and hears of the timer as of any event', () => {
    const { actor, clock, emitted, errors } = start(withRollback(counterMachine));
    actor.send({ type: 'wait' });
    clock.increment(100);
    expect(emitted).toEqual([failure('xstate.after.patience.counter.waiting')]);
    expect(actor.getSnapshot()).toMatchObject({ status: 'active', value: 'waiting', context: { count: 0 } });
    actor.send({ type: 'count' });
    expect(emitted).toHaveLength(2);
    expect(errors).toEqual([]);
  });

  test('anything may be thrown', () => {
    const machine = counterMachine.provide({
      actions: {
        failingAction: () => {
          throw undefined;
        },
      },
    });
    const { actor, emitted } = start(withRollback(machine));
    actor.send({ type: 'action' });
    expect(emitted).toEqual([{ type: 'failed', error: undefined, event: { type: 'action' } }]);
  });
});

describe('the machine wrapped', () => {
  test('is itself not changed', () => {
    const transition = counterMachine.transition;
    const wrapped = withRollback(counterMachine);
    expect(wrapped).not.toBe(counterMachine);
    expect(counterMachine.transition).toBe(transition);
    expect(wrapped.id).toBe('counter');
    expect(wrapped.implementations).toBe(counterMachine.implementations);
  });

  test('that never throws behaves as it does alone', () => {
    const id = fc.constantFrom('a', 'b', 'c', 'd');
    const step: fc.Arbitrary<RoomEvent | { wait: number }> = fc.oneof(
      fc.record({
        type: fc.constantFrom('create', 'join'),
        participant_id: id,
        isSession: fc.boolean(),
      }),
      fc.record({ type: fc.constantFrom('leave', 'interrupt'), participant_id: id }),
      fc.record({ type: fc.constant('resume' as const), participant_id: id, lost: fc.boolean() }),
      fc.record({
        type: fc.constant('relay' as const),
        from: id,
        message: fc.record({ type: fc.constantFrom('Offer', 'Answer'), to: id, sdp: fc.string() }),
      }),
      fc.record({ wait: fc.constantFrom(1, 500, 999, 1000) }),
    );
    const input = { room_id: 'room-1', capacity: 3, idleTimeoutMs: 1000 };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const plain = start(roomMachine, input);
        const wrapped = start(withRollback(roomMachine), input);
        for (const each of steps) {
          for (const { actor, clock } of [plain, wrapped]) {
            if ('wait' in each) clock.increment(each.wait);
            else actor.send(each);
          }
          const { value, context, status } = plain.actor.getSnapshot();
          expect(wrapped.actor.getSnapshot()).toMatchObject({ value, context, status });
        }
        expect(wrapped.emitted).toEqual(plain.emitted);
      }),
      { numRuns: 300 },
    );
  });
});
