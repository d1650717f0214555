/**
 * Connections held open: what one costs in memory and in processor time, Bloom's beside a bare ws relay's and the
 * peers'. Each server in turn is filled, holds its connections in full rooms while each member sends an offer to its
 * neighbour now and then, and is emptied again. Memory is what a full collection leaves, less what the server had
 * before the first connection; the kernel's buffers are not in it.
 *
 *     npm run bench -- hold [--servers NAME,…] [--connections 10000] [--room-size 8] [--seconds 120] [--every 20]
 *         [--idle] [--heap-snapshot DIR] [--save]
 *
 * `--servers`: bare always takes part; bloom, `bloom no spans`, or `peers`. `--every`: seconds between two offers of a
 * member. `--idle`: the connections open and say nothing at all. `--heap-snapshot`: where each server writes one when
 * full. Holds fewer where a process may not open so many files (ulimit -n), and says so. Exit code 1 if a connection or
 * a message was lost.
 */
import { parseArgs } from 'node:util';
import { type Contestant, enter, PEER_NAMES } from './support/contestants.ts';
import { cpuTime } from './support/cpu.ts';
import { allowedSockets } from './support/descriptors.ts';
import { Load, type Passage } from './support/load.ts';
import { Report } from './support/report.ts';
import { quantile } from './support/statistics.ts';

type Options = ReturnType<typeof readOptions>;

/** Of one server, full. Bytes a connection. */
interface Held {
  readonly name: string;
  readonly heapBytes: number;
  readonly residentBytes: number;
  readonly openedPerSecond: number;
  /** Cores while holding; those of idle connections answer heartbeats only. */
  readonly cores: number;
  readonly longestStallMs: number;
  readonly closed: number;
  readonly passage: Passage;
}

/** Long enough for what a start or a burst left behind to be collected. */
const SETTLE_MS = 3000;

/** Bloom's own limits, since each connection keeps as many times as it may send messages a second. */
const USUAL = { RATE_LIMIT_MESSAGES: '', MAX_QUEUE_BYTES: '' };

/** V8 lets go of code that rests for a minute: of any server's, however many connections it has. */
const KEEP_CODE = ['--no-flush-bytecode'];

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}

async function hold(contestant: Contestant, options: Options): Promise<Held> {
  const { connections, roomSize, seconds, every, isIdle } = options;
  const { name, server, dialect } = contestant;
  await settle();
  const empty = await server.probe();
  const startedAt = performance.now();
  const load = isIdle
    ? await Load.openIdle(server.url, dialect, connections)
    : await Load.open(server.url, dialect, { rooms: Math.ceil(connections / roomSize), roomSize });
  const openedPerSecond = (1000 * load.connections) / (performance.now() - startedAt);
  await settle();
  server.watch();
  const [before, at] = [cpuTime(server.pid), performance.now()];
  const passage = await load.pace(isIdle ? 0 : load.connections / every, 1000 * seconds);
  const cores = (cpuTime(server.pid) - before) / (performance.now() - at);
  const full = await server.probe(options.heapSnapshot);
  const { closed } = load;
  const each = (of: (probe: typeof full) => number) => (of(full) - of(empty)) / load.connections;
  load.close();
  return {
    name,
    heapBytes: each(({ heapUsed, external }) => heapUsed + external),
    residentBytes: each(({ resident }) => resident),
    openedPerSecond,
    cores,
    longestStallMs: full.longestStallMs,
    closed,
    passage,
  };
}

function describe(report: Report, held: readonly Held[], options: Options): void {
  const { connections, roomSize, seconds, every, isIdle, name } = options;
  const yardstick = held[0] as Held;
  const kb = (bytes: number) => (bytes / 1024).toFixed(1);
  const what = isIdle
    ? `${connections} idle connections`
    : `${connections} connections in full rooms of ${roomSize}, each sending every ${every} s`;
  report.table(
    `${what}, held for ${seconds} s`,
    [
      'server',
      'heap kB',
      'x bare',
      'resident kB',
      'x bare',
      'opened/s',
      'cores',
      'longest stall ms',
      ...(isIdle ? [] : ['messages', 'p50 ms', 'p99 ms']),
      'lost',
      'closed',
    ],
    held.map((one) => [
      one.name,
      kb(one.heapBytes),
      (one.heapBytes / yardstick.heapBytes).toFixed(2),
      kb(one.residentBytes),
      (one.residentBytes / yardstick.residentBytes).toFixed(2),
      one.openedPerSecond.toFixed(0),
      one.cores.toFixed(3),
      one.longestStallMs.toFixed(1),
      ...(isIdle
        ? []
        : [
            String(one.passage.messages),
            quantile(one.passage.latencies, 0.5).toFixed(2),
            quantile(one.passage.latencies, 0.99).toFixed(2),
          ]),
      String(one.passage.lost),
      String(one.closed),
    ]),
  );
  report.plot({
    kind: 'bars',
    name,
    title: `Memory of a connection: ${what}`,
    unit: 'kB of heap and buffers after a full collection',
    reference: yardstick.heapBytes / 1024,
    bars: held.map((one) => ({ label: one.name, value: one.heapBytes / 1024 })),
  });
}

async function compare(options: Options): Promise<void> {
  const report = new Report(options.name, options.servers.some((name) => name === 'peer') ? PEER_NAMES : []);
  const held: Held[] = [];
  for (const name of options.servers) {
    const contestant = await enter(name, {
      env: { ROOM_CAPACITY: String(options.roomSize), ...USUAL },
      nodeOptions: KEEP_CODE,
    });
    held.push(await hold(contestant, options));
    await contestant.stop();
    process.stderr.write(`${name}: done\n`);
  }
  describe(report, held, options);
  if (held.some(({ closed, passage }) => closed + passage.lost > 0)) process.exitCode = 1;
  if (options.save) report.save();
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      servers: { type: 'string', default: 'bloom,bloom no spans' },
      connections: { type: 'string', default: '10000' },
      'room-size': { type: 'string', default: '8' },
      seconds: { type: 'string', default: '120' },
      every: { type: 'string', default: '20' },
      idle: { type: 'boolean', default: false },
      'heap-snapshot': { type: 'string' },
      save: { type: 'boolean', default: false },
    },
  });
  const isPeers = values.servers === 'peers';
  const names = isPeers ? ['bloom', ...PEER_NAMES] : values.servers.split(',').map((name) => name.trim());
  return {
    name: isPeers ? 'hold-peers' : values.idle ? 'hold-idle' : 'hold',
    servers: ['bare', ...names],
    connections: allowedSockets(Number(values.connections)),
    roomSize: Number(values['room-size']),
    seconds: Math.min(3600, Number(values.seconds)),
    every: Number(values.every),
    isIdle: values.idle,
    heapSnapshot: values['heap-snapshot'],
    save: values.save,
  };
}

const options = readOptions();
await compare(options);
