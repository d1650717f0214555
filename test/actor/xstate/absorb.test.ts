import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type AnyStateMachine,
  and,
  assign,
  createActor,
  createMachine,
  emit,
  not,
  or,
  raise,
  SimulatedClock,
  setup,
  stateIn,
} from 'xstate';
import { connectionMachine } from '../../../machines/connection.ts';
import { participantMachine } from '../../../machines/participant.ts';
import { roomMachine } from '../../../machines/room.ts';
import { supervisorMachine } from '../../../machines/supervisor.ts';
import { absorberOf } from '../../../src/actor/xstate/absorb.ts';
import { starter } from '../../../src/actor/xstate/machine-actor.ts';
import { inspected, type StarterOf } from '../support/runtimes.ts';

/** Either an event for the machine, or time that passes, in milliseconds. */
type Step = { readonly event: { readonly type: string } } | { readonly pass: number };

/** What is told of an error, whose stack differs. */
const told = ({ error, ...rest }: { type: string; error?: unknown }) => ({ ...rest, error: String(error) });

/** Everything that can be told of a run from outside, step by step. */
function run(
  starterOf: StarterOf,
  machine: AnyStateMachine,
  input: object,
  steps: readonly Step[],
): unknown[] {
  const clock = new SimulatedClock();
  const seen: unknown[] = [];
  const perform = (decision: { type: string }) => seen.push(['emitted', told(decision)]);
  const actor = starterOf(machine, clock)(input, perform);
  for (const step of steps) {
    if ('pass' in step) clock.increment(step.pass);
    else actor.send(step.event);
    const { status, value, context } = actor.getSnapshot();
    seen.push([status, value, structuredClone(context)]);
  }
  return seen;
}

