import { createPublicKey, verify } from 'node:crypto';
import { fromBase64url } from './base64url.ts';

/** Public keys and signatures of Ed25519 (RFC 8032) as base64url of their bytes. */

const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

export function isPublicKey(value: unknown): value is string {
  return typeof value === 'string' && fromBase64url(value)?.length === KEY_BYTES;
}

export function isSignature(value: unknown): value is string {
  return typeof value === 'string' && fromBase64url(value)?.length === SIGNATURE_BYTES;
}

/** False also for 32 bytes that are no point of the curve. */
export function isSignedBy(publicKey: string, text: string, signature: string): boolean {
  try {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' });
    return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url'));
  } catch {
    return false;
  }
}
