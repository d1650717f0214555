import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { assign, createMachine, emit, SimulatedClock, setup, spawnChild } from 'xstate';
import type { Actor } from '../../src/actor/actor.ts';
import { starter } from '../../src/actor/xstate/machine-actor.ts';
import { inspected, RUNTIMES, type StarterOf } from './support/runtimes.ts';

type ToldEvent = { readonly type: 'tell' | 'count' | 'wait' | 'fail'; readonly id: number };

/** Tells of every event; `tell` and `fail` are absorbed, `count` and `wait` are XState's. */
const machine = setup({
  types: {
    context: {} as { count: number },
    events: {} as ToldEvent,
    emitted: {} as { type: string; id: number },
  },
  actions: {
    tell: emit((_, { id }: { id: number }) => ({ type: 'told', id })),
    tellAgain: emit((_, { id }: { id: number }) => ({ type: 'toldAgain', id })),
    tellOverdue: emit({ type: 'overdue', id: -1 }),
    tellStillOverdue: emit({ type: 'stillOverdue', id: -2 }),
    count: assign({ count: ({ context }) => context.count + 1 }),
    fail: () => {
      throw new Error('no');
    },
  },
}).createMachine({
  context: { count: 0 },
  initial: 'ready',
  states: {
    ready: {},
    waiting: { after: { 1000: { target: 'ready', actions: ['tellOverdue', 'tellStillOverdue'] } } },
  },
  on: {
    tell: {
      actions: [
        { type: 'tell', params: ({ event }) => event },
        { type: 'tellAgain', params: ({ event }) => event },
      ],
    },
    count: { actions: ['count', { type: 'tell', params: ({ event }) => event }] },
    wait: { target: '.waiting', actions: { type: 'tell', params: ({ event }) => event } },
    fail: { actions: 'fail' },
  },
});

/** Starts an actor and keeps what it decides; performing the decision on an event sends the events it caused. */
function start(starterOf: StarterOf, causes: (id: number) => readonly ToldEvent[] = () => []) {
  const clock = new SimulatedClock();
  const seen: unknown[] = [];
  const actor: Actor<typeof machine, unknown> = starterOf(machine, clock)(undefined, (decision) => {
    const { type, id } = decision as { type: string; id?: number };
    seen.push([type, id]);
    if (id !== undefined && type !== 'toldAgain') for (const event of causes(id)) actor.send(event);
  });
  return { actor, clock, seen };
}

describe.each(RUNTIMES)('%s: what came with an event', (_, starterOf) => {
  test('comes with each decision on it, also where the event had to wait', () => {
    const clock = new SimulatedClock();
    const seen: unknown[] = [];
    const actor = starterOf(machine, clock)<string>(undefined, (decision, cause) => {
      const { type, id } = decision as { type: string; id?: number };
      seen.push([type, id, cause]);
      if (type === 'told' && id === 1) actor.send({ type: 'tell', id: 2 }, 'second');
    });
    actor.send({ type: 'tell', id: 1 }, 'first');
    actor.send({ type: 'tell', id: 3 });
    expect(seen).toEqual([
      ['told', 1, 'first'],
      ['toldAgain', 1, 'first'],
      ['told', 2, 'second'],
      ['toldAgain', 2, 'second'],
      ['told', 3, undefined],
      ['toldAgain', 3, undefined],
    ]);
  });

  test('is gone when a timer of the machine fires later', () => {
    const clock = new SimulatedClock();
    const seen: unknown[] = [];
    const actor = starterOf(machine, clock)<string>(undefined, (decision, cause) => {
      seen.push([decision.type, cause]);
    });
    actor.send({ type: 'wait', id: 1 }, 'first');
    clock.increment(60_000);
    expect(seen.at(-1)).toEqual([expect.any(String), undefined]);
    expect(seen.length).toBeGreaterThan(1);
  });
});

