import { createHash, createHmac } from 'node:crypto';
import type { IceServer } from '../protocol/server.ts';

/** ICE servers for one user, and until when their credentials work (ISO 8601). */
export interface TimedIceServers {
  readonly ice_servers: readonly IceServer[];
  readonly expires_at: string;
}

/** Where a member gets its TURN servers. Undefined: none now. Never rejects. */
export interface TurnCredentials {
  credentialsFor(userId: string): TimedIceServers | undefined | Promise<TimedIceServers | undefined>;
}

/** What every TURN server and browser takes as it is. */
const PLAIN_USER = /^[\x21-\x7e]{1,128}$/;

/**
 * Time-limited credentials that a TURN server verifies by a shared secret (draft-uberti-behave-turn-rest-00; coturn's
 * `use-auth-secret`). coturn counts quotas by the part of the user name behind the colon, so they are per user.
 */
export class TurnSecret implements TurnCredentials {
  readonly #urls: readonly string[];
  readonly #secret: () => string;
  readonly #ttlS: number;
  readonly #now: () => number;

  /** `now` is the time in milliseconds since 1970. */
  constructor(urls: readonly string[], secret: () => string, ttlS: number, now: () => number = Date.now) {
    this.#urls = urls;
    this.#secret = secret;
    this.#ttlS = ttlS;
    this.#now = now;
  }

  credentialsFor(userId: string): TimedIceServers {
    const expiresAt = Math.floor(this.#now() / 1000) + this.#ttlS;
    const username = `${expiresAt}:${userPart(userId)}`;
    const credential = createHmac('sha1', this.#secret()).update(username).digest('base64');
    return {
      ice_servers: [{ urls: [...this.#urls], username, credential }],
      expires_at: new Date(expiresAt * 1000).toISOString(),
    };
  }
}

function userPart(userId: string): string {
  if (PLAIN_USER.test(userId)) return userId;
  return createHash('sha256').update(userId).digest('base64url');
}
