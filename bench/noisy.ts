/**
 * A noisy neighbour: does one client that floods the server raise the relay latency of others?
 *
 * Two quiet clients share a room; one sends the other 50 offers a second, and how long each takes is measured.
 * Rounds without noise alternate with rounds in which a client in a room of its own makes one kind of noise, as
 * many frames as the server takes (--rate bounds them). Quotes for each kind the median over the rounds of p50, p95
 * and p99, and of their ratios to the quiet stretch of the same round.
 *
 * The noisy client takes processor time of its own, which on a small machine raises every latency. So each
 * noise is made a second time at another server that nobody else uses: the columns `elsewhere` are the machine's
 * part, and what exceeds them is Bloom's.
 *
 *     npm run bench -- noisy [--rounds 6] [--seconds 3] [--rate 1000000] [--noises NAME,…] [--save]
 *
 * `--noises`: some of them only, by the names below the table. Takes rounds x 17 stretches x (seconds + 1.5): some
 * 8 minutes. The limit is 60 frames a second here, so that the quiet client keeps it; `refused` counts its offers that
 * were answered RateLimited all the same, since the server was so late that it read them in a burst. Bounded by at
 * most 100 rounds of 60 s stretches; exit code 1 if an offer is neither delivered nor refused.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type ChildServer, startChild } from '../test/support/child.ts';
import { NOISES, type Noise, type NoiseOrder, type NoiseReport } from './support/noise.ts';
import { RawSocket } from './support/raw-socket.ts';
import { Report } from './support/report.ts';
import { median, quantile } from './support/statistics.ts';

const NOISE = fileURLToPath(new URL('./support/noise.ts', import.meta.url));
const PER_SECOND = 50;
const LIMIT = 60;
/** Longer than a penalty: what one stretch did is over when the next is measured. */
const WARM_UP_MS = 1500;
const LOST_AFTER_MS = 10_000;
const QUANTILES = [0.5, 0.95, 0.99];

/** How the quiet clients fared for a while. */
interface Quiet {
  /** Milliseconds from send to receipt of each offer that arrived. */
  readonly latencies: readonly number[];
  /** Offers refused as RateLimited, though they were sent slowly enough: the server read them late, and in a burst. */
  readonly refused: number;
}

interface Stretch extends Quiet {
  readonly noise?: NoiseReport;
}

/** One offer after the other through a room of two. */
class QuietRoom {
  readonly #sender: RawSocket;
  readonly #receiver: RawSocket;
  readonly #receiverId: string;
  /** When each offer on its way was sent. */
  readonly #sentAt = new Map<string, number>();
  #latencies: number[] = [];
  #refused = 0;
  #sent = 0;

  static async open(url: URL): Promise<QuietRoom> {
    const sender = await RawSocket.connect(url);
    sender.send(JSON.stringify({ type: 'CreateRoom' }));
    const { room_id } = JSON.parse((await sender.nextWith('"RoomCreated"')).toString());
    const receiver = await RawSocket.connect(url);
    receiver.send(JSON.stringify({ type: 'JoinRoom', room_id }));
    const { participant_id } = JSON.parse((await receiver.nextWith('"PeerConnected"')).toString());
    return new QuietRoom(sender, receiver, participant_id);
  }

  private constructor(sender: RawSocket, receiver: RawSocket, receiverId: string) {
    this.#sender = sender;
    this.#receiver = receiver;
    this.#receiverId = receiverId;
    receiver.onFrame = (bytes, start, end) => {
      const at = performance.now();
      const { sdp } = JSON.parse(bytes.toString('utf8', start, end));
      const sentAt = this.#sentAt.get(sdp);
      if (sentAt !== undefined) this.#latencies.push(at - sentAt);
      this.#sentAt.delete(sdp);
    };
    sender.onFrame = (bytes, start, end) => {
      if (JSON.parse(bytes.toString('utf8', start, end)).code === 'RateLimited') this.#refused += 1;
    };
  }

  /**
   * Offers for so many seconds. Never sends two closer together than it should: making up for a stall of this
   * process, it would be the noisy one.
   */
  async measure(seconds: number): Promise<Quiet> {
    this.#latencies = [];
    this.#refused = 0;
    this.#sentAt.clear();
    const count = seconds * PER_SECOND;
    for (let i = 0; i < count; i += 1) {
      await setTimeout(1000 / PER_SECOND);
      this.#offer();
    }
    const giveUpAt = performance.now() + LOST_AFTER_MS;
    while (this.#latencies.length + this.#refused < count) {
      if (performance.now() > giveUpAt) throw new Error('offers of a quiet client are lost');
      await setTimeout(10);
    }
    return { latencies: this.#latencies, refused: this.#refused };
  }

  close(): void {
    this.#sender.close();
    this.#receiver.close();
  }

  #offer(): void {
    const sdp = `offer ${this.#sent++}`;
    this.#sentAt.set(sdp, performance.now());
    this.#sender.send(JSON.stringify({ type: 'Offer', to: this.#receiverId, sdp }));
  }
}

class Neighbour {
  readonly #process: ChildProcess = fork(NOISE);

