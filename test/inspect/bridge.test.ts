import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ClientOptions } from 'ws';
import { PAGE_PROTOCOL } from '../../src/inspect/feed.ts';
import { type Inspector, startInspector } from '../../src/inspect/inspector.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { Reader } from './reader.ts';

/** Who gets to the inspector, and who does not. */

let inspector: Inspector;
let server: TestServer;
const logs: Record<string, unknown>[] = [];
const logger = createLogger('debug', { stream: { write: (line) => void logs.push(JSON.parse(line)) } });

beforeEach(async () => {
  logs.length = 0;
  inspector = await startInspector({ port: 0, logger });
  server = await startServer({}, { inspect: inspector.inspect });
});
afterEach(async () => {
  await server.stop();
  await inspector.stop();
});

describe('nobody else gets in', () => {
  /** A request with whatever headers, which fetch would not send. */
  async function get(
    headers: Record<string, string>,
    path = '/',
    method = 'GET',
  ): Promise<number | undefined> {
    const { hostname, port } = inspector.url;
    const sent = request({ host: hostname, port, path, method, headers }).end();
    const [response] = await once(sent, 'response');
    response.resume();
    return response.statusCode;
  }

  const hosts = (port: string): [string, boolean][] => [
    [`127.0.0.1:${port}`, true],
    [`localhost:${port}`, true],
    ['localhost:9000', true], // through a tunnel
    ['LOCALHOST', true],
    ['evil.example', false],
    [`evil.example:${port}`, false],
    ['localhost.evil.example', false],
    ['127.0.0.1.evil.example', false],
    ['user@localhost', false],
    ['evil.example/localhost', false],
  ];

  test('under a name that is not localhost: a page elsewhere may let its own resolve to 127.0.0.1', async () => {
    for (const [host, isIn] of hosts(inspector.url.port)) {
      for (const path of ['/', '/page.js', '/charts/supervisor.svg']) {
        expect([host, path, await get({ Host: host }, path)]).toEqual([host, path, isIn ? 200 : 403]);
      }
      expect([host, await opens({ headers: { Host: host } })]).toEqual([host, isIn]);
    }
  });

  test('from a page of another origin', async () => {
    const { origin, port } = inspector.url;
    expect(await opens({ origin })).toBe(true);
    expect(await opens({ origin: `http://localhost:${port}`, headers: { Host: `localhost:${port}` } })).toBe(
      true,
    );
    for (const other of [
      'http://evil.example',
      'null',
      'http://localhost:3000',
      `http://localhost:${port}`,
      `https://127.0.0.1:${port}`,
    ]) {
      expect([other, await opens({ origin: other })]).toEqual([other, false]);
    }
    expect(logs).toContainEqual(
      expect.objectContaining({ msg: 'inspector refused a WebSocket', origin: 'http://evil.example' }),
    );
  });

  async function opens(options: ClientOptions): Promise<boolean> {
    try {
      const { socket } = await Reader.open(inspector, PAGE_PROTOCOL, options);
      socket.close();
      return true;
    } catch (error) {
      expect(String(error)).toContain('403');
      return false;
    }
  }

  test('from another address of this machine', async () => {
    const others = Object.values(networkInterfaces())
      .flat()
      .flatMap((each) =>
        each === undefined || each.address === '127.0.0.1' || each.scopeid ? [] : [each.address],
      );
    for (const host of ['127.0.0.2', ...others]) {
      const socket = connect({ host, port: Number(inspector.url.port) });
      const [error] = await once(socket, 'error');
      expect(error.code).toMatch(/ECONNREFUSED|EADDRNOTAVAIL/);
    }
    expect(inspector.url.hostname).toBe('127.0.0.1');
  });

  test('with another method, or to another file', async () => {
    expect(await get({}, '/', 'POST')).toBe(405);
    expect(await get({}, '/', 'HEAD')).toBe(200);
    for (const path of [
      '/../inspector.ts',
      '/..%2finspector.ts',
      '/nothing.js',
      '/page',
      '/index.html/',
      '/charts/',
      '/%00',
    ]) {
      expect([path, await get({}, path)]).toEqual([path, 404]);
    }
  });

  test('nor anything out: the page may load nothing from elsewhere', async () => {
    for (const path of ['/', '/page.js', '/page.css', '/nothing']) {
      const { headers } = await fetch(new URL(path, inspector.url));
      expect(headers.get('content-security-policy')).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      );
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    }
  });
});
