import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';

/** `npm run dev`. */

const DEV = fileURLToPath(new URL('../../scripts/dev.ts', import.meta.url));

let dev: ChildProcess | undefined;
afterAll(async () => {
  if (dev?.kill('SIGTERM')) await once(dev, 'exit');
});

test('the page with hot reload finds the Bloom beside it, on the port that was asked for', async () => {
  const port = await freePort();
  dev = spawn(process.execPath, [DEV, '--port', String(port), '--host', '127.0.0.1'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const page = await new Promise<string>((resolve) => {
    let said = '';
    dev?.stdout?.on('data', (data) => {
      said += data;
      // biome-ignore lint/suspicious/noControlCharactersInRegex: Vite may write in colours
      const plain = said.replace(/\u001b\[\d+m/g, '');
      const url = /http:\/\/localhost:(\d+)/.exec(plain)?.[0];
      if (url !== undefined && plain.includes('Bloom is listening')) resolve(url);
    });
  });
  expect(await (await fetch(page)).text()).toContain('<title>Bloom</title>');
  const socket = new WebSocket(new URL('/ws', page.replace('http', 'ws')));
  await once(socket, 'open');
  socket.send('{"type":"CreateRoom"}');
  const [data] = await once(socket, 'message');
  expect(JSON.parse(String(data))).toMatchObject({ type: 'RoomCreated' });
  socket.close();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
