/**
 * Since when tokens count: a moment for a user, and for a user in one room. A token that was issued before is revoked, a newer
 * one is not. No token is remembered, and an entry is forgotten when no token from before it can be alive.
 */
export class Revocations {
  readonly #maxTtlS: number;
  readonly #now: () => number;
  /** Not-before times in Unix seconds. A Map keeps the order of insertion, and each new entry is the latest. */
  readonly #users = new Map<string, number>();
  readonly #members = new Map<string, number>();

  /** `maxTtlS`: the longest life of a token. `now`: milliseconds since 1970. */
  constructor(maxTtlS: number, now: () => number = Date.now) {
    this.#maxTtlS = maxTtlS;
    this.#now = now;
  }

  get size(): number {
    return this.#users.size + this.#members.size;
  }

  /** Every token that this user has now is revoked; with `room`, for that room alone. */
  revoke(user: string, room?: string): void {
    const notBefore = this.#now() / 1000;
    const [entries, key] = room === undefined ? [this.#users, user] : [this.#members, keyOf(user, room)];
    entries.delete(key);
    entries.set(key, notBefore);
    this.#forget(this.#users);
    this.#forget(this.#members);
  }

  /**
   * Issuers write `iat` in whole seconds, so a token of the revocation's own second counts as older: a new token works from
   * the next second on.
   */
  isRevoked(user: string, issuedAt: number, room?: string): boolean {
    const isBefore = (notBefore: number | undefined) => notBefore !== undefined && issuedAt <= notBefore;
    if (isBefore(this.#users.get(user))) return true;
    return room !== undefined && isBefore(this.#members.get(keyOf(user, room)));
  }

  /** Tokens may be some seconds from the future, so entries live a minute longer than tokens. */
  #forget(entries: Map<string, number>): void {
    const oldest = this.#now() / 1000 - this.#maxTtlS - 60;
    for (const [key, notBefore] of entries) {
      if (notBefore >= oldest) return;
      entries.delete(key);
    }
  }
}

function keyOf(user: string, room: string): string {
  return JSON.stringify([room, user]);
}
