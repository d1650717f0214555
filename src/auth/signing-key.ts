import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { SignJWT } from 'jose';
import type { KeySource } from './keyring.ts';
import { type Keys, KeysError } from './keys.ts';

/** The name under which the server signs its own tokens. */
const ISSUER = 'bloom';

/** The server's own Ed25519 key: it signs the tokens that answer a challenge. */
export class SigningKey implements KeySource {
  readonly kid: string;
  /** Its public part, as the keyring needs it. */
  readonly keys: Keys;
  readonly #private: KeyObject;
  readonly #public: KeyObject;
  readonly #audience: string;

  /** `pem`: a PKCS #8 key; undefined: a new key, which dies with the process. Throws KeysError. */
  constructor(audience: string, pem?: string) {
    this.#private = pem === undefined ? generateKeyPairSync('ed25519').privateKey : readPrivateKey(pem);
    this.#public = createPublicKey(this.#private);
    this.#audience = audience;
    this.kid = thumbprint(this.#public);
    const key = { kid: this.kid, key: this.#public, algorithms: ['EdDSA'], issuer: ISSUER, audience };
    this.keys = new Map([[this.kid, key]]);
  }

  /** What /.well-known/jwks.json answers, so that others can verify the server's tokens. */
  get keySet(): object {
    const jwk = this.#public.export({ format: 'jwk' });
    return { keys: [{ ...jwk, kid: this.kid, use: 'sig', alg: 'EdDSA' }] };
  }

  /** Times are in Unix seconds. */
  sign(claims: Readonly<Record<string, unknown>>, issuedAt: number, expiresAt: number): Promise<string> {
    return new SignJWT({ ...claims })
      .setProtectedHeader({ alg: 'EdDSA', typ: 'JWT', kid: this.kid })
      .setIssuer(ISSUER)
      .setAudience(this.#audience)
      .setIssuedAt(issuedAt)
      .setExpirationTime(expiresAt)
      .sign(this.#private);
  }
}

function readPrivateKey(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new KeysError('it is not a private key in PEM');
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw new KeysError('its key is not Ed25519; make one with: openssl genpkey -algorithm ed25519');
  return key;
}

/** RFC 7638: members in the order of their names. */
function thumbprint(key: KeyObject): string {
  const { crv, kty, x } = key.export({ format: 'jwk' });
  return createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url');
}
