import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Routes } from '../../src/http.ts';
import { startChild } from '../support/child.ts';
import { TestClient } from '../support/client.ts';
import { ADDRESS, Network } from '../support/network.ts';
import { closeFrame, handshake, RawClient, rawRequest, readResponse } from '../support/raw.ts';
import { health, startServer, type TestServer } from '../support/server.ts';
import { until, within } from '../support/wait.ts';

/** What one address, and one connection, may hold at a time. */

const sockets: Socket[] = [];
const servers: TestServer[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function start(...args: Parameters<typeof startServer>): Promise<TestServer> {
  const server = await startServer(...args);
  servers.push(server);
  return server;
}

async function open({ url }: Pick<TestServer, 'url'>): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: Number(url.port) });
  sockets.push(socket);
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Tests come from loopback, which is not limited, so they come as a proxy would. */
const from = (address: string) => ({ headers: { 'X-Forwarded-For': address } });

describe('MAX_CONNECTIONS_PER_ADDRESS', () => {
  const env = { TRUST_PROXY: 'loopback', MAX_CONNECTIONS_PER_ADDRESS: '2' };

  test('one more WebSocket of an address is answered 429, until one has left', async () => {
    const server = await start(env);
    const first = await TestClient.connect(server.wsUrl, from('192.0.2.1'));
    const second = await TestClient.connect(server.wsUrl, from('192.0.2.1'));
    const answer = await rawRequest(server.wsUrl, handshake(server.wsUrl, from('192.0.2.1').headers));
    expect([answer.status, answer.headers['retry-after'], JSON.parse(answer.body)]).toEqual([
      429,
      '30',
      { error: 'Too many connections from this address.' },
    ]);
    await TestClient.connect(server.wsUrl, from('192.0.2.2')); // others are not affected
    for (const end of [() => first.close(), () => second.socket.terminate()]) {
      const { connections } = await health(server);
      end();
      await until('one has left', async () => (await health(server)).connections < connections);
      await TestClient.connect(server.wsUrl, from('192.0.2.1'));
      await expect(TestClient.connect(server.wsUrl, from('192.0.2.1'))).rejects.toThrow('429');
    }
  });

  test('a /64 is one address; loopback has no limit', async () => {
    const server = await start(env);
    await TestClient.connect(server.wsUrl, from('2001:db8::1'));
    await TestClient.connect(server.wsUrl, from('2001:db8::2'));
    await expect(TestClient.connect(server.wsUrl, from('2001:db8::3'))).rejects.toThrow('429');
    await TestClient.connect(server.wsUrl, from('2001:db8:0:1::1'));
    for (let i = 0; i < 5; i++) await TestClient.connect(server.wsUrl);
  });

  test('a refused handshake takes no place', async () => {
    const server = await start(env);
    const { headers } = from('192.0.2.1');
    for (let i = 0; i < 5; i++) {
      const malformed = handshake(server.wsUrl, { ...headers, 'Sec-WebSocket-Key': 'YWJj' });
      expect((await rawRequest(server.wsUrl, malformed)).status).toBe(400);
    }
    await TestClient.connect(server.wsUrl, from('192.0.2.1'));
    await TestClient.connect(server.wsUrl, from('192.0.2.1'));
  });

  test('a client that closes gives its place back at once, whether or not it ends its TCP connection', async () => {
    const server = await start(env);
    for (let i = 0; i < 6; i++) {
      const client = await RawClient.connect(server.wsUrl, { allowHalfOpen: true, ...from('192.0.2.1') });
      sockets.push(client.socket);
      client.send(closeFrame(1000));
      await client.closeCode;
    }
  });

  test('TCP connections that say nothing count as well: those beyond the limit are closed', async () => {
    const network = new Network();
    const options = { HOST: ADDRESS.server, MAX_CONNECTIONS_PER_ADDRESS: '3' };
    const server = await startChild(options, network.on('server'));
    try {
      const script = `
        const sockets = Array.from({ length: 8 }, () => require('net').connect(${server.url.port}, '${ADDRESS.server}'));
        let closed = 0;
        for (const socket of sockets) socket.on('close', () => ++closed === 5 && answer()).on('error', () => {}).resume();
        async function answer() {
          sockets.find((socket) => !socket.destroyed).destroy();
          for (;;) {
            // The place is free as soon as the server has heard of it.
            const response = await fetch('${server.url}healthz').catch(() => undefined);
            if (response) return console.log(response.status), process.exit();
          }
        }`;
      const [program = '', ...args] = [...network.on('client'), process.execPath, '-e', script];
      const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      const [status] = await within(
        30_000,
        'five are closed and one is answered',
        once(child.stdout, 'data'),
      );
      expect(String(status).trim()).toBe('200');
    } finally {
      await server.stop('SIGINT');
      network.remove();
    }
  });
});

