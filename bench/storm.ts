/**
 * A reconnect storm: how long until everybody is back after the server was killed and started again?
 *
 * Starts a server, fills it with sessions in rooms of eight, kills it with SIGKILL and starts it at once on the
 * same port. Every client comes back with full-jitter back-off (base 100 ms, cap 5 s) and joins its room with
 * create_if_missing. Quotes each round, from the moment the server listens again: when clients were back in
 * their rooms, how many a second until the last, and when they saw them complete; what processor time the server
 * took, which the machine's other work does not change; and everything that went wrong on the way. Clients and server
 * share the machine, so the clients' own handshakes are a good part of the time.
 *
 *     npm run bench -- storm [--clients 5000] [--rounds 3] [--processes 2] [--down 0] [--timeout 60] [--save]
 *
 * `--down`: milliseconds more between death and start. `--timeout`: seconds a round may take. Bounded by that,
 * by at most 100 rounds and by the descriptors a process may open. Exit code 1 if a client never gets back.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startChild } from '../test/support/child.ts';
import { now } from './support/clock.ts';
import type { CrowdNews, CrowdOrder, CrowdReport, Seat } from './support/crowd.ts';
import { allowedSockets } from './support/descriptors.ts';
import { Report } from './support/report.ts';
import { median, quantile } from './support/statistics.ts';

const CROWD = fileURLToPath(new URL('./support/crowd.ts', import.meta.url));
const ROOM_SIZE = 8;
const BACKOFF_BASE_MS = 100;
const BACKOFF_CAP_MS = 5000;
/** First connections under way at once, in all processes together. */
const CONCURRENCY = 200;
const MAX_ROUNDS = 100;

async function storm({ clients, rounds, processes, downMs, timeoutMs, save }: Options): Promise<void> {
  const report = new Report('storm');
  const env = { LOG_LEVEL: 'error', MAX_CONNECTIONS: String(2 * clients), PORT: '0' };
  let server = await startChild(env);
  process.once('exit', () => server.process.kill('SIGKILL'));
  let changed = () => {};
  const crowds = Array.from({ length: processes }, () => new Crowd(() => changed()));
  const everyoneIsBack = async (): Promise<void> => {
    const late = Promise.withResolvers<never>();
    const timer = globalThis.setTimeout(
      () => late.reject(new Late(`After ${timeoutMs / 1000} s`)),
      timeoutMs,
    );
    while (!crowds.every(({ isComplete }) => isComplete)) {
      const change = Promise.withResolvers<void>();
      changed = change.resolve;
      await Promise.race([change.promise, late.promise]);
    }
    clearTimeout(timer);
  };
  try {
    const seats = seatsFor(clients);
    for (const [i, crowd] of crowds.entries()) {
      crowd.order({
        type: 'come',
        url: server.wsUrl.href,
        seats: seats.filter((_, seat) => seat % processes === i),
        backoffBaseMs: BACKOFF_BASE_MS,
        backoffCapMs: BACKOFF_CAP_MS,
        concurrency: Math.ceil(CONCURRENCY / processes),
      });
    }
    const startedAt = now();
    await everyoneIsBack();
    const rooms = Math.ceil(clients / ROOM_SIZE);
    const seconds = ((now() - startedAt) / 1000).toFixed(1);
    console.log(
      `${clients} clients in ${rooms} rooms, from ${processes} processes; in after ${seconds} s.\n`,
    );

    const measured: Round[] = [];
    for (let i = 0; i < rounds; i += 1) {
      for (const crowd of crowds) crowd.measure();
      const killedAt = now();
      await server.stop('SIGKILL');
      if (downMs > 0) await setTimeout(downMs);
      server = await startChild({ ...env, PORT: server.wsUrl.port });
      const returnedAt = now();
      await everyoneIsBack();
      const cpuMs = cpuTime(server.process.pid);
      measured.push({ ...summary(await reports(crowds), returnedAt), downMs: returnedAt - killedAt, cpuMs });
    }
    print(report, `${clients} clients come back after a crash`, measured);
    if (save) report.save();
  } catch (error) {
    if (!(error instanceof Late)) throw error;
    const { missing, incomplete, counts } = summary(await reports(crowds), 0);
    console.error(`${error.message}: ${missing} clients are not back, ${incomplete} see no complete room.`);
    console.error(`On the way: ${JSON.stringify(counts)}`);
    process.exitCode = 1;
  } finally {
    for (const crowd of crowds) crowd.end();
    await server.stop('SIGKILL');
  }
}

class Late extends Error {}

class Crowd {
  readonly #process: ChildProcess = fork(CROWD);
  #isComplete = false;

