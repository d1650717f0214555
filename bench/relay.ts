/**
 * What a relayed offer costs: processor time of the whole server process, all threads, for each message relayed,
 * beside a bare ws relay (support/bare.ts), with every span exported to a collector in another process.
 *
 * Two loads: saturation (closed loop: --window messages of every sender on their way at any time) and a light one
 * (open loop: --rate messages a second). In every round each server has its turn, in another order each time, on
 * connections opened before; a server's time ends when all its relays have arrived and all its spans are at the
 * collector. Quotes medians over the rounds, and of the ratios of the same round; the spread is the quartiles'.
 * `bare again` is a second process of the same relay: how far it is from 1 is what the machine adds.
 *
 *     node bench/relay.ts [--rounds 10] [--seconds 2] [--rooms 8] [--room-size 8] [--window 8] [--rate 2000]
 *         [--load closed,open] [--servers NAME,…] [--env NAME=VALUE]… [--main PATH] [--cpu-prof DIR]
 *
 * `--servers`: bare is always there; `bare again`, bloom, `bloom no spans`, echo (no relay: shows how fast the load
 * generator is). `--env`: set for Bloom. `--main`: another tree's src/main.ts, measured as `main` beside this one.
 * `--cpu-prof`: where each server writes a profile of its life. Exit code 1 if a message or a span was lost.
 */
import { parseArgs } from 'node:util';
import { type Collector, startCollector } from './support/collector.ts';
import { cpuTime } from './support/cpu.ts';
import { DIALECTS } from './support/dialects.ts';
import { Load, type Passage } from './support/load.ts';
import { type RunningServer, startBloom, startScript } from './support/servers.ts';
import { median, printTable, quantile } from './support/statistics.ts';

/** What a round measured of one server. */
interface Turn extends Passage {
  /** Microseconds of processor time for each message. */
  readonly cpuUs: number;
  /** Processor time of the server and of this process by the wall clock, until the last relay: 1 is a whole core. */
  readonly serverShare: number;
  readonly generatorShare: number;
  readonly missingSpans: number;
}

interface Contestant {
  readonly name: string;
  readonly server: RunningServer;
  readonly load: Load;
  readonly collector?: Collector;
}

const PATIENT = { RATE_LIMIT_MESSAGES: '100000', MAX_QUEUE_BYTES: String(64 * 1024 * 1024) };

async function turn(
  { server, load, collector }: Contestant,
  pass: (load: Load) => Promise<Passage>,
): Promise<Turn> {
  const spansBefore = collector?.spans ?? 0;
  const [before, own] = [cpuTime(server.pid), cpuTime(process.pid)];
  const passage = await pass(load);
  const [after, ownAfter] = [cpuTime(server.pid), cpuTime(process.pid)];
  await collector?.received(spansBefore + passage.messages);
  return {
    ...passage,
    cpuUs: (1000 * (cpuTime(server.pid) - before)) / passage.messages,
    serverShare: (after - before) / passage.milliseconds,
    generatorShare: (ownAfter - own) / passage.milliseconds,
    missingSpans: collector ? spansBefore + passage.messages - collector.spans : 0,
  };
}

async function enter(
  name: string,
  { main, env, cpuProf, rooms, roomSize }: ReturnType<typeof readOptions>,
): Promise<Contestant> {
  const profile = [
    '--cpu-prof',
    `--cpu-prof-dir=${cpuProf}`,
    `--cpu-prof-name=${name.replaceAll(' ', '-')}.cpuprofile`,
  ];
  const nodeOptions = cpuProf === undefined ? [] : profile;
  const seats = { rooms, roomSize };
  if (name.startsWith('bloom') || name === 'main') {
    const collector = name === 'bloom no spans' ? undefined : await startCollector();
    const all = { ...PATIENT, ROOM_CAPACITY: String(Math.max(8, roomSize)), ...collector?.env, ...env };
    const server = await startBloom({ env: all, nodeOptions }, name === 'main' ? main : undefined);
    const load = await Load.open(server.url, DIALECTS.bloom, seats);
    await collector?.settled();
    return { name, server, load, ...(collector && { collector }) };
  }
  const dialect = name === 'echo' ? 'echo' : 'bare';
  const server = await startScript(`./${dialect}.ts`, dialect, { nodeOptions });
  return { name, server, load: await Load.open(server.url, DIALECTS[dialect], seats) };
}

