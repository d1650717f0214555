import { readIceServers } from '../ice-servers.ts';
import { FetchError, fetchText, isTrustworthy } from './bounded-fetch.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import { KeysError } from './keys.ts';
import type { TimedIceServers, TurnCredentials } from './turn-secret.ts';

export interface TurnServiceLog {
  error(fields: object, text: string): void;
}

const TIMEOUT_MS = 5000;
const MAX_BYTES = 65_536;
const MAX_FAILURES = 3;
const PAUSE_MS = 10_000;

/**
 * Credentials of a TURN service. Cloudflare's API takes and answers JSON: `{ttl}`, then `{iceServers}`. Twilio's takes a form:
 * `Ttl`, then `{ice_servers, ttl}`. The path of the URL says which one it is.
 */
export class TurnService implements TurnCredentials {
  readonly #url: URL;
  readonly #authorization: () => string;
  readonly #ttlS: number;
  readonly #log: TurnServiceLog;
  readonly #now: () => number;
  readonly #breaker = new CircuitBreaker(MAX_FAILURES, PAUSE_MS);

  /**
   * `authorization` is the value of that header: `Bearer …` for Cloudflare, `Basic …` for Twilio. `now` is the time in
   * milliseconds since 1970. Throws KeysError where the URL is not https.
   */
  constructor(
    url: URL,
    authorization: () => string,
    ttlS: number,
    log: TurnServiceLog,
    now: () => number = Date.now,
  ) {
    if (!isTrustworthy(url)) throw new KeysError('the URL of a TURN service has to begin with https://');
    this.#url = url;
    this.#authorization = authorization;
    this.#ttlS = ttlS;
    this.#log = log;
    this.#now = now;
  }

  /** Undefined while the service fails: the call goes on without a relay. */
  async credentialsFor(): Promise<TimedIceServers | undefined> {
    if (!this.#breaker.mayAsk()) return undefined;
    try {
      const servers = await this.#fetch();
      this.#breaker.succeeded();
      return servers;
    } catch (error) {
      this.#breaker.failed();
      const reason = error instanceof FetchError ? error.message : 'its answer has no ICE servers';
      this.#log.error({ reason }, 'TURN_CREDENTIALS_URL fails: members get no TURN servers');
      return undefined;
    }
  }

  async #fetch(): Promise<TimedIceServers> {
    const askedAt = this.#now();
    const isTwilio = this.#url.pathname.endsWith('/Tokens.json');
    const body = isTwilio
      ? new URLSearchParams({ Ttl: String(this.#ttlS) })
      : JSON.stringify({ ttl: this.#ttlS });
    const headers = {
      Authorization: this.#authorization(),
      Accept: 'application/json',
      ...(!isTwilio && { 'Content-Type': 'application/json' }),
    };
    const { status, text } = await fetchText(
      this.#url,
      { method: 'POST', headers, body },
      { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES },
    );
    if (status !== 200 && status !== 201) throw new FetchError(`it answered with status ${status}`);
    const answer = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const servers = readIceServers([isTwilio ? answer.ice_servers : answer.iceServers].flat());
    if (servers.length === 0) throw new FetchError('its answer has no ICE servers');
    return {
      ice_servers: servers,
      expires_at: new Date(askedAt + this.#lifeS(answer.ttl) * 1000).toISOString(),
    };
  }

  /** Twilio may give less than it was asked for, and says so as text. */
  #lifeS(ttl: unknown): number {
    const told = Number(ttl);
    return told > 0 ? Math.min(told, this.#ttlS) : this.#ttlS;
  }
}
