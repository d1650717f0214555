import { fetchText, isTrustworthy } from './bounded-fetch.ts';
import type { KeySource } from './keyring.ts';
import { type Keys, KeysError, readKeySet } from './keys.ts';

export interface KeyServerLog {
  info(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

export interface KeyServerTimes {
  /** How often the keys are fetched while all is well. */
  readonly refreshMs: number;
  /** The first pause after a failure; each further failure doubles it, up to `refreshMs`. */
  readonly retryMs: number;
  /** Tokens with unknown keys make the server fetch at most so often. */
  readonly cooldownMs: number;
  readonly timeoutMs: number;
  /** How long the last good keys are used while the key server fails. */
  readonly maxAgeMs: number;
}

export const KEY_SERVER_TIMES: KeyServerTimes = {
  refreshMs: 600_000,
  retryMs: 1000,
  cooldownMs: 30_000,
  timeoutMs: 5000,
  maxAgeMs: 24 * 60 * 60 * 1000,
};

const MAX_BYTES = 262_144;
const NO_KEYS: Keys = new Map();

/**
 * The keys at one fixed URL, fetched at the start and in the background. What cannot be read changes nothing: the last good
 * set stays in use for `maxAgeMs`. No part of the URL comes from a token.
 */
export class KeyServer implements KeySource {
  readonly #url: URL;
  readonly #log: KeyServerLog;
  readonly #times: KeyServerTimes;
  readonly #now: () => number;
  #keys: Keys = NO_KEYS;
  /** When the last good set came, and when the last fetch began; in `now`'s milliseconds. */
  #goodAt = Number.NEGATIVE_INFINITY;
  #askedAt = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #fetching: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  /** `now` never goes back. Throws KeysError where the URL is not https. */
  constructor(
    url: URL,
    log: KeyServerLog,
    times: KeyServerTimes = KEY_SERVER_TIMES,
    now: () => number = () => performance.now(),
  ) {
    if (!isTrustworthy(url)) throw new KeysError('the URL of a key server has to begin with https://');
    this.#url = url;
    this.#log = log;
    this.#times = times;
    this.#now = now;
  }

  get keys(): Keys {
    return this.#now() - this.#goodAt <= this.#times.maxAgeMs ? this.#keys : NO_KEYS;
  }

  /** Fetches the keys now and from then on. Settles after the first fetch, also when that fails; never rejects. */
  start(): Promise<void> {
    return this.#fetch();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** Fetches unless a fetch began within the cooldown; waits for one that is under way. Never rejects. */
  async refresh(): Promise<void> {
    if (this.#fetching !== undefined) return this.#fetching;
    if (this.#isStopped || this.#now() - this.#askedAt < this.#times.cooldownMs) return;
    return this.#fetch();
  }

  #fetch(): Promise<void> {
    this.#askedAt = this.#now();
    clearTimeout(this.#timer);
    this.#fetching ??= this.#replace().finally(() => {
      this.#fetching = undefined;
      this.#plan();
    });
    return this.#fetching;
  }

  async #replace(): Promise<void> {
    try {
      const { status, text } = await fetchText(
        this.#url,
        { headers: { Accept: 'application/jwk-set+json, application/json' } },
        { timeoutMs: this.#times.timeoutMs, maxBytes: MAX_BYTES },
      );
      if (status !== 200) throw new KeysError(`it answered with status ${status}`);
      const before = this.#keys;
      this.#keys = readKeySet(text);
      this.#goodAt = this.#now();
      if (this.#failures > 0 || !hasSameKids(before, this.#keys))
        this.#log.info({ kids: [...this.#keys.keys()] }, 'keys of AUTH_JWKS_URL are here');
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      const { size } = this.keys;
      const reason = (error as Error).message;
      this.#log.error(
        { reason, keys_in_use: size },
        'keys of AUTH_JWKS_URL are not here: the last good ones stay',
      );
    }
  }

  #plan(): void {
    if (this.#isStopped) return;
    const { refreshMs, retryMs } = this.#times;
    const pauseMs =
      this.#failures === 0 ? refreshMs : Math.min(refreshMs, retryMs * 2 ** (this.#failures - 1));
    this.#timer = setTimeout(() => this.#fetch(), pauseMs).unref();
  }
}

function hasSameKids(a: Keys, b: Keys): boolean {
  return a.size === b.size && [...a.keys()].every((kid) => b.has(kid));
}
