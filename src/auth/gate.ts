import { v4 as uuid } from 'uuid';
import type { Authorizer, Handshake } from './authorizer.ts';
import { ALL_GRANTS, type Identity } from './identity.ts';
import { isRefusal, type Refusal, RefusalError } from './refusal.ts';
import type { Revocations } from './revocations.ts';
import type { Tickets } from './tickets.ts';
import type { TokenVerifier } from './token-verifier.ts';

export interface GateParts {
  /** `optional`: a client without a token, a ticket and a hook's answer is let in under a generated id. */
  readonly mode: 'optional' | 'required';
  readonly verifier: TokenVerifier;
  readonly tickets: Tickets;
  readonly revocations: Revocations;
  /** Asked where a client brings neither a token nor a ticket. */
  readonly hook?: Authorizer;
  /** How long an anonymous client may stay, in seconds. */
  readonly maxTtlS: number;
}

/** Bloom's own way to say who a client is. A token that is wrong is refused in every mode: it never becomes anonymous. */
export class Gate implements Authorizer {
  readonly #parts: GateParts;
  readonly #now: () => number;

  /** `now` is the time in milliseconds since 1970. */
  constructor(parts: GateParts, now: () => number = Date.now) {
    this.#parts = parts;
    this.#now = now;
  }

  async authenticate(handshake: Handshake): Promise<Identity | Refusal> {
    const found = await this.#identify(handshake);
    if (isRefusal(found) || !this.#parts.revocations.isRevoked(found.user_id, found.issued_at)) return found;
    return new RefusalError('revoked').refusal;
  }

  async #identify(handshake: Handshake): Promise<Identity | Refusal> {
    const { mode, verifier, tickets, hook } = this.#parts;
    const { token, ticket } = handshake;
    if (token !== undefined) return verifier.verify(token);
    if (ticket !== undefined) return tickets.spend(ticket) ?? new RefusalError('ticket').refusal;
    if (hook !== undefined) {
      const answer = await hook.authenticate(handshake);
      // The service knows no such user: that is no token which is wrong.
      const isUnknown = isRefusal(answer) && answer.check === 'hook' && answer.refused === 'Unauthorized';
      if (!isUnknown || mode === 'required') return answer;
    }
    return mode === 'optional' ? this.#anonymous() : new RefusalError('missing').refusal;
  }

  #anonymous(): Identity {
    const now = this.#now() / 1000;
    return {
      user_id: `anonymous-${uuid()}`,
      anonymous: true,
      attributes: {},
      grants: ALL_GRANTS,
      issued_at: now,
      expires_at: now + this.#parts.maxTtlS,
    };
  }
}
