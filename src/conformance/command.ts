import { parseArgs } from 'node:util';
import { CheckFailed, MAX_TIMER_MS } from './participant.ts';
import { describeOutcome, describeSection, describeTarget, describeTotal } from './report.ts';
import { type Outcome, run } from './runner.ts';
import { SUITE } from './suite.ts';
import { explore, type Limits, PROTOCOL_LIMITS, type Target } from './target.ts';

/** `bloom conformance` takes arguments and gives a report and an exit code: 0 all passed, 1 a check failed, 2 no run. */

/** The options that take a number, and the limit that each sets. */
const NUMBERS = {
  capacity: 'capacity',
  messages: 'messages',
  window: 'windowMs',
  'max-payload': 'maxPayloadBytes',
  'room-idle': 'roomIdleMs',
  'resume-grace': 'resumeGraceMs',
} as const satisfies Record<string, keyof Limits>;
const PATIENCE_MS = 5000;
const SETTLE_MS = 50;
const DEADLINE_MS = 60_000;

const HELP = `Tests a signalling server against docs/protocol.md, as a client.

Usage: bloom conformance ws://HOST/ws [options]

Options:
  --only TEXT         run only checks whose name or section contains TEXT
  --slow              also wait for rooms and sessions to expire
  --patience MS       the time for each answer (default ${PATIENCE_MS})
  --settle MS         how long silence must last (default ${SETTLE_MS})
  -h, --help          show this help

The server's limits, if it does not tell them in Ready, the answer to Hello:
  --capacity N        participants in a room (default ${PROTOCOL_LIMITS.capacity})
  --messages N        text frames of one socket within the window (default ${PROTOCOL_LIMITS.messages})
  --window MS         the rolling window, and the penalty (default ${PROTOCOL_LIMITS.windowMs})
  --max-payload N     bytes in a frame (default ${PROTOCOL_LIMITS.maxPayloadBytes})
  --room-idle MS      how long an empty room is kept (default ${PROTOCOL_LIMITS.roomIdleMs})
  --resume-grace MS   how long a session keeps its seat without a socket (default ${PROTOCOL_LIMITS.resumeGraceMs})

The exit code is 0 when all checks passed, 1 when a check failed, 2 when the checks could not run.
See also docs/conformance.md.
`;

class UsageError extends Error {}

interface Arguments {
  readonly url: URL;
  readonly known: Partial<Limits>;
  readonly only: string;
  readonly isSlow: boolean;
  readonly patienceMs: number;
  readonly settleMs: number;
}

/** Where the report goes. */
export interface Output {
  out(text: string): void;
  error(text: string): void;
}

/** Runs the subcommand with the arguments after its name. Resolves with the exit code. */
export async function conformance(args: string[], { out, error }: Output): Promise<0 | 1 | 2> {
  try {
    const given = readArguments(args);
    if (given === 'help') {
      out(HELP);
      return 0;
    }
    const target = await reach(given);
    const outcomes = await report(given, target, (line) => out(`${line}\n`));
    return outcomes.some(({ verdict }) => verdict === 'failed') ? 1 : 0;
  } catch (problem) {
    if (!(problem instanceof UsageError)) throw problem;
    error(`${problem.message}\n`);
    return 2;
  }
}

async function report(
  { only, isSlow, patienceMs, settleMs }: Arguments,
  target: Target,
  say: (line: string) => void,
): Promise<readonly Outcome[]> {
  const wanted = only.toLowerCase();
  const checks = SUITE.filter(({ name, section }) => `${section}: ${name}`.toLowerCase().includes(wanted));
  if (checks.length === 0)
    throw new UsageError(`No check has ${JSON.stringify(only)} in its name or section.`);
  const startedAt = performance.now();
  const outcomes: Outcome[] = [];
  say(describeTarget(target));
  for await (const outcome of run(checks, target, {
    isSlow,
    patienceMs,
    settleMs,
    deadlineMs: DEADLINE_MS,
  })) {
    const { section } = outcome.check;
    if (outcomes.at(-1)?.check.section !== section) say(describeSection(section));
    say(describeOutcome(outcome));
    outcomes.push(outcome);
  }
  say(describeTotal(outcomes, (performance.now() - startedAt) / 1000));
  return outcomes;
}

async function reach({ url, known, patienceMs }: Arguments): Promise<Target> {
  try {
    return await explore(url, known, patienceMs);
  } catch (problem) {
    if (!(problem instanceof CheckFailed)) throw problem;
    throw new UsageError(
      `${url.href}: ${problem.message}. Is the server running, and is this the address of its WebSocket (often …/ws)?`,
    );
  }
}

function readArguments(args: string[]): Arguments | 'help' {
  const { values, positionals } = parse(args);
  if (values.help) return 'help';
  const [address, ...others] = positionals;
  if (address === undefined)
    throw usage('The address is missing: give the address of the WebSocket, ws://HOST/ws.');
  if (others.length > 0) throw usage(`Give one address only: ${others.join(' ')} is not expected.`);
  if (!URL.canParse(address) || !['ws:', 'wss:'].includes(new URL(address).protocol))
    throw usage(`${address} is not a WebSocket address: it must begin with ws:// or wss://.`);
  const known = Object.entries(NUMBERS).flatMap(([option, limit]) => {
    const value = values[option as keyof typeof NUMBERS];
    return value === undefined ? [] : [[limit, readNumber(option, value, 1)]];
  });
  return {
    url: new URL(address),
    known: Object.fromEntries(known),
    only: values.only ?? '',
    isSlow: values.slow ?? false,
    patienceMs: readNumber('patience', values.patience ?? String(PATIENCE_MS), 1),
    settleMs: readNumber('settle', values.settle ?? String(SETTLE_MS), 0),
  };
}

function parse(args: string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        only: text,
        slow: flag,
        patience: text,
        settle: text,
        help: { ...flag, short: 'h' },
        ...{ capacity: text, messages: text, window: text },
        ...{ 'max-payload': text, 'room-idle': text, 'resume-grace': text },
      },
    });
  } catch (problem) {
    throw usage((problem as Error).message);
  }
}

function readNumber(option: string, value: string, least: number): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= least && number <= MAX_TIMER_MS) return number;
  throw usage(`--${option} is ${value}; allowed: an integer from ${least} to ${MAX_TIMER_MS}.`);
}

function usage(sentence: string): UsageError {
  return new UsageError(`${sentence}\nSee bloom conformance --help.`);
}
