/**
 * What a relayed offer costs: processor time of the whole server process, all threads, for each message relayed,
 * beside a bare ws relay (support/bare.ts); Bloom with every span exported to a collector in another process.
 *
 * Two loads: saturation (closed loop: --window messages of every sender on their way at any time) and a light one
 * (open loop: --rate messages a second). In every round each server has its turn, in another order each time, on
 * connections opened before; a server's time ends when all its relays have arrived and all its spans are at the
 * collector. Quotes medians over the rounds, and of the ratios of the same round; the spread is the quartiles'.
 * `bare again` is a second process of the same relay: how far it is from 1 is what the machine adds.
 *
 *     node bench/relay.ts [--servers NAME,…] [--rounds 10] [--seconds 2] [--rooms 8] [--room-size 8] [--window 8]
 *         [--rate 2000] [--load closed,open] [--env NAME=VALUE]… [--main PATH] [--cpu-prof DIR] [--save]
 *
 * `--servers`: bare always takes part; besides `bare again`, bloom, `bloom no spans`; the peers (`--servers peers`);
 * echo, no relay, which shows how fast the load generator is. `--env`: set for Bloom. `--main`: another tree's
 * src/main.ts, measured as `main`. `--cpu-prof`: where each server writes a profile of its life. `--save`: to
 * bench/results/, for docs/performance.md. Exit code 1 if a message or a span was lost.
 */
import { parseArgs } from 'node:util';
import { type Contestant, enter, PEER_NAMES } from './support/contestants.ts';
import { cpuTime } from './support/cpu.ts';
import { Load, type Passage } from './support/load.ts';
import { Report } from './support/report.ts';
import { median, quantile, quartiles } from './support/statistics.ts';

type Options = ReturnType<typeof readOptions>;

/** What a round measured of one server. */
interface Turn extends Omit<Passage, 'latencies'> {
  /** Microseconds of processor time for each message. */
  readonly cpuUs: number;
  readonly p50: number;
  readonly p99: number;
  /** Processor time of the server and of this process by the wall clock, until the last relay: 1 is a whole core. */
  readonly serverCores: number;
  readonly generatorCores: number;
  readonly missingSpans: number;
}

interface Ready extends Contestant {
  readonly load: Load;
}

type Round = ReadonlyMap<string, Turn>;
type Kind = 'closed' | 'open';

async function turn(
  { server, load, collector }: Ready,
  pass: (load: Load) => Promise<Passage>,
): Promise<Turn> {
  const spansBefore = collector?.spans ?? 0;
  const [before, own] = [cpuTime(server.pid), cpuTime(process.pid)];
  const { latencies, ...passage } = await pass(load);
  const [after, ownAfter] = [cpuTime(server.pid), cpuTime(process.pid)];
  await collector?.received(spansBefore + passage.messages);
  return {
    ...passage,
    cpuUs: (1000 * (cpuTime(server.pid) - before)) / passage.messages,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    serverCores: (after - before) / passage.milliseconds,
    generatorCores: (ownAfter - own) / passage.milliseconds,
    missingSpans: collector ? spansBefore + passage.messages - collector.spans : 0,
  };
}

