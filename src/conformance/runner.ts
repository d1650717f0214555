import { setTimeout as pause } from 'node:timers/promises';
import type { Check } from './check.ts';
import { CheckFailed } from './participant.ts';
import { Player } from './player.ts';
import type { Limits, Target } from './target.ts';
import { parseTranscript, type Step } from './transcript.ts';

export type Outcome = { readonly check: Check } & (
  | { readonly verdict: 'passed' }
  /** `reason` says why the check did not run. */
  | { readonly verdict: 'not offered' | 'skipped'; readonly reason: string }
  /** `reason` says what was wrong at the step `at`; `at` is undefined after the last step. */
  | {
      readonly verdict: 'failed';
      readonly reason: string;
      readonly steps: readonly Step[];
      readonly at: Step | undefined;
    }
);

/** The longest wait for an expiry: a day. */
const MOST_WAIT_MS = 24 * 60 * 60 * 1000;

export interface Conditions {
  /** The time for each message and each answer. */
  readonly patienceMs: number;
  /** How long silence must last. */
  readonly settleMs: number;
  /** The time for one check, without its own waits. A server that is slow at each step fails. */
  readonly deadlineMs: number;
  /** Whether to run checks that wait for rooms to expire. */
  readonly isSlow: boolean;
}

/** Runs the checks one after another. No server can make it hang or throw. */
export async function* run(
  checks: readonly Check[],
  target: Target,
  conditions: Conditions,
): AsyncGenerator<Outcome> {
  for (const check of checks)
    yield skip(check, target, conditions) ?? (await attempt(check, target, conditions));
}

/** Why a check does not run; undefined when it runs. */
function skip(check: Check, { limits, offersSessions }: Target, conditions: Conditions): Outcome | undefined {
  if (check.isOfSessions && !offersSessions)
    return { check, verdict: 'not offered', reason: 'the server does not answer Hello with Ready' };
  if (check.isSlow && !conditions.isSlow) return { check, verdict: 'skipped', reason: 'it runs with --slow' };
  const obstacle = check.obstacle?.(limits);
  if (obstacle !== undefined) return { check, verdict: 'skipped', reason: obstacle };
  const steps = stepsOf(check, limits);
  const waitsMs = waitsOf(steps);
  if (waitsMs > MOST_WAIT_MS)
    return { check, verdict: 'skipped', reason: `it waits ${waitsMs} ms, longer than the suite may` };
  const seats = seatsOf(steps);
  if (seats > limits.capacity)
    return { check, verdict: 'skipped', reason: `it needs a room for ${seats} participants` };
  return undefined;
}

function stepsOf({ steps }: Check, limits: Limits): Step[] {
  return parseTranscript(typeof steps === 'string' ? steps : steps(limits));
}

/** The most participants in one room. */
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
    throw new CheckFailed(`the check did not end within ${conditions.deadlineMs} ms`);
  });
  try {
    const played = player.play(steps, (step) => {
      at = step;
    });
    await Promise.race([played, overdue]);
    return { check, verdict: 'passed' };
  } catch (error) {
    if (!(error instanceof CheckFailed)) throw error;
    return { check, verdict: 'failed', reason: error.message, steps, at };
  } finally {
    done.abort();
    overdue.catch(() => {}); // aborted, or thrown above
  }
}
