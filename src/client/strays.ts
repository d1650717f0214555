import type { ParticipantId } from '../protocol/server.ts';
import type { Description } from './description.ts';
import { readIdentity, writeIdentity } from './identity.ts';
import type { Peer } from './peer.ts';

export interface StraysHost {
  peers(): Iterable<Peer>;
  /** Who is in the room. */
  participants(): readonly ParticipantId[];
  /** An offer that was kept can be taken up. */
  offered(from: ParticipantId, description: Description): void;
  /** The owner is known again, under this id. */
  rename(peer: Peer, id: ParticipantId): void;
  drop(peer: Peer): void;
}

/**
 * Connections that went on through a server restart, and whose owner has not come back yet.
 *
 * The other end's Mesh says on the connection which id it has now: a claim, which is anybody's word. Whoever has that
 * id is asked for the proof: a description with the connection's own fingerprint, which the server says is from the
 * id that was claimed. So no participant can pass for another: the connection names its owner, and the owner names
 * the connection.
 */
export class Strays {
  readonly #host: StraysHost;
  /** Offers that prove a connection to be theirs, except that the connection has not said so yet. */
  readonly #proofs = new Map<ParticipantId, Description>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(host: StraysHost) {
    this.#host = host;
  }

  get all(): Peer[] {
    return [...this.#host.peers()].filter(({ isNameless }) => isNameless);
  }

  /** The server forgot every id. Who does not come back within `ms` has gone. */
  restarted(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      for (const stray of this.all) this.#host.drop(stray);
    }, ms);
  }

  /** This client is in the room again: the other ends are told under which id. */
  introduce(selfId: ParticipantId): void {
    for (const stray of this.all) stray.tell(writeIdentity(selfId));
    this.#match();
  }

  /** Text on a connection, of the other end's Mesh or of whoever took its place. */
  told(peer: Peer, text: string): void {
    const claim = readIdentity(text);
    if (claim === undefined || claim === peer.id) return;
    peer.claim = claim;
    this.#match();
  }

  /** Whether the offer has to wait: it proves what its connection has not claimed yet. */
  offered(from: ParticipantId, description: Description): boolean {
    const stray = this.#ownerless(description);
    if (stray === undefined) return false;
    if (stray.claim !== from) {
      this.#proofs.set(from, description);
      return true;
    }
    this.#host.rename(stray, from);
    return false;
  }

  answered(from: ParticipantId, description: Description): void {
    const stray = this.#ownerless(description);
    if (stray?.claim === from) this.#host.rename(stray, from);
  }

  claimedBy(id: ParticipantId): Peer | undefined {
    return this.all.find(({ claim }) => claim === id);
  }

  /** The participant is reached by a new connection: what is left of an earlier one is over. */
  dropClaimedBy(id: ParticipantId): void {
    for (const stray of this.all) if (stray.claim === id) this.#host.drop(stray);
  }

  /** The participant has left, or is met otherwise. */
  forget(id: ParticipantId): void {
    this.#proofs.delete(id);
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #ownerless(description: Description): Peer | undefined {
    return this.all.find((stray) => stray.accepts(description) === 'yes');
  }

  #match(): void {
    const participants = this.#host.participants();
    for (const stray of this.all) {
      const { claim } = stray;
      if (claim === undefined || !participants.includes(claim)) continue;
      const proof = this.#proofs.get(claim);
      this.#proofs.delete(claim);
      if (proof !== undefined) this.#host.offered(claim, proof);
      else if (!stray.polite) stray.notify({ type: 'id.claimed' });
    }
  }
}
