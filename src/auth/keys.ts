import { createPublicKey, createSecretKey, type JsonWebKey, type KeyObject } from 'node:crypto';

/** A key of a token's issuer. The key says by which algorithms it may be used, never the token (RFC 8725, section 3.1). */
export interface VerificationKey {
  readonly kid: string;
  readonly key: KeyObject;
  readonly algorithms: readonly string[];
  /** Of tokens that this key signs, where it is the server's own; undefined: as the settings say. */
  readonly issuer?: string;
  readonly audience?: string;
}

export type Keys = ReadonlyMap<string, VerificationKey>;

/** Says what is wrong with keys, in a sentence, without any part of a key. */
export class KeysError extends Error {
  override readonly name = 'KeysError';
}

/** RFC 7518, section 3.2: a key of HS256 has at least the size of its hash. */
export const MIN_SECRET_BYTES = 32;
const MIN_RSA_BITS = 2048;
const MAX_KID_CHARACTERS = 128;
const KID = /^[\x21-\x7e]+$/;
/** A key server that sends more is not one. */
const MAX_KEYS = 100;
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

const EDDSA = ['EdDSA', 'Ed25519'];
const OF_CURVE: Readonly<Record<string, readonly string[]>> = {
  'EC P-256': ['ES256'],
  'EC P-384': ['ES384'],
  'EC P-521': ['ES512'],
  'OKP Ed25519': EDDSA,
};
const RSA_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];

/** Lines `kid=base64` (base64url will do, too); empty lines and lines that begin with # are skipped. Throws KeysError. */
export function readSecrets(text: string): Keys {
  const keys = new Map<string, VerificationKey>();
  for (const [i, line] of text.split('\n').entries()) {
    const entry = line.trim();
    if (entry === '' || entry.startsWith('#')) continue;
    const problem = (what: string) => new KeysError(`line ${i + 1}: ${what}`);
    const at = entry.indexOf('=');
    if (at < 0) throw problem('it is not kid=base64');
    const kid = entry.slice(0, at).trim();
    const encoded = entry.slice(at + 1).trim();
    if (!isKid(kid)) throw problem(`the kid is not 1 to ${MAX_KID_CHARACTERS} printable ASCII characters`);
    if (keys.has(kid)) throw problem('its kid is that of an earlier line');
    if (!BASE64.test(encoded)) throw problem('the secret is not base64');
    const secret = Buffer.from(encoded, 'base64');
    if (secret.length < MIN_SECRET_BYTES)
      throw problem(`the secret has ${secret.length} bytes, and needs at least ${MIN_SECRET_BYTES}`);
    keys.set(kid, { kid, key: createSecretKey(secret), algorithms: ['HS256'] });
  }
  if (keys.size === 0) throw new KeysError('there is no secret in it');
  return keys;
}

/**
 * The public keys of a JWK set (RFC 7517). Keys for other uses and of unknown types are left out, as section 5 asks.
 * Symmetric keys are left out, too: a set that others can read holds no secret. Throws KeysError.
 */
export function readKeySet(text: string): Keys {
  const entries = keysIn(text);
  const keys = new Map<string, VerificationKey>();
  for (const [i, entry] of entries.entries()) {
    if (typeof entry !== 'object' || entry === null) throw new KeysError(`key ${i + 1} is not an object`);
    const jwk = entry as Readonly<Record<string, unknown>>;
    if (jwk.d !== undefined) throw new KeysError(`key ${i + 1} is private: publish its public part alone`);
    const key = keyOf(jwk, i + 1);
    if (key === undefined) continue;
    if (keys.has(key.kid)) throw new KeysError(`key ${i + 1} has the kid of an earlier key`);
    keys.set(key.kid, key);
  }
  if (keys.size === 0) throw new KeysError('there is no key for signatures in it');
  return keys;
}

function keysIn(text: string): readonly unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new KeysError('it is not JSON');
  }
  const { keys } = (value ?? {}) as { keys?: unknown };
  if (!Array.isArray(keys)) throw new KeysError('it is not a JWK set: an object with an array "keys"');
  if (keys.length > MAX_KEYS) throw new KeysError(`it has more than ${MAX_KEYS} keys`);
  return keys;
}

function keyOf(jwk: Readonly<Record<string, unknown>>, position: number): VerificationKey | undefined {
  const { kid = '', use, key_ops } = jwk;
  if (use !== undefined && use !== 'sig') return undefined;
  if (key_ops !== undefined && !(Array.isArray(key_ops) && key_ops.includes('verify'))) return undefined;
  const algorithms = algorithmsOf(jwk);
  if (algorithms === undefined) return undefined;
  if (kid !== '' && !isKid(kid)) throw new KeysError(`key ${position} has a kid that is not printable ASCII`);
  let key: KeyObject;
  try {
    key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });
  } catch {
    throw new KeysError(`key ${position} is not a valid key of its type`);
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? MIN_RSA_BITS;
  if (bits < MIN_RSA_BITS) throw new KeysError(`key ${position} has ${bits} bits: RSA needs ${MIN_RSA_BITS}`);
  return { kid: kid as string, key, algorithms };
}

/** One algorithm for each type of key; for RSA the key may name another. Undefined: no key that Bloom can use. */
function algorithmsOf({ kty, crv, alg }: Readonly<Record<string, unknown>>): readonly string[] | undefined {
  if (kty === 'RSA') {
    if (alg === undefined) return ['RS256'];
    return RSA_ALGORITHMS.includes(alg as string) ? [alg as string] : undefined;
  }
  const name = `${kty} ${crv}`;
  const algorithms = Object.hasOwn(OF_CURVE, name) ? OF_CURVE[name] : undefined;
  return alg === undefined || algorithms?.includes(alg as string) ? algorithms : undefined;
}

export function isKid(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_KID_CHARACTERS && KID.test(value);
}