  /** `changed` is called when `isComplete` may have changed. */
  constructor(changed: () => void) {
    this.#process.on('message', ({ type }: CrowdNews) => {
      if (type !== 'report') this.#isComplete = type === 'complete';
      changed();
    });
    this.#process.on('exit', (code) => {
      if (code !== null && code !== 0) throw new Error(`a load process has exited with ${code}`);
    });
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  order(order: CrowdOrder): void {
    this.#process.send(order);
  }

  measure(): void {
    this.#isComplete = false;
    this.order({ type: 'measure' });
  }

  async report(): Promise<CrowdReport> {
    this.order({ type: 'report' });
    for (;;) {
      const [news] = (await once(this.#process, 'message')) as [CrowdNews];
      if (news.type === 'report') return news;
    }
  }

  end(): void {
    this.#process.disconnect();
  }
}

function reports(crowds: readonly Crowd[]): Promise<CrowdReport[]> {
  return Promise.all(crowds.map((crowd) => crowd.report()));
}

interface Summary {
  readonly backMs: readonly number[];
  readonly completeMs: readonly number[];
  readonly missing: number;
  readonly incomplete: number;
  readonly counts: Readonly<Record<string, number>>;
}

interface Round extends Summary {
  readonly downMs: number;
  /** What the server computed since its start. */
  readonly cpuMs: number;
}

/** Processor time of a process in milliseconds; NaN where there is no /proc. */
function cpuTime(pid: number | undefined): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return 10 * (Number(fields[11]) + Number(fields[12])); // utime and stime, in hundredths of a second
  } catch {
    return Number.NaN;
  }
}

function summary(reports: readonly CrowdReport[], returnedAt: number): Summary {
  const since = (times: readonly (number | null)[]) =>
    times.filter((at) => at !== null).map((at) => at - returnedAt);
  const back = reports.flatMap(({ backAt }) => backAt);
  const complete = reports.flatMap(({ completeAt }) => completeAt);
  const counts: Record<string, number> = {};
  for (const report of reports) {
    for (const [what, n] of Object.entries(report.counts)) counts[what] = (counts[what] ?? 0) + n;
  }
  return {
    backMs: since(back),
    completeMs: since(complete),
    missing: back.filter((at) => at === null).length,
    incomplete: complete.filter((at) => at === null).length,
    counts,
  };
}

function print(report: Report, title: string, rounds: readonly Round[]): void {
  const columns: ((round: Round) => number)[] = [
    ({ downMs }) => downMs,
    ({ backMs }) => (1000 * backMs.length) / quantile(backMs, 1),
    ...[0.5, 0.95, 1].map(
      (q) =>
        ({ backMs }: Round) =>
          quantile(backMs, q),
    ),
    ...[0.5, 0.95, 1].map(
      (q) =>
        ({ completeMs }: Round) =>
          quantile(completeMs, q),
    ),
    ({ cpuMs }) => cpuMs,
    ({ counts }) => counts.RateLimited ?? 0,
  ];
  const row = (name: string, value: (column: (round: Round) => number) => number) => [
    name,
    ...columns.map((column) => value(column).toFixed(0)),
  ];
  report.table(
    title,
    [
      'round',
      'down ms',
      'joins/s',
      'back p50',
      'p95',
      'last',
      'complete p50',
      'p95',
      'last',
      'server cpu',
      'RateLimited',
    ],
    [
      ...rounds.map((round, i) => row(String(i + 1), (column) => column(round))),
      row('median', (column) => median(rounds.map(column))),
    ],
  );
  console.log('\nMilliseconds since the server listens again. What happened on the way:');
  for (const [i, { counts }] of rounds.entries()) {
    const each = Object.entries(counts).map(([what, n]) => `${what} ${n}`);
    console.log(`  ${i + 1}: ${each.join(', ')}`);
  }
}

/** Neighbours sit together, so that each room has clients of every process. */
function seatsFor(clients: number): Seat[] {
  const ids = Array.from({ length: Math.ceil(clients / ROOM_SIZE) }, () => randomUUID());
  return Array.from({ length: clients }, (_, i) => {
    const room = Math.floor(i / ROOM_SIZE);
    return { room_id: ids[room] as string, size: Math.min(ROOM_SIZE, clients - room * ROOM_SIZE) };
  });
}

type Options = ReturnType<typeof readOptions>;

function readOptions() {
  const { values } = parseArgs({
    options: {
      clients: { type: 'string', default: '5000' },
      rounds: { type: 'string', default: '3' },
      processes: { type: 'string', default: '2' },
      down: { type: 'string', default: '0' },
      timeout: { type: 'string', default: '60' },
      save: { type: 'boolean', default: false },
    },
  });
  return {
    clients: allowedSockets(Math.max(1, Number(values.clients))),
    rounds: Math.min(MAX_ROUNDS, Number(values.rounds)),
    processes: Math.max(1, Number(values.processes)),
    downMs: Number(values.down),
    timeoutMs: 1000 * Number(values.timeout),
    save: values.save,
  };
}

const options = readOptions();
await storm(options);
