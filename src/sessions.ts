import { randomBytes } from 'node:crypto';

/** Bytes of a resume token: 192 bits. */
const TOKEN_BYTES = 24;

interface Tokens {
  readonly current: string;
  /** The one that was claimed for `current`: good until the client is known to have heard of `current`. */
  readonly previous: string | undefined;
}

/**
 * The sessions of this process by resume token. A token works once: claiming it brings another, and ends it as soon
 * as the client has the other; a client whose socket broke before that still has a token that works. A token says
 * nothing about its session, and one that is unknown is not told from one that was used.
 */
export class Sessions<TSession> {
  readonly #byToken = new Map<string, TSession>();
  readonly #tokensOf = new Map<TSession, Tokens>();

  /** The session's first token. */
  open(session: TSession): string {
    return this.#issue(session, undefined);
  }

  /** The session a token stands for, and its next token; undefined for a token that stands for none. */
  claim(token: string): { readonly session: TSession; readonly token: string } | undefined {
    const session = this.#byToken.get(token);
    return session === undefined ? undefined : { session, token: this.#issue(session, token) };
  }

  /** The client has its current token: the one before ends. */
  confirm(session: TSession): void {
    const tokens = this.#tokensOf.get(session);
    if (tokens?.previous === undefined) return;
    this.#byToken.delete(tokens.previous);
    this.#tokensOf.set(session, { current: tokens.current, previous: undefined });
  }

  /** The session is over. Idempotent. */
  revoke(session: TSession): void {
    const tokens = this.#tokensOf.get(session);
    if (tokens === undefined) return;
    this.#tokensOf.delete(session);
    this.#byToken.delete(tokens.current);
    if (tokens.previous !== undefined) this.#byToken.delete(tokens.previous);
  }

  /** How many sessions there are, those without a socket included. */
  get size(): number {
    return this.#tokensOf.size;
  }

  /** Every session that can be resumed, those without a socket included. */
  all(): IterableIterator<TSession> {
    return this.#tokensOf.keys();
  }

  #issue(session: TSession, previous: string | undefined): string {
    this.revoke(session);
    const current = randomBytes(TOKEN_BYTES).toString('base64url');
    this.#byToken.set(current, session);
    if (previous !== undefined) this.#byToken.set(previous, session);
    this.#tokensOf.set(session, { current, previous });
    return current;
  }
}
