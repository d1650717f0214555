import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { fromBase64url } from './base64url.ts';
import { RefusalError } from './refusal.ts';

/** Where a client that cannot say Hello puts its token: in a header, or where browsers allow no header, in a subprotocol. */

const BEARER = /^bearer +(\S+)$/i;
const SUBPROTOCOL = 'base64url.bearer.bloom.';

/**
 * The token of an upgrade; undefined where it brings none. Two tokens that differ are refused: a proxy and the server might
 * choose differently. Throws RefusalError.
 */
export function tokenOf(
  headers: Pick<IncomingHttpHeaders, 'authorization' | 'sec-websocket-protocol'>,
): string | undefined {
  const [, inHeader] = BEARER.exec(headers.authorization ?? '') ?? [];
  const inProtocol = tokenIn(headers['sec-websocket-protocol'] ?? '');
  if (inHeader !== undefined && inProtocol !== undefined && inHeader !== inProtocol)
    throw new RefusalError('form');
  return inHeader ?? inProtocol;
}

function tokenIn(protocols: string): string | undefined {
  const all = protocols
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol.startsWith(SUBPROTOCOL));
  if (all.length > 1) throw new RefusalError('form');
  const [protocol] = all;
  if (protocol === undefined) return undefined;
  const bytes = fromBase64url(protocol.slice(SUBPROTOCOL.length));
  if (bytes === undefined || bytes.length === 0) throw new RefusalError('encoding');
  return bytes.toString();
}

/** The query of a request. */
export function queryOf({ url = '' }: Pick<IncomingMessage, 'url'>): URLSearchParams {
  const at = url.indexOf('?');
  return new URLSearchParams(at < 0 ? '' : url.slice(at + 1));
}
