import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Signaling, type SignalingOptions } from '../../src/client/index.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { hmacToken } from '../support/tokens.ts';
import { until } from '../support/wait.ts';

/** The SDK at a real server that wants tokens. */

const SECRET = randomBytes(32);
let folder: string;
let server: TestServer;
const clients: Signaling[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bloom-client-token-'));
  const secrets = join(folder, 'secrets');
  writeFileSync(secrets, `main=${SECRET.toString('base64')}\n`);
  server = await startServer({ AUTH: 'required', AUTH_SECRETS_FILE: secrets, AUTH_GRACE_MS: '0' });
});
afterAll(() => {
  for (const client of clients) client.close();
  rmSync(folder, { recursive: true });
});

function token(lifeS: number): string {
  const now = Date.now() / 1000;
  const bloom = { rooms: ['*'], create: true };
  return hmacToken({ alg: 'HS256', kid: 'main' }, { sub: 'ada', iat: now, exp: now + lifeS, bloom }, SECRET);
}

function clientWith(given: SignalingOptions['token']): Signaling {
  const client = new Signaling(server.wsUrl, { token: given, reconnect: { baseMs: 1, capMs: 5 } });
  clients.push(client);
  return client;
}

test('a token lets the client in', async () => {
  const client = clientWith(token(600));
  const { roomId } = await client.createRoom();
  const other = clientWith(async () => token(600));
  expect((await other.joinRoom(roomId)).participants).toHaveLength(2);
});

test('a call outlives its tokens: the client asks for another and keeps its seat', async () => {
  let asked = 0;
  const client = clientWith(() => {
    asked += 1;
    return token(asked < 4 ? 1 : 600);
  });
  const resumed: unknown[] = [];
  client.on('resumed', (event) => resumed.push(event));
  const { roomId } = await client.createRoom();
  const { selfId } = client;
  const other = clientWith(token(600));
  await other.joinRoom(roomId);
  const left: unknown[] = [];
  other.on('peerDisconnected', (event) => left.push(event));
  await until('the client has its fourth token', () => asked === 4 && client.state.status === 'connected');
  expect({ left, selfId: client.selfId, room: client.room?.roomId }).toEqual({
    left: [],
    selfId,
    room: roomId,
  });
  expect(resumed).not.toEqual([]);
});

test('a provider that fails is asked again', async () => {
  let asked = 0;
  const client = clientWith(async () => {
    asked += 1;
    if (asked < 3) throw new Error('offline');
    return token(600);
  });
  await client.connect();
  expect(asked).toBe(3);
});

test('a provider that is slow is waited for, and not once the client has closed', async () => {
  let give: (text: string) => void = () => {};
  const client = clientWith(() => new Promise((resolve) => (give = resolve)));
  const connecting = client.connect();
  connecting.catch(() => {});
  await until('the provider is asked', () => give.length === 1);
  client.close();
  give(token(600));
  await expect(connecting).rejects.toMatchObject({ code: 'Closed' });
});

test('a fixed token that has expired ends the client when its attempts are over', async () => {
  const client = new Signaling(server.wsUrl, { token: token(0.5), reconnect: { baseMs: 1, maxAttempts: 2 } });
  clients.push(client);
  await client.connect();
  await until('the client gives up', () => client.state.status === 'closed');
  expect(client.state.status).toBe('closed');
});
