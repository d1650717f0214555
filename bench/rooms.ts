/**
 * What a room costs at 1,000 to 100,000 rooms: opening, finding and expiring one, and the longest the event loop stalls
 * while all of them expire together. Supervisor and rooms run in this process, without sockets. Quotes medians over
 * the rounds, and the longest stall of all; between rounds everything has expired.
 *
 *     npm run bench -- rooms [--sizes 1000,10000,100000] [--rounds 5] [--save]
 */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { roomMachine } from '../machines/room.ts';
import { supervisorMachine } from '../machines/supervisor.ts';
import { SlicedClock } from '../src/actor/clock.ts';
import { starter } from '../src/actor/xstate/machine-actor.ts';
import { LiveRoom } from '../src/room.ts';
import type { MemberRef, Replies } from '../src/routing/router.ts';
import { Supervisor } from '../src/supervisor.ts';
import { createLogger } from '../src/telemetry/logger.ts';
import { Report } from './support/report.ts';
import { median } from './support/statistics.ts';

const IDLE_MS = 500;

/** Microseconds a room, milliseconds of stall, kB a room. */
interface Costs {
  readonly open: number;
  readonly find: number;
  readonly expire: number;
  readonly stallMs: number;
  readonly kilobytes: number;
}

function supervise(idleTimeoutMs: number) {
  const clock = new SlicedClock();
  const start = starter(roomMachine, clock);
  return new Supervisor(
    starter(supervisorMachine, clock),
    { maxRooms: 10_000_000, maxFailures: 5, failureWindowMs: 60_000 },
    (room_id, reports) =>
      new LiveRoom(start, { room_id, capacity: 8, idleTimeoutMs }, { ...reports, resized() {} }, replies),
    createLogger('silent'),
    { roomRestarts: 0 },
  );
}

/** Hears nothing: what replies cost is no part of this. */
const replies: Replies = { send() {} };

const member = (participant_id: string): MemberRef => ({
  participant_id,
  node_id: 'bench',
  isSession: false,
  seat: 1,
});

/** Waits until all rooms have expired: the longest turn of the event loop, and all turns in which rooms expired. */
async function expiry(supervisor: Supervisor): Promise<{ stallMs: number; expiringMs: number }> {
  let stallMs = 0;
  let expiringMs = 0;
  let last = performance.now();
  while (supervisor.size > 0) {
    const before = supervisor.size;
    await new Promise((resolve) => setImmediate(resolve));
    const now = performance.now();
    stallMs = Math.max(stallMs, now - last);
    if (supervisor.size < before) expiringMs += now - last;
    last = now;
  }
  return { stallMs, expiringMs };
}

async function measure(size: number): Promise<Costs> {
  const supervisor = supervise(IDLE_MS + size / 20);
  globalThis.gc?.();
  const heap = process.memoryUsage().heapUsed;
  const ids: string[] = [];
  let startedAt = performance.now();
  for (let i = 0; i < size; i += 1) {
    const id = randomUUID();
    supervisor.open(id, undefined)?.handle(member(`p${i}`), { type: 'create' }, undefined);
    ids.push(id);
  }
  const openMs = performance.now() - startedAt;
  globalThis.gc?.();
  const bytes = process.memoryUsage().heapUsed - heap;

  startedAt = performance.now();
  let found = 0;
  for (const id of ids) if (supervisor.find(id)) found += 1;
  const findMs = performance.now() - startedAt;
  if (found !== size) throw new Error(`found ${found} of ${size} rooms`);

  for (const [i, id] of ids.entries())
    supervisor.find(id)?.handle(member(`p${i}`), { type: 'leave' }, undefined);
  const { stallMs, expiringMs } = await expiry(supervisor);
  return {
    open: (1000 * openMs) / size,
    find: (1000 * findMs) / size,
    expire: (1000 * expiringMs) / size,
    stallMs,
    kilobytes: bytes / size / 1024,
  };
}

async function compare({ sizes, rounds, save }: ReturnType<typeof readOptions>): Promise<void> {
  const report = new Report('rooms');
  await measure(sizes[0] ?? 1000); // warm
  const costs = new Map(sizes.map((size) => [size, [] as Costs[]]));
  for (let i = 0; i < rounds; i += 1) {
    for (const size of sizes) costs.get(size)?.push(await measure(size));
    process.stderr.write(`round ${i + 1} of ${rounds}\n`);
  }
  const mid = (size: number, of: (costs: Costs) => number) => median((costs.get(size) ?? []).map(of));
  report.table(
    `Rooms, medians of ${rounds} rounds`,
    ['rooms', 'open µs', 'find µs', 'expire µs', 'longest stall ms', 'kB a room'],
    sizes.map((size) => [
      String(size),
      mid(size, ({ open }) => open).toFixed(1),
      mid(size, ({ find }) => find).toFixed(2),
      mid(size, ({ expire }) => expire).toFixed(1),
      Math.max(...(costs.get(size) ?? []).map(({ stallMs }) => stallMs)).toFixed(1),
      mid(size, ({ kilobytes }) => kilobytes).toFixed(1),
    ]),
  );
  report.plot({
    kind: 'lines',
    name: 'rooms',
    title: 'Cost of a room by how many there are',
    x: { label: 'rooms', isLogarithmic: true },
    y: { label: 'µs a room' },
    series: (['open', 'find', 'expire'] as const).map((label) => ({
      label,
      points: sizes.map((size) => [size, mid(size, (one) => one[label])] as const),
    })),
  });
  if (save) report.save();
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      sizes: { type: 'string', default: '1000,10000,100000' },
      rounds: { type: 'string', default: '5' },
      save: { type: 'boolean', default: false },
    },
  });
  return {
    sizes: values.sizes.split(',').map(Number),
    rounds: Math.min(100, Number(values.rounds)),
    save: values.save,
  };
}

await compare(readOptions());
