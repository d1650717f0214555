import type { ParticipantId } from '../protocol/server.ts';
import type { Description } from './description.ts';
import { readIdentity, writeIdentity } from './identity.ts';
import type { Peer } from './peer.ts';

export interface OrphanedPeersHost {
  peers(): Iterable<Peer>;
  /** The participants of the room. */
  participants(): readonly ParticipantId[];
  /** An offer that had to wait can be applied now. */
  offered(from: ParticipantId, description: Description): void;
  /** The owner of the connection has proved that this is its new id. */
  rename(peer: Peer, id: ParticipantId): void;
  drop(peer: Peer): void;
}

/**
 * Connections that outlived a server restart. Their owners have new ids, which this end does not know yet.
 *
 * The other end's Mesh sends its new id over the connection. That is an unverified claim. The proof is a description
 * with the fingerprint of this connection, which the server delivers from the claimed id. So no participant can
 * take the place of another: the connection names the id, and the id names the connection.
 */
export class OrphanedPeers {
  readonly #host: OrphanedPeersHost;
  /** Offers with the fingerprint of a connection that has not claimed the sender's id yet. */
  readonly #proofs = new Map<ParticipantId, Description>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(host: OrphanedPeersHost) {
    this.#host = host;
  }

  get all(): Peer[] {
    return [...this.#host.peers()].filter(({ hasUnknownId }) => hasUnknownId);
  }

  /** The server has restarted and every id is void. Peers that do not come back within `ms` are dropped. */
  restarted(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      for (const orphan of this.all) this.#host.drop(orphan);
    }, ms);
  }

  /** This client is in the room again. Sends its new id to the other ends. */
  introduce(selfId: ParticipantId): void {
    for (const orphan of this.all) orphan.tell(writeIdentity(selfId));
    this.#match();
  }

  /** Reads text from a connection. It may come from another program than a Mesh. */
  told(peer: Peer, text: string): void {
    const claim = readIdentity(text);
    if (claim === undefined || claim === peer.id) return;
    peer.claim = claim;
    this.#match();
  }

  /** Whether the offer must wait, because its connection has not claimed the sender's id yet. */
  offered(from: ParticipantId, description: Description): boolean {
    const orphan = this.#orphanOf(description);
    if (orphan === undefined) return false;
    if (orphan.claim !== from) {
      this.#proofs.set(from, description);
      return true;
    }
    this.#host.rename(orphan, from);
    return false;
  }

  answered(from: ParticipantId, description: Description): void {
    const orphan = this.#orphanOf(description);
    if (orphan?.claim === from) this.#host.rename(orphan, from);
  }

  claimedBy(id: ParticipantId): Peer | undefined {
    return this.all.find(({ claim }) => claim === id);
  }

  /** The participant has a new connection. Drops earlier connections that claimed its id. */
  dropClaimedBy(id: ParticipantId): void {
    for (const orphan of this.all) if (orphan.claim === id) this.#host.drop(orphan);
  }

  /** The participant has left, or has a new connection. */
  forget(id: ParticipantId): void {
    this.#proofs.delete(id);
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #orphanOf(description: Description): Peer | undefined {
    return this.all.find((orphan) => orphan.accepts(description) === 'yes');
  }

  #match(): void {
    const participants = this.#host.participants();
    for (const orphan of this.all) {
      const { claim } = orphan;
      if (claim === undefined || !participants.includes(claim)) continue;
      const proof = this.#proofs.get(claim);
      this.#proofs.delete(claim);
      if (proof !== undefined) this.#host.offered(claim, proof);
      else if (!orphan.polite) orphan.notify({ type: 'id.claimed' });
    }
  }
}
