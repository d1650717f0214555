/**
 * What a room costs in which people meet. Eight people come one after another. Each pair exchanges an offer and an
 * answer of 1.7 KB. Each side of a pair also sends five candidates and the empty one that ends them. A person sends at
 * most 16 messages a second. Then all leave. Measures the processor time of the whole server process for each room, all
 * threads, until the last span is at the collector. The yardstick is the glue: 40 lines of rooms on ws
 * (support/glue.ts), on the same Node with the same options.
 *
 * --rates are rooms a second. In every round each server has its turn at every rate, in another order each time. Quotes
 * medians over the rounds, and of the ratios to the glue in the same round. The servers are started anew --starts
 * times, each time for a part of the rounds. `glue again` is a second process of the same glue: its distance from 1 is
 * what the machine adds. The generator must have time left: its share of a core is in the table.
 *
 * --sweep raises the rate by a quarter until the p99 of an answer leaves 50 ms or the server fills a core; the last
 * rate that held is what one core serves.
 *
 *     npm run bench -- meet [--servers NAME,…] [--rates 4,20] [--seconds 8] [--rounds 5] [--starts 2] [--sweep]
 *         [--env NAME=VALUE]… [--main PATH] [--cpu-prof DIR] [--save]
 *
 * `--servers`: the glue always takes part; besides `glue again`, bloom, `bloom no spans`, `bloom 10 %`, `bloom 1 %`,
 * `bloom always_on`; the peers (`--servers peers`). `--seconds`: for how long rooms start. `--env`: set for Bloom.
 * `--main`: another tree's src/main.ts, measured as `main`. Exit code 1 if a message or a span was lost.
 */
import { parseArgs } from 'node:util';
import { orderOf, profilingOptions } from './support/comparison.ts';
import { type Contestant, enter, environmentOf, PEER_NAMES } from './support/contestants.ts';
import { cpuTime } from './support/cpu.ts';
import { meet } from './support/meeting.ts';
import { Report } from './support/report.ts';
import { SPEAKERS } from './support/speakers.ts';
import { median, quantile, quartiles } from './support/statistics.ts';

interface Options {
  readonly servers: readonly string[];
  readonly rates: readonly number[];
  readonly seconds: number;
  readonly rounds: number;
  readonly starts: number;
  readonly isSweep: boolean;
  readonly env: Readonly<Record<string, string>>;
  readonly main: string | undefined;
  readonly cpuProf: string | undefined;
  readonly save: boolean;
  readonly isPeers: boolean;
}

/** What one server did with the rooms of one turn. */
interface Turn {
  /** Milliseconds of processor time for each room. */
  readonly cpuMs: number;
  readonly p50: number;
  readonly p99: number;
  readonly joinP99: number;
  /** Of the wall time from the first room to the last: 1 is a whole core. */
  readonly serverCores: number;
  readonly generatorCores: number;
  readonly lost: number;
}

const SWEEP_FACTOR = 1.25;
const SWEEP_FROM = 10;
const SWEEP_P99_MS = 50;
const FULL_CORE = 0.97;

async function turn(
  { name, server, dialectName, collector }: Contestant,
  perSecond: number,
  seconds: number,
): Promise<Turn> {
  const rooms = Math.max(1, Math.round(perSecond * seconds));
  const speak = SPEAKERS[dialectName as keyof typeof SPEAKERS];
  const [before, own, startedAt, spansBefore] = [
    cpuTime(server.pid),
    cpuTime(process.pid),
    performance.now(),
    collector?.spans ?? 0,
  ];
  const { answers, joins, sent, lost } = await meet(server.url, speak, { rooms, perSecond });
  const elapsed = performance.now() - startedAt;
  const [serverMs, ownMs] = [cpuTime(server.pid) - before, cpuTime(process.pid) - own];
  await collector?.settled();
  const isWhole = collector !== undefined && !name.endsWith('%');
  const spans = (collector?.spans ?? 0) - spansBefore;
  return {
    cpuMs: (cpuTime(server.pid) - before) / rooms,
    p50: quantile(answers, 0.5),
    p99: quantile(answers, 0.99),
    joinP99: quantile(joins, 0.99),
    serverCores: serverMs / elapsed,
    generatorCores: ownMs / elapsed,
    lost: lost + (isWhole ? Math.max(0, sent - spans) : 0),
  };
}

/** The turns of one round, by the server's name. */
type Round = ReadonlyMap<string, Turn>;

async function start(options: Options): Promise<Contestant[]> {
  const contestants: Contestant[] = [];
  for (const name of options.servers) {
    const { main, env } = options;
    const nodeOptions = profilingOptions(name, options.cpuProf);
    contestants.push(await enter(name, { main, env, nodeOptions, hasOwnLimits: true }));
  }
  return contestants;
}

async function measure(options: Options): Promise<Map<number, Round[]>> {
  const measured = new Map<number, Round[]>(options.rates.map((rate) => [rate, []]));
  for (let i = 0; i < options.starts; i += 1) {
    const contestants = await start(options);
    const rounds = Math.floor((options.rounds + i) / options.starts);
    // Warm: a process that has just started compiles while it serves.
    for (const contestant of contestants) await turn(contestant, Math.max(...options.rates), options.seconds);
    for (let j = 0; j < rounds; j += 1) {
      const order = orderOf(contestants, j);
      for (const rate of options.rates) {
        const round = new Map<string, Turn>();
        for (const contestant of order)
          round.set(contestant.name, await turn(contestant, rate, options.seconds));
        measured.get(rate)?.push(round);
        process.stderr.write(`start ${i + 1}, round ${j + 1}, ${rate} rooms a second\n`);
      }
    }
    for (const contestant of contestants) await contestant.stop();
  }
  return measured;
}

