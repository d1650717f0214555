import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { startChild } from '../../support/child.ts';
import { FaultyProxy } from '../../support/proxy.ts';
import type { BrowserPage, StormBrowser } from './browsers.ts';
import type { PeerStanding, Standing } from './page.ts';
import { PAGES, type Step, scheduleOf } from './schedule.ts';

/** Every pair is as it should be so long after the storm, at the latest. */
const SETTLE_MS = 60_000;
const LOOK_MS = 1000;
const LARGEST_DESCRIPTION = 32 * 1024;
/** Short, so that a storm has both: sessions that are resumed, and seats that are lost. */
const SERVER = { HEARTBEAT_INTERVAL_MS: '2000', RESUME_GRACE_MS: '5000' };

export interface StormResult {
  readonly seed: number;
  readonly seconds: number;
  readonly browsers: readonly string[];
  readonly steps: readonly Step[];
  /** What is not as it should be at the end; empty when all is well. */
  readonly faults: readonly string[];
  readonly settledMs: number;
  readonly largestDescription: number;
  /** What each page did and heard. */
  readonly journals: readonly (readonly string[])[];
}

/** One participant: a page whose signalling passes through a proxy of its own. */
class Participant {
  readonly proxy: FaultyProxy;
  readonly #page: BrowserPage;
  #mending: NodeJS.Timeout | undefined;

  static async open(browser: StormBrowser, server: URL, script: string): Promise<Participant> {
    const proxy = await FaultyProxy.listen(server);
    const page = await browser.open(new URL('/healthz', proxy.wsUrl).href.replace('ws', 'http'));
    await page.evaluate(script);
    await page.evaluate(`void (globalThis.storm = new StormPage(${JSON.stringify(proxy.wsUrl)}))`);
    return new Participant(proxy, page);
  }

  private constructor(proxy: FaultyProxy, page: BrowserPage) {
    this.proxy = proxy;
    this.#page = page;
  }

  create(): Promise<string> {
    return this.#page.evaluate('storm.create()');
  }

  join(roomId: string): Promise<void> {
    return this.#page.evaluate(`storm.join(${JSON.stringify(roomId)})`);
  }

  standing(): Promise<Standing> {
    return this.#page.evaluate('storm.standing()');
  }

  journal(): Promise<string[]> {
    return this.#page.evaluate('storm.noteSections(), storm.journal');
  }

  async act(step: Step, roomId: string): Promise<void> {
    await this.#page.evaluate(`storm.act(${JSON.stringify(step)}, ${JSON.stringify(roomId)})`);
    if (step.do === 'resetSocket') for (const passage of this.proxy.passages) passage.cut('reset');
    if (step.do === 'halfOpen') {
      const directions = step.direction === 'both' ? [] : [step.direction];
      for (const passage of this.proxy.passages) passage.stall(...directions);
      this.proxy.onPassage = (passage) => passage.stall(...directions);
      this.#mending = setTimeout(() => this.mend(), step.ms);
    }
  }