describe('a response that is not read', () => {
  // Larger than what the kernels take for a client that reads nothing.
  const large = Buffer.alloc(16 * 1024 * 1024, 'x');
  const ends: Promise<unknown>[] = [];
  const page: Routes = {
    '/large': ({ socket }, response) => {
      if (ends.length === 0) ends.push(once(socket, 'close'));
      response.end(large);
    },
  };
  const request = 'GET /large HTTP/1.1\r\nHost: x\r\n\r\n';

  test.each([
    ['alone', request, ''],
    ['with many that wait behind it', request.repeat(60), ''],
    ['with an upgrade that waits behind it', request + handshake(new URL('ws://x/ws')), ''],
    ['with a refused upgrade behind it', request + handshake(new URL('ws://x/nowhere')), ''],
    [
      'with a refused upgrade behind it, and more to come',
      request + handshake(new URL('ws://x/nowhere')),
      'x',
    ],
    [
      'with a malformed upgrade behind it',
      request + handshake(new URL('ws://x/ws'), { 'Sec-WebSocket-Key': '' }),
      'x',
    ],
  ])('costs its connection, %s', async (_, bytes, more) => {
    const server = await start({ FIRST_MESSAGE_TIMEOUT_MS: '1000', HEARTBEAT_INTERVAL_MS: '500' }, { page });
    const socket = (await open(server)).pause();
    socket.write(bytes);
    await until('the server has the request', () => ends.length > 0);
    const writing = setInterval(() => socket.write(more), 100);
    try {
      await within(30_000, 'the server closes it', ends.splice(0)[0] as Promise<unknown>);
    } finally {
      clearInterval(writing);
    }
  });

  test('is one that is not read at all: slowly will do', async () => {
    const server = await start({ FIRST_MESSAGE_TIMEOUT_MS: '1000' }, { page });
    const socket = (await open(server)).pause();
    socket.write(request);
    let bytes = 0;
    // All of it takes longer than the server would wait for a client that reads nothing: 500 pauses of 5 ms.
    while (bytes <= large.length && !socket.destroyed) {
      bytes += (socket.read(32 * 1024) ?? socket.read())?.length ?? 0;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(bytes).toBeGreaterThan(large.length);
  });
});

describe('requests', () => {
  test.each([
    ['over HTTP/1.0', (text: string) => text.replace('HTTP/1.1', 'HTTP/1.0')],
    ['without Host', (text: string) => text.replace(/Host: .*\r\n/, '')],
    ['with an empty Host', (text: string) => text.replace(/Host: .*\r\n/, 'Host:\r\n')],
    ['with two Hosts', (text: string) => text.replace(/(Host: .*\r\n)/, '$1$1')],
    ['with a body', (text: string) => `${text.replace(/(Host: .*\r\n)/, '$1Content-Length: 5\r\n')}hello`],
    [
      'with a body in chunks',
      (text: string) =>
        `${text.replace(/(Host: .*\r\n)/, '$1Transfer-Encoding: chunked\r\n')}5\r\nhello\r\n0\r\n\r\n`,
    ],
  ])('to open a WebSocket %s: 400', async (_, change) => {
    const server = await start();
    const text = change(handshake(server.wsUrl));
    expect(text).not.toBe(handshake(server.wsUrl));
    const { status, headers, body } = await rawRequest(server.wsUrl, text);
    expect([status, headers.connection, JSON.parse(body)]).toEqual([
      400,
      'close',
      { error: expect.any(String) },
    ]);
    expect((await health(server)).connections).toBe(0);
  });

  test('to open a WebSocket may say that it has no body', async () => {
    const server = await start();
    const client = await RawClient.connect(server.wsUrl, { headers: { 'Content-Length': '0' } });
    await client.settled();
    client.socket.destroy();
  });

  test('with a body that no route reads end their connection', async () => {
    const server = await start();
    for (const path of ['/healthz', '/nowhere']) {
      const socket = await open(server);
      socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n`);
      const { headers } = await readResponse(socket);
      expect([path, headers.connection]).toEqual([path, 'close']);
      await once(socket.resume(), 'close');
    }
  });
});
