import { BATCH_SPANS } from './collector.ts';
import { type Contestant, enter } from './contestants.ts';
import { cpuTime, machineTime } from './cpu.ts';
import { Load, type Passage } from './load.ts';
import { giveProcessor, isUndisturbed, Lookouts, type Pause } from './pauses.ts';
import { quantile } from './statistics.ts';

/** Relays compared: every server has its turn in every round, in another order each time. */

export interface ComparisonOptions {
  /** Names of contestants; the first is the yardstick. */
  readonly servers: readonly string[];
  readonly kinds: readonly Kind[];
  /** Of all starts together. */
  readonly rounds: number;
  /** How often the servers are started: processes of the same code differ, by a tenth and more, for as long as they live. */
  readonly starts: number;
  readonly seconds: number;
  readonly rooms: number;
  readonly roomSize: number;
  /** Messages of each sender that are on their way at a time, in the closed loop. */
  readonly window: number;
  /** Messages a second, in the open loop. */
  readonly rate: number;
  /** Set for Bloom. */
  readonly env: Readonly<Record<string, string>>;
  /** Another tree's src/main.ts, measured as `main`. */
  readonly main?: string | undefined;
  /** Where each server writes a CPU profile. */
  readonly cpuProf?: string | undefined;
  /** Whether all servers share a processor that nothing else runs on, and the machine's own pauses are watched for. */
  readonly watch?: boolean;
}

export const KINDS = ['closed', 'open'] as const;
export type Kind = (typeof KINDS)[number];

export const DEFAULTS: ComparisonOptions = {
  servers: ['bare', 'bare again', 'bloom', 'bloom no spans'],
  kinds: KINDS,
  rounds: 12,
  starts: 3,
  seconds: 2,
  rooms: 8,
  roomSize: 8,
  window: 8,
  rate: 2000,
  env: {},
};

/** What a round measured of one server. */
export interface Turn extends Omit<Passage, 'latencies' | 'sentAt'> {
  /** Microseconds of processor time for each message, all threads, until the last span is at the collector. */
  readonly cpuUs: number;
  readonly p50: number;
  readonly p99: number;
  /** Of the messages that no pause of the machine can have had to do with; and how many of all these are, 0 to 1. */
  readonly undisturbed?: { readonly p99: number; readonly share: number };
  /** Processor time of the server and of this process by the wall clock, until the last relay: 1 is a whole core. */
  readonly serverCores: number;
  readonly generatorCores: number;
  /** What everything else on the machine took, a collector included. */
  readonly otherCores: number;
  readonly missingSpans: number;
}

/** The turns of one round, by the server's name. */
export type Round = ReadonlyMap<string, Turn>;

interface Ready extends Contestant {
  readonly load: Load;
}

/** Starts the servers, measures, and stops them; again and again, each time a part of the rounds. */
export async function compareRelays(options: ComparisonOptions): Promise<Record<Kind, Round[]>> {
  const measured: Record<Kind, Round[]> = { closed: [], open: [] };
  const lookouts = options.watch ? await Lookouts.start() : undefined;
  if (options.watch) giveProcessor(process.pid, 'rest');
  for (let i = 0; i < options.starts; i += 1) {
    const rounds = Math.floor((options.rounds + i) / options.starts);
    if (rounds === 0) continue;
    process.stderr.write(`start ${i + 1} of ${options.starts}\n`);
    const contestants: Ready[] = [];
    for (const name of options.servers) contestants.push(await prepare(name, options));
    for (const kind of options.kinds) {
      measured[kind].push(...(await measure(contestants, kind, { ...options, rounds }, lookouts)));
    }
    for (const contestant of contestants) {
      contestant.load.close();
      await contestant.stop();
    }
  }
  lookouts?.stop();
  return measured;
}

/** How many times what it was with the yardstick, round by round: the processor time of a message, or its p99. */
export function ratiosOf(rounds: readonly Round[], name: string, of: 'cpuUs' | 'p99' = 'cpuUs'): number[] {
  return rounds.map((round) => (round.get(name) as Turn)[of] / (round.get('bare') as Turn)[of]);
}

