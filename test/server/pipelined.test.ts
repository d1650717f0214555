import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { TestClient } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ ALLOWED_ORIGINS: 'https://app.example' });
});
afterAll(() => server.stop());

/** Sends requests in one write and returns all that comes back until the server ends the connection. */
async function exchange(...requests: string[]): Promise<string> {
  const socket = connect({ host: server.url.hostname, port: Number(server.url.port) });
  socket.write(requests.join(''));
  let answer = '';
  for await (const data of socket) answer += data;
  return answer;
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
const upgrade = (path: string, ...headers: string[]) =>
  `GET ${path} HTTP/1.1\r\n${['Host: x', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', ...headers].join('\r\n')}\r\n\r\n`;

test.each([
  ['another path', upgrade('/nope'), 404],
  ['an origin that may not connect', upgrade('/ws', 'Origin: https://evil.example'), 403],
])(
  'an upgrade refused for %s behind a request in the same packet: both are answered',
  async (_, refused, status) => {
    const answer = await exchange(get('/healthz'), refused);
    expect(answer.match(/HTTP\/1\.1 (\d+)/g)).toEqual(['HTTP/1.1 200', `HTTP/1.1 ${status}`]);
    expect((await fetch(new URL('/healthz', server.url))).status).toBe(200);
  },
);

test('a refusal while the server drains', async () => {
  const own = await startServer();
  const stays = await TestClient.connect(own.wsUrl);
  const stopped = own.stop({ drainMs: 200 });
  const socket = connect({ host: own.url.hostname, port: Number(own.url.port) });
  socket.write(get('/readyz') + upgrade('/ws'));
  let answer = '';
  for await (const data of socket) answer += data;
  expect(answer.match(/HTTP\/1\.1 (\d+)/g)).toEqual(['HTTP/1.1 503', 'HTTP/1.1 503']);
  await stopped;
  expect(await stays.closed).toBe(1012);
});
