/**
 * One busy room among many: how long a hop takes in a room of eight that exchanges --rate messages a second, alone on
 * the server and beside --connections others in full rooms, each sending an offer every --every seconds. Bloom exports
 * every span meanwhile. Rounds of the two alternate; the quantiles are of all hops of a kind together.
 *
 *     npm run bench -- beside [--servers bare,bloom] [--connections 10000] [--rate 50] [--every 20] [--rounds 2]
 *         [--seconds 60] [--save]
 *
 * Takes servers x rounds x 2 x seconds. The others are a process of their own. Exit code 1 if a message was lost.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { BackgroundOrder, BackgroundReport } from './support/background.ts';
import { enter } from './support/contestants.ts';
import { allowedSockets } from './support/descriptors.ts';
import type { DialectName } from './support/dialects.ts';
import { Load, type Passage } from './support/load.ts';
import { Report } from './support/report.ts';
import { quantile } from './support/statistics.ts';

type Options = ReturnType<typeof readOptions>;

const BACKGROUND = fileURLToPath(new URL('./support/background.ts', import.meta.url));
const ROOM_SIZE = 8;
const QUANTILES = [0.5, 0.95, 0.99, 0.999, 1];

/** The hops of the busy room, of all rounds of one kind. */
interface Hops {
  readonly latencies: number[];
  lost: number;
  longestStallMs: number;
  /** Messages of the others meanwhile. */
  others: number;
}

class Others {
  readonly #process = fork(BACKGROUND);

  async come(url: URL, dialect: DialectName, connections: number): Promise<void> {
    const rooms = Math.ceil(connections / ROOM_SIZE);
    await this.#order({ type: 'come', url: url.href, dialect, rooms, roomSize: ROOM_SIZE });
  }

  send(perSecond: number, milliseconds: number): Promise<BackgroundReport> {
    return this.#order({ type: 'send', perSecond, milliseconds });
  }

  end(): void {
    this.#process.disconnect();
  }

  async #order(order: BackgroundOrder): Promise<BackgroundReport> {
    this.#process.send(order);
    const [report] = await once(this.#process, 'message');
    return report;
  }
}

async function measure(name: string, options: Options): Promise<[alone: Hops, beside: Hops]> {
  const { connections, rate, every, rounds, seconds } = options;
  const contestant = await enter(name, { env: { RATE_LIMIT_MESSAGES: '' } });
  const { server, dialect, dialectName } = contestant;
  const room = await Load.open(server.url, dialect, { rooms: 1, roomSize: ROOM_SIZE });
  const hops: [Hops, Hops] = [
    { latencies: [], lost: 0, longestStallMs: 0, others: 0 },
    { latencies: [], lost: 0, longestStallMs: 0, others: 0 },
  ];
  const note = async (into: Hops, passage: Passage): Promise<void> => {
    for (const latency of passage.latencies) into.latencies.push(latency);
    into.lost += passage.lost;
    into.longestStallMs = Math.max(into.longestStallMs, (await server.probe()).longestStallMs);
  };
  await room.pace(rate, 5000); // warm
  for (let i = 0; i < rounds; i += 1) {
    server.watch();
    await note(hops[0], await room.pace(rate, 1000 * seconds));
    const others = new Others();
    await others.come(server.url, dialectName, connections);
    await contestant.collector?.settled();
    server.watch();
    const [passage, report] = await Promise.all([
      room.pace(rate, 1000 * seconds),
      others.send(connections / every, 1000 * seconds),
    ]);
    await note(hops[1], passage);
    hops[1].lost += report.lost + report.closed;
    hops[1].others += report.messages;
    others.end();
    await new Promise((resolve) => setTimeout(resolve, 3000)); // until all have left
    process.stderr.write(`${name}: round ${i + 1} of ${rounds}\n`);
  }
  room.close();
  await contestant.stop();
  return hops;
}

async function compare(options: Options): Promise<void> {
  const { servers, connections, rate, every, rounds, seconds } = options;
  const report = new Report('beside');
  const rows: string[][] = [];
  for (const name of servers) {
    for (const [i, hops] of (await measure(name, options)).entries()) {
      rows.push([
        `${name}, ${i === 0 ? 'alone' : `beside ${connections}`}`,
        String(hops.latencies.length),
        ...QUANTILES.map((q) => quantile(hops.latencies, q).toFixed(2)),
        hops.longestStallMs.toFixed(1),
        String(hops.others),
        String(hops.lost),
      ]);
      if (hops.lost > 0) process.exitCode = 1;
    }
  }
  report.table(
    `A room of ${ROOM_SIZE} at ${rate} messages a second, alone and beside ${connections} connections that send every ${every} s; ${rounds} rounds of ${seconds} s, milliseconds a hop`,
    ['server', 'hops', 'p50', 'p95', 'p99', 'p99.9', 'longest', 'longest stall', 'others’ messages', 'lost'],
    rows,
  );
  if (options.save) report.save();
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      servers: { type: 'string', default: 'bare,bloom' },
      connections: { type: 'string', default: '10000' },
      rate: { type: 'string', default: '50' },
      every: { type: 'string', default: '20' },
      rounds: { type: 'string', default: '2' },
      seconds: { type: 'string', default: '60' },
      save: { type: 'boolean', default: false },
    },
  });
  return {
    servers: values.servers.split(','),
    connections: allowedSockets(Number(values.connections)),
    rate: Number(values.rate),
    every: Number(values.every),
    rounds: Math.min(100, Number(values.rounds)),
    seconds: Math.min(3600, Number(values.seconds)),
    save: values.save,
  };
}

const options = readOptions();
await compare(options);
process.exit();
