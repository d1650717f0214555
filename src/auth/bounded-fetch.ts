/** Requests of the server itself, to addresses of its operator: bounded in time and size, and without redirects. */

export interface FetchLimits {
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

export interface FetchAnswer {
  readonly status: number;
  readonly text: string;
}

/** Says in a sentence why there is no answer. It never has the URL in it, which may hold a secret. */
export class FetchError extends Error {
  override readonly name = 'FetchError';
}

/** Settles within `timeoutMs`, however slowly the answer comes. Throws FetchError. */
export async function fetchText(url: URL, init: RequestInit, limits: FetchLimits): Promise<FetchAnswer> {
  const signal = AbortSignal.timeout(limits.timeoutMs);
  try {
    const response = await fetch(url, { ...init, redirect: 'manual', signal });
    if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400)) {
      await response.body?.cancel();
      throw new FetchError('it answered with a redirect, which is not followed');
    }
    return { status: response.status, text: await read(response, limits.maxBytes) };
  } catch (error) {
    if (error instanceof FetchError) throw error;
    if (signal.aborted) throw new FetchError(`it did not answer within ${limits.timeoutMs} ms`);
    throw new FetchError(`it was not reached${codeOf(error)}`);
  }
}

async function read(response: Response, maxBytes: number): Promise<string> {
  const text = await readAtMost(response.body ?? [], maxBytes);
  if (text === undefined) throw new FetchError(`its answer is longer than ${maxBytes} bytes`);
  return text;
}

/** The text of a body; undefined where it is longer. The rest of it is then not read, and a response is cancelled. */
export async function readAtMost(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maxBytes: number,
): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function codeOf(error: unknown): string {
  const code = ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code;
  return typeof code === 'string' ? `: ${code}` : '';
}

/**
 * Whether the server may send secrets to this address, or believe what comes from it: https, or http on this machine,
 * where a sidecar or a test listens.
 */
export function isTrustworthy(url: URL): boolean {
  const isHere = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  return url.protocol === 'https:' || (url.protocol === 'http:' && isHere);
}
