import ipaddr from 'ipaddr.js';

/** `192.0.2.1:50123`, `[2001:db8::1]:50123`, `[2001:db8::1]`: some proxies forward the port as well. */
const WITH_PORT = /^(?:\[([^\]]+)\](?::\d+)?|([\d.]+):\d+)$/;

/**
 * What an address counts under in limits by address; undefined for loopback, which they do not bind. IPv6 counts by
 * /64, what one household or host is given.
 */
export function keyOf(forwarded: string): string | undefined {
  const [, ipv6, ipv4] = WITH_PORT.exec(forwarded) ?? [];
  const address = ipv6 ?? ipv4 ?? forwarded;
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address); // an IPv4 address mapped into IPv6 becomes IPv4
  if (parsed.range() === 'loopback') return undefined;
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return `${parsed.toNormalizedString().split(':').slice(0, 4).join(':')}::/64`;
}
