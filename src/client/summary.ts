export type CandidateType = 'host' | 'srflx' | 'prflx' | 'relay';

/** What flows between two participants, from getStats. Counts are totals since the connection was made. */
export interface PeerSummary {
  /** Round-trip time of the path in use. */
  readonly rttMs?: number;
  /** The path in use. Browsers may hide addresses. */
  readonly route?: {
    readonly local: CandidateType;
    readonly remote: CandidateType;
    readonly protocol: 'udp' | 'tcp';
    readonly localAddress?: string;
    readonly remoteAddress?: string;
  };
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** One for each stream received. */
  readonly inbound: readonly InboundSummary[];
}

export interface InboundSummary {
  readonly kind: 'audio' | 'video';
  readonly packets: number;
  readonly lost: number;
  readonly jitterMs?: number;
  /** From 0 to 1. */
  readonly audioLevel?: number;
  readonly framesPerSecond?: number;
  readonly width?: number;
  readonly height?: number;
}

/** The statistics of WebRTC's Identifiers for WebRTC's Statistics API that the summary is made of. */
interface Stats {
  readonly id: string;
  readonly type: string;
  readonly [name: string]: unknown;
}

export function summarize(report: Iterable<readonly [string, unknown]>): PeerSummary {
  const byId = new Map(report as Iterable<readonly [string, Stats]>);
  const all = [...byId.values()];
  const transports = all.filter(({ type }) => type === 'transport');
  const pair = pairInUse(all, byId, transports);
  const local = byId.get(pair?.localCandidateId as string);
  const remote = byId.get(pair?.remoteCandidateId as string);
  const carriers = transports.length > 0 ? transports : pair ? [pair] : [];
  return defined({
    rttMs: milliseconds(pair?.currentRoundTripTime),
    route:
      local && remote
        ? (defined({
            local: local.candidateType,
            remote: remote.candidateType,
            protocol: local.protocol,
            localAddress: local.address,
            remoteAddress: remote.address,
          }) as unknown as PeerSummary['route'])
        : undefined,
    bytesSent: total(carriers, 'bytesSent'),
    bytesReceived: total(carriers, 'bytesReceived'),
    inbound: all.filter(({ type }) => type === 'inbound-rtp').map(inbound),
  }) as unknown as PeerSummary;
}

/** Firefox has no transport statistics, but says of each pair whether it is selected. */
function pairInUse(
  all: readonly Stats[],
  byId: ReadonlyMap<string, Stats>,
  transports: readonly Stats[],
): Stats | undefined {
  const selected = transports.map(({ selectedCandidatePairId }) =>
    byId.get(selectedCandidatePairId as string),
  );
  return (
    selected.find((pair) => pair !== undefined) ??
    all.find(({ type, selected }) => type === 'candidate-pair' && selected === true)
  );
}

function inbound(stats: Stats): InboundSummary {
  return defined({
    kind: stats.kind,
    packets: stats.packetsReceived ?? 0,
    lost: stats.packetsLost ?? 0,
    jitterMs: milliseconds(stats.jitter),
    audioLevel: stats.audioLevel,
    framesPerSecond: stats.framesPerSecond,
    width: stats.frameWidth,
    height: stats.frameHeight,
  }) as unknown as InboundSummary;
}

function milliseconds(seconds: unknown): number | undefined {
  return typeof seconds === 'number' ? seconds * 1000 : undefined;
}

function total(all: readonly Stats[], name: string): number {
  return all.reduce((sum, stats) => sum + Number(stats[name] ?? 0), 0);
}

function defined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
