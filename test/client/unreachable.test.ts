import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { whyUnreachable } from '../../src/client/unreachable.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** What a developer is told of a server that is not reached. */

let server: TestServer;
/** A web server that knows nothing of Bloom. */
const web = createServer((_, response) => response.end('hello'));
let foreign: string;
let dead: string;

beforeAll(async () => {
  server = await startServer();
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  foreign = `127.0.0.1:${(web.address() as AddressInfo).port}`;
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  dead = `127.0.0.1:${(closed.address() as AddressInfo).port}`;
  closed.close();
});
afterAll(() => void web.close());

test.each([
  [
    'a wrong path',
    () => new URL('/socket', server.wsUrl),
    /answers 404 at \/socket: not the path of a WebSocket/,
  ],
  [
    'a server that is down',
    () => new URL(`ws://${dead}/ws`),
    /Nothing answers at http:.*Does the server run/,
  ],
  ['TLS where there is none', () => new URL(`wss://${server.wsUrl.host}/ws`), /Write ws: instead of wss:/],
  [
    'a server that is not Bloom',
    () => new URL(`ws://${foreign}/ws`),
    /answers 200 .*probably it is not a Bloom/,
  ],
  ['a WebSocket that a proxy does not open', () => server.wsUrl, /ALLOWED_ORIGINS/],
])('%s', async (_, url, hint) => {
  expect(await whyUnreachable(url())).toMatch(hint);
});

test('a page of another origin may not read the answer, and is told what to look at', async () => {
  const opaque = async () => ({ status: 0, body: null }) as Response;
  expect(await whyUnreachable(new URL('wss://example.org/ws'), opaque)).toMatch(
    /Bloom's path\? .*ALLOWED_ORIGINS/,
  );
});

test.each([
  ['development', 1],
  ['production', 0],
])('in %s the state tells, the console %i times, and attempts can be bounded', async (mode, times) => {
  const source = `
    import { Signaling } from ${JSON.stringify(join(import.meta.dirname, '../../src/client/index.ts'))};
    const client = new Signaling('ws://${dead}/ws', { reconnect: { baseMs: 20, capMs: 20, maxAttempts: 50 } });
    client.on('state', ({ url, hint }) => hint && console.log('told', url, hint));
    await client.connect().catch(({ code }) => console.log(code));`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source], {
    env: { ...process.env, NODE_ENV: mode },
  });
  let [output, warnings] = ['', ''];
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (warnings += data));
  const [code] = await once(child, 'exit');
  expect(code).toBe(0);
  expect(output).toContain(`told ws://${dead}/ws Nothing answers`);
  expect(output).toMatch(/Closed\n$/);
  expect(warnings.match(/Bloom: no connection with ws:/g) ?? []).toHaveLength(times);
});
