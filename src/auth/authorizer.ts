import type { Identity } from './identity.ts';
import type { Refusal } from './refusal.ts';

/** What a client brought when it asked to be let in. */
export interface Handshake {
  /** After trusted proxies. */
  readonly address: string;
  readonly origin?: string;
  readonly cookie?: string;
  readonly authorization?: string;
  readonly userAgent?: string;
  /** Of Hello, of `Authorization: Bearer` or of the subprotocol pair. */
  readonly token?: string;
  readonly ticket?: string;
}

/** Who may enter. A refusal is an answer; an exception counts as a refusal, too. */
export interface Authorizer {
  authenticate(handshake: Handshake): Identity | Refusal | Promise<Identity | Refusal>;
}
