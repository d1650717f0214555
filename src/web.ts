import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { RequestHandler, Routes } from './http.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.md': 'text/markdown; charset=utf-8',
};

const YEAR_S = 365 * 24 * 60 * 60;

/** Below this a compressed file is no smaller on the wire. */
const COMPRESSED_FROM_BYTES = 1024;
const BROTLI_QUALITY = 6;

const HEADERS: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  // The URL is the invitation: no other site hears of it.
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy':
    'camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=(), usb=()',
};

/** Where Vite builds to: beside src/ in a clone, beside dist/ in the package. */
const DIRECTORIES = ['../web/dist/', '../../web/dist/'];

interface File {
  readonly headers: Readonly<Record<string, string>>;
  readonly etag: string;
  /** By content coding; `identity` is always there. */
  readonly bodies: ReadonlyMap<string, Buffer>;
}

/** The built call page, or undefined when it has not been built. `frameAncestors` may show it in a frame. */
export function findPage(frameAncestors: readonly string[] = []): Routes | undefined {
  const directory = DIRECTORIES.map((path) => fileURLToPath(new URL(path, import.meta.url))).find((path) =>
    existsSync(join(path, 'index.html')),
  );
  return directory === undefined ? undefined : readPage(directory, frameAncestors);
}

/**
 * Reads a built page into memory: `index.html` is `/`, every other file its path. So a request can name nothing
 * else, and a build under way changes nothing that is being served.
 */
export function readPage(directory: string, frameAncestors: readonly string[] = []): Routes {
  const paths = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return Object.fromEntries(
    paths
      .filter((path) => extname(path) in TYPES)
      .map((path) => {
        const file = readFile(directory, path);
        const handler: RequestHandler =
          extname(path) === '.html'
            ? (request, response) =>
                answer(request, response, file, {
                  'Content-Security-Policy': policyFor(request.headers.host, frameAncestors),
                })
            : (request, response) => answer(request, response, file);
        return [path === 'index.html' ? '/' : `/${path.replaceAll('\\', '/')}`, handler];
      }),
  );
}

/** In the place of a page that has not been built. */
export const NO_PAGE: Routes = {
  '/': (_, response) => {
    const text =
      'Bloom is running, but its call page has not been built.\n\n' +
      'Run "npm run build:web" in the clone (npm start does it by itself) and start Bloom again.\n' +
      'Signalling works all the same: connect a WebSocket to the path ws beside this page.\n';
    response.writeHead(404, { ...HEADERS, 'Content-Type': 'text/plain; charset=utf-8' }).end(text);
  },
};

function readFile(directory: string, path: string): File {
  const content = readFileSync(join(directory, path));
  const isHashed = path.startsWith('assets');
  const bodies = new Map([['identity', content]]);
  if (content.length >= COMPRESSED_FROM_BYTES) {
    const params = { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY };
    bodies.set('gzip', gzipSync(content)).set('br', brotliCompressSync(content, { params }));
  }
  return {
    headers: {
      ...HEADERS,
      'Content-Type': TYPES[extname(path)] as string,
      'Cache-Control': isHashed ? `public, max-age=${YEAR_S}, immutable` : 'no-cache',
      Vary: 'Accept-Encoding',
    },
    // Weak: it names the content, in whatever coding.
    etag: `W/"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`,
    bodies,
  };
}

function answer(
  { headers }: IncomingMessage,
  response: ServerResponse,
  file: File,
  more: Readonly<Record<string, string>> = {},
): void {
  for (const [name, value] of Object.entries({ ...file.headers, ...more, ETag: file.etag })) {
    response.setHeader(name, value);
  }
  if (headers['if-none-match']?.split(',').some((etag) => etag.trim() === file.etag)) {
    response.writeHead(304).end();
    return;
  }
  const coding = ['br', 'gzip'].find(
    (name) => file.bodies.has(name) && accepts(headers['accept-encoding'], name),
  );
  const body = file.bodies.get(coding ?? 'identity') as Buffer;
  if (coding !== undefined) response.setHeader('Content-Encoding', coding);
  response.writeHead(200, { 'Content-Length': body.length }).end(body);
}

function accepts(header: string | string[] | undefined, coding: string): boolean {
  return String(header ?? '')
    .split(',')
    .map((part) => part.replaceAll(' ', '').split(';'))
    .some(([name, weight]) => name === coding && !/^q=0(\.0*)?$/.test(weight ?? ''));
}

/**
 * Nothing from elsewhere, nothing inline, no HTML from strings. `'self'` covers the WebSocket in newer browsers
 * only, so it is named too, under the name the browser uses. A policy has no form for an IPv6 address: there `'self'`
 * has to do.
 */
function policyFor(host: string | undefined, frameAncestors: readonly string[]): string {
  const sockets = /^[\w.-]+(?::\d+)?$/.test(host ?? '') ? ` ws://${host} wss://${host}` : '';
  const ancestors = frameAncestors.map((item) => (item === 'self' ? "'self'" : item));
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src 'self'${sockets}`,
    "base-uri 'none'",
    "form-action 'none'",
    `frame-ancestors ${ancestors.join(' ') || "'none'"}`,
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
}
