/**
 * What a Mesh writes into the SDP it sends and reads from the SDP it hears: one session-level attribute,
 * `a=x-bloom:INSTANCE TAG [ADDRESSEE]`. INSTANCE names the sender's RTCPeerConnection, so that a new one is told from
 * the one that went; ADDRESSEE that of the other end, once it is known. TAG names an offer; its answer repeats it, so
 * that an answer to an earlier offer is not taken for one to the latest. Others ignore an attribute they do not know
 * (RFC 8866 section 5.13), and their SDP has none.
 */

export interface Description {
  readonly sdp: string;
  /** Undefined from another client than a Mesh. */
  readonly instance: string | undefined;
  readonly tag: string | undefined;
  readonly addressee: string | undefined;
  /** Of the sender's DTLS certificates: who has not their keys cannot be at the other end of the connection. */
  readonly fingerprint: string;
}

const MARK = /^a=x-bloom:(?<instance>\w{1,64}) (?<tag>[\w.-]{1,128})(?: (?<addressee>\w{1,64}))?\r?\n/m;
const FINGERPRINT = /^a=fingerprint:(\S+ \S+)/gm;
const UFRAG = /^a=ice-ufrag:(\S+)/gm;

export function mark(sdp: string, instance: string, tag: string, addressee?: string): string {
  const media = sdp.indexOf('\nm=') + 1 || sdp.length;
  const names = [instance, tag, addressee].filter((name) => name !== undefined).join(' ');
  return `${sdp.slice(0, media)}a=x-bloom:${names}\r\n${sdp.slice(media)}`;
}

export function read(sdp: string): Description {
  const { instance, tag, addressee } = MARK.exec(sdp)?.groups ?? {};
  return { sdp: sdp.replace(MARK, ''), instance, tag, addressee, fingerprint: fingerprintOf(sdp) };
}

export function fingerprintOf(sdp: string): string {
  return [...new Set(found(FINGERPRINT, sdp).map((each) => each.toLowerCase()))].sort().join(' ');
}

/** The ICE user name fragments: a candidate belongs to the description that has its own. */
export function ufragsOf(sdp: string): string[] {
  return found(UFRAG, sdp);
}

function found(pattern: RegExp, sdp: string): string[] {
  return [...sdp.matchAll(pattern)].map(([, value]) => value as string);
}