/** Run by Bloom's actors and by XState's own. */
function expectSame(machine: AnyStateMachine, input: object, steps: readonly Step[]): void {
  expect(run(starter, machine, input, steps)).toEqual(run(inspected, machine, input, steps));
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
      event({
        type: fc.constant('frame.hello'),
        at,
        resume: fc.constantFrom(null, { token: 't', lastSeq: 1 }),
        greeting: fc.constant({ version: 1, features: new Set(), requestId: undefined }),
        refusal: fc.constant('why'),
      }),
      event({ type: fc.constant('frame.message'), at, message }),
      event({ type: fc.constantFrom('frame.invalid', 'frame.invalidHello'), at, reason: fc.constant('why') }),
      event({ type: fc.constant('frame.unread'), at }),
      event({ type: fc.constantFrom('session.found', 'session.unknown') }),
      event({ type: fc.constant('transport.ended'), end: fc.constantFrom('closed', 'away', 'lost') }),
      pass(1, 500, 1000),
    );
    const input = { limit: 3, windowMs: 1000, firstMessageTimeoutMs: 3000 };
    fc.assert(
      fc.property(kinds, (each) => expectSame(connectionMachine, input, each)),
      { numRuns: 500 },
    );
  });

  test('participant', () => {
    const refusal = fc.constant('why');
    const message = fc.record({ type: fc.constant('Offer'), to: id, sdp: fc.constant('sdp') });
    const kinds = steps(
      event({ type: fc.constantFrom('message.create', 'message.leave'), refusal }),
      event({ type: fc.constant('message.join'), room_id: id, createIfMissing: fc.boolean(), refusal }),
      event({ type: fc.constant('message.relay'), message, refusal }),
      event({ type: fc.constant('message.invalid'), refusal }),
      event({ type: fc.constantFrom('room.entered'), room_id: id }),
      event({ type: fc.constant('room.refused'), code: fc.constant('Internal'), message: id }),
      event({ type: fc.constant('room.closed'), room_id: id, message: id }),
      event({ type: fc.constant('transport.attached'), lost: fc.boolean() }),
      event({ type: fc.constantFrom('transport.lost', 'transport.away', 'transport.closed') }),
      pass(1, 1000, 2000, 3000),
    );
    const isSession = fc.boolean();
    fc.assert(
      fc.property(kinds, isSession, (each, session) => {
        const input = {
          participant_id: 'self',
          isSession: session,
          resumeGraceMs: 2000,
          reloadGraceMs: 1000,
          outsideTimeoutMs: 3000,
        };
        expectSame(participantMachine, input, each);
      }),
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

/** Machines of every shape the rules of selection speak of: nested, parallel, wildcards, guards of all kinds. */
describe('any machine decides as XState alone has it decide', () => {
  const EVENTS = ['a', 'a.b', 'a.b.c', 'b', 'go', 'tell'];
  const DESCRIPTORS = [...EVENTS, 'a.*', 'a.b.*', '*'];
  const STATES = ['one', 'two'];

  const named = fc.constantFrom<unknown>(
    'isEven',
    'throws',
    'isEvenByName',
    { type: 'isAtLeast', params: { least: 2 } },
    { type: 'isAtLeast', params: ({ context }: { context: { n: number } }) => ({ least: 3 - context.n }) },
    ({ event }: { event: { type: string } }) => event.type.length > 1,
  );
  const guard = fc.letrec<{ guard: unknown }>((tie) => ({
    guard: fc.oneof(
      { depthSize: 'small' },
      named,
      fc.constantFrom('one', { two: 'one' }, '#m.one').map((value) => stateIn(value)),
      tie('guard').map((inner) => not(inner as never)),
      fc.array(tie('guard'), { maxLength: 2 }).map((inner) => and(inner as never)),
      fc.array(tie('guard'), { maxLength: 2 }).map((inner) => or(inner as never)),
    ),
  })).guard;
  const action = fc.constantFrom<unknown>(
    'say',
    'count',
    'write',
    'fail',
    'raiseGo',
    { type: 'tell', params: { word: 'word' } },
    { type: 'tell', params: ({ event }: { event: { type: string } }) => ({ word: event.type }) },
    emit({ type: 'inline' }),
  );
  const transition = (targets: readonly string[]) =>
    fc.record(
      {
        guard: fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight: 3, arbitrary: guard }),
        target: fc.oneof(
          { weight: 4, arbitrary: fc.constant(undefined) },
          fc.constantFrom(undefined, ...targets),
        ),
        actions: fc.array(action, { maxLength: 2 }),
      },
      { requiredKeys: ['actions'] },
    );
  const on = (targets: readonly string[]) =>
    fc.dictionary(fc.constantFrom(...DESCRIPTORS), fc.array(transition(targets), { maxLength: 2 }), {
      maxKeys: 3,
    });

  const node = (depth: number, targets: readonly string[]): fc.Arbitrary<object> => {
    const leaf = fc.record({ on: on(targets) });
    if (depth === 0) return leaf;
    const states = fc
      .tuple(node(depth - 1, STATES), node(depth - 1, STATES))
      .map(([one, two]) => ({ one, two }));
    const regions = fc.tuple(node(depth - 1, []), node(depth - 1, [])).map(([one, two]) => ({ one, two }));
    return fc.oneof(
      leaf,
      fc.record({ on: on(targets), initial: fc.constantFrom(...STATES), states }),
      fc.record({ on: on(targets), type: fc.constant('parallel'), states: regions }),
    );
  };

  const made = setup({
    types: {} as {
      context: { n: number; seen: { at: number } };
      events: { type: string };
      emitted: { type: string };
    },
    actions: {
      say: emit({ type: 'said' }),
      tell: emit((_, { word }: { word: string }) => ({ type: 'told', word })),
      count: assign({ n: ({ context }) => context.n + 1 }),
      write: ({ context }) => {
        context.seen.at += 1;
      },
      fail: () => {
        throw new Error('no');
      },
      raiseGo: raise({ type: 'go' }),
    },
    guards: {
      isEven: ({ context }) => context.n % 2 === 0,
      isAtLeast: ({ context }, { least }: { least: number }) => context.n >= least,
      isEvenByName: not('isEven'),
      throws: () => {
        throw new Error('never');
      },
    },
  });

  test('over random machines and random events', () => {
    const config = fc.oneof(node(1, []), node(2, []), node(3, []));
    const events = fc.array(fc.constantFrom(...EVENTS), { minLength: 1, maxLength: 12 });
    const property = fc.property(config, events, (shape, types) => {
      const machine = made.createMachine({
        ...shape,
        id: 'm',
        options: { maxIterations: 10 }, // an event may raise itself
        context: () => ({ n: 0, seen: { at: 0 } }),
      } as Parameters<typeof made.createMachine>[0]);
      expectSame(
        machine,
        {},
        types.map((type) => ({ event: { type } })),
      );
    });
    fc.assert(property, { numRuns: 700, interruptAfterTimeLimit: 30_000 });
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

  const absorbed = (type: string): unknown => {
    const snapshot = createActor(machine).start().getSnapshot();
    return absorberOf(snapshot, type)(snapshot.context, { type });
  };

  test('an event that only emits, or that nobody hears', () => {
    expect(absorbed('say')).toEqual([{ type: 'said' }]);
    expect(absorbed('unheard')).toEqual([]);
  });
  test('no event that assigns, raises or moves', () => {
    expect(['count', 'again', 'switch'].map(absorbed)).toEqual([undefined, undefined, undefined]);
  });
  test('what an action throws is thrown', () => expect(() => absorbed('fail')).toThrow('no'));
  test('leaves the context the object it is', () => {
    const actor = starter(machine, new SimulatedClock())(undefined, () => {});
    const before = actor.context;
    actor.send({ type: 'say' });
    expect(actor.context).toBe(before);
    actor.send({ type: 'count' });
    expect(actor.context).not.toBe(before);
  });

  test.each(['say', 'count', 'again', 'fail', 'switch', 'unheard'])(
    '%s: the same seen from outside',
    (type) => {
      expectSame(machine, {}, [{ event: { type } }, { event: { type: 'say' } }]);
    },
  );

  test('no event whose guard is not to be found: XState says so', () => {
    const lost = createMachine({
      on: {
        any: [
          { guard: and([not('lost')]), actions: emit({ type: 'said' }) },
          { actions: emit({ type: 'other' }) },
        ],
      },
    });
    const snapshot = createActor(lost).start().getSnapshot();
    expect(absorberOf(snapshot, 'any')(snapshot.context, { type: 'any' })).toBeUndefined();
    expectSame(lost, {}, [{ event: { type: 'any' } }]);
  });

  test('nothing by a machine with eventless transitions', () => {
    const eventless = setup({ types: { events: {} as { type: 'any' } } }).createMachine({
      initial: 'a',
      states: { a: { always: 'b' }, b: {} },
    });
    const snapshot = createActor(eventless).start().getSnapshot();
    expect(absorberOf(snapshot, 'any')(snapshot.context, { type: 'any' })).toBeUndefined();
    expectSame(eventless, {}, [{ event: { type: 'any' } }]);
  });
});
