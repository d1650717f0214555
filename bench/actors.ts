/**
 * What an actor takes of the heap, without a socket: XState's own root actor of a machine that does nothing, and
 * Bloom's: a connection's as it starts, a connection's and its participant's in a room, and an empty room's.
 *
 *     npm run bench -- actors [--count 10000] [--save]
 */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { createActor, createMachine } from 'xstate';
import { connectionMachine } from '../machines/connection.ts';
import { participantMachine } from '../machines/participant.ts';
import { roomMachine } from '../machines/room.ts';
import { SlicedClock } from '../src/actor/clock.ts';
import { starter } from '../src/actor/xstate/machine-actor.ts';
import { Report } from './support/report.ts';

const WARM_UP = 100;
const clock = new SlicedClock();
const nothing = createMachine({});
const startConnection = starter(connectionMachine, clock);
const startParticipant = starter(participantMachine, clock);
const startRoom = starter(roomMachine, clock);
const perform = () => {};

function connection() {
  return startConnection({ limit: 20, windowMs: 1000, firstMessageTimeoutMs: 3_600_000 }, perform);
}

const ACTORS: Readonly<Record<string, () => unknown>> = {
  'XState’s own, of a machine that does nothing': () => createActor(nothing, { clock }).start(),
  'a connection, silent': connection,
  'a connection and its participant, in a room': () => {
    const actor = connection();
    actor.send({ type: 'frame.invalid', at: performance.now(), reason: '' });
    const input = {
      participant_id: randomUUID(),
      isSession: true,
      resumeGraceMs: 15_000,
      reloadGraceMs: 8000,
      outsideTimeoutMs: 3_600_000,
    };
    const participant = startParticipant(input, perform);
    participant.send({ type: 'message.create', refusal: '' });
    participant.send({ type: 'room.entered', room_id: randomUUID() });
    return [actor, participant];
  },
  'a room, empty': () => startRoom({ room_id: randomUUID(), capacity: 8, idleTimeoutMs: 3_600_000 }, perform),
};

/** Outside of the function that fills it, or V8 would collect it before it is weighed. */
let kept: unknown[] = [];

/** Bytes of heap that each takes. */
function weigh(make: () => unknown, count: number): number {
  kept = Array.from({ length: WARM_UP }, make);
  globalThis.gc?.();
  const before = process.memoryUsage();
  for (let i = 0; i < count; i += 1) kept.push(make());
  globalThis.gc?.();
  const after = process.memoryUsage();
  return (after.heapUsed + after.external - before.heapUsed - before.external) / count;
}

const { values } = parseArgs({
  options: { count: { type: 'string', default: '10000' }, save: { type: 'boolean', default: false } },
});
const report = new Report('actors');
report.table(
  `Heap of an actor, over ${values.count} of each`,
  ['actor', 'kB'],
  Object.entries(ACTORS).map(([name, make]) => [name, (weigh(make, Number(values.count)) / 1024).toFixed(1)]),
);
if (values.save) report.save();
process.exit();