async function prepare(name: string, { main, env, cpuProf, rooms, roomSize }: Options): Promise<Ready> {
  const profile = `${name.replaceAll(/\W/g, '-')}.cpuprofile`;
  const contestant = await enter(name, {
    main,
    env: { ROOM_CAPACITY: String(Math.max(8, roomSize)), ...env },
    nodeOptions:
      cpuProf === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${cpuProf}`, `--cpu-prof-name=${profile}`],
  });
  const load = await Load.open(contestant.server.url, contestant.dialect, { rooms, roomSize });
  await contestant.collector?.settled();
  return { ...contestant, load };
}

async function measure(contestants: readonly Ready[], kind: Kind, options: Options): Promise<Round[]> {
  const { rounds, seconds, window, rate } = options;
  const pass = (load: Load) =>
    kind === 'closed' ? load.saturate(window, 1000 * seconds) : load.pace(rate, 1000 * seconds);
  for (const contestant of contestants) await turn(contestant, pass); // warm
  const measured: Round[] = [];
  for (let i = 0; i < rounds; i += 1) {
    const order = contestants.map((_, j) => contestants[(i + j) % contestants.length] as Ready);
    if (i % 2 === 1) order.reverse();
    const round = new Map<string, Turn>();
    for (const contestant of order) round.set(contestant.name, await turn(contestant, pass));
    measured.push(round);
    process.stderr.write(`${kind}: round ${i + 1} of ${rounds}\n`);
  }
  return measured;
}

function describe(report: Report, rounds: readonly Round[], kind: Kind, options: Options): void {
  const { seconds, window, rate, rooms, roomSize, servers } = options;
  const turns = (name: string) => rounds.map((round) => round.get(name) as Turn);
  const mid = (name: string, of: (turn: Turn) => number) => median(turns(name).map(of));
  const ratios = (name: string) =>
    rounds.map((round) => (round.get(name)?.cpuUs ?? Number.NaN) / (round.get('bare')?.cpuUs ?? Number.NaN));
  const load =
    kind === 'closed'
      ? `Closed loop, ${rooms * roomSize} senders in rooms of ${roomSize}, ${window} messages of each on their way`
      : `Open loop, ${rate} messages a second from ${rooms * roomSize} senders`;
  report.table(
    `${load}; ${rounds.length} rounds of ${seconds} s`,
    [
      'server',
      'CPU µs a message',
      'x bare',
      'quartiles',
      'messages/s',
      'p50 ms',
      'p99 ms',
      'server cores',
      'generator cores',
      'lost',
    ],
    servers.map((name) => [
      name,
      mid(name, ({ cpuUs }) => cpuUs).toFixed(1),
      median(ratios(name)).toFixed(2),
      quartiles(ratios(name))
        .map((ratio) => ratio.toFixed(2))
        .join('–'),
      mid(name, ({ messages, milliseconds }) => (1000 * messages) / milliseconds).toFixed(0),
      mid(name, ({ p50 }) => p50).toFixed(2),
      mid(name, ({ p99 }) => p99).toFixed(2),
      mid(name, ({ serverCores }) => serverCores).toFixed(2),
      mid(name, ({ generatorCores }) => generatorCores).toFixed(2),
      String(turns(name).reduce((sum, { lost, missingSpans }) => sum + lost + missingSpans, 0)),
    ]),
  );
  report.plot({
    kind: 'bars',
    name: `${options.name}-${kind}`,
    title: `Processor time of a relayed offer: ${kind === 'closed' ? 'saturated' : `${rate} messages a second`}`,
    unit: 'times that of a bare ws relay; the line is the middle half of the rounds',
    reference: 1,
    bars: servers.map((name) => {
      const [low, high] = quartiles(ratios(name));
      return { label: name, value: median(ratios(name)), low, high };
    }),
  });
}

async function compare(options: Options): Promise<void> {
  const report = new Report(options.name, options.name === 'peers' ? PEER_NAMES : []);
  const contestants: Ready[] = [];
  for (const name of options.servers) contestants.push(await prepare(name, options));
  for (const kind of options.loads) {
    const rounds = await measure(contestants, kind, options);
    describe(report, rounds, kind, options);
    const losses = rounds.flatMap((round) => [...round.values()]).filter((t) => t.lost + t.missingSpans > 0);
    if (losses.length > 0) process.exitCode = 1;
  }
  for (const contestant of contestants) {
    contestant.load.close();
    await contestant.stop();
  }
  if (options.save) report.save();
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      servers: { type: 'string', default: 'bare again,bloom,bloom no spans' },
      rounds: { type: 'string', default: '10' },
      seconds: { type: 'string', default: '2' },
      rooms: { type: 'string', default: '8' },
      'room-size': { type: 'string', default: '8' },
      window: { type: 'string', default: '8' },
      rate: { type: 'string', default: '2000' },
      load: { type: 'string', default: 'closed,open' },
      env: { type: 'string', multiple: true, default: [] },
      main: { type: 'string' },
      'cpu-prof': { type: 'string' },
      save: { type: 'boolean', default: false },
    },
  });
  const isPeers = values.servers === 'peers';
  const names = isPeers ? ['bloom', ...PEER_NAMES] : values.servers.split(',').map((name) => name.trim());
  return {
    name: isPeers ? 'peers' : 'relay',
    servers: ['bare', ...names, ...(values.main === undefined ? [] : ['main'])],
    rounds: Math.min(100, Number(values.rounds)),
    seconds: Math.min(60, Number(values.seconds)),
    rooms: Number(values.rooms),
    roomSize: Number(values['room-size']),
    window: Number(values.window),
    rate: Number(values.rate),
    loads: values.load.split(',') as Kind[],
    env: Object.fromEntries(values.env.map((pair) => pair.split(/=(.*)/s).slice(0, 2))),
    main: values.main,
    cpuProf: values['cpu-prof'],
    save: values.save,
  };
}

await compare(readOptions());
