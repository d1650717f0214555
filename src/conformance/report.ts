import type { Section } from './check.ts';
import type { Outcome } from './runner.ts';
import type { Target } from './target.ts';

/** The report for people: one line for each check. A failed check shows its steps up to the one that failed. */

const MARKS = { passed: 'ok  ', failed: 'FAIL', 'not offered': 'n/a ', skipped: 'skip' } as const;
const LONGEST_LINE = 160;
/** A long transcript shows its last steps only. */
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
  if (outcome.verdict !== 'failed') return `${line} (${outcome.reason})`;
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
  const [failed, notOffered, skipped] = [count('failed'), count('not offered'), count('skipped')];
  return `\n${count('passed')} passed, ${failed} failed, ${notOffered} not offered, ${skipped} skipped, in ${seconds.toFixed(1)} s`;
}

function cut(text: string, length = LONGEST_LINE): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}
