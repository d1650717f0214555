import type { TokenSource } from './session.ts';
import type { SignalingOptions } from './types.ts';

/** How the option `token` is asked. A fixed token is its own source; after a refusal it is tried once more, and no more. */
export function tokenSource(token: SignalingOptions['token']): TokenSource | undefined {
  if (token === undefined) return undefined;
  return async () => {
    const given: unknown = typeof token === 'function' ? await token() : token;
    if (typeof given === 'string' && given !== '') return given;
    throw new TypeError('the option token gave no text');
  };
}

/** A page cannot set headers for a WebSocket, so the token travels as a subprotocol. The server agrees on `bloom`. */
export function subprotocolsOf(token: string): string[] {
  const encoded = btoa(token).replace(/[+/=]/g, (each) => ({ '+': '-', '/': '_' })[each] ?? '');
  return ['bloom', `base64url.bearer.bloom.${encoded}`];
}
