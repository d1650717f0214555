import type { Mesh, MeshPeer, PeerSummary } from '../../src/client/index.ts';
import { Store } from '../store.ts';
import type { People } from './people.ts';
import { betterOf, type Quality, qualityOf, type Reading } from './quality.ts';

export interface PeerStatistics extends PeerSummary, Reading {
  /** Bits a second since the last reading; undefined at the first. */
  readonly bitrateSent?: number;
  readonly bitrateReceived?: number;
  /** Of this reading and the one before. */
  readonly quality: Quality;
}

export type StatisticsByPeer = ReadonlyMap<MeshPeer, PeerStatistics>;

const INTERVAL_MS = 2000;

/** What each connection measures of itself, read every two seconds while the page is visible. */
export class Statistics {
  readonly byPeer = new Store<StatisticsByPeer>(new Map());
  readonly #mesh: Mesh;
  readonly #people: People;
  #readAt = 0;

  constructor(mesh: Mesh, people: People, signal: AbortSignal) {
    this.#mesh = mesh;
    this.#people = people;
    const timer = setInterval(() => void this.#read(), INTERVAL_MS);
    signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  }

  async #read(): Promise<void> {
    if (document.visibilityState === 'hidden') return;
    const peers = [...this.#mesh.peers.values()];
    const summaries = await Promise.all(peers.map((peer) => peer.summary().catch(() => undefined)));
    const now = performance.now();
    const elapsedMs = now - this.#readAt;
    const before = this.byPeer.get();
    this.#readAt = now;
    this.byPeer.set(
      new Map(
        peers.flatMap((peer, i) => {
          const summary = summaries[i];
          if (summary === undefined) return [];
          const hasCamera = this.#people.of(peer)?.camera !== undefined;
          return [[peer, compare(summary, before.get(peer), elapsedMs, hasCamera)]];
        }),
      ),
    );
  }
}

/** What a reading says beside the one before it. `hasCamera`: video should be coming. */
export function compare(
  summary: PeerSummary,
  before: PeerStatistics | undefined,
  elapsedMs: number,
  hasCamera = false,
): PeerStatistics {
  if (before === undefined || elapsedMs <= 0) return { ...summary, quality: 'good' };
  const rate = (bytes: number, earlier: number) =>
    Math.max(0, Math.round((8000 * (bytes - earlier)) / elapsedMs));
  const packets = total(summary, 'packets') - total(before, 'packets');
  const lost = total(summary, 'lost') - total(before, 'lost');
  const hasVideo = total(summary, 'packets', 'video') > total(before, 'packets', 'video');
  const reading = {
    ...(summary.rttMs !== undefined && { rttMs: summary.rttMs }),
    lossRate: lost > 0 && packets >= 0 ? lost / (packets + lost) : 0,
    frozenMs: hasCamera && !hasVideo ? (before.frozenMs ?? 0) + elapsedMs : 0,
  };
  return {
    ...summary,
    ...reading,
    bitrateSent: rate(summary.bytesSent, before.bytesSent),
    bitrateReceived: rate(summary.bytesReceived, before.bytesReceived),
    quality: betterOf(qualityOf(before), qualityOf(reading)),
  };
}

function total({ inbound }: PeerSummary, field: 'packets' | 'lost', kind?: 'video'): number {
  return inbound
    .filter((stream) => kind === undefined || stream.kind === kind)
    .reduce((sum, stream) => sum + stream[field], 0);
}
