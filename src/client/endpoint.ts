/** A host where a URL should be: `example.org/ws` would be a path of the page, `localhost:8080/ws` a scheme. */
const HOST =
  /^(localhost|\d{1,3}(\.\d{1,3}){3}|\[[\da-f:]+\]|([\w-]+\.)+[a-z]{2,})(:\d+)?(\/|$)|^[\w-]+:\d+(\/|$)/i;

/**
 * The WebSocket's URL. Undefined for one relative to a page where there is none, as on a server that renders the page.
 * Throws a TypeError that says what to write instead.
 */
export function readEndpoint(given: string | URL): URL | undefined {
  const text = String(given);
  if (HOST.test(text)) {
    throw new TypeError(
      `Invalid URL: ${text} has no scheme. Write wss://${text}, or ws://${text} for a server without TLS.`,
    );
  }
  const base = (globalThis as Partial<typeof globalThis>).location?.href;
  if (base === undefined && /^[./]/.test(text) && !text.startsWith('//')) return undefined;
  let url: URL;
  try {
    url = new URL(text, base);
  } catch {
    throw new TypeError(`Invalid URL: ${text}. Write for example wss://example.org/ws, or /ws in a page.`);
  }
  url.protocol = url.protocol.replace('http', 'ws');
  if (url.protocol === 'ws:' || url.protocol === 'wss:') return url;
  throw new TypeError(
    `Invalid URL: ${url.href} begins with ${url.protocol}, and a WebSocket's with ws: or wss:.`,
  );
}

/** The same where a connection is to be made. */
export function resolveEndpoint(given: string | URL): URL {
  const url = readEndpoint(given);
  if (url !== undefined) return url;
  throw new TypeError(`${given} is relative to a page, and this program has none. Give the whole URL.`);
}
