import { randomBytes } from 'node:crypto';

/** Bytes of a resume token: 192 bits. */
const TOKEN_BYTES = 24;

/** Tokens that open one session at most: the one that its client brought last, and later ones it may not have heard of. */
const MAX_TOKENS = 8;

/**
 * The sessions of this process by resume token. Claiming a token brings the next one. The claimed token works until a
 * frame of the client shows that it has the next one: a client that did not hear its Ready can repeat the resume. A
 * token says nothing about its session. An unknown token is answered like a used one.
 */
export class Sessions<TSession> {
  readonly #byToken = new Map<string, TSession>();
  /** The oldest first. */
  readonly #tokensOf = new Map<TSession, readonly string[]>();

  /** The session's first token. */
  open(session: TSession): string {
    return this.#issue(session, []);
  }

  /** The session a token stands for, and its next token; undefined for a token that stands for none. */
  claim(token: string): { readonly session: TSession; readonly token: string } | undefined {
    const session = this.#byToken.get(token);
    if (session === undefined) return undefined;
    // The client has this token, so it needs no earlier one. An attempt that is still under way may have brought it a later one.
    const tokens = this.#tokensOf.get(session) ?? [];
    const later = tokens.slice(tokens.indexOf(token) + 1);
    return { session, token: this.#issue(session, [token, ...later.slice(-(MAX_TOKENS - 2))]) };
  }

  /** The client has its latest token: all others end. */
  confirm(session: TSession): void {
    const tokens = this.#tokensOf.get(session);
    if (tokens !== undefined && tokens.length > 1) this.#set(session, tokens.slice(-1));
  }

  /** The session is over. Idempotent. */
  revoke(session: TSession): void {
    this.#set(session, []);
    this.#tokensOf.delete(session);
  }

  /** How many sessions there are, those without a socket included. */
  get size(): number {
    return this.#tokensOf.size;
  }

  /** Every session that can be resumed, those without a socket included. */
  all(): IterableIterator<TSession> {
    return this.#tokensOf.keys();
  }

  #issue(session: TSession, kept: readonly string[]): string {
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    this.#set(session, [...kept, token]);
    return token;
  }

  /** These tokens open the session, and no others. */
  #set(session: TSession, tokens: readonly string[]): void {
    for (const token of this.#tokensOf.get(session) ?? []) this.#byToken.delete(token);
    for (const token of tokens) this.#byToken.set(token, session);
    this.#tokensOf.set(session, tokens);
  }
}