  start(server: ChildServer, noise: Noise, rate: number): void {
    this.#order({ type: 'start', url: server.wsUrl.href, noise, rate });
  }

  async stop(): Promise<NoiseReport> {
    this.#order({ type: 'stop' });
    const [report] = await once(this.#process, 'message');
    return report;
  }

  end(): void {
    this.#process.disconnect();
  }

  #order(order: NoiseOrder): void {
    this.#process.send(order);
  }
}

async function compare(options: ReturnType<typeof readOptions>): Promise<void> {
  const { rounds, seconds, rate, kinds, save } = options;
  const report = new Report('noisy');
  const env = { LOG_LEVEL: 'error', RATE_LIMIT_MESSAGES: String(LIMIT) };
  const [server, elsewhere] = await Promise.all([startChild(env), startChild(env)]);
  process.once('exit', () => {
    for (const child of [server, elsewhere]) child.process.kill('SIGKILL');
  });
  const neighbour = new Neighbour();
  const quiet = await QuietRoom.open(server.wsUrl);
  const listen = async (noise?: Noise, where = server): Promise<Stretch> => {
    if (noise !== undefined) neighbour.start(where, noise, rate);
    await setTimeout(WARM_UP_MS);
    const fared = await quiet.measure(seconds);
    return noise === undefined ? fared : { ...fared, noise: await neighbour.stop() };
  };

  const here = new Map(kinds.map((kind) => [kind, [] as [Stretch, Stretch][]]));
  const there = new Map(kinds.map((kind) => [kind, [] as [Stretch, Stretch][]]));
  const silent: Stretch[] = [];
  await quiet.measure(seconds); // warm
  for (let i = 0; i < rounds; i += 1) {
    const silence = await listen();
    silent.push(silence);
    for (const kind of kinds) {
      here.get(kind)?.push([silence, await listen(kind)]);
      there.get(kind)?.push([silence, await listen(kind, elsewhere)]);
    }
    process.stderr.write(`round ${i + 1} of ${rounds}\n`);
  }

  const milliseconds = (stretches: readonly Stretch[]) =>
    QUANTILES.map((q) => median(stretches.map(({ latencies }) => quantile(latencies, q))).toFixed(2));
  const ratios = (pairs: readonly [Stretch, Stretch][]) =>
    QUANTILES.map((q) =>
      median(pairs.map(([silence, noisy]) => quantile(noisy.latencies, q) / quantile(silence.latencies, q))),
    ).map((ratio) => ratio.toFixed(2));
  const perSecond = (stretches: readonly Stretch[]) =>
    median(stretches.map(({ noise }) => (noise === undefined ? 0 : noise.frames / noise.seconds))).toFixed(0);
  const sum = (stretches: readonly Stretch[], of: (stretch: Stretch) => number) =>
    String(stretches.reduce((total, stretch) => total + of(stretch), 0));
  const refused = (stretches: readonly Stretch[]) => sum(stretches, (stretch) => stretch.refused);
  const thrownOut = (stretches: readonly Stretch[]) => sum(stretches, ({ noise }) => noise?.closed ?? 0);
  const rows = (name: string, pairs: readonly [Stretch, Stretch][]) => {
    const noisy = pairs.map(([, stretch]) => stretch);
    return [
      name,
      perSecond(noisy),
      thrownOut(noisy),
      ...milliseconds(noisy),
      ...ratios(pairs),
      refused(noisy),
    ];
  };
  report.table(
    `${rounds} rounds of ${seconds} s; relay latency in ms, medians over the rounds`,
    ['noise', 'frames/s', 'thrown out', 'p50', 'p95', 'p99', 'p50 x', 'p95 x', 'p99 x', 'refused'],
    [
      ['none', '0', '0', ...milliseconds(silent), '1.00', '1.00', '1.00', refused(silent)],
      ...kinds.flatMap((kind) => [
        rows(kind, here.get(kind) ?? []),
        rows(`  ${kind}, elsewhere`, there.get(kind) ?? []),
      ]),
    ],
  );
  console.log('');
  for (const [kind, meaning] of Object.entries(NOISES)) console.log(`${kind}: ${meaning}`);
  if (save) report.save();
  quiet.close();
  neighbour.end();
  await Promise.all([server.stop('SIGKILL'), elsewhere.stop('SIGKILL')]);
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '6' },
      seconds: { type: 'string', default: '3' },
      rate: { type: 'string', default: '1000000' },
      noises: { type: 'string', default: Object.keys(NOISES).join() },
      save: { type: 'boolean', default: false },
    },
  });
  const kinds = values.noises.split(',') as Noise[];
  const unknown = kinds.find((kind) => !Object.hasOwn(NOISES, kind));
  if (unknown !== undefined) throw new Error(`no noise ${unknown}; there are ${Object.keys(NOISES)}`);
  return {
    rounds: Math.min(100, Number(values.rounds)),
    seconds: Math.min(60, Number(values.seconds)),
    rate: Number(values.rate),
    kinds,
    save: values.save,
  };
}

await compare(readOptions());
process.exit();
