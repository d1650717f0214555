/**
 * What a relayed offer costs: processor time of the whole server process, all threads, for each message relayed,
 * beside a bare ws relay (support/bare.ts); Bloom with every span exported to a collector in another process.
 *
 * Two loads: saturation (closed loop: --window messages of every sender on their way at any time) and a light one
 * (open loop: --rate messages a second, as many as fill batches of 4096 spans, in about --seconds). In every round each
 * server has its turn, in another order each time, on connections opened before; a server's time ends when all its relays
 * have arrived and all its spans are at the collector. Quotes medians over the rounds, and of the ratios of the same
 * round; the spread is the quartiles'. The servers are started anew --starts times, each time for a part of the rounds:
 * two processes of the same code differ by a tenth and more, for as long as they live.
 * `bare again` is a second process of the same relay: how far it is from 1 is what the machine adds.
 *
 * With --watch the server measured has a processor to itself, everything else the others, and there are two more
 * columns: p99 of the messages that were sent when no processor was kept from what was due, by the hypervisor or the
 * kernel (support/pauses.ts), and how many of all these are. For that it runs as root on Linux.
 *
 *     npm run bench -- relay [--servers NAME,…] [--rounds 12] [--starts 3] [--seconds 2] [--rooms 8] [--room-size 8]
 *         [--window 8] [--rate 2000] [--load closed,open] [--env NAME=VALUE]… [--main PATH] [--cpu-prof DIR]
 *         [--watch] [--save]
 *
 * `--servers`: bare always takes part; besides `bare again`, bloom, `bloom no spans`; the peers (`--servers peers`);
 * echo, no relay, which shows how fast the load generator is. `--env`: set for Bloom. `--main`: another tree's
 * src/main.ts, measured as `main`. `--cpu-prof`: where each server writes a profile of its life. `--save`: to
 * bench/results/, for docs/performance.md. Exit code 1 if a message or a span was lost.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  type ComparisonOptions,
  compareRelays,
  DEFAULTS,
  KINDS,
  type Kind,
  profileName,
  type Round,
  ratiosOf,
  type Turn,
} from './support/comparison.ts';
import { environmentOf, PEER_NAMES } from './support/contestants.ts';
import { sharesOf } from './support/profile.ts';
import { Report } from './support/report.ts';
import { median, quartiles } from './support/statistics.ts';

/** What takes less of every server's time is left out of the table. */
const SHOWN_SHARE = 0.01;

interface Options extends ComparisonOptions {
  readonly name: 'relay' | 'peers' | 'profile' | 'watched';
  readonly save: boolean;
}

function describe(report: Report, rounds: readonly Round[], kind: Kind, options: Options): void {
  const { seconds, window, rate, rooms, roomSize, servers, starts, watch } = options;
  const turns = (name: string) => rounds.map((round) => round.get(name) as Turn);
  const mid = (name: string, of: (turn: Turn) => number) => median(turns(name).map(of));
  const load =
    kind === 'closed'
      ? `Closed loop, ${rooms * roomSize} senders in rooms of ${roomSize}, ${window} messages of each on their way`
      : `Open loop, ${rate} messages a second from ${rooms * roomSize} senders`;
  const length = kind === 'closed' ? `${seconds} s` : `${turns('bare')[0]?.messages} messages`;
  report.table(
    `${load}; ${rounds.length} rounds of ${length}, over ${starts === 1 ? 'one start' : `${starts} starts`}`,
    [
      'server',
      'CPU µs a message',
      'x bare',
      'quartiles',
      'messages/s',
      'p50 ms',
      'p99 ms',
      'x bare',
      'server cores',
      'generator',
      'all else',
      'lost',
      ...(watch ? ['p99 undisturbed', 'of all'] : []),
    ],
    servers.map((name) => [
      name,
      mid(name, ({ cpuUs }) => cpuUs).toFixed(1),
      median(ratiosOf(rounds, name)).toFixed(2),
      quartiles(ratiosOf(rounds, name))
        .map((ratio) => ratio.toFixed(2))
        .join('–'),
      mid(name, ({ messages, milliseconds }) => (1000 * messages) / milliseconds).toFixed(0),
      mid(name, ({ p50 }) => p50).toFixed(2),
      mid(name, ({ p99 }) => p99).toFixed(2),
      median(ratiosOf(rounds, name, 'p99')).toFixed(2),
      mid(name, ({ serverCores }) => serverCores).toFixed(2),
      mid(name, ({ generatorCores }) => generatorCores).toFixed(2),
      mid(name, ({ otherCores }) => otherCores).toFixed(2),
      String(turns(name).reduce((sum, { lost, missingSpans }) => sum + lost + missingSpans, 0)),
      ...(watch
        ? [
            mid(name, ({ undisturbed }) => undisturbed?.p99 ?? Number.NaN).toFixed(2),
            `${(100 * mid(name, ({ undisturbed }) => undisturbed?.share ?? 0)).toFixed(0)} %`,
          ]
        : []),
    ]),
  );
  report.plot({
    kind: 'bars',
    name: `${options.name}-${kind}`,
    title: `Processor time of a relayed offer: ${kind === 'closed' ? 'saturated' : `${rate} messages a second`}`,
    unit: 'times that of a bare ws relay; the line is the middle half of the rounds',
    reference: 1,
    bars: servers.map((name) => {
      const [low, high] = quartiles(ratiosOf(rounds, name));
      return { label: name, value: median(ratiosOf(rounds, name)), low, high };
    }),
  });
}

