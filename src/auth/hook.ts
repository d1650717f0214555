import type { Authorizer, Handshake } from './authorizer.ts';
import { FetchError, fetchText, isTrustworthy } from './bounded-fetch.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import { readProfile } from './claims.ts';
import type { Identity } from './identity.ts';
import { KeysError } from './keys.ts';
import { type Refusal, RefusalError } from './refusal.ts';
import { readStrictJson } from './strict-json.ts';

export interface HookLog {
  error(fields: object, text: string): void;
}

export interface HookSettings {
  readonly timeoutMs: number;
  /** The longest life of an identity, in seconds. */
  readonly maxTtlS: number;
  readonly maxFailures: number;
  readonly pauseMs: number;
}

const MAX_BYTES = 65_536;
/** Questions under way at most; one more is refused. */
const MAX_UNDER_WAY = 256;
const DEFAULT_TTL_S = 3600;

/**
 * Asks the operator's own service who a client is: for those who have cookies and no tokens. The service answers 200 with
 * `{user_id, name?, attributes?, grants?, expires_in?}`, or 401 or 403. Anything else, and silence, is a refusal.
 */
export class AuthHook implements Authorizer {
  readonly #url: URL;
  readonly #log: HookLog;
  readonly #settings: HookSettings;
  readonly #breaker: CircuitBreaker;
  readonly #now: () => number;
  #underWay = 0;

  /** `now` is the time in milliseconds since 1970. Throws KeysError where the URL is not https. */
  constructor(url: URL, log: HookLog, settings: HookSettings, now: () => number = Date.now) {
    if (!isTrustworthy(url)) throw new KeysError('the URL of the hook has to begin with https://');
    this.#url = url;
    this.#log = log;
    this.#settings = settings;
    this.#breaker = new CircuitBreaker(settings.maxFailures, settings.pauseMs);
    this.#now = now;
  }

  /** Never rejects. */
  async authenticate(handshake: Handshake): Promise<Identity | Refusal> {
    if (this.#underWay >= MAX_UNDER_WAY || !this.#breaker.mayAsk())
      return new RefusalError('hook unavailable').refusal;
    this.#underWay += 1;
    try {
      return await this.#ask(handshake);
    } finally {
      this.#underWay -= 1;
    }
  }

  async #ask({ address, origin, cookie, authorization, userAgent }: Handshake): Promise<Identity | Refusal> {
    try {
      const body = JSON.stringify({ address, origin, cookie, authorization, user_agent: userAgent });
      const { status, text } = await fetchText(
        this.#url,
        { method: 'POST', headers: { 'Content-Type': 'application/json', Accept: 'application/json' }, body },
        { timeoutMs: this.#settings.timeoutMs, maxBytes: MAX_BYTES },
      );
      if (status !== 200 && status !== 401 && status !== 403)
        throw new FetchError(`it answered with status ${status}`);
      const result = status === 200 ? this.#read(text) : new RefusalError('hook', CODES[status]).refusal;
      this.#breaker.succeeded();
      return result;
    } catch (error) {
      this.#breaker.failed();
      const reason = error instanceof FetchError ? error.message : 'its answer is not an identity';
      this.#log.error({ reason }, 'AUTH_HOOK_URL fails: clients are refused');
      return new RefusalError('hook unavailable').refusal;
    }
  }

  #read(text: string): Identity {
    const {
      user_id,
      name,
      attributes,
      grants,
      expires_in = DEFAULT_TTL_S,
    } = readStrictJson(Buffer.from(text));
    const { maxTtlS } = this.#settings;
    if (typeof expires_in !== 'number' || !(expires_in > 0)) throw new RefusalError('lifetime');
    const now = Math.floor(this.#now() / 1000);
    return {
      ...readProfile({ sub: user_id, name, attributes, bloom: grants }),
      issued_at: now,
      expires_at: now + Math.min(expires_in, maxTtlS),
    };
  }
}

const CODES = { 401: 'Unauthorized', 403: 'Forbidden' } as const;
