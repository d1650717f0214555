import type { Limits } from './target.ts';

/** The headings of docs/protocol.md that checks prove, in the order of the report; a test compares the two. */
export const SECTIONS = [
  'Frames and ids',
  'Rooms',
  'Relays',
  'Order',
  'Leaving',
  'Expiry',
  'Refusals',
  'Limits',
  'HTTP',
  'Hello',
  'Requests',
  'Coming back',
  'Meeting again',
] as const;

export type Section = (typeof SECTIONS)[number];

/** One thing the protocol says, and a call that shows whether a server keeps to it. */
export interface Check {
  /** What is true of a server that passes. */
  readonly name: string;
  readonly section: Section;
  /** Part of sessions, which a server need not offer. */
  readonly isOfSessions?: true;
  /** Waits for as long as rooms and sessions are kept; done only when asked for. */
  readonly isSlow?: true;
  /** Why it cannot be tried on a server with these limits; undefined when it can. */
  readonly obstacle?: (limits: Limits) => string | undefined;
  /** The transcript. */
  readonly steps: string | ((limits: Limits) => string);
}
