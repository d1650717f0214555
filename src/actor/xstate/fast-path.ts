import { isDeepStrictEqual } from 'node:util';
import {
  type AnyStateMachine,
  and,
  assign,
  cancel,
  createMachine,
  emit,
  not,
  or,
  raise,
  SimulatedClock,
  setup,
  stateIn,
} from 'xstate';
import type { Start } from '../actor.ts';
import type { Clock } from '../clock.ts';
import { inspectedStarter } from '../inspected-actor.ts';
import { KNOWS_GUARDS } from './absorb.ts';
import { starter } from './machine-actor.ts';

/**
 * How machines run. `absorbing` and `interpreting` use fields of XState that are not documented, so a new version of
 * XState may break them; `own` means XState's own actors and its documented API alone.
 */
export type ActorPath = 'absorbing' | 'interpreting' | 'own';

/** The fastest path on which the sample machines below behave as with XState's own actors. Worked out once. */
export function fastestPath(): ActorPath {
  fastest ??= findFastestPath();
  return fastest;
}

let fastest: ActorPath | undefined;

/** Starts actors on the fastest path that works with the version of XState at hand. */
export function fastestStarter<TMachine extends AnyStateMachine>(
  machine: TMachine,
  clock: Clock,
): Start<TMachine> {
  const path = fastestPath();
  return path === 'own' ? inspectedStarter(machine, clock) : starter(machine, clock, path === 'absorbing');
}

function findFastestPath(): ActorPath {
  if (KNOWS_GUARDS && behavesAsXState((machine, clock) => starter(machine, clock, true))) return 'absorbing';
  if (behavesAsXState((machine, clock) => starter(machine, clock, false))) return 'interpreting';
  return 'own';
}

type StarterOf = (machine: AnyStateMachine, clock: Clock) => Start<AnyStateMachine>;

function behavesAsXState(starterOf: StarterOf): boolean {
  try {
    return SAMPLES.every((machine) =>
      isDeepStrictEqual(traceOf(machine, starterOf), traceOf(machine, inspectedStarter)),
    );
  } catch {
    return false;
  }
}

/** What a sample machine shows to the outside while it takes the events of STEPS. */
function traceOf(machine: AnyStateMachine, starterOf: StarterOf): unknown[] {
  const clock = new SimulatedClock();
  const trace: unknown[] = [];
  const actor = starterOf(machine, clock)(undefined, (decision) => {
    trace.push(decision.type === 'failed' ? String(decision.error) : decision);
  });
  for (const step of STEPS) {
    if (typeof step === 'number') clock.increment(step);
    else actor.send({ type: step, word: step });
    const { status, value } = actor.getSnapshot();
    trace.push([step, status, value, structuredClone(actor.context), actor.hasTag('tagged')]);
  }
  return trace;
}

const base = setup({
  types: {
    context: {} as { n: number; written: { n: number } },
    events: {} as { type: string; word: string },
    emitted: {} as { type: string; word: string },
    tags: {} as 'tagged',
  },
  guards: {
    yes: () => true,
    no: () => false,
    is: (_, { a, b }: { a: unknown; b: unknown }) => a === b,
    combined: and([stateIn({ left: 'two' }), not('no')]),
    throws: () => {
      throw new Error('a guard that throws');
    },
  },
  actions: {
    say: emit((_, { word }: { word: string }) => ({ type: 'said', word })),
    hello: emit({ type: 'said', word: 'hello' }),
    count: assign({ n: ({ context }) => context.n + 1 }),
    write: ({ context }, { by }: { by: number }) => {
      context.written.n += by;
    },
    echo: raise({ type: 'echo', word: 'echo' }),
    later: raise({ type: 'echo', word: 'later' }, { delay: 100, id: 'later' }),
    never: cancel('later'),
    fail: () => {
      throw new Error('an action that throws');
    },
  },
});

const say = (word: string) => ({ type: 'say', params: { word } }) as const;
/** The guard decides which of two words is said. */
const either = (guard: unknown) =>
  [{ guard, actions: say('taken') }, { actions: say('not taken') }] as unknown as { actions: 'hello' }[];

const SAMPLES: readonly AnyStateMachine[] = [
  base.createMachine({
    context: () => ({ n: 0, written: { n: 0 } }),
    type: 'parallel',
    states: {
      left: {
        initial: 'one',
        entry: say('entered'),
        states: {
          one: { tags: 'tagged', on: { go: 'two', 'inner.first': { actions: say('inner') } } },
          two: { after: { 1000: 'one' }, on: { again: { target: 'two', reenter: true } }, exit: say('left') },
        },
        on: { 'inner.first': { actions: say('outer') }, reenter: { target: 'left', reenter: true } } as never,
      },
      right: {
        initial: 'open',
        states: { open: { on: { finish: 'over' } }, over: { type: 'final' } },
        on: { both: { actions: say('right') } },
      },
      third: { on: { both: { actions: [{ type: 'write', params: { by: 2 } }, 'hello'] } } },
    },
    on: {
      plain: either('no'),
      inline: either(() => false),
      'plain.yes': either('yes'),
      params: either({ type: 'is', params: { a: 1, b: 2 } }),
      'params.event': either({
        type: 'is',
        params: ({ event }: { event: { word: string } }) => ({ a: event.word, b: 'params.event' }),
      }),
      and: either(and(['yes', 'no'])),
      'and.yes': either(and(['yes', 'yes'])),
      or: either(or(['no', 'no'])),
      'or.yes': either(or(['no', 'yes'])),
      not: either(not('yes')),
      'not.no': either(not('no')),
      nested: either(and([not(or(['no', and(['yes', 'no'])])), stateIn({ left: 'one' })])),
      in: either(stateIn({ left: 'two' })),
      combined: either('combined'),
      throws: either('throws'),
      count: { actions: ['hello', 'count', 'hello'] },
      echoed: { actions: ['echo', 'hello'] },
      echo: { actions: { type: 'say', params: ({ event }) => ({ word: event.word }) } },
      later: { actions: 'later' },
      never: { actions: 'never' },
      fail: { actions: ['hello', 'fail'] },
      'wild.*': { actions: say('wild') },
      '*': { actions: say('any') },
    },
  }),
  createMachine({
    context: { n: 0 },
    initial: 'waiting',
    states: {
      waiting: { always: { guard: ({ event }) => event.type === 'plain.yes', target: 'seen' } },
      seen: { always: { guard: ({ context }) => context.n > 0, target: 'moved' } },
      moved: { type: 'final', entry: emit({ type: 'moved' }) },
    },
    on: {
      count: { actions: assign({ n: ({ context }: { context: { n: number } }) => context.n + 1 }) },
      plain: { actions: emit({ type: 'plain' }) },
    },
  }),
];

/** Events by their type, and time that passes, in milliseconds. */
const STEPS: readonly (string | number)[] = [
  ...['plain', 'inline', 'plain.yes', 'params', 'params.event', 'and', 'and.yes', 'or', 'or.yes'],
  ...['not', 'not.no', 'nested', 'in', 'combined', 'throws', 'both', 'inner.first', 'wild.first', 'wild'],
  ...['go', 'nested', 'in', 'combined', 'inner.first', 'again', 'reenter', 'go', 1000],
  ...['count', 'echoed', 'later', 50, 'never', 100, 'later', 100, 'fail', 'finish', 'plain'],
];