async function compare(options: Options): Promise<void> {
  const report = new Report(options.name, options.name === 'peers' ? PEER_NAMES : []);
  const measured = await compareRelays(options);
  for (const kind of options.kinds) {
    describe(report, measured[kind], kind, options);
    const turns = measured[kind].flatMap((round) => [...round.values()]);
    if (turns.some(({ lost, missingSpans }) => lost + missingSpans > 0)) process.exitCode = 1;
  }
  if (options.cpuProf !== undefined) describeProfiles(report, options.cpuProf, options.servers);
  if (options.save) report.save();
}

/** Where the time goes, of the servers' whole lives. */
function describeProfiles(report: Report, folder: string, servers: readonly string[]): void {
  const shares = servers.map((name) => new Map(sharesOf(join(folder, profileName(name)))));
  const homes = new Set(
    shares.flatMap((one) => [...one].filter(([, share]) => share >= SHOWN_SHARE)).map(([home]) => home),
  );
  const most = (home: string) => Math.max(...shares.map((one) => one.get(home) ?? 0));
  report.table(
    'Where the busy time went, in percent; (program) is native code, the kernel’s for the most part',
    ['', ...servers],
    [...homes]
      .sort((a, b) => most(b) - most(a))
      .map((home) => [home, ...shares.map((one) => (100 * (one.get(home) ?? 0)).toFixed(1))]),
  );
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      servers: { type: 'string', default: DEFAULTS.servers.slice(1).join(',') },
      rounds: { type: 'string', default: String(DEFAULTS.rounds) },
      starts: { type: 'string', default: String(DEFAULTS.starts) },
      seconds: { type: 'string', default: String(DEFAULTS.seconds) },
      rooms: { type: 'string', default: String(DEFAULTS.rooms) },
      'room-size': { type: 'string', default: String(DEFAULTS.roomSize) },
      window: { type: 'string', default: String(DEFAULTS.window) },
      rate: { type: 'string', default: String(DEFAULTS.rate) },
      load: { type: 'string', default: KINDS.join(',') },
      env: { type: 'string', multiple: true, default: [] },
      main: { type: 'string' },
      'cpu-prof': { type: 'string' },
      watch: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
    },
  });
  const isPeers = values.servers === 'peers';
  // A profile is no measurement: what it costs is in the numbers beside it.
  const name =
    values['cpu-prof'] !== undefined ? 'profile' : values.watch ? 'watched' : isPeers ? 'peers' : 'relay';
  const names = isPeers ? ['bloom', ...PEER_NAMES] : values.servers.split(',').map((name) => name.trim());
  return {
    name,
    servers: ['bare', ...names, ...(values.main === undefined ? [] : ['main'])],
    kinds: KINDS.filter((kind) => values.load.split(',').includes(kind)),
    rounds: Math.min(100, Number(values.rounds)),
    starts: values['cpu-prof'] === undefined ? Math.min(20, Number(values.starts)) : 1, // one profile a server
    seconds: Math.min(60, Number(values.seconds)),
    rooms: Number(values.rooms),
    roomSize: Number(values['room-size']),
    window: Number(values.window),
    rate: Number(values.rate),
    env: environmentOf(values.env),
    main: values.main,
    cpuProf: values['cpu-prof'],
    watch: values.watch,
    save: values.save,
  };
}

await compare(readOptions());