  /** The network is whole again, and what it held goes on. */
  mend(): void {
    clearTimeout(this.#mending);
    this.proxy.onPassage = () => {};
    for (const passage of this.proxy.passages) passage.go();
  }

  async close(): Promise<void> {
    this.mend();
    await this.#page.close().catch(() => {});
    await this.proxy.close();
  }
}

/** Runs a storm. `browsers` has one for each page. */
export async function runStorm(
  seed: number,
  seconds: number,
  browsers: readonly StormBrowser[],
): Promise<StormResult> {
  const steps = scheduleOf(seed, seconds);
  const server = await startChild(SERVER);
  const participants: Participant[] = [];
  try {
    const script = await pageScript();
    for (const browser of browsers) participants.push(await Participant.open(browser, server.wsUrl, script));
    const [first, ...others] = participants as [Participant, ...Participant[]];
    const roomId = await first.create();
    for (const participant of others) await participant.join(roomId);
    const before = await settle(participants);
    if (before.faults.length === 0) await storm(participants, steps, roomId);
    const after = before.faults.length === 0 ? await settle(participants) : before;
    const journals = await Promise.all(participants.map((participant) => participant.journal()));
    return { seed, seconds, browsers: browsers.map(({ name }) => name), steps, ...after, journals };
  } finally {
    for (const participant of participants) await participant.close();
    await server.stop('SIGKILL');
  }
}

async function pageScript(): Promise<string> {
  const entryPoints = [fileURLToPath(new URL('page.ts', import.meta.url))];
  const { outputFiles } = await build({ entryPoints, bundle: true, write: false, format: 'iife' });
  return outputFiles[0]?.text as string;
}

async function storm(
  participants: readonly Participant[],
  steps: readonly Step[],
  roomId: string,
): Promise<void> {
  const start = performance.now();
  const outside = new Set<number>();
  for (const moment of momentsOf(steps)) {
    const wait = start + (moment[0]?.at ?? 0) - performance.now();
    if (wait > 0) await sleep(wait);
    for (const { page, do: what } of moment) {
      if (what === 'leave') outside.add(page);
      if (what === 'join') outside.delete(page);
    }
    // Pages do not wait for one another: what is scheduled for one moment happens in one moment.
    await Promise.all(
      participants.map(async (participant, page) => {
        for (const step of moment) if (step.page === page) await participant.act(step, roomId);
      }),
    );
  }
  for (const participant of participants) participant.mend();
  for (const page of outside) {
    const participant = participants[page] as Participant;
    await participant.act({ at: 0, page, do: 'join' }, roomId);
  }
}

function momentsOf(steps: readonly Step[]): readonly (readonly Step[])[] {
  const moments: Step[][] = [];
  for (const step of steps) {
    const last = moments.at(-1);
    if (last?.[0]?.at === step.at) last.push(step);
    else moments.push([step]);
  }
  return moments;
}

type Settled = Pick<StormResult, 'faults' | 'settledMs' | 'largestDescription'>;

/** Looks until all is well, for as long as it may take. */
async function settle(participants: readonly Participant[]): Promise<Settled> {
  const start = performance.now();
  for (;;) {
    await sleep(LOOK_MS);
    const standings = await Promise.all(participants.map((participant) => participant.standing()));
    const settledMs = Math.round(performance.now() - start);
    const faults = faultsOf(standings);
    const largestDescription = Math.max(...standings.map((each) => each.largestDescription));
    if (faults.length === 0 || settledMs > SETTLE_MS) return { faults, settledMs, largestDescription };
  }
}

/** What is not as it should be, in words. */
export function faultsOf(standings: readonly Standing[]): string[] {
  return standings.flatMap((standing, page) => {
    const others = standings.filter((other) => other !== standing);
    const say = (fault: string) => `page ${page}: ${fault}`;
    const faults: string[] = [];
    if (standing.status !== 'connected') faults.push(say(`signalling is ${standing.status}`));
    if (standing.participants.length !== PAGES)
      faults.push(say(`${standing.participants.length} participants in the room`));
    if (standing.peers.length !== others.length) faults.push(say(`${standing.peers.length} peers`));
    if (standing.largestDescription >= LARGEST_DESCRIPTION)
      faults.push(say(`a description of ${standing.largestDescription}`));
    for (const other of others) {
      const peer = standing.peers.find(({ id }) => id === other.self);
      const name = `page ${standings.indexOf(other)}`;
      if (peer === undefined) faults.push(say(`${name} is no peer`));
      else faults.push(...peerFaults(peer, other).map((fault) => say(`${name}: ${fault}`)));
    }
    return faults;
  });
}

function peerFaults(peer: PeerStanding, sender: Standing): string[] {
  const faults: string[] = [];
  if (peer.state !== 'connected' || peer.connection !== 'connected')
    faults.push(`${peer.state}, connection ${peer.connection}`);
  if (peer.signaling !== 'stable') faults.push(`${peer.signaling}, negotiation ${peer.negotiation}`);
  if (peer.received.join() !== sender.sent.join())
    faults.push(`receives [${peer.received.join(', ')}], sent is [${sender.sent.join(', ')}]`);
  if (!peer.isFlowing) faults.push('a received track brings no packets');
  return faults;
}
