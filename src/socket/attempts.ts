import ipaddr from 'ipaddr.js';
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';

/**
 * How often an address may try: connection attempts and failed joins count alike, so that neither floods nor a
 * search for room ids pay. IPv6 counts by /64, what one household or host is given. Loopback is not limited: it is
 * the operator's own, and behind an untrusted local proxy it would be everybody.
 */
export class Attempts {
  readonly #limiter: RateLimiterMemory | undefined;

  /** `limit` attempts within `windowMs`; a limit of 0 allows any number. */
  constructor(limit: number, windowMs: number) {
    if (limit > 0) this.#limiter = new RateLimiterMemory({ points: limit, duration: windowMs / 1000 });
  }

  /** Counts one attempt. Settles with 0, or beyond the limit with the milliseconds until the next may succeed. */
  async count(address: string): Promise<number> {
    const key = keyOf(address);
    if (this.#limiter === undefined || key === undefined) return 0;
    try {
      await this.#limiter.consume(key);
      return 0;
    } catch (refusal) {
      return Math.max(1, (refusal as RateLimiterRes).msBeforeNext);
    }
  }
}

/** `192.0.2.1:50123`, `[2001:db8::1]:50123`, `[2001:db8::1]`: some proxies forward the port as well. */
const WITH_PORT = /^(?:\[([^\]]+)\](?::\d+)?|([\d.]+):\d+)$/;

/** What an address counts under; undefined for one that is not limited. */
export function keyOf(forwarded: string): string | undefined {
  const [, ipv6, ipv4] = WITH_PORT.exec(forwarded) ?? [];
  const address = ipv6 ?? ipv4 ?? forwarded;
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address); // an IPv4 address mapped into IPv6 becomes IPv4
  if (parsed.range() === 'loopback') return undefined;
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return `${parsed.toNormalizedString().split(':').slice(0, 4).join(':')}::/64`;
}