describe.each(RUNTIMES)('%s', (_, starterOf) => {
  test('takes an event sent while it performs after all of the one before, whoever handles either', () => {
    const { actor, seen } = start(starterOf, (id) =>
      id === 1
        ? [
            { type: 'count', id: 2 },
            { type: 'tell', id: 3 },
          ]
        : [],
    );
    actor.send({ type: 'tell', id: 1 });
    expect(seen).toEqual([
      ['told', 1],
      ['toldAgain', 1],
      ['told', 2],
      ['told', 3],
      ['toldAgain', 3],
    ]);
  });

  test('takes an event sent while it performs what a timer decided after all of that', () => {
    const { actor, clock, seen } = start(starterOf, (id) => (id === -1 ? [{ type: 'tell', id: 1 }] : []));
    actor.send({ type: 'wait', id: 0 });
    clock.increment(1000);
    expect(seen).toEqual([
      ['told', 0],
      ['overdue', -1],
      ['stillOverdue', -2],
      ['told', 1],
      ['toldAgain', 1],
    ]);
  });

  test('that is stopped takes no more, not even what waits', () => {
    const { actor, seen } = start(starterOf, (id) => {
      if (id !== 1) return [];
      actor.stop();
      return [{ type: 'count', id: 2 }];
    });
    actor.send({ type: 'tell', id: 1 });
    actor.send({ type: 'tell', id: 3 });
    expect(seen).toEqual([
      ['told', 1],
      ['toldAgain', 1],
    ]);
    expect(actor.getSnapshot().status).toBe('stopped');
  });

  test('goes on after an event that throws', () => {
    const { actor, seen } = start(starterOf);
    actor.send({ type: 'fail', id: 1 });
    actor.send({ type: 'tell', id: 2 });
    expect(seen).toEqual([
      ['failed', undefined],
      ['told', 2],
      ['toldAgain', 2],
    ]);
  });
});

test('a machine actor decides the same in the same order as XState’s own, whatever its decisions cause', () => {
  const event = fc.record({
    type: fc.constantFrom('tell', 'count', 'wait', 'fail'),
    id: fc.integer({ min: 0, max: 9 }),
  }) as fc.Arbitrary<ToldEvent>;
  const step = fc.oneof(event, fc.constant(1000));
  // What is caused has higher ids than its cause, so that it ends.
  const caused = fc.array(fc.array(event, { maxLength: 2 }), { minLength: 12, maxLength: 12 });
  const property = fc.property(fc.array(step, { maxLength: 12 }), caused, (steps, effects) => {
    const causes = (id: number) => (effects[id + 2] ?? []).filter((each) => each.id > id);
    const run = (starterOf: StarterOf) => {
      const { actor, clock, seen } = start(starterOf, causes);
      for (const each of steps) {
        if (typeof each === 'number') clock.increment(each);
        else actor.send(each);
      }
      return { seen, snapshot: actor.getSnapshot().toJSON() };
    };
    expect(run(starter)).toEqual(run(inspected));
  });
  fc.assert(property, { numRuns: 500 });
});

test('a machine actor refuses what only an actor of XState’s own can do, and goes on', () => {
  const child = createMachine({});
  const parent = setup({ types: { emitted: {} as { type: 'said' } } }).createMachine({
    on: { spawn: { actions: spawnChild(child) }, say: { actions: emit({ type: 'said' }) } },
  });
  const decided: unknown[] = [];
  const actor = starter(parent, new SimulatedClock())(undefined, (decision) => void decided.push(decision));
  actor.send({ type: 'spawn' });
  actor.send({ type: 'say' });
  expect(decided).toEqual([
    {
      type: 'failed',
      event: { type: 'spawn' },
      error: new Error(
        'The action xstate.spawnChild needs an actor of XState’s own: emit, raise or cancel instead.',
      ),
    },
    { type: 'said' },
  ]);
});

test('a machine actor refuses a child spawned by an assign, and goes on', () => {
  const child = createMachine({});
  const parent = setup({
    types: { context: {} as { child: unknown }, emitted: {} as { type: 'said' } },
  }).createMachine({
    context: { child: undefined },
    on: {
      spawn: { actions: assign({ child: ({ spawn }) => spawn(child) }) },
      say: { actions: emit({ type: 'said' }) },
    },
  });
  const decided: unknown[] = [];
  const actor = starter(parent, new SimulatedClock())(undefined, (decision) => void decided.push(decision));
  actor.send({ type: 'spawn' });
  actor.send({ type: 'say' });
  expect(decided).toMatchObject([{ type: 'failed', event: { type: 'spawn' } }, { type: 'said' }]);
  expect([actor.context, actor.getSnapshot().children]).toEqual([{ child: undefined }, {}]);
});

test('a machine that spawns in its first context starts no machine actor', () => {
  const child = createMachine({});
  const parent = createMachine({ context: ({ spawn }) => ({ child: spawn(child) }) });
  const start = starter(parent, new SimulatedClock());
  expect(() => start(undefined, () => {})).toThrow('needs an actor of XState’s own');
});

test('actors in the same states share all but their context', () => {
  const start = starter(machine, new SimulatedClock());
  const [one, other] = [start(undefined, () => {}), start(undefined, () => {})];
  one.send({ type: 'count', id: 1 });
  expect([one.context, other.context]).toEqual([{ count: 1 }, { count: 0 }]);
  expect(one.getSnapshot().tags).toBe(other.getSnapshot().tags);
});
