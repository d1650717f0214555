import type { PeerReason } from './reason.ts';

type Connection = Pick<
  RTCPeerConnection,
  | 'addEventListener'
  | 'getConfiguration'
  | 'getStats'
  | 'iceGatheringState'
  | 'localDescription'
  | 'remoteDescription'
>;

/** What is known of a connection that finds no path. */
export interface Evidence {
  readonly isRelayOnly: boolean;
  /** Whether a TURN server is configured. */
  readonly hasTurn: boolean;
  /** The latest error of each TURN server: a STUN error code, or 701 when it did not answer. */
  readonly turnErrors: readonly { readonly url: string; readonly code: number; readonly text: string }[];
  /** Whether more candidates of this end may come. */
  readonly isGathering: boolean;
  /** Lines `candidate:...` of this end. */
  readonly local: readonly string[];
  /** Those of the other end; undefined: it has not described itself yet. */
  readonly remote: readonly string[] | undefined;
  /** Whether a packet was ever answered on a path. */
  readonly wasAnswered: boolean;
}

/** A TURN server did not answer, says an RTCPeerConnectionIceErrorEvent. */
const UNREACHABLE = 701;

/** Listens to what a connection's ICE agent says, and finds the reason when no path is found. */
export class Diagnosis {
  readonly #connection: Connection;
  readonly #errors = new Map<string, { readonly code: number; readonly text: string }>();

  /** `learnt` is called when there may be another reason than before. */
  constructor(connection: Connection, learnt: () => void) {
    this.#connection = connection;
    connection.addEventListener('icecandidateerror', ({ url, errorCode: code, errorText: text }) => {
      if (!/^turns?:/i.test(url ?? '')) return;
      this.#errors.set(url, { code, text });
      learnt();
    });
    connection.addEventListener('icegatheringstatechange', learnt);
  }

  /** Forgets former errors, because gathering starts again. */
  forget(): void {
    this.#errors.clear();
  }

  async reason(): Promise<PeerReason | undefined> {
    const { iceServers = [], iceTransportPolicy } = this.#connection.getConfiguration();
    const stats = [...((await this.#connection.getStats()) as ReadonlyMap<string, Record<string, unknown>>)];
    const urls = iceServers.flatMap(({ urls }) => urls);
    return reasonOf({
      isRelayOnly: iceTransportPolicy === 'relay',
      hasTurn: urls.some((url) => /^turns?:/i.test(url)),
      turnErrors: [...this.#errors].map(([url, error]) => ({ url, ...error })),
      isGathering: this.#connection.iceGatheringState !== 'complete',
      local: candidatesIn(this.#connection.localDescription) ?? [],
      remote: candidatesIn(this.#connection.remoteDescription),
      wasAnswered: stats.some(
        ([, { type, responsesReceived }]) => type === 'candidate-pair' && Number(responsesReceived ?? 0) > 0,
      ),
    });
  }
}

/** The reason that the evidence is for; undefined while too little is known. */
export function reasonOf(evidence: Evidence): PeerReason | undefined {
  const { isRelayOnly, hasTurn, turnErrors, isGathering, local, remote, wasAnswered } = evidence;
  if (remote === undefined) return undefined;
  const hasRelay = local.some((line) => / typ relay( |$)/.test(line));
  const refusal = turnErrors.find(({ code }) => code !== UNREACHABLE);
  if (isRelayOnly && !hasTurn) {
    return { code: 'NoTurnServer', message: 'Only relays are allowed, and no TURN server is configured.' };
  }
  if (!hasRelay && refusal !== undefined) {
    const { url, code, text } = refusal;
    const why = code === 401 ? 'the user name or the credential is wrong or expired' : text;
    return { code: 'TurnRefused', message: `The TURN server ${url} refused this client (${code}): ${why}.` };
  }
  if (wasAnswered) {
    return { code: 'Lost', message: 'A path was found before, and packets do not pass any more.' };
  }
  // Chromium gathers for minutes, without an error, when a TURN server is silent. So with one this is not waited for.
  if (isGathering && local.length === 0 && !hasTurn) return undefined;
  if (local.length === 0 && !hasTurn) {
    return { code: 'NoCandidates', message: 'This end found no network address of its own.' };
  }
  if (!hasRelay && hasTurn) {
    const which = turnErrors.map(({ url }) => url).join(', ') || 'The TURN server';
    const also = isRelayOnly ? '' : ', and no direct path was found';
    return { code: 'TurnUnreachable', message: `${which} did not answer${also}.` };
  }
  if (remote.length === 0) {
    return { code: 'NoRemoteCandidates', message: 'The other end named no network address of its own.' };
  }
  const [here, there] = [familiesOf(local), familiesOf(remote)];
  if (here !== undefined && there !== undefined && here !== there) {
    return {
      code: 'AddressFamilies',
      message: `This end has ${here} alone, the other end has ${there} alone.`,
    };
  }
  return {
    code: 'NoRoute',
    message: `No packet was answered on any path: a firewall or a NAT blocks them${
      hasTurn ? '' : ', and no TURN server is configured'
    }.`,
  };
}

function candidatesIn(description: RTCSessionDescription | null): readonly string[] | undefined {
  return description?.sdp.match(/candidate:.*/g) ?? (description === null ? undefined : []);
}

/** The one family that all candidates are of; undefined when there are both, or a name that hides an address. */
function familiesOf(candidates: readonly string[]): 'IPv4' | 'IPv6' | undefined {
  const families = new Set(candidates.map((line) => familyOf(line.split(' ')[4] ?? '')));
  const [family] = families;
  return families.size === 1 ? family : undefined;
}

function familyOf(address: string): 'IPv4' | 'IPv6' | undefined {
  if (address.includes(':')) return 'IPv6';
  return /^[\d.]+$/.test(address) ? 'IPv4' : undefined;
}
