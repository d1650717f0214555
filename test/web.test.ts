import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { NO_PAGE, readPage } from '../src/web.ts';
import { rawRequest } from './support/raw.ts';
import { startServer, type TestServer } from './support/server.ts';

/** The built call page as it is served: types, caching, compression, policy. */

const SCRIPT = `${'/* so long that it is compressed */'.repeat(100)}`;
let directory: string;
let server: TestServer;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bloom-page-'));
  await mkdir(join(directory, 'assets'));
  await writeFile(join(directory, 'index.html'), '<!doctype html>');
  await writeFile(join(directory, 'icon.svg'), '<svg/>');
  await writeFile(join(directory, '.sources'), 'hash');
  await writeFile(join(directory, 'assets/index-4bc.js'), SCRIPT);
  server = await startServer({}, { page: readPage(directory) });
});
afterAll(async () => {
  await server.stop();
  await rm(directory, { recursive: true });
});

/** Without fetch's own Accept-Encoding. */
function get(path: string, headers: Record<string, string> = {}, method = 'GET') {
  const lines = Object.entries({ Host: server.url.host, Connection: 'close', ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return rawRequest(server.url, `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
}

test('index.html is /, never cached unasked, under a strict policy', async () => {
  const { status, headers, body } = await get('/');
  expect([status, body]).toEqual([200, '<!doctype html>']);
  expect(headers).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'permissions-policy': expect.stringContaining('camera=(self), microphone=(self), display-capture=(self)'),
  });
  const policy = headers['content-security-policy'] as string;
  expect(policy.split('; ')).toEqual(
    expect.arrayContaining([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      `connect-src 'self' ws://${server.url.host} wss://${server.url.host}`,
      "frame-ancestors 'none'",
    ]),
  );
  expect(policy).not.toMatch(/unsafe|\*|data:/);
});

test('a strange Host header adds nothing to the policy', async () => {
  const { headers } = await get('/', { Host: "x; script-src 'unsafe-inline'" });
  expect(headers['content-security-policy']).toContain("connect-src 'self';");
  expect(headers['content-security-policy']).not.toContain('unsafe');
});

test('an IPv6 address is not named in the policy: browsers take it for an error', async () => {
  const { headers } = await get('/', { Host: '[::1]:8080' });
  expect(headers['content-security-policy']).toContain("connect-src 'self';");
});

test('sites that may frame the page are named', async () => {
  const framed = await startServer({}, { page: readPage(directory, ['self', 'https://*.a.example']) });
  try {
    const policy = (await fetch(framed.url)).headers.get('content-security-policy');
    expect(policy).toContain("; frame-ancestors 'self' https://*.a.example;");
  } finally {
    await framed.stop();
  }
});

test('hashed assets are cached for ever, other files are asked after', async () => {
  const asset = await get('/assets/index-4bc.js');
  expect([asset.status, asset.body]).toEqual([200, SCRIPT]);
  expect(asset.headers).toMatchObject({
    'content-type': 'text/javascript; charset=utf-8',
    'cache-control': 'public, max-age=31536000, immutable',
  });
  expect((await get('/icon.svg')).headers).toMatchObject({
    'content-type': 'image/svg+xml',
    'cache-control': 'no-cache',
  });
});

test('what the client has is not sent again', async () => {
  const { headers } = await get('/');
  const again = await get('/', { 'If-None-Match': `"other", ${headers.etag}` });
  expect([again.status, again.body, again.headers.etag]).toEqual([304, '', headers.etag]);
  expect((await get('/', { 'If-None-Match': '"other"' })).status).toBe(200);
});

describe('compression', () => {
  const fetchIn = async (encoding: string) =>
    fetch(new URL('/assets/index-4bc.js', server.url), { headers: { 'Accept-Encoding': encoding } });

  test.each([
    ['br', 'gzip, deflate, br'],
    ['gzip', 'gzip'],
    ['gzip', 'br;q=0, gzip;q=0.5'],
    [null, 'identity'],
    [null, 'zstd'],
  ])('%s for %s', async (coding, accepted) => {
    const response = await fetchIn(accepted);
    expect(response.headers.get('content-encoding')).toBe(coding);
    expect(response.headers.get('vary')).toBe('Accept-Encoding');
    expect(await response.text()).toBe(SCRIPT);
  });

  test('small files are sent as they are', async () => {
    const response = await fetch(server.url, { headers: { 'Accept-Encoding': 'br' } });
    expect(response.headers.get('content-encoding')).toBeNull();
  });
});

test('HEAD answers as GET, without a body; other methods are refused', async () => {
  const { headers } = await get('/assets/index-4bc.js');
  const head = await get('/assets/index-4bc.js', {}, 'HEAD');
  expect([head.status, head.body, head.headers['content-length']]).toEqual([
    200,
    '',
    headers['content-length'],
  ]);
  const post = await get('/', {}, 'POST');
  expect([post.status, post.headers.allow]).toEqual([405, 'GET, HEAD, OPTIONS']);
});

test.each([
  '/index.html',
  '/assets',
  '/assets/',
  '/assets/other.js',
  '/.sources',
  '/assets/../icon.svg',
  '/%69con.svg',
])('%s: 404', async (path) => expect((await get(path)).status).toBe(404));

test('the page takes no path from the server', async () => {
  expect((await get('/healthz')).body).toContain('"status":"ok"');
});

test('where there is no page, / says how to get one, and signalling works', async () => {
  const bare = await startServer({}, { page: NO_PAGE });
  try {
    const response = await fetch(bare.url);
    expect([response.status, response.headers.get('content-type')]).toEqual([
      404,
      'text/plain; charset=utf-8',
    ]);
    expect(await response.text()).toContain('npm run build:web');
    expect((await fetch(new URL('/readyz', bare.url))).status).toBe(200);
  } finally {
    await bare.stop();
  }
});
