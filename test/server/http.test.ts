import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { get as getTls } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Routes } from '../../src/http.ts';
import { seat, TestClient } from '../support/client.ts';
import { handshake, RawClient, rawRequest, readResponse } from '../support/raw.ts';
import { health, startServer, type TestServer } from '../support/server.ts';
import { until, within } from '../support/wait.ts';

/** The network side: plain requests, handshakes, limits, TLS and the end. */

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

async function withServer(
  env: Record<string, string>,
  use: (server: TestServer) => Promise<void>,
): Promise<void> {
  const own = await startServer(env);
  try {
    await use(own);
  } finally {
    await own.stop();
  }
}

describe('plain requests', () => {
  test('/healthz: status, rooms, connections and uptime, which go up and down', async () => {
    await withServer({ ROOM_IDLE_TIMEOUT_MS: '20' }, async (own) => {
      const response = await fetch(new URL('/healthz', own.url));
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toMatch(/^application\/json/);
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(await response.json()).toEqual({
        status: 'ok',
        rooms: 0,
        connections: 0,
        uptime: expect.any(Number),
      });
      const { clients } = await seat(own.wsUrl, 2);
      const other = await TestClient.connect(own.wsUrl);
      expect(await health(own)).toMatchObject({ rooms: 1, connections: 3 });
      await other.createRoom();
      expect(await health(own)).toMatchObject({ rooms: 2, connections: 3 });
      for (const client of clients) client.close();
      await until('down', async () => {
        const { rooms, connections } = await health(own);
        return rooms === 1 && connections === 1;
      });
      other.socket.terminate();
      await until('down', async () => {
        const { rooms, connections } = await health(own);
        return rooms === 0 && connections === 0;
      });
    });
  });

  test('/readyz: ready', async () => {
    const response = await fetch(new URL('/readyz', server.url));
    expect([response.status, await response.json()]).toEqual([200, { status: 'ready' }]);
  });

  test.each([
    '/',
    '/nowhere',
    '/healthz/',
    '/HEALTHZ',
    '/ws//',
    '/ws/x',
    '/__proto__',
    '/constructor',
    '/toString',
    '//',
    '/%68ealthz',
    '/../healthz',
    '//x/healthz',
    '*',
    'http://',
    'http://x',
    'http://x/nowhere',
    'ftp://x/healthz',
  ])('%s: 404, which says what this is and where the WebSocket is', async (path) => {
    const response = await rawRequest(server.url, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect(response.status).toBe(404);
    expect(JSON.parse(response.body)).toEqual({
      error: 'Not found. This is Bloom, a WebRTC signalling server. Its WebSocket is at /ws.',
    });
  });

  test('a target in absolute-form is its path', async () => {
    for (const target of [
      'http://x/healthz',
      'HTTP://other:81/healthz?x',
      'https://[::1]/healthz',
      'ws://x/healthz',
    ]) {
      const { status } = await rawRequest(server.url, `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`);
      expect([target, status]).toEqual([target, 200]);
    }
    const text = handshake(server.wsUrl).replace('GET /ws', `GET ${server.wsUrl}`);
    expect((await rawRequest(server.wsUrl, text)).status).toBe(101);
  });

  test('a query does not hide a path', async () => {
    expect((await fetch(new URL('/healthz?verbose=1', server.url))).status).toBe(200);
    const client = await TestClient.connect(`${server.wsUrl}?token=x`);
    await client.createRoom();
  });

  test('OPTIONS: 204 with what is allowed, where there is something', async () => {
    for (const path of ['/healthz', '/readyz', '/ws', '*']) {
      const { status, headers, body } = await rawRequest(
        server.url,
        `OPTIONS ${path} HTTP/1.1\r\nHost: x\r\nOrigin: https://status.example\r\n\r\n`,
      );
      expect([path, status, headers.allow, body]).toEqual([path, 204, 'GET, HEAD, OPTIONS', '']);
      expect(headers).toMatchObject({
        'access-control-allow-origin': '*',
        'access-control-allow-methods': 'GET, HEAD',
        'access-control-allow-headers': '*',
      });
    }
    expect((await fetch(new URL('/nowhere', server.url), { method: 'OPTIONS' })).status).toBe(404);
  });

  test('pages may read health, and what this is: all, or those of ALLOWED_ORIGINS', async () => {
    const allowed = async (own: TestServer, path: string, origin: string) => {
      const { headers } = await fetch(new URL(path, own.url), { headers: { Origin: origin } });
      return [headers.get('access-control-allow-origin'), headers.get('vary')];
    };
    for (const path of ['/healthz', '/readyz', '/ws', '/nowhere'])
      expect([path, ...(await allowed(server, path, 'https://a.example'))]).toEqual([path, '*', null]);
    await withServer({ ALLOWED_ORIGINS: 'https://a.example' }, async (own) => {
      expect(await allowed(own, '/healthz', 'https://a.example')).toEqual(['https://a.example', 'Origin']);
      expect(await allowed(own, '/healthz', 'https://b.example')).toEqual([null, 'Origin']);
    });
  });

  test.each([
    ['5000', 'timeout=5'],
    ['75000', 'timeout=75'],
  ])('KEEP_ALIVE_TIMEOUT_MS=%s is told', async (KEEP_ALIVE_TIMEOUT_MS, told) => {
    await withServer({ KEEP_ALIVE_TIMEOUT_MS }, async (own) => {
      const { headers } = await rawRequest(own.url, 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
      expect([headers.connection, headers['keep-alive']]).toEqual(['keep-alive', told]);
    });
  });

  test('KEEP_ALIVE_TIMEOUT_MS=0: a connection is for one request', async () => {
    await withServer({ KEEP_ALIVE_TIMEOUT_MS: '0' }, async (own) => {
      const socket = connect({ host: '127.0.0.1', port: Number(own.url.port) });
      socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
      expect((await readResponse(socket)).headers.connection).toBe('close');
      await once(socket.resume(), 'close');
    });
  });

  test.each(['POST', 'PUT', 'DELETE', 'PATCH'])('%s: 405 with Allow', async (method) => {
    for (const path of ['/healthz', '/readyz', '/ws']) {
      const response = await fetch(new URL(path, server.url), { method });
      expect([path, response.status]).toEqual([path, 405]);
      expect(response.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
    }
    expect((await fetch(new URL('/nowhere', server.url), { method })).status).toBe(404);
  });

  test('HEAD answers as GET, without a body', async () => {
    const response = await fetch(new URL('/healthz', server.url), { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([200, '']);
  });

  test('GET /ws without upgrade: 426 with Upgrade: websocket', async () => {
    for (const init of [{}, { headers: { Connection: 'keep-alive' } }]) {
      const response = await fetch(server.wsUrl.href.replace('ws:', 'http:'), init);
      expect(response.status).toBe(426);
      expect(response.headers.get('upgrade')).toBe('websocket');
      expect(await response.json()).toEqual({
        error: "This is Bloom's WebSocket: connect to /ws with a WebSocket client (ws: or wss:).",
      });
    }
  });

  test.each([
    ['/ws', 426],
    ['/healthz', 200],
    ['/nowhere', 404],
  ])('an upgrade to something else, as curl offers h2c, on %s: %i', async (path, status) => {
    for (const upgrade of ['h2c', 'h2c, websocket', 'foo/2']) {
      const lines = [
        'Host: x',
        'Connection: Upgrade, HTTP2-Settings',
        `Upgrade: ${upgrade}`,
        'HTTP2-Settings: AAMAAABk',
      ];
      const response = await rawRequest(server.url, `GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
      expect([upgrade, response.status]).toEqual([upgrade, status]);
      if (status === 426) {
        expect(response.headers.upgrade).toBe('websocket');
        expect(response.headers.connection?.toLowerCase()).toContain('upgrade');
      }
    }
  });

  test('requests on one connection are answered one after another, upgrades offered or not', async () => {
    const socket = connect({ host: '127.0.0.1', port: Number(server.url.port) });
    try {
      for (const [path, status] of [
        ['/healthz', 200],
        ['/ws', 426],
        ['/nowhere', 404],
        ['/readyz', 200],
      ] as const) {
        socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nUpgrade: h2c\r\n\r\n`);
        expect([path, (await readResponse(socket)).status]).toEqual([path, status]);
      }
    } finally {
      socket.destroy();
    }
  });
});

describe('handshakes', () => {
  test('on another path: 404', async () => {
    for (const path of ['/', '/nowhere', '/healthz', '/ws//', '/WS']) {
      await expect(TestClient.connect(new URL(path, server.wsUrl))).rejects.toThrow('404');
    }
    const url = new URL('/nowhere', server.wsUrl);
    const response = await rawRequest(url, handshake(url));
    expect([response.status, response.headers.connection]).toEqual([404, 'close']);
    expect(JSON.parse(response.body)).toEqual({ error: expect.stringContaining('Its WebSocket is at /ws.') });
  });

  test('on the path with a slash at its end', async () => {
    await (await TestClient.connect(new URL('/ws/?x', server.wsUrl))).createRoom();
  });

  test.each([
    ['no key', { 'Sec-WebSocket-Key': '' }, 400],
    ['a key that is too short', { 'Sec-WebSocket-Key': 'YWJj' }, 400],
    ['no version', { 'Sec-WebSocket-Version': '' }, 400],
    ['version 12', { 'Sec-WebSocket-Version': '12' }, 400],
    ['a bad subprotocol list', { 'Sec-WebSocket-Protocol': ',' }, 400],
  ])('malformed, %s', async (_, headers, status) => {
    const response = await rawRequest(server.wsUrl, handshake(server.wsUrl, headers));
    expect(response.status).toBe(status);
    if ('Sec-WebSocket-Version' in headers) expect(response.headers['sec-websocket-version']).toContain('13');
  });

  test('malformed, not GET: 405; not HTTP at all: 400', async () => {
    const posted = await rawRequest(server.wsUrl, handshake(server.wsUrl).replace('GET', 'POST'));
    expect(posted.status).toBe(405);
    expect((await rawRequest(server.wsUrl, 'hello?\r\n\r\n')).status).toBe(400);
    // Headers too large: the answer may be lost, since the server closes before it has read them all.
    const padding = 'x'.repeat(100_000);
    await rawRequest(server.wsUrl, handshake(server.wsUrl, { padding })).catch(() => undefined);
    await (await TestClient.connect(server.wsUrl)).createRoom();
  });

  test('a handshake that is cut off, or reset at once, costs the server nothing', async () => {
    const whole = handshake(server.wsUrl);
    for (const part of ['', whole.slice(0, 20), whole.slice(0, -2), whole]) {
      for (const end of ['end', 'resetAndDestroy'] as const) {
        const socket = connect({ host: '127.0.0.1', port: Number(server.url.port) });
        socket.on('error', () => {});
        await once(socket, 'connect');
        if (part !== '') await new Promise((resolve) => socket.write(part, resolve));
        socket.resume()[end]();
        await once(socket, 'close');
      }
    }
    const client = await TestClient.connect(server.wsUrl);
    await client.createRoom();
    expect(server.logs.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
  });

  test('a frame that comes in one piece with the handshake is read', async () => {
    const { room_id, clients } = await seat(server.wsUrl, 1);
    const text = JSON.stringify({ type: 'JoinRoom', room_id });
    const mask = Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]);
    const socket = connect({ host: '127.0.0.1', port: Number(server.url.port) });
    try {
      socket.write(Buffer.concat([Buffer.from(handshake(server.wsUrl)), mask, Buffer.from(text)]));
      expect((await clients[0]!.next()).type).toBe('PeerConnected');
    } finally {
      socket.destroy();
    }
  });

  test('the subprotocol bloom is agreed on when it is offered', async () => {
    for (const [offered, agreed] of [
      ['bloom', 'bloom'],
      ['mqtt, bloom', 'bloom'],
      ['mqtt', undefined],
      ['Bloom', undefined],
    ] as const) {
      const headers = { 'Sec-WebSocket-Protocol': offered };
      const { socket, head } = await RawClient.connect(server.wsUrl, { headers });
      expect([offered, /^Sec-WebSocket-Protocol: (.*)\r$/im.exec(head)?.[1]]).toEqual([offered, agreed]);
      socket.destroy();
    }
  });

  test('no extension and no other subprotocol is agreed on', async () => {
    const client = await TestClient.connect(server.wsUrl, { perMessageDeflate: true });
    expect([client.socket.extensions, client.socket.protocol]).toEqual(['', '']);
    const offering = await RawClient.connect(server.wsUrl, {
      headers: { 'Sec-WebSocket-Protocol': 'mqtt, stomp' },
    });
    expect(offering.head).not.toMatch(/^Sec-WebSocket-Protocol/im);
    offering.socket.destroy();
  });

  test('ALLOWED_ORIGINS: those and none at all may connect, others are answered 403', async () => {
    await withServer({ ALLOWED_ORIGINS: 'https://app.example, http://localhost:5173' }, async (own) => {
      for (const origin of ['https://app.example', 'http://localhost:5173']) {
        await (await TestClient.connect(own.wsUrl, { origin })).createRoom();
      }
      await (await TestClient.connect(own.wsUrl)).createRoom();
      for (const origin of [
        'https://evil.example',
        'http://app.example',
        'https://app.example:444',
        'https://app.example.evil.example',
        'https://sub.app.example',
        'null',
      ]) {
        await expect(TestClient.connect(own.wsUrl, { origin })).rejects.toThrow('403');
      }
      expect(await health(own)).toMatchObject({ connections: 3 });
    });
    const apps = 'null, capacitor://localhost, app://, https://*.preview.example.org';
    await withServer({ ALLOWED_ORIGINS: apps }, async (own) => {
      for (const origin of [
        'null',
        'capacitor://localhost',
        'app://bundle',
        'https://pr-7.preview.example.org',
      ])
        await (await TestClient.connect(own.wsUrl, { origin })).createRoom();
      for (const origin of ['tauri://localhost', 'https://preview.example.org', 'https://app.example'])
        await expect(TestClient.connect(own.wsUrl, { origin })).rejects.toThrow('403');
    });
    await (await TestClient.connect(server.wsUrl, { origin: 'https://evil.example' })).createRoom();
  });

  test('TRUST_PROXY: the client address in the log is that of the forwarded header, if believed', async () => {
    const headers = { 'X-Forwarded-For': '203.0.113.7' };
    for (const [env, address] of [
      [{ TRUST_PROXY: 'loopback' }, '203.0.113.7'],
      [{}, '127.0.0.1'],
    ] as const) {
      await withServer({ ...env }, async (own) => {
        await TestClient.connect(own.wsUrl, { headers });
        const line = own.logs.find(({ msg }) => msg === 'connection opened');
        expect(line?.address).toBe(address);
      });
    }
  });
});

describe('BASE_PATH', () => {
  const page: Routes = {
    '/': (_, response) => void response.end('the page'),
    '/assets/x.js': (_, response) => void response.end('a script'),
  };

  test('page, socket and health are below it; health is at the root, too', async () => {
    const own = await startServer(
      { BASE_PATH: '/call' },
      { page, prometheus: (_, response) => response.end('metrics') },
    );
    try {
      expect([own.url.pathname, own.wsUrl.pathname]).toEqual(['/call/', '/call/ws']);
      const at = async (path: string) => {
        const response = await fetch(new URL(path, own.url), { redirect: 'manual' });
        return [response.status, response.headers.get('location'), (await response.text()).slice(0, 9)];
      };
      expect(await at('/call/')).toEqual([200, null, 'the page']);
      expect(await at('/call?x=1')).toEqual([308, '/call/?x=1', '']);
      expect(await at('/call/assets/x.js')).toEqual([200, null, 'a script']);
      for (const path of ['/call/healthz', '/healthz'])
        expect((await at(path)).slice(0, 2)).toEqual([200, null]);
      for (const path of ['/call/readyz', '/readyz'])
        expect((await at(path)).slice(0, 2)).toEqual([200, null]);
      expect(await at('/call/ws')).toEqual([426, null, '{"error":']);
      expect(await at('/metrics')).toEqual([200, null, 'metrics']);
      for (const path of ['/', '/ws', '/call/metrics', '/callx', '/call//', '/assets/x.js'])
        expect([path, (await at(path))[0]]).toEqual([path, 404]);
      const answer = await (await fetch(new URL('/ws', own.url))).json();
      expect(answer).toEqual({ error: expect.stringContaining('Its WebSocket is at /call/ws.') });
      await (await TestClient.connect(own.wsUrl)).createRoom();
      await (await TestClient.connect(new URL('/call/ws/', own.wsUrl))).createRoom();
      await expect(TestClient.connect(new URL('/ws', own.wsUrl))).rejects.toThrow('404');
    } finally {
      await own.stop();
    }
  });
});

describe('limits', () => {
  test('MAX_CONNECTIONS: one more is answered 503, until one has left', async () => {
    await withServer({ MAX_CONNECTIONS: '3' }, async (own) => {
      const { clients } = await seat(own.wsUrl, 3);
      for (let i = 0; i < 3; i++) await expect(TestClient.connect(own.wsUrl)).rejects.toThrow('503');
      expect(await health(own)).toMatchObject({ connections: 3 }); // plain requests are not counted
      for (const end of [() => clients[0]!.close(), () => clients[1]!.socket.terminate()]) {
        const { connections } = await health(own);
        end();
        await until('one has left', async () => (await health(own)).connections < connections);
        await TestClient.connect(own.wsUrl);
        await expect(TestClient.connect(own.wsUrl)).rejects.toThrow('503');
      }
      await clients[2]!.settled();
    });
  });

  test('MAX_CONNECTIONS holds against many at once', async () => {
    await withServer({ MAX_CONNECTIONS: '5' }, async (own) => {
      const results = await Promise.allSettled(
        Array.from({ length: 50 }, () => TestClient.connect(own.wsUrl)),
      );
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
      for (const result of results) {
        if (result.status === 'rejected') expect(String(result.reason)).toContain('503');
      }
      expect(await health(own)).toMatchObject({ connections: 5 });
    });
  });

  test('MAX_ROOMS: one more is refused Internal, saying why, until one is over', async () => {
    await withServer({ MAX_ROOMS: '2', ROOM_IDLE_TIMEOUT_MS: '20' }, async (own) => {
      const { room_id, clients } = await seat(own.wsUrl, 1);
      const leaver = await TestClient.connect(own.wsUrl);
      await leaver.createRoom();
      const third = await TestClient.connect(own.wsUrl);
      for (let i = 0; i < 2; i++) {
        third.send({ type: 'CreateRoom' });
        expect(await third.next()).toEqual({
          type: 'Error',
          code: 'Internal',
          message: expect.stringMatching(/room limit/),
        });
      }
      expect(await health(own)).toMatchObject({ rooms: 2 });
      // It may still join, and the others notice nothing.
      await third.joinRoom(room_id);
      third.send({ type: 'LeaveRoom' });
      await third.settled();
      leaver.send({ type: 'LeaveRoom' });
      await until('a room is over', async () => (await health(own)).rooms === 1);
      await third.createRoom();
      leaver.send({ type: 'CreateRoom' });
      expect(await leaver.next()).toMatchObject({ type: 'Error', code: 'Internal' });
      await clients[0]!.settled();
      expect(clients[0]!.unread().map(({ type }) => type)).toEqual([
        'PeerConnected',
        'RoomParticipants',
        'PeerDisconnected',
        'RoomParticipants',
      ]);
    });
  });
});

describe('TLS', () => {
  let directory: string;
  let env: { TLS_CERT_FILE: string; TLS_KEY_FILE: string };
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'bloom-tls-'));
    env = { TLS_CERT_FILE: join(directory, 'cert.pem'), TLS_KEY_FILE: join(directory, 'key.pem') };
    const subject = ['-subj', '/CN=bloom test', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const files = ['-keyout', env.TLS_KEY_FILE, '-out', env.TLS_CERT_FILE];
    execFileSync('openssl', ['req', '-x509', ...key, ...files, ...subject, '-days', '2'], { stdio: 'pipe' });
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test('https and wss, by a certificate of its own', async () => {
    await withServer(env, async (own) => {
      expect([own.url.protocol, own.wsUrl.protocol]).toEqual(['https:', 'wss:']);
      const ca = readFileSync(env.TLS_CERT_FILE);
      const [response] = (await once(getTls(new URL('/healthz', own.url), { ca }), 'response')) as [
        IncomingMessage,
      ];
      expect(response.resume().statusCode).toBe(200);
      const clients = await Promise.all([1, 2, 3, 4].map(() => TestClient.connect(own.wsUrl, { ca })));
      const [first, closing, terminating, binary] = clients as [
        TestClient,
        TestClient,
        TestClient,
        TestClient,
      ];
      const { room_id, self_id } = await first.createRoom();
      for (const [client, end] of [
        [closing, () => closing.close()],
        [terminating, () => terminating.socket.terminate()],
        [binary, () => binary.send(Buffer.from('x'))],
      ] as const) {
        const id = await client.joinRoom(room_id);
        client.send({ type: 'Offer', to: self_id, sdp: 'over TLS' });
        expect(await first.nextOf('Offer')).toEqual({ type: 'Offer', from: id, sdp: 'over TLS' });
        end();
        expect(await first.next()).toEqual({ type: 'PeerDisconnected', participant_id: id });
        expect(await first.next()).toEqual({ type: 'RoomParticipants', room_id, participants: [self_id] });
        await client.closed;
      }
      await first.settled();
      expect(first.unread()).toEqual([]);
    });
  });

  test('who does not trust the certificate, or speaks no TLS, gets nothing; the server goes on', async () => {
    await withServer(env, async (own) => {
      await expect(TestClient.connect(own.wsUrl)).rejects.toThrow(/self-signed/);
      const plain = connect({ host: '127.0.0.1', port: Number(own.url.port) });
      plain.on('error', () => {});
      plain.write(handshake(own.wsUrl));
      await once(plain.resume(), 'close');
      const ca = readFileSync(env.TLS_CERT_FILE);
      await (await TestClient.connect(own.wsUrl, { ca })).createRoom();
    });
  });

  test('stop() does not wait for a connection that has not even begun TLS', async () => {
    const own = await startServer(env);
    const silent = connect({ host: '127.0.0.1', port: Number(own.url.port) });
    try {
      await once(silent, 'connect');
      const ca = readFileSync(env.TLS_CERT_FILE);
      await TestClient.connect(own.wsUrl, { ca }); // by now the server has accepted the one before
      await within(10_000, 'stop()', own.stop()); // it would let a TLS handshake take 30 s
    } finally {
      silent.destroy();
    }
  });
});

describe('stop()', () => {
  test('every client hears 1001, in a room or not; then nobody may connect', async () => {
    await withServer({}, async (own) => {
      const { clients } = await seat(own.wsUrl, 3);
      const single = await TestClient.connect(own.wsUrl);
      await own.stop();
      for (const client of [...clients, single]) expect(await client.closed).toBe(1001);
      await expect(TestClient.connect(own.wsUrl)).rejects.toThrow('ECONNREFUSED');
    }); // which stops it again: nothing happens
  });

  test('one that never answers the close is destroyed all the same; meanwhile the server is not ready', async () => {
    const own = await startServer();
    const stubborn = await RawClient.connect(own.wsUrl, { allowHalfOpen: true });
    // A request that is under way when the server is told to stop.
    const asking = connect({ host: '127.0.0.1', port: Number(own.url.port) });
    try {
      const other = await TestClient.connect(own.wsUrl);
      asking.write('GET /readyz HTTP/1.1\r\nHost: x\r\n');
      await (await fetch(new URL('/readyz', own.url))).json(); // by now the server has read the line above
      const stopped = own.stop();
      asking.write('\r\n');
      const response = await readResponse(asking);
      expect(await stubborn.closeCode).toBe(1001);
      expect(await other.closed).toBe(1001);
      expect([response.status, JSON.parse(response.body)]).toEqual([503, { status: 'stopping' }]);
      await within(30_000, 'stop()', stopped);
    } finally {
      asking.destroy();
      stubborn.socket.destroy();
      await own.stop();
    }
  });

  test('while clients are still closing nobody else is told ready, or let in', async () => {
    const own = await startServer();
    const stubborn = await RawClient.connect(own.wsUrl, { allowHalfOpen: true });
    try {
      const stopped = own.stop();
      expect(await stubborn.closeCode).toBe(1001);
      const ready = once(get(new URL('/readyz', own.url)), 'response').then(
        ([response]: IncomingMessage[]) => response?.resume().statusCode,
        (error) => error.code,
      );
      expect([503, 'ECONNREFUSED']).toContain(await ready);
      await expect(TestClient.connect(own.wsUrl)).rejects.toThrow(/503|ECONNREFUSED/);
      stubborn.socket.end();
      await within(30_000, 'stop()', stopped);
    } finally {
      stubborn.socket.destroy();
      await own.stop();
    }
  });
});
