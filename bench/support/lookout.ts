/**
 * Watches one processor from a process of its own, at real-time priority: whatever keeps this from running when it is
 * due keeps everything else from it, too. Started by bench/support/pauses.ts, through chrt and taskset; told to `report`, it tells the pauses since
 * the last time.
 */
import { setImmediate } from 'node:timers/promises';
import { now } from './clock.ts';
import type { Pause } from './pauses.ts';

const SLEEP_MS = 0.5;
/** Twice what waking up takes. */
const LATE_MS = 0.4;
/** Between looks at the channel. */
const SLEEPS = 100;

const cell = new Int32Array(new SharedArrayBuffer(4));
let pauses: Pause[] = [];

process.on('message', () => {
  process.send?.(pauses);
  pauses = [];
});
process.on('disconnect', () => process.exit(0));
process.send?.([]);

for (;;) {
  for (let i = 0; i < SLEEPS; i += 1) {
    const due = performance.now() + SLEEP_MS;
    Atomics.wait(cell, 0, 0, SLEEP_MS);
    const woken = performance.now();
    if (woken - due < LATE_MS) continue;
    const to = now();
    pauses.push({ from: to - (woken - due), to });
  }
  await setImmediate();
}
