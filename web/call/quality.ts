/** How well media passes between us and one other person. */
export type Quality = 'good' | 'weak' | 'bad';

/** What one reading of a connection's statistics says. */
export interface Reading {
  readonly rttMs?: number;
  /** The share of packets that were lost since the reading before, from 0 to 1. */
  readonly lossRate?: number;
  /** How long no video has come from a camera that is on. */
  readonly frozenMs?: number;
}

/** Above these, people talk over each other and voices have gaps (ITU-T G.114 calls 400 ms the limit). */
const WEAK: Required<Reading> = { rttMs: 400, lossRate: 0.05, frozenMs: 3000 };
/** Above these, a conversation is not possible. */
const BAD: Required<Reading> = { rttMs: 1500, lossRate: 0.2, frozenMs: 8000 };

const NAMES: readonly (keyof Reading)[] = ['rttMs', 'lossRate', 'frozenMs'];
const ORDER: readonly Quality[] = ['good', 'weak', 'bad'];

export function qualityOf(reading: Reading): Quality {
  const exceeds = (limits: Required<Reading>) => NAMES.some((name) => (reading[name] ?? 0) > limits[name]);
  return exceeds(BAD) ? 'bad' : exceeds(WEAK) ? 'weak' : 'good';
}

/** The better of two readings in a row: one late packet is no weak connection. */
export function betterOf(a: Quality, b: Quality): Quality {
  return ORDER.indexOf(a) < ORDER.indexOf(b) ? a : b;
}