function print(names: readonly string[], rounds: readonly Map<string, Turn>[]): void {
  const turns = (name: string) => rounds.map((round) => round.get(name) as Turn);
  const mid = (name: string, of: (turn: Turn) => number, digits: number) =>
    median(turns(name).map(of)).toFixed(digits);
  printTable(
    [
      'server',
      'cpu us',
      'x bare',
      'quartiles',
      'messages/s',
      'p50 ms',
      'p99 ms',
      'server cores',
      'generator',
      'lost',
    ],
    names.map((name) => {
      const ratios = rounds.map((round) => (round.get(name)?.cpuUs ?? 0) / (round.get('bare')?.cpuUs ?? 0));
      return [
        name,
        mid(name, ({ cpuUs }) => cpuUs, 1),
        median(ratios).toFixed(2),
        `${quantile(ratios, 0.25).toFixed(2)}-${quantile(ratios, 0.75).toFixed(2)}`,
        mid(name, ({ messages, milliseconds }) => (1000 * messages) / milliseconds, 0),
        mid(name, ({ latencies }) => quantile(latencies, 0.5), 2),
        mid(name, ({ latencies }) => quantile(latencies, 0.99), 2),
        mid(name, ({ serverShare }) => serverShare, 2),
        mid(name, ({ generatorShare }) => generatorShare, 2),
        String(turns(name).reduce((sum, { lost, missingSpans }) => sum + lost + missingSpans, 0)),
      ];
    }),
  );
}

async function compare(options: ReturnType<typeof readOptions>): Promise<void> {
  const { rounds, seconds, window, rate, loads, servers } = options;
  const contestants: Contestant[] = [];
  for (const name of servers) contestants.push(await enter(name, options));
  const passes: Record<string, (load: Load) => Promise<Passage>> = {
    closed: (load) => load.saturate(window, 1000 * seconds),
    open: (load) => load.pace(rate, 1000 * seconds),
  };
  const titles: Record<string, string> = {
    closed: `Closed loop: ${contestants[0]?.load.connections} senders, ${window} messages of each on their way`,
    open: `Open loop: ${rate} messages a second`,
  };
  for (const kind of loads) {
    const pass = passes[kind];
    if (pass === undefined) throw new Error(`--load ${kind}: closed or open`);
    for (const contestant of contestants) await turn(contestant, pass); // warm
    const measured: Map<string, Turn>[] = [];
    for (let i = 0; i < rounds; i += 1) {
      const order = contestants.map((_, j) => contestants[(i + j) % contestants.length] as Contestant);
      if (i % 2 === 1) order.reverse();
      const round = new Map<string, Turn>();
      for (const contestant of order) round.set(contestant.name, await turn(contestant, pass));
      measured.push(round);
      process.stderr.write(`${kind}: round ${i + 1} of ${rounds}\n`);
    }
    console.log(`\n${titles[kind]}; ${rounds} rounds of ${seconds} s:\n`);
    print(servers, measured);
    for (const round of measured)
      for (const { lost, missingSpans } of round.values()) if (lost + missingSpans > 0) process.exitCode = 1;
  }
  for (const { load, server, collector } of contestants) {
    load.close();
    await server.stop();
    await collector?.stop();
  }
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '10' },
      seconds: { type: 'string', default: '2' },
      rooms: { type: 'string', default: '8' },
      'room-size': { type: 'string', default: '8' },
      window: { type: 'string', default: '8' },
      rate: { type: 'string', default: '2000' },
      load: { type: 'string', default: 'closed,open' },
      servers: { type: 'string', default: 'bare again,bloom,bloom no spans' },
      env: { type: 'string', multiple: true, default: [] },
      main: { type: 'string' },
      'cpu-prof': { type: 'string' },
    },
  });
  const names = values.servers.split(',').map((name) => name.trim());
  return {
    rounds: Math.min(100, Number(values.rounds)),
    seconds: Math.min(60, Number(values.seconds)),
    rooms: Number(values.rooms),
    roomSize: Number(values['room-size']),
    window: Number(values.window),
    rate: Number(values.rate),
    loads: values.load.split(','),
    servers: ['bare', ...names, ...(values.main === undefined ? [] : ['main'])],
    env: Object.fromEntries(values.env.map((pair) => pair.split(/=(.*)/s).slice(0, 2))),
    main: values.main,
    cpuProf: values['cpu-prof'],
  };
}

await compare(readOptions());
