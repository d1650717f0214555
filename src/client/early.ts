import { ufragsOf } from './description.ts';

/** Candidates that came before the description they belong to, until it is applied. */
export class EarlyCandidates {
  readonly #limit: number;
  #held: (RTCIceCandidateInit | null)[] = [];
  #ufrags: readonly string[] = [];

  /** Holds `limit` at most; beyond it the oldest go. */
  constructor(limit = 64) {
    this.#limit = limit;
  }

  /** Whether it can be added now; held otherwise. */
  admit(candidate: RTCIceCandidateInit | null): boolean {
    if (this.#belongs(candidate)) return true;
    this.#held.push(candidate);
    if (this.#held.length > this.#limit) this.#held.shift();
    return false;
  }

  /** A remote description was applied: returns those that belong to it, in the order they came. */
  applied(sdp: string): (RTCIceCandidateInit | null)[] {
    this.#ufrags = ufragsOf(sdp);
    const released = this.#held.filter((candidate) => this.#belongs(candidate));
    this.#held = this.#held.filter((candidate) => !released.includes(candidate));
    return released;
  }

  #belongs(candidate: RTCIceCandidateInit | null): boolean {
    if (this.#ufrags.length === 0) return false;
    const ufrag = candidate?.usernameFragment ?? /\sufrag (\S+)/.exec(candidate?.candidate ?? '')?.[1];
    return ufrag === undefined || this.#ufrags.includes(ufrag);
  }
}
