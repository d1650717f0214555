/** The only words about a failed authentication that a client hears. */
export type RefusalCode = 'Unauthorized' | 'TokenExpired' | 'Forbidden';

/** Which check failed. It is for the log alone: it would help an attacker to correct a forged token. */
export type Check =
  | 'size'
  | 'form'
  | 'encoding'
  | 'json'
  | 'duplicate name'
  | 'prototype name'
  | 'header'
  | 'critical header'
  | 'typ'
  | 'key reference in header'
  | 'algorithm'
  | 'unknown key'
  | 'signature'
  | 'exp'
  | 'expired'
  | 'iat'
  | 'nbf'
  | 'lifetime'
  | 'issuer'
  | 'audience'
  | 'subject'
  | 'profile'
  | 'grants'
  | 'revoked'
  | 'nonce'
  | 'nonce spent'
  | 'clock'
  | 'challenge'
  | 'nonces are full'
  | 'unknown entity'
  | 'ticket'
  | 'hook'
  | 'hook unavailable'
  | 'missing'
  | 'internal';

export interface Refusal {
  readonly refused: RefusalCode;
  readonly check: Check;
}

/** Thrown inside of `auth/` only; what leaves it is a `Refusal`. */
export class RefusalError extends Error {
  override readonly name = 'RefusalError';
  readonly refusal: Refusal;

  constructor(check: Check, refused: RefusalCode = 'Unauthorized') {
    super(`${refused}: ${check}`);
    this.refusal = { refused, check };
  }
}

export function isRefusal(result: object): result is Refusal {
  return 'refused' in result;
}
