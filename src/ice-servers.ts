import { isIPv6 } from 'node:net';
import type { IceServer } from './protocol/server.ts';

/**
 * Reads entries of RTCConfiguration.iceServers. One entry that a browser refuses makes `RTCPeerConnection` throw, and
 * with it every call fails. So what browsers refuse is refused here: URLs by RFC 7064 and RFC 7065, and the rest by
 * the WebRTC specification. test/ice-servers.test.ts compares the verdicts with those of Chromium.
 */

/** Says which entry is wrong, and which part of it. Credentials are not in its message. */
export class IceServerError extends Error {
  override readonly name = 'IceServerError';
}

/** Longest TURN user name in bytes of UTF-8 (RFC 8489, section 14.3: fewer than 509 characters; browsers take 509). */
const MAX_USERNAME_BYTES = 509;

const SCHEME = /^(stuns?|turns?):(.*)$/;
/** A host in brackets or a reg-name (RFC 3986, section 3.2.2), and what follows a colon. */
const HOST_AND_PORT = /^(?:\[(?<ipv6>[^\]]*)\]|(?<name>[^:[\]]*))(?::(?<port>.*))?$/s;
const REG_NAME = /^[\w\-.~%!$&'()*+,;=]+$/;
/** The value's case does not matter, the key's does. */
const TRANSPORT = /^transport=(?:[uU][dD][pP]|[tT][cC][pP])$/;

/** Returns the servers as clients are told them: URLs normalised, members that browsers ignore left out. */
export function readIceServers(entries: unknown): IceServer[] {
  if (!Array.isArray(entries)) throw new IceServerError('it is not an array');
  return entries.map((entry, i) => {
    try {
      return readEntry(entry);
    } catch (error) {
      throw new IceServerError(`entry ${i + 1}: ${(error as Error).message}`);
    }
  });
}

function readEntry(entry: unknown): IceServer {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry))
    throw new IceServerError('it is not an object');
  const { urls, username, credential } = entry as Record<string, unknown>;
  if (urls === undefined) throw new IceServerError('urls is missing');
  if (Array.isArray(urls) && urls.length === 0) throw new IceServerError('urls is empty');
  const server = {
    urls: Array.isArray(urls) ? urls.map(readUrl) : readUrl(urls),
    ...(username !== undefined && { username: readText('username', username) }),
    ...(credential !== undefined && { credential: readText('credential', credential) }),
  };
  if ([server.urls].flat().some((url) => url.startsWith('turn'))) checkCredentials(server);
  return server;
}

/** JSON has numbers, too, and a browser takes them as text. It would take null for the text "null". */
function readText(name: string, value: unknown): string {
  if (typeof value !== 'string' && typeof value !== 'number')
    throw new IceServerError(`${name} is not a string`);
  return String(value);
}

function checkCredentials({ username = '', credential = '' }: IceServer): void {
  if (username === '')
    throw new IceServerError('username is missing or empty, and turn: and turns: need one');
  if (credential === '')
    throw new IceServerError('credential is missing or empty, and turn: and turns: need one');
  if (Buffer.byteLength(username) > MAX_USERNAME_BYTES)
    throw new IceServerError(`username is longer than ${MAX_USERNAME_BYTES} bytes`);
}

function readUrl(value: unknown): string {
  if (typeof value !== 'string') throw new IceServerError('an element of urls is not a string');
  const problem = (what: string) => new IceServerError(`${shown(value)}: ${what}`);
  if (!URL.canParse(value)) throw problem('it is not a URL');
  // As in browsers: spaces around it are cut, the scheme is in lower case, letters outside of ASCII are encoded.
  const url = new URL(value).href;
  const [, scheme, rest] = SCHEME.exec(url) ?? [];
  if (scheme === undefined || rest === undefined)
    throw problem('the scheme is not stun, stuns, turn or turns');
  const [address = '', query] = splitAt(rest, '?');
  if (address.includes('@')) throw problem('a user belongs into username, not into the URL');
  if (address.startsWith('//')) throw problem('no // follows the scheme');
  const { ipv6, name, port } = HOST_AND_PORT.exec(address)?.groups ?? {};
  if (ipv6 === undefined ? !REG_NAME.test(name ?? '') : !isIPv6(ipv6)) throw problem('the host is malformed');
  if (port !== undefined && !isPort(port)) throw problem('the port is not a number from 1 to 65535');
  if (query === undefined) return url;
  if (scheme.startsWith('stun')) throw problem('stun: and stuns: take no ?transport');
  if (!TRANSPORT.test(query)) throw problem('the query is not ?transport=udp or ?transport=tcp');
  return url;
}

function isPort(text: string): boolean {
  return /^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= 65535;
}

function splitAt(text: string, separator: string): [string, string?] {
  const index = text.indexOf(separator);
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)];
}

/** A URL in an error message. One with a user may have a password as well. */
function shown(url: string): string {
  return url.includes('@') ? 'a URL with @ (not shown)' : JSON.stringify(url);
}
