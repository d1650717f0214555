import { setTimeout as pause } from 'node:timers/promises';
import type { Check } from './check.ts';
import { Miss } from './participant.ts';
import { Player } from './player.ts';
import type { Limits, Target } from './target.ts';
import { parseTranscript, type Step } from './transcript.ts';

export type Outcome = { readonly check: Check } & (
  | { readonly verdict: 'passed' }
  /** `reason` says why it was not tried. */
  | { readonly verdict: 'not offered' | 'skipped'; readonly reason: string }
  /** `reason` says what was wrong at the step `at`, undefined after the last one. */
  | {
      readonly verdict: 'missed';
      readonly reason: string;
      readonly steps: readonly Step[];
      readonly at: Step | undefined;
    }
);

export interface Conditions {
  /** What every message and answer has to come within. */
  readonly patienceMs: number;
  /** How long silence has to last. */
  readonly settleMs: number;
  /** Whether to try what waits for rooms to expire. */
  readonly isSlow: boolean;
}

/** What one check may take, besides what it waits for: a server that is slow at each step is given up. */
const DEADLINE_MS = 60_000;

/** Tries each check, one after another. Nothing a server does makes it hang or throw. */
export async function* run(
  checks: readonly Check[],
  target: Target,
  conditions: Conditions,
): AsyncGenerator<Outcome> {
  for (const check of checks) {
    const { limits, offersSessions } = target;
    const steps = parseTranscript(typeof check.steps === 'string' ? check.steps : check.steps(limits));
    if (check.isOfSessions && !offersSessions)
      yield { check, verdict: 'not offered', reason: 'Hello is not answered Ready' };
    else {
      const reason = obstacleTo(check, steps, limits, conditions);
      yield reason === undefined
        ? await attempt(check, steps, target, conditions)
        : { check, verdict: 'skipped', reason };
    }
  }
}

/** Why a check is not tried; undefined when it is. */
function obstacleTo(
  { isSlow, obstacle }: Check,
  steps: readonly Step[],
  limits: Limits,
  conditions: Conditions,
): string | undefined {
  if (isSlow && !conditions.isSlow) return '--slow tries it';
  const seats = seatsOf(steps);
  if (seats > limits.capacity) return `it takes a room for ${seats}`;
  return obstacle?.(limits);
}

/** Participants in one room at most. */
function seatsOf(steps: readonly Step[]): number {
  return Math.max(
    0,
    ...steps.map((step) => {
      const { participants } = Object(step.kind === 'hear' ? step.message : undefined);
      return Array.isArray(participants) ? participants.length : 0;
    }),
  );
}

async function attempt(
  check: Check,
  steps: readonly Step[],
  { url, limits }: Target,
  conditions: Conditions,
): Promise<Outcome> {
  const player = new Player({ url, limits, ...conditions });
  let at: Step | undefined;
  const waitsMs = steps.reduce((ms, step) => ms + (step.kind === 'wait' ? step.ms : 0), 0);
  const done = new AbortController();
  const overdue = pause(waitsMs + DEADLINE_MS, undefined, { signal: done.signal }).then(() => {
    player.stop();
    throw new Miss(`not done within ${DEADLINE_MS / 1000} s`);
  });
  try {
    const played = player.play(steps, (step) => {
      at = step;
    });
    await Promise.race([played, overdue]);
    return { check, verdict: 'passed' };
  } catch (error) {
    if (!(error instanceof Miss)) throw error;
    return { check, verdict: 'missed', reason: error.message, steps, at };
  } finally {
    done.abort();
    overdue.catch(() => {}); // aborted, or thrown above
  }
}
