import { TIMING, type Timing } from './machines/negotiation.ts';
import type { Partly } from './partly.ts';
import { MAX_TIMER_MS, readMs } from './timer.ts';

/** How long a Mesh waits for what, in milliseconds. */
export interface MeshTiming {
  /** After a server restart, a newcomer may be the owner of a connection that goes on; for so long it can say so. */
  readonly matchMs: number;
  /** A connection whose owner does not come back to the room after a server restart lasts so long. */
  readonly strayMs: number;
  /** A connection that the other end closed, though it is in the room, is made again after so long. */
  readonly renewMs: number;
}

const DEFAULTS: Timing & MeshTiming = { ...TIMING, matchMs: 3_000, strayMs: 60_000, renewMs: 1_000 };

/** The wait for an answer doubles, up to eight times as long. */
const LONGEST_MS = MAX_TIMER_MS / 8;

/** What the option asks for, the defaults for what it does not say. Throws a RangeError for what is no time. */
export function readTiming(timing: Partly<Timing & MeshTiming> = {}): Timing & MeshTiming {
  const read = Object.entries(timing).flatMap(([name, ms]) =>
    ms === undefined ? [] : [[name, Math.min(readMs(`timing.${name}`, ms), LONGEST_MS)]],
  );
  return { ...DEFAULTS, ...Object.fromEntries(read) };
}