function describe(
  report: Report,
  rate: number,
  rounds: readonly Round[],
  { servers, seconds, starts }: Options,
): void {
  const turns = (name: string) => rounds.map((round) => round.get(name) as Turn);
  const mid = (name: string, of: (turn: Turn) => number) => median(turns(name).map(of));
  const ratios = (name: string, of: (turn: Turn) => number) =>
    rounds.map((round) => of(round.get(name) as Turn) / of(round.get('glue') as Turn));
  report.table(
    `${rate} rooms of 8 a second for ${seconds} s; ${rounds.length} rounds over ${starts === 1 ? 'one start' : `${starts} starts`}`,
    [
      'server',
      'CPU ms a room',
      'x glue',
      'quartiles',
      'answer p50 ms',
      'p99 ms',
      'x glue',
      'join p99 ms',
      'server cores',
      'generator',
      'lost',
    ],
    servers.map((name) => [
      name,
      mid(name, ({ cpuMs }) => cpuMs).toFixed(1),
      median(ratios(name, ({ cpuMs }) => cpuMs)).toFixed(2),
      quartiles(ratios(name, ({ cpuMs }) => cpuMs))
        .map((ratio) => ratio.toFixed(2))
        .join('–'),
      mid(name, ({ p50 }) => p50).toFixed(2),
      mid(name, ({ p99 }) => p99).toFixed(2),
      median(ratios(name, ({ p99 }) => p99)).toFixed(2),
      mid(name, ({ joinP99 }) => joinP99).toFixed(1),
      mid(name, ({ serverCores }) => serverCores).toFixed(2),
      mid(name, ({ generatorCores }) => generatorCores).toFixed(2),
      String(turns(name).reduce((sum, { lost }) => sum + lost, 0)),
    ]),
  );
  if (servers.some((name) => turns(name).some(({ lost }) => lost > 0))) process.exitCode = 1;
}

/** How many rooms a second one core serves: the last rate that held. */
async function sweep(report: Report, options: Options): Promise<void> {
  const rows: string[][] = [];
  for (const contestant of await start(options)) {
    await turn(contestant, SWEEP_FROM, options.seconds);
    let held: { readonly rate: number; readonly turn: Turn } | undefined;
    for (let rate = SWEEP_FROM; ; rate *= SWEEP_FACTOR) {
      const now = await turn(contestant, rate, options.seconds);
      process.stderr.write(
        `${contestant.name}: ${rate.toFixed(0)} rooms a second, p99 ${now.p99.toFixed(1)} ms\n`,
      );
      if (now.p99 > SWEEP_P99_MS || now.serverCores > FULL_CORE || now.lost > 0) break;
      held = { rate, turn: now };
    }
    await contestant.stop();
    rows.push([
      contestant.name,
      held === undefined ? `under ${SWEEP_FROM}` : held.rate.toFixed(0),
      held?.turn.p99.toFixed(1) ?? '',
      held?.turn.serverCores.toFixed(2) ?? '',
      held?.turn.generatorCores.toFixed(2) ?? '',
    ]);
  }
  report.table(
    `Rooms a second until the p99 of an answer leaves ${SWEEP_P99_MS} ms or the server fills a core`,
    ['server', 'rooms/s', 'answer p99 ms', 'server cores', 'generator'],
    rows,
  );
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      servers: { type: 'string', default: 'glue again,bloom,bloom no spans' },
      rates: { type: 'string', default: '4,20' },
      seconds: { type: 'string', default: '8' },
      rounds: { type: 'string', default: '5' },
      starts: { type: 'string', default: '2' },
      sweep: { type: 'boolean', default: false },
      env: { type: 'string', multiple: true, default: [] },
      main: { type: 'string' },
      'cpu-prof': { type: 'string' },
      save: { type: 'boolean', default: false },
    },
  });
  const isPeers = values.servers === 'peers';
  const names = isPeers ? ['bloom', ...PEER_NAMES] : values.servers.split(',').map((name) => name.trim());
  return {
    servers: [
      'glue',
      ...names.filter((name) => name !== 'glue'),
      ...(values.main === undefined ? [] : ['main']),
    ],
    rates: values.rates.split(',').map(Number),
    seconds: Math.min(60, Number(values.seconds)),
    rounds: Math.min(50, Number(values.rounds)),
    starts: values['cpu-prof'] === undefined ? Math.min(10, Number(values.starts)) : 1, // one profile a server
    isSweep: values.sweep,
    env: environmentOf(values.env),
    main: values.main,
    cpuProf: values['cpu-prof'],
    save: values.save,
    isPeers,
  };
}

const options = readOptions();
const report = new Report(
  `meet${options.isPeers ? '-peers' : ''}${options.isSweep ? '-sweep' : ''}`,
  options.isPeers ? PEER_NAMES : [],
);
if (options.isSweep) await sweep(report, options);
else for (const [rate, rounds] of await measure(options)) describe(report, rate, rounds, options);
if (options.save) report.save();
