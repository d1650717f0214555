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

/** The longest the suite waits for something to expire: a day. */
const MOST_WAIT_MS = 24 * 60 * 60 * 1000;

export interface Conditions {
  /** What every message and answer has to come within. */
  readonly patienceMs: number;
  /** How long silence has to last. */
  readonly settleMs: number;
  /** What one check may take, besides what it waits for: a server that is slow at each step is given up. */
  readonly deadlineMs: number;
  /** Whether to try what waits for rooms to expire. */
  readonly isSlow: boolean;
}

/** Tries each check, one after another. Nothing a server does makes it hang or throw. */
export async function* run(
  checks: readonly Check[],
  target: Target,
  conditions: Conditions,
): AsyncGenerator<Outcome> {
  for (const check of checks)
    yield refrain(check, target, conditions) ?? (await attempt(check, target, conditions));
}

/** Why a check is not tried; undefined when it is. */
function refrain(
  check: Check,
  { limits, offersSessions }: Target,
  conditions: Conditions,
): Outcome | undefined {
  if (check.isOfSessions && !offersSessions)
    return { check, verdict: 'not offered', reason: 'Hello is not answered Ready' };
  if (check.isSlow && !conditions.isSlow) return { check, verdict: 'skipped', reason: '--slow tries it' };
  const obstacle = check.obstacle?.(limits);
  if (obstacle !== undefined) return { check, verdict: 'skipped', reason: obstacle };
  const steps = stepsOf(check, limits);
  const waitsMs = waitsOf(steps);
  if (waitsMs > MOST_WAIT_MS)
    return { check, verdict: 'skipped', reason: `it takes ${waitsMs} ms, more than the suite waits` };
  const seats = seatsOf(steps);
  if (seats > limits.capacity) return { check, verdict: 'skipped', reason: `it takes a room for ${seats}` };
  return undefined;
}

function stepsOf({ steps }: Check, limits: Limits): Step[] {
  return parseTranscript(typeof steps === 'string' ? steps : steps(limits));
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

function waitsOf(steps: readonly Step[]): number {
  return steps.reduce((ms, step) => ms + (step.kind === 'wait' ? step.ms : 0), 0);
}

async function attempt(check: Check, { url, limits }: Target, conditions: Conditions): Promise<Outcome> {
  const steps = stepsOf(check, limits);
  const player = new Player({ url, limits, ...conditions });
  let at: Step | undefined;
  const waitsMs = waitsOf(steps);
  const done = new AbortController();
  const overdue = pause(waitsMs + conditions.deadlineMs, undefined, { signal: done.signal }).then(() => {
    player.stop();
    throw new Miss(`not done within ${conditions.deadlineMs} ms`);
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
