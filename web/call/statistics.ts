import type { Mesh, MeshPeer, PeerSummary } from '../../src/client/index.ts';
import { Store } from '../store.ts';

export interface PeerStatistics extends PeerSummary {
  /** Bits a second since the last reading; undefined at the first. */
  readonly bitrateSent?: number;
  readonly bitrateReceived?: number;
}

const INTERVAL_MS = 2000;

/** What each connection measures of itself, read every two seconds while the page is looked at. */
export class Statistics {
  readonly byPeer = new Store<ReadonlyMap<MeshPeer, PeerStatistics>>(new Map());
  readonly #mesh: Mesh;
  #readAt = 0;

  constructor(mesh: Mesh, signal: AbortSignal) {
    this.#mesh = mesh;
    const timer = setInterval(() => void this.#read(), INTERVAL_MS);
    signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  }

  async #read(): Promise<void> {
    if (document.visibilityState === 'hidden') return;
    const peers = [...this.#mesh.peers.values()];
    const summaries = await Promise.all(peers.map((peer) => peer.summary().catch(() => undefined)));
    const now = performance.now();
    const seconds = (now - this.#readAt) / 1000;
    const before = this.byPeer.get();
    this.#readAt = now;
    this.byPeer.set(
      new Map(
        peers.flatMap((peer, i) => {
          const summary = summaries[i];
          return summary === undefined ? [] : [[peer, withRates(summary, before.get(peer), seconds)]];
        }),
      ),
    );
  }
}

export function withRates(
  summary: PeerSummary,
  before: PeerSummary | undefined,
  seconds: number,
): PeerStatistics {
  if (before === undefined || seconds <= 0) return summary;
  const rate = (bytes: number, earlier: number) => Math.max(0, Math.round((8 * (bytes - earlier)) / seconds));
  return {
    ...summary,
    bitrateSent: rate(summary.bytesSent, before.bytesSent),
    bitrateReceived: rate(summary.bytesReceived, before.bytesReceived),
  };
}