/** The file in which a server of this name writes its CPU profile. */
export function profileName(server: string): string {
  return `${server.replaceAll(/\W/g, '-')}.cpuprofile`;
}

/** Options of node with which a server of this name writes a CPU profile into the folder, if one is given. */
export function profilingOptions(server: string, folder: string | undefined): readonly string[] {
  if (folder === undefined) return [];
  return ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-name=${profileName(server)}`];
}

/** The order in which servers have their turns in a round: another one in each. */
export function orderOf<T>(contestants: readonly T[], round: number): T[] {
  const order = contestants.map((_, i) => contestants[(round + i) % contestants.length] as T);
  return round % 2 === 1 ? order.reverse() : order;
}

async function prepare(name: string, options: ComparisonOptions): Promise<Ready> {
  const { main, env, cpuProf, rooms, roomSize } = options;
  const contestant = await enter(name, {
    main,
    env: { ROOM_CAPACITY: String(Math.max(8, roomSize)), ...env },
    nodeOptions: profilingOptions(name, cpuProf),
  });
  if (options.watch) giveProcessor(contestant.server.pid, 'server');
  const load = await Load.open(contestant.server.url, contestant.dialect, { rooms, roomSize });
  await contestant.collector?.settled();
  return { ...contestant, load };
}

async function measure(
  contestants: readonly Ready[],
  kind: Kind,
  { rounds, seconds, window, rate }: ComparisonOptions,
  lookouts: Lookouts | undefined,
): Promise<Round[]> {
  const saturate = (load: Load) => load.saturate(window, 1000 * seconds);
  // Batches of spans are sent when they are full, or at up to 4,000 messages a second by a quarter: there is no wait for
  // the last, in which a server that has nothing to do would be charged for its timers. At some rates between there is.
  const batches = Math.max(1, Math.round((rate * seconds) / BATCH_SPANS));
  const pace = (load: Load) => load.pace(rate, (1000 * batches * BATCH_SPANS) / rate);
  const pass = kind === 'closed' ? saturate : pace;
  // Warm, and not by the light load alone: at that it takes V8 minutes to compile all it will.
  for (const contestant of contestants) {
    await turn(contestant, saturate);
    if (pass !== saturate) await turn(contestant, pass);
  }
  const measured: Round[] = [];
  for (let i = 0; i < rounds; i += 1) {
    const round = new Map<string, Turn>();
    for (const contestant of orderOf(contestants, i))
      round.set(contestant.name, await turn(contestant, pass, lookouts));
    measured.push(round);
    process.stderr.write(`${kind}: round ${i + 1} of ${rounds}\n`);
  }
  return measured;
}

async function turn(
  { server, load, collector }: Ready,
  pass: (load: Load) => Promise<Passage>,
  lookouts?: Lookouts,
): Promise<Turn> {
  const spansBefore = collector?.spans ?? 0;
  await lookouts?.pauses();
  const [before, own, all] = [cpuTime(server.pid), cpuTime(process.pid), machineTime()];
  const { latencies, sentAt, ...passage } = await pass(load);
  const [after, ownAfter, allAfter] = [cpuTime(server.pid), cpuTime(process.pid), machineTime()];
  await collector?.received(spansBefore + passage.messages);
  return {
    ...passage,
    cpuUs: (1000 * (cpuTime(server.pid) - before)) / passage.messages,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    ...(lookouts && { undisturbed: undisturbed(latencies, sentAt(), await lookouts.pauses()) }),
    serverCores: (after - before) / passage.milliseconds,
    generatorCores: (ownAfter - own) / passage.milliseconds,
    otherCores: Math.max(0, allAfter - all - (after - before) - (ownAfter - own)) / passage.milliseconds,
    missingSpans: collector ? spansBefore + passage.messages - collector.spans : 0,
  };
}

function undisturbed(latencies: readonly number[], sentAt: readonly number[], pauses: readonly Pause[]) {
  const calm = latencies.filter((_, i) => isUndisturbed(sentAt[i] as number, pauses));
  return { p99: quantile(calm, 0.99), share: calm.length / latencies.length };
}
