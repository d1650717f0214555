/** An outbox as the common budget sees it. */
export interface OutboxShare {
  /** Memory that it holds, in bytes. */
  readonly heldBytes: number;
  /** When its oldest message was written, in monotonic milliseconds. */
  readonly oldestAt: number;
  /** Forgets all that it keeps. Its session goes on, and hears `lost` should it resume. */
  letGo(): void;
}

/** Beyond the limit outboxes are emptied until so much of it is in use: then many writes pass until the next time. */
const REST = 7 / 8;

/**
 * What all outboxes of a server may hold together. Beyond the limit the largest are emptied first; of those of about the
 * same size, the one with the oldest message. So a session that keeps much for long pays, and not the one that writes.
 */
export class OutboxBudget {
  readonly #limitBytes: number;
  readonly #emptied: (outboxes: number, bytes: number) => void;
  readonly #shares = new Set<OutboxShare>();
  #usedBytes = 0;

  /** `emptied` hears of each time that outboxes had to be emptied: how many, and what they held. */
  constructor(limitBytes: number, emptied: (outboxes: number, bytes: number) => void = () => {}) {
    this.#limitBytes = limitBytes;
    this.#emptied = emptied;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** `share` holds so much more, or less. */
  changed(share: OutboxShare, bytes: number): void {
    this.#usedBytes += bytes;
    if (share.heldBytes === 0) this.#shares.delete(share);
    else if (share.heldBytes === bytes) this.#shares.add(share); // its first
  }

  /** Called after a write: empties outboxes when they hold too much together. */
  enforce(): void {
    if (this.#usedBytes > this.#limitBytes) this.#empty();
  }

  #empty(): void {
    const before = this.#usedBytes;
    let outboxes = 0;
    for (const share of [...this.#shares].sort(byRank)) {
      if (this.#usedBytes <= this.#limitBytes * REST) break;
      share.letGo();
      outboxes += 1;
    }
    this.#emptied(outboxes, before - this.#usedBytes);
  }
}

/** The first is to be emptied first. Sizes within a factor of two are about the same. */
function byRank(one: OutboxShare, other: OutboxShare): number {
  return rankOf(other) - rankOf(one) || one.oldestAt - other.oldestAt;
}

function rankOf({ heldBytes }: OutboxShare): number {
  return Math.floor(Math.log2(heldBytes));
}
