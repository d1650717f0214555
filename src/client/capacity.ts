/**
 * How large a description becomes. A description goes through the signalling server as one frame of JSON, and the
 * server bounds its size. Each track that is sent or received needs a media section of its own.
 */

/** What the server takes unless it says otherwise (MAX_PAYLOAD_BYTES). */
const DEFAULT_LIMIT = 65_536;
/** Left for the frame around the SDP, for candidates, and for an answer that is larger than its offer. */
const RESERVE = 4_096;
/** A section as Chromium writes it, until one was seen here. */
const TYPICAL = { audio: 3_000, video: 5_600 } as const;
/** What comes before the media sections, and the section of the data channels. */
const BASE = 1_000;

export type Kind = keyof typeof TYPICAL;

/** The bytes that an SDP takes in a frame: a line end has four characters there. */
export function frameBytes(sdp: string): number {
  return new TextEncoder().encode(JSON.stringify(sdp)).length;
}

/** What may be in a description's SDP, in bytes of its frame. */
export function frameLimit(limit = DEFAULT_LIMIT): number {
  return limit - Math.min(RESERVE, limit / 16);
}

/** The largest media section of a kind in an SDP, in bytes of its frame. */
export function sectionBytes(sdp: string, kind: Kind): number {
  const sections = sdp.split(/^(?=m=)/m).filter((section) => section.startsWith(`m=${kind} `));
  return sections.length === 0 ? TYPICAL[kind] : Math.max(...sections.map(frameBytes));
}

/** The bytes of a first description with a section for each of these. */
export function estimateBytes(kinds: readonly Kind[]): number {
  return kinds.reduce((sum, kind) => sum + TYPICAL[kind], BASE);
}
