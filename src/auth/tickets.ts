import { createHash, randomBytes } from 'node:crypto';
import type { Identity } from './identity.ts';

export interface IssuedTicket {
  readonly ticket: string;
  /** Seconds. */
  readonly expires_in: number;
}

interface Entry {
  readonly identity: Identity;
  readonly endsAt: number;
}

const LIFE_S = 30;
const TICKET_BYTES = 32;
/** Open tickets of one user at most; one more takes the place of the user's oldest. */
const MAX_PER_USER = 8;

/**
 * Tickets for clients that can only give a URL: a ticket stands for an identity, works once, and is in a URL for 30 s at most.
 * Only hashes are kept, so that a dump of the memory opens nothing.
 */
export class Tickets {
  readonly #max: number;
  readonly #now: () => number;
  /** By the hash of the ticket, the oldest first. */
  readonly #entries = new Map<string, Entry>();
  readonly #ofUsers = new Map<string, string[]>();

  /** `now` is the time in milliseconds since 1970, since a ticket never outlives its token. */
  constructor(max: number, now: () => number = Date.now) {
    this.#max = max;
    this.#now = now;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Undefined while there are too many open tickets, or where the identity has expired. */
  issue(identity: Identity): IssuedTicket | undefined {
    const now = this.#now();
    this.#forget(now);
    const lifeS = Math.min(LIFE_S, Math.floor(identity.expires_at - now / 1000));
    if (lifeS <= 0) return undefined;
    const own = this.#ofUsers.get(identity.user_id) ?? [];
    if (own.length >= MAX_PER_USER) this.#remove(own[0] as string);
    if (this.#entries.size >= this.#max) return undefined;
    const ticket = randomBytes(TICKET_BYTES).toString('base64url');
    const hash = hashOf(ticket);
    this.#entries.set(hash, { identity, endsAt: now + lifeS * 1000 });
    this.#ofUsers.set(identity.user_id, [...(this.#ofUsers.get(identity.user_id) ?? []), hash]);
    return { ticket, expires_in: lifeS };
  }

  /** The identity behind a ticket, once. */
  spend(ticket: string): Identity | undefined {
    const entry = this.#remove(hashOf(ticket));
    return entry !== undefined && entry.endsAt > this.#now() ? entry.identity : undefined;
  }

  #remove(hash: string): Entry | undefined {
    const entry = this.#entries.get(hash);
    if (entry === undefined) return undefined;
    this.#entries.delete(hash);
    const { user_id } = entry.identity;
    const rest = (this.#ofUsers.get(user_id) ?? []).filter((other) => other !== hash);
    if (rest.length === 0) this.#ofUsers.delete(user_id);
    else this.#ofUsers.set(user_id, rest);
    return entry;
  }

  /** No ticket lives longer than LIFE_S, so those behind the first live one may wait for a later call. */
  #forget(now: number): void {
    for (const [hash, { endsAt }] of this.#entries) {
      if (endsAt > now) return;
      this.#remove(hash);
    }
  }
}

function hashOf(ticket: string): string {
  return createHash('sha256').update(ticket).digest('base64url');
}
