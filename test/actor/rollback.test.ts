import { describe, expect, test } from '@jest/globals';
import { assign, createActor, emit, SimulatedClock, setup } from 'xstate';
import type { Actor } from '../../src/actor/actor.ts';
import { withRollback } from '../../src/actor/rollback.ts';
import { RUNTIMES, type StarterOf } from './support/runtimes.ts';

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

/** Starts an actor; keeps what it decides, and tells `heard` of it. */
function start(
  starterOf: StarterOf,
  heard: (type: string, send: (type: CounterEvent['type']) => void) => void = () => {},
  machine = counterMachine,
) {
  const clock = new SimulatedClock();
  const decided: unknown[] = [];
  const actor: Actor<typeof counterMachine, unknown> = starterOf(machine, clock)(undefined, (decision) => {
    decided.push(decision);
    heard(decision.type, send);
  });
  const send = (type: CounterEvent['type']) => actor.send({ type });
  return { actor, clock, decided, send };
}

/** Where a machine can throw. */
const PLACES = ['guard', 'assign', 'action', 'entry'] as const;

describe.each(RUNTIMES)('%s: a transition that throws', (_, starterOf) => {
  test.each(PLACES)('in its %s: costs one event, and decides nothing but that it failed', (type) => {
    const { actor, decided, send } = start(starterOf);
    send('count');
    const before = actor.getSnapshot();
    send(type);
    expect(decided).toEqual([{ type: 'counted', count: 1 }, failure(type)]);
    expect(actor.getSnapshot()).toEqual(before);
    expect(actor.context).toBe(before.context);
  });

  test.each(PLACES)('in its %s: the next event is as ever', (type) => {
    const { decided, send } = start(starterOf);
    for (const each of [type, 'count', type, 'count'] as const) send(each);
    const counts = decided.filter((decision) => (decision as { type: string }).type === 'counted');
    expect(counts).toEqual([
      { type: 'counted', count: 1 },
      { type: 'counted', count: 2 },
    ]);
  });

  test('leaves the events that wait', () => {
    let isFirst = true;
    const { decided, send } = start(starterOf, (_, send) => {
      if (!isFirst) return;
      isFirst = false;
      send('action');
      send('count');
    });
    send('count');
    expect(decided).toEqual([
      { type: 'counted', count: 1 },
      failure('action'),
      { type: 'counted', count: 2 },
    ]);
  });

  test('may be answered with an event sent at once', () => {
    const { decided, send } = start(starterOf, (type, send) => {
      if (type === 'failed') send('count');
    });
    send('assign');
    expect(decided).toMatchObject([{ type: 'failed' }, { type: 'counted', count: 1 }]);
  });

  test.each(PLACES)('in its %s: the timers run on, and no new one is set', (type) => {
    const { actor, clock, decided, send } = start(starterOf);
    clock.increment(999);
    send(type);
    clock.increment(1);
    expect(actor.getSnapshot().value).toBe('over');
    clock.increment(10_000);
    expect(decided).toEqual([failure(type), { type: 'overdue' }]);
  });

  test('on a timer: the actor stays where it was, and hears of the timer as of any event', () => {
    const { actor, clock, decided, send } = start(starterOf);
    send('wait');
    clock.increment(100);
    expect(decided).toEqual([failure('xstate.after.patience.counter.waiting')]);
    expect(actor.getSnapshot()).toMatchObject({ status: 'active', value: 'waiting', context: { count: 0 } });
    send('count');
    expect(decided).toHaveLength(2);
  });

  test('anything may be thrown', () => {
    const machine = counterMachine.provide({
      actions: {
        failingAction: () => {
          throw undefined;
        },
      },
    });
    const { decided, send } = start(starterOf, undefined, machine);
    send('action');
    expect(decided).toEqual([{ type: 'failed', error: undefined, event: { type: 'action' } }]);
  });

  test('before there is an actor: its starter throws', () => {
    const machine = setup({ types: { input: {} as { count: number } } }).createMachine({
      context: ({ input }) => ({ count: input.count }),
    });
    const startWith = starterOf(machine, new SimulatedClock());
    expect(() => startWith(undefined as never, () => {})).toThrow('count');
  });
});

test('XState’s actor alone would end with the same', () => {
  const actor = createActor(counterMachine);
  const errors: unknown[] = [];
  actor.subscribe({ error: (error) => errors.push(error) });
  actor.start().send({ type: 'action' });
  expect([actor.getSnapshot().status, errors]).toEqual(['error', [boom]]);
});

test('the machine wrapped is itself not changed', () => {
  const transition = counterMachine.transition;
  const wrapped = withRollback(counterMachine);
  expect(wrapped).not.toBe(counterMachine);
  expect(counterMachine.transition).toBe(transition);
  expect(wrapped.id).toBe('counter');
  expect(wrapped.implementations).toBe(counterMachine.implementations);
});
