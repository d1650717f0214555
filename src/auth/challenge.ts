import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { fromBase64url } from './base64url.ts';
import { isUserId } from './claims.ts';
import { isPublicKey, isSignature, isSignedBy } from './ed25519.ts';
import type { Entities } from './entities.ts';
import { type Check, type Refusal, RefusalError } from './refusal.ts';
import type { SigningKey } from './signing-key.ts';
import type { SpentNonces } from './spent-nonces.ts';

/** A challenge: what the client has to sign. */
export interface Challenge {
  readonly nonce: string;
  readonly audience: string;
  /** ISO 8601. */
  readonly expires_at: string;
}

export interface IssuedToken {
  readonly token: string;
  /** ISO 8601. */
  readonly expires_at: string;
}

/** A clock that is wrong is told the right time, in Unix seconds. */
export type ChallengeRefusal = Refusal & { readonly server_time?: number };

export interface ChallengeServices {
  /** The name of this server: a signature for another server is worth nothing here. Never taken from a Host header. */
  readonly audience: string;
  /** At least 32 bytes; the same on all nodes. */
  readonly secret: Uint8Array;
  readonly entities: () => Entities;
  readonly spentNonces: SpentNonces;
  readonly signingKey: SigningKey;
  readonly tokenTtlS: number;
}

const NONCE_LIFE_S = 60;
const MAX_SKEW_S = 60;
const TIME_BYTES = 6;
const RANDOM_BYTES = 16;
const MAC_BYTES = 32;
const NONCE_BYTES = TIME_BYTES + RANDOM_BYTES + MAC_BYTES;

/** What the client signs with its Ed25519 key. No part can hold a line feed. */
export function signedText(
  audience: string,
  entity: string,
  publicKey: string,
  nonce: string,
  timestamp: number,
): string {
  return ['bloom-auth-v1', audience, entity, publicKey, nonce, timestamp].join('\n');
}

/**
 * Proof of a key without a token from elsewhere. A nonce holds its own expiry and an HMAC, so that asking for nonces costs no
 * memory. It is remembered only when a verification has succeeded.
 */
export class Challenges {
  readonly #services: ChallengeServices;
  readonly #now: () => number;

  /** `now` is the time in milliseconds since 1970. */
  constructor(services: ChallengeServices, now: () => number = Date.now) {
    this.#services = services;
    this.#now = now;
  }

  /** An unknown entity gets a nonce like a known one, so a client cannot search for entities. */
  issue(entity: unknown, publicKey: unknown): Challenge | Refusal {
    if (!isUserId(entity) || !isPublicKey(publicKey)) return new RefusalError('challenge').refusal;
    const expiresAt = Math.floor(this.#now() / 1000) + NONCE_LIFE_S;
    const head = Buffer.alloc(TIME_BYTES + RANDOM_BYTES);
    head.writeUIntBE(expiresAt, 0, TIME_BYTES);
    randomBytes(RANDOM_BYTES).copy(head, TIME_BYTES);
    const nonce = Buffer.concat([head, this.#macOf(head, entity, publicKey)]).toString('base64url');
    return { nonce, audience: this.#services.audience, expires_at: isoTime(expiresAt) };
  }

  /** `answer` is what a client sent. Never rejects because of it. */
  async verify(answer: unknown): Promise<IssuedToken | ChallengeRefusal> {
    try {
      return await this.#verify(answer);
    } catch (error) {
      if (!(error instanceof RefusalError)) throw error;
      const { refusal } = error;
      return refusal.check === 'clock'
        ? { ...refusal, server_time: Math.floor(this.#now() / 1000) }
        : refusal;
    }
  }

  async #verify(answer: unknown): Promise<IssuedToken> {
    if (typeof answer !== 'object' || answer === null) throw new RefusalError('challenge');
    const {
      entity_id: id,
      pubkey,
      nonce,
      timestamp,
      signature,
    } = answer as Readonly<Record<string, unknown>>;
    const isComplete =
      isUserId(id) && isPublicKey(pubkey) && isSignature(signature) && typeof nonce === 'string';
    if (!isComplete || typeof timestamp !== 'number' || !Number.isSafeInteger(timestamp))
      throw new RefusalError('challenge');
    const now = this.#now() / 1000;
    if (Math.abs(timestamp - now) > MAX_SKEW_S) throw new RefusalError('clock');
    this.#checkNonce(nonce, id, pubkey);
    const { audience, entities, spentNonces, signingKey, tokenTtlS } = this.#services;
    // The signature is verified for an unknown entity, too: the time of an answer must not tell them apart.
    const isSigned = isSignedBy(pubkey, signedText(audience, id, pubkey, nonce, timestamp), signature);
    const entity = entities().get(id);
    if (!isSigned) throw new RefusalError('signature');
    if (!entity?.keys.includes(pubkey)) throw new RefusalError('unknown entity');
    const spending = await spentNonces.spend(nonce, NONCE_LIFE_S * 1000);
    if (spending !== 'spent') throw new RefusalError(SPENDING[spending]);
    const issuedAt = Math.floor(now);
    const expiresAt = issuedAt + tokenTtlS;
    const token = await signingKey.sign({ sub: id, bloom: entity.claim }, issuedAt, expiresAt);
    return { token, expires_at: isoTime(expiresAt) };
  }

  #checkNonce(nonce: string, entity: string, publicKey: string): void {
    const bytes = fromBase64url(nonce);
    if (bytes?.length !== NONCE_BYTES) throw new RefusalError('nonce');
    const head = bytes.subarray(0, TIME_BYTES + RANDOM_BYTES);
    const mac = bytes.subarray(TIME_BYTES + RANDOM_BYTES);
    if (!timingSafeEqual(mac, this.#macOf(head, entity, publicKey))) throw new RefusalError('nonce');
    if (head.readUIntBE(0, TIME_BYTES) <= this.#now() / 1000) throw new RefusalError('nonce');
  }

  #macOf(head: Uint8Array, entity: string, publicKey: string): Buffer {
    const { audience, secret } = this.#services;
    const names = ['bloom-nonce-v1', audience, entity, publicKey].join('\n');
    return createHmac('sha256', secret).update(head).update(names).digest();
  }
}

const SPENDING: Readonly<Record<'was spent' | 'full', Check>> = {
  'was spent': 'nonce spent',
  full: 'nonces are full',
};

function isoTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
