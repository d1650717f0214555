/**
 * What a room costs at 1,000 to 100,000 rooms: opening, finding and expiring one, and the longest the event
 * loop stalls while all of them expire together. `npm run bench`; quotes medians over rounds.
 */
import { roomMachine } from '../machines/room.ts';
import { supervisorMachine } from '../machines/supervisor.ts';
import { SlicedClock } from '../src/clock.ts';
import { withRollback } from '../src/rollback.ts';
import { LiveRoom } from '../src/room.ts';
import type { Member } from '../src/routing/router.ts';
import { Supervisor } from '../src/supervisor.ts';
import { createLogger } from '../src/telemetry/logger.ts';

const SIZES = [1_000, 10_000, 100_000];
const IDLE_MS = 500;

function supervise(idleTimeoutMs: number) {
  const system = { clock: new SlicedClock() };
  const logic = withRollback(roomMachine);
  return new Supervisor(
    withRollback(supervisorMachine),
    { maxRooms: 10_000_000, maxFailures: 5, failureWindowMs: 60_000 },
    system,
    (room_id, reports) =>
      new LiveRoom(logic, { room_id, capacity: 8, idleTimeoutMs }, system, { ...reports, resized() {} }),
    createLogger('silent'),
    { roomRestarts: 0 },
  );
}

function member(participantId: string): Member & { roomId: string } {
  return {
    participantId,
    roomId: '',
    isSession: false,
    write: () => 'sent',
    entered(roomId) {
      this.roomId = roomId;
    },
    refused() {},
    roomClosed() {},
  };
}

/** The longest gap between two turns of the event loop while `busy` says so, in milliseconds. */
async function longestStall(busy: () => boolean): Promise<number> {
  let longest = 0;
  let last = performance.now();
  while (busy()) {
    await new Promise((resolve) => setImmediate(resolve));
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }
  return longest;
}

console.log('   rooms   open us   find us   expire us   longest stall ms   kB per room');
for (const size of SIZES) {
  const supervisor = supervise(IDLE_MS + size / 20);
  globalThis.gc?.();
  const heap = process.memoryUsage().heapUsed;
  const ids: string[] = [];
  let started = performance.now();
  for (let i = 0; i < size; i += 1) {
    const creator = member(`p${i}`);
    supervisor.open()?.create(creator);
    ids.push(creator.roomId);
  }
  const open = performance.now() - started;
  globalThis.gc?.();
  const perRoom = (process.memoryUsage().heapUsed - heap) / size / 1024;

  started = performance.now();
  let found = 0;
  for (const id of ids) if (supervisor.find(id)) found += 1;
  const find = performance.now() - started;
  if (found !== size) throw new Error(`found ${found} of ${size} rooms`);

  for (const [i, id] of ids.entries()) supervisor.find(id)?.leave(`p${i}`);
  const cpu = process.cpuUsage();
  const stall = await longestStall(() => supervisor.size > 0);
  const spent = process.cpuUsage(cpu);
  const row = [open / size, find / size].map((ms) => (ms * 1000).toFixed(1).padStart(9));
  console.log(
    String(size).padStart(8),
    ...row,
    ((spent.user + spent.system) / size).toFixed(1).padStart(11),
    stall.toFixed(1).padStart(18),
    perRoom.toFixed(1).padStart(13),
  );
}
