import { createHmac, createPrivateKey, type KeyObject, sign } from 'node:crypto';

/** Tokens as an attacker writes them: header and payload are text, so they may say what no library would. */

export function encode(part: string | object): string {
  const text = typeof part === 'string' ? part : JSON.stringify(part);
  return Buffer.from(text).toString('base64url');
}

export function hmacToken(
  header: string | object,
  payload: string | object,
  secret: Uint8Array | string,
): string {
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

export function signedToken(
  header: string | object,
  payload: string | object,
  key: KeyObject | string,
): string {
  const input = `${encode(header)}.${encode(payload)}`;
  const privateKey = typeof key === 'string' ? createPrivateKey(key) : key;
  const isEd25519 = privateKey.asymmetricKeyType === 'ed25519';
  const dsaEncoding = 'ieee-p1363';
  const signature = sign(isEd25519 ? null : 'sha256', Buffer.from(input), { key: privateKey, dsaEncoding });
  return `${input}.${signature.toString('base64url')}`;
}
