import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type AnyActorLogic,
  type AnyStateMachine,
  createActor,
  type InspectionEvent,
  SimulatedClock,
} from 'xstate';
import { toXState } from '../../../scripts/xstate-chart.ts';
import { seatMachine } from '../../../src/client/machines/seat.ts';
import { type SignalingInput, signalingMachine } from '../../../src/client/machines/signaling.ts';
import { runChart } from '../../../src/client/xstate/chart.ts';
import { SEAT_EVENTS, SIGNALING_EVENTS } from '../machines/events.ts';

/** The client's light interpreter does what XState's own does, on the client's charts. */

/** What happens to an actor, in order: events, or time that passes. */
type Step = object | number;

function observe(logic: AnyActorLogic, input: unknown, clock: SimulatedClock, steps: readonly Step[]) {
  const told: unknown[] = [];
  const snapshots: unknown[] = [];
  const actor = createActor(logic, { clock, input, id: 'it' });
  actor.on('*', (decision) => told.push(decision));
  actor.subscribe({ next: () => told.push('snapshot'), complete: () => told.push('complete') });
  actor.start();
  told.length = 0; // XState tells of the initial snapshot before anybody could hear
  for (const step of steps) {
    if (typeof step === 'number') clock.increment(step);
    else actor.send(step as never);
    const { value, context, status } = actor.getSnapshot();
    snapshots.push({ value, context, status });
  }
  const timers = Object.values(actor.system.getSnapshot()._scheduledEvents).map(
    ({ event, delay }) => `${event.type} ${delay}`,
  );
  return { told, snapshots, timers };
}

function compare(
  machine: AnyStateMachine,
  events: readonly object[],
  input: (clock: SimulatedClock, chance: number) => unknown,
): void {
  const genuine = toXState(machine);
  const light = runChart(machine);
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...events) },
    { weight: 1, arbitrary: fc.constantFrom(1, 300, 4000, 5000, 10_000, 30_000, 61_000) },
  );
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 40 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (steps, chance) => {
        const [one, two] = [genuine, light].map((logic) => {
          const clock = new SimulatedClock();
          return observe(logic as AnyActorLogic, input(clock, chance), clock, steps);
        });
        expect(JSON.stringify(two)).toEqual(JSON.stringify(one));
      },
    ),
    { numRuns: 2000 },
  );
}

describe('the light interpreter and XState’s agree over random events', () => {
  test('on the seat', () => compare(seatMachine, SEAT_EVENTS, () => undefined));

  test.each([true, false])('on the connection, where probing is possible: %s', (canProbe) =>
    compare(
      signalingMachine,
      SIGNALING_EVENTS,
      (clock, chance): SignalingInput => ({
        backoff: { baseMs: 500, capMs: 15_000, maxAttempts: chance < 0.5 ? 3 : Number.POSITIVE_INFINITY },
        random: () => chance,
        now: () => ({ steady: clock.now(), epoch: clock.now() }),
        heardAt: () => ({
          steady: chance < 0.5 ? 0 : clock.now() - 1,
          epoch: chance < 0.5 ? 0 : clock.now() - 1,
        }),
        isWanted: () => canProbe,
        canProbe: () => canProbe,
        isOnline: chance < 0.7,
      }),
    ),
  );
});

test('an actor with a chart shows an inspector its events and snapshots', () => {
  const seen: InspectionEvent[] = [];
  const actor = createActor(runChart(seatMachine), { inspect: (event) => seen.push(event) }).start();
  actor.send({ type: 'enter', request: {} });
  expect(seen.map(({ type }) => type)).toEqual([
    '@xstate.actor',
    '@xstate.event',
    '@xstate.snapshot',
    '@xstate.event',
    '@xstate.snapshot',
  ]);
  expect(seen.at(-1)).toMatchObject({ snapshot: { value: 'entering', context: { request: {} } } });
  actor.stop();
  expect(actor.getSnapshot().status).toBe('stopped');
});
