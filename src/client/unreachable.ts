const PATIENCE_MS = 5000;

/**
 * The likely cause why no WebSocket could be opened, for a developer. A browser does not tell; a plain request to the
 * same address tells more.
 */
export async function whyUnreachable(socketUrl: URL, request: typeof fetch = fetch): Promise<string> {
  const url = new URL(socketUrl);
  url.protocol = url.protocol.replace('ws', 'http');
  const status = await statusOf(url, request);
  if (status === undefined) return whySilent(url, request);
  const answers = `${url.origin} answers ${status ? `${status} ` : ''}at ${url.pathname}`;
  const origins = "Does ALLOWED_ORIGINS name this page's origin?";
  switch (status) {
    case 0:
      return `${answers}, but this page may not read what. Is that Bloom's path? ${origins}`;
    case 404:
      return `${answers}: not the path of a WebSocket. Bloom's is /ws.`;
    case 426:
      return `${answers}, but opened no WebSocket. ${origins} Do all proxies pass on WebSockets? Is it Bloom?`;
    case 429:
    case 503:
      return `${answers}: it has too many connections, or it is stopping.`;
    default:
      return `${answers}, Bloom would answer 426: probably it is not a Bloom server.`;
  }
}

async function whySilent(url: URL, request: typeof fetch): Promise<string> {
  const other = new URL(url);
  other.protocol = url.protocol === 'https:' ? 'http:' : 'https:';
  if ((await statusOf(other, request)) !== undefined) {
    const [right, wrong] = other.protocol === 'https:' ? ['wss:', 'ws:'] : ['ws:', 'wss:'];
    return `${url.host} answers to ${other.protocol}, not to ${url.protocol} Write ${right} instead of ${wrong}`;
  }
  return `Nothing answers at ${url.origin}. Does the server run, and are host, port and scheme right?`;
}

/** 0: a page of another origin may not know. Undefined: no answer. */
async function statusOf(url: URL, request: typeof fetch): Promise<number | undefined> {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
  try {
    const { signal } = patience;
    const response = await request(url, { mode: 'no-cors', cache: 'no-store', redirect: 'manual', signal });
    void response.body?.cancel();
    return response.status;
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

const { process, location } = globalThis as {
  process?: { env?: { readonly NODE_ENV?: string } };
  location?: { hostname: string };
};
const MODE = process?.env?.NODE_ENV;

/** False in tests: a request more would be one that they do not expect. */
export const mayAsk = MODE !== 'test';

/** Whether the console is a developer's: a page of this machine, or a program that is not in production. */
export const isDevelopment =
  location === undefined
    ? MODE !== 'production'
    : /^(localhost|127\..*|\[::1\]|.*\.localhost)$/.test(location.hostname);
