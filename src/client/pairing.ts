import { type Description, mark } from './description.ts';

/**
 * Which two RTCPeerConnections belong together: this end's has a name, and the other end's is known from its first
 * description on. So a description for a connection that is no more, or from one that has taken its place, is told from
 * those that belong here.
 */
export class Pairing {
  readonly #instance = `i${Math.random().toString(36).slice(2)}`;
  #remote: { readonly instance: string | undefined; readonly fingerprint: string } | undefined;

  /**
   * Whether a description belongs to this connection: it may, it does, or it does not. It does when it comes from the
   * other end's RTCPeerConnection, and is meant for this one.
   */
  accepts({ instance, addressee, fingerprint }: Description): 'maybe' | 'yes' | 'no' {
    if (addressee !== undefined && addressee !== this.#instance) return 'no';
    if (this.#remote === undefined) return 'maybe';
    const { instance: known = instance } = this.#remote;
    const isSame = instance === undefined || instance === known;
    return isSame && fingerprint === this.#remote.fingerprint ? 'yes' : 'no';
  }

  /** The first description says who is at the other end. */
  learn({ instance, fingerprint }: Description): void {
    this.#remote ??= { instance, fingerprint };
  }

  /** What an offer of this number is called in its answer. */
  tagOf(offer: number): string {
    return `${this.#instance}.${offer}`;
  }

  /** SDP for the other end, marked with who it is from and for. */
  mark(sdp: string, tag: string): string {
    return mark(sdp, this.#instance, tag, this.#remote?.instance);
  }
}

/** The number of the offer that a description answers, if its sender says. */
export function answeredBy({ tag }: Description): number | undefined {
  return tag === undefined ? undefined : Number(tag.split('.')[1]);
}
