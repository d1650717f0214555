import { compactVerify } from 'jose';
import { fromBase64url } from './base64url.ts';
import { readProfile } from './claims.ts';
import { type Grants, type Identity, NO_GRANTS } from './identity.ts';
import type { Keyring } from './keyring.ts';
import { isKid, type VerificationKey } from './keys.ts';
import { type Refusal, RefusalError } from './refusal.ts';
import { readStrictJson } from './strict-json.ts';

export interface TokenRules {
  /** Checked when set. */
  readonly issuer?: string;
  readonly audience?: string;
  /** The longest life of a token, from its `iat` to its `exp`, in seconds. */
  readonly maxTtlS: number;
  /** What a token without grants allows; nothing by default. */
  readonly defaultGrants?: Grants;
}

/** Longer tokens are not read. It fits into the headers of a request, as Node reads them. */
export const MAX_TOKEN_CHARACTERS = 8192;
/** How far the clocks of issuer and server may be apart, in seconds. */
const LEEWAY_S = 5;
/** `at+jwt` is the access token of RFC 9068. Tokens for other uses name others, and must not work here. */
const TYPES: ReadonlySet<unknown> = new Set(['jwt', 'at+jwt']);
/** A header that brings a key or says where one is (RFC 7515, sections 4.1.2 to 4.1.6). */
const KEY_REFERENCES = ['jku', 'jwk', 'x5u', 'x5c'];

type Claims = Readonly<Record<string, unknown>>;

/**
 * Verifies tokens: JWTs in compact form with one signature (RFC 7519). It reads header and payload strictly before jose sees
 * them, verifies the signature before it believes a claim, and takes the algorithm from the key.
 */
export class TokenVerifier {
  readonly #keys: Keyring;
  readonly #rules: TokenRules;
  readonly #now: () => number;

  /** `now` is the time in milliseconds since 1970. */
  constructor(keys: Keyring, rules: TokenRules, now: () => number = Date.now) {
    this.#keys = keys;
    this.#rules = rules;
    this.#now = now;
  }

  /** Never rejects: whatever is wrong with a token is a refusal. */
  async verify(token: unknown): Promise<Identity | Refusal> {
    try {
      return await this.#verify(token);
    } catch (error) {
      if (error instanceof RefusalError) return error.refusal;
      return new RefusalError('form').refusal;
    }
  }

  async #verify(token: unknown): Promise<Identity> {
    const { text, header, claims } = split(token);
    checkHeader(header);
    const key = await this.#keyOf(header, claims);
    if (!key.algorithms.includes(header.alg as string)) throw new RefusalError('algorithm');
    await verifySignature(text, key);
    const times = this.#checkTimes(claims);
    this.#checkAddressee(claims, key);
    return { ...readProfile(claims, this.#rules.defaultGrants ?? NO_GRANTS), ...times };
  }

  /** LiveKit's tokens have no `kid`: their `iss` names the key. `iss` only chooses among the server's own keys. */
  async #keyOf({ kid }: Claims, { iss, video }: Claims): Promise<VerificationKey> {
    const name = kid ?? (video === undefined ? undefined : iss);
    if (name !== undefined && !isKid(name)) throw new RefusalError('unknown key');
    const key = name === undefined ? await this.#keys.sole() : await this.#keys.find(name);
    if (key === undefined) throw new RefusalError('unknown key');
    return key;
  }

  #checkTimes({ exp, nbf, iat = nbf }: Claims): Pick<Identity, 'issued_at' | 'expires_at'> {
    const now = this.#now() / 1000;
    if (!isTime(exp)) throw new RefusalError('exp');
    if (!isTime(iat) || iat > now + LEEWAY_S) throw new RefusalError('iat');
    if (nbf !== undefined && (!isTime(nbf) || nbf > now + LEEWAY_S)) throw new RefusalError('nbf');
    if (exp <= iat || exp - iat > this.#rules.maxTtlS) throw new RefusalError('lifetime');
    if (exp + LEEWAY_S <= now) throw new RefusalError('expired', 'TokenExpired');
    // A token from the future would outlive a revocation.
    return { issued_at: Math.min(iat, now), expires_at: exp };
  }

  #checkAddressee({ iss, aud }: Claims, key: VerificationKey): void {
    const { issuer = this.#rules.issuer, audience = this.#rules.audience } = key;
    if (issuer !== undefined && iss !== issuer) throw new RefusalError('issuer');
    if (audience === undefined) return;
    const isMeant = Array.isArray(aud) ? aud.includes(audience) : aud === audience;
    if (!isMeant) throw new RefusalError('audience');
  }
}

function split(token: unknown): { text: string; header: Claims; claims: Claims } {
  if (typeof token !== 'string' || token === '') throw new RefusalError('form');
  if (token.length > MAX_TOKEN_CHARACTERS) throw new RefusalError('size');
  const parts = token.split('.', 4);
  const [header = '', payload = '', signature = ''] = parts;
  if (parts.length !== 3 || header === '' || payload === '') throw new RefusalError('form');
  if (fromBase64url(signature) === undefined) throw new RefusalError('encoding');
  return { text: token, header: partOf(header), claims: partOf(payload) };
}

function partOf(encoded: string): Claims {
  const bytes = fromBase64url(encoded);
  if (bytes === undefined) throw new RefusalError('encoding');
  return readStrictJson(bytes);
}

function checkHeader(header: Claims): void {
  const { alg, typ } = header;
  if (typeof alg !== 'string') throw new RefusalError('header');
  if (KEY_REFERENCES.some((name) => name in header)) throw new RefusalError('key reference in header');
  // Bloom understands no extension, so a header that demands one is refused; `b64` is one.
  if ('crit' in header || 'b64' in header || 'zip' in header) throw new RefusalError('critical header');
  if (
    typ !== undefined &&
    !(typeof typ === 'string' && TYPES.has(typ.toLowerCase().replace(/^application\//, '')))
  )
    throw new RefusalError('typ');
}

async function verifySignature(token: string, { key, algorithms }: VerificationKey): Promise<void> {
  try {
    await compactVerify(token, key, { algorithms: [...algorithms] });
  } catch {
    throw new RefusalError('signature');
  }
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
