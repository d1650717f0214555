import type { Section } from './check.ts';
import type { Outcome } from './runner.ts';
import type { Target } from './target.ts';

/** The report, for people: a line for each check; for a miss the call as it was, up to where it went wrong. */

const MARKS = { passed: 'ok  ', missed: 'MISS', 'not offered': 'n/a ', skipped: 'skip' } as const;
const LONGEST_LINE = 160;
/** Of a long call only its end is shown: what led to the miss. */
const MOST_STEPS = 12;

export function describeTarget({ url, limits, offersSessions }: Target): string {
  const { capacity, messages, windowMs, maxPayloadBytes } = limits;
  return [
    `Conformance of ${url.href} to docs/protocol.md`,
    `${capacity} participants a room, ${messages} messages in ${windowMs} ms, ${maxPayloadBytes} bytes a frame; ` +
      `sessions ${offersSessions ? 'offered' : 'not offered'}`,
  ].join('\n');
}

export function describeSection(section: Section): string {
  return `\n${section}`;
}

export function describeOutcome(outcome: Outcome): string {
  const { check, verdict } = outcome;
  const line = `  ${MARKS[verdict]}  ${check.name}`;
  if (outcome.verdict === 'passed') return line;
  if (outcome.verdict !== 'missed') return `${line} (${outcome.reason})`;
  const { steps, at, reason } = outcome;
  const done = at === undefined ? steps : steps.slice(0, steps.indexOf(at) + 1);
  const shown = done.slice(-MOST_STEPS).map((step) => `          ${cut(step.line)}`);
  const last = at === undefined ? [] : [shown.pop()?.replace(/^ {10}/, '        > ') ?? ''];
  return [
    line,
    ...(done.length > MOST_STEPS ? [`          … ${done.length - MOST_STEPS} steps before`] : []),
    ...shown,
    ...last,
    `        ${cut(reason, 2 * LONGEST_LINE)}`,
  ].join('\n');
}

export function describeTotal(outcomes: readonly Outcome[], seconds: number): string {
  const count = (verdict: Outcome['verdict']) => outcomes.filter((each) => each.verdict === verdict).length;
  const [missed, notOffered, skipped] = [count('missed'), count('not offered'), count('skipped')];
  return `\n${count('passed')} passed, ${missed} missed, ${notOffered} not offered, ${skipped} skipped, in ${seconds.toFixed(1)} s`;
}

function cut(text: string, length = LONGEST_LINE): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}
