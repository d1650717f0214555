import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import { TestClient } from '../support/client.ts';
import { handshake, rawRequest } from '../support/raw.ts';
import { health, startServer, type TestServer } from '../support/server.ts';
import { Session } from '../support/session.ts';
import { until } from '../support/wait.ts';

/** Attempts by address. Tests come from loopback, which is not limited, so they come as a proxy would. */

const LIMIT = 5;

const servers: TestServer[] = [];
async function start(env: Record<string, string> = {}): Promise<TestServer> {
  const server = await startServer({
    TRUST_PROXY: 'loopback',
    MAX_ATTEMPTS_PER_ADDRESS: `${LIMIT}`,
    ...env,
  });
  servers.push(server);
  return server;
}
afterEach(() => Promise.all(servers.splice(0).map((server) => server.stop())));

const from = (address: string) => ({ 'X-Forwarded-For': address });

/** The answer to an upgrade. */
const upgrade = ({ wsUrl }: TestServer, address: string) =>
  rawRequest(wsUrl, handshake(wsUrl, from(address)));

async function statuses(server: TestServer, ...addresses: string[]): Promise<number[]> {
  const answers: number[] = [];
  for (const address of addresses) answers.push((await upgrade(server, address)).status);
  return answers;
}

describe('connections', () => {
  test('up to the limit are let in, the next is answered 429 with Retry-After', async () => {
    const server = await start();
    expect(await statuses(server, ...Array(LIMIT).fill('192.0.2.1'))).toEqual(Array(LIMIT).fill(101));
    const { status, headers, body } = await upgrade(server, '192.0.2.1');
    expect(status).toBe(429);
    expect(headers['retry-after']).toMatch(/^\d+$/);
    expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(Number(headers['retry-after'])).toBeLessThanOrEqual(60);
    expect(JSON.parse(body)).toEqual({ error: expect.any(String) });
    expect(await statuses(server, '192.0.2.1', '192.0.2.1')).toEqual([429, 429]);
  });

  test('of another address are not affected', async () => {
    const server = await start();
    await statuses(server, ...Array(LIMIT + 3).fill('192.0.2.1'));
    expect(await statuses(server, '192.0.2.2', '2001:db8::1', '192.0.2.1')).toEqual([101, 101, 429]);
  });

  test('of one /64 are those of one address', async () => {
    const server = await start();
    const addresses = Array.from({ length: LIMIT }, (_, i) => `2001:db8:0:7:${i}::${i}`);
    expect(await statuses(server, ...addresses)).toEqual(Array(LIMIT).fill(101));
    expect(await statuses(server, '2001:db8:0:7::ffff', '2001:db8:0:8::1')).toEqual([429, 101]);
  });

  test('of IPv4 are the same in IPv6 notation', async () => {
    const server = await start();
    await statuses(server, ...Array(LIMIT).fill('192.0.2.1'));
    expect(await statuses(server, '::ffff:192.0.2.1')).toEqual([429]);
  });

  test('at one moment are counted one by one', async () => {
    const server = await start();
    const answers = await Promise.all(Array.from({ length: 20 }, () => upgrade(server, '192.0.2.1')));
    expect(answers.filter(({ status }) => status === 101)).toHaveLength(LIMIT);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(20 - LIMIT);
  });

  test('pass again when the window is over', async () => {
    const server = await start({ ATTEMPTS_WINDOW_MS: '1000' });
    expect((await statuses(server, ...Array(LIMIT + 1).fill('192.0.2.1'))).at(-1)).toBe(429);
    await until('the window is over', async () => (await upgrade(server, '192.0.2.1')).status === 101);
  });

  test('from loopback itself, with no proxy before it, are not limited', async () => {
    const server = await start({ TRUST_PROXY: '' });
    expect(await statuses(server, ...Array(LIMIT + 5).fill('192.0.2.1'))).toEqual(Array(LIMIT + 5).fill(101));
  });

  test('an address that nobody trusted wrote does not count: the proxy’s word does', async () => {
    const server = await start();
    const forged = Array.from({ length: LIMIT + 1 }, (_, i) => `10.1.1.${i}, 192.0.2.1`);
    expect(await statuses(server, ...forged)).toEqual([...Array(LIMIT).fill(101), 429]);
  });

  test('with a limit of 0 are not limited', async () => {
    const server = await start({ MAX_ATTEMPTS_PER_ADDRESS: '0' });
    expect(await statuses(server, ...Array(20).fill('192.0.2.1'))).toEqual(Array(20).fill(101));
  });

  test('beyond the limit cost nobody who is in already, and /healthz and /readyz nothing', async () => {
    const server = await start();
    const options = { headers: from('192.0.2.1') };
    const client = await TestClient.connect(server.wsUrl, options);
    await statuses(server, ...Array(LIMIT + 5).fill('192.0.2.1'));
    await client.createRoom();
    for (const path of ['/healthz', '/readyz']) {
      expect((await fetch(new URL(path, server.url), options)).status).toBe(200);
    }
  });

  test('to take up a session count like any other', async () => {
    const server = await start();
    const options = { headers: from('192.0.2.1') };
    let session = await Session.open(server.wsUrl, undefined, options);
    for (let i = 1; i < LIMIT; i++) session = await session.resume(server.wsUrl, options);
    await expect(session.resume(server.wsUrl, options)).rejects.toThrow('429');
    const elsewhere = await session.resume(server.wsUrl, { headers: from('192.0.2.2') });
    expect(elsewhere.ready).toMatchObject({ resumed: true, participant_id: session.id });
  });
});

describe('failed joins', () => {
  const search = (client: TestClient) => client.send({ type: 'JoinRoom', room_id: randomUUID() });

  test('count: who searches for room ids is closed 4429, and then shut out', async () => {
    const server = await start();
    const searcher = await TestClient.connect(server.wsUrl, { headers: from('192.0.2.1') });
    for (let i = 1; i < LIMIT; i++) {
      search(searcher);
      expect(await searcher.next()).toMatchObject({ type: 'Error', code: 'RoomNotFound' });
    }
    await searcher.settled();
    expect(searcher.socket.readyState).toBe(searcher.socket.OPEN);
    search(searcher);
    expect(await searcher.closed).toBe(4429);
    expect(await statuses(server, '192.0.2.1', '192.0.2.2')).toEqual([429, 101]);
  });

  test('of all sockets of one address count together', async () => {
    const server = await start();
    const options = { headers: from('2001:db8::1') };
    const searchers = [
      await TestClient.connect(server.wsUrl, options),
      await TestClient.connect(server.wsUrl, { headers: from('2001:db8::2') }),
    ] as const;
    for (let i = 0; i < LIMIT - 2; i++) {
      const searcher = searchers[i % 2] as TestClient;
      search(searcher);
      expect(await searcher.next()).toMatchObject({ code: 'RoomNotFound' });
    }
    search(searchers[1]);
    expect(await searchers[1].closed).toBe(4429);
    expect(searchers[0].socket.readyState).toBe(searchers[0].socket.OPEN);
    search(searchers[0]);
    expect(await searchers[0].closed).toBe(4429);
  });

  test('cost nobody else: neither a member of a room with the same address, nor another address', async () => {
    const server = await start({ MAX_ATTEMPTS_PER_ADDRESS: '10' });
    const options = { headers: from('192.0.2.1') };
    const member = await TestClient.connect(server.wsUrl, options);
    const { room_id } = await member.createRoom();
    const late = await TestClient.connect(server.wsUrl, options);
    const searcher = await TestClient.connect(server.wsUrl, options);
    for (let i = 0; i < 10; i++) search(searcher);
    expect(await searcher.closed).toBe(4429);
    await late.joinRoom(room_id); // what is found is no attempt
    await member.settled();
    const other = await TestClient.connect(server.wsUrl, { headers: from('192.0.2.2') });
    await other.joinRoom(room_id);
    search(other);
    await other.settled();
    expect((await health(server)).connections).toBe(3);
  });

  test('refusals of other kinds do not count', async () => {
    const server = await start({ ROOM_CAPACITY: '1' });
    const creator = await TestClient.connect(server.wsUrl);
    const { room_id } = await creator.createRoom();
    const client = await TestClient.connect(server.wsUrl, { headers: from('192.0.2.1') });
    for (let i = 0; i < LIMIT; i++) client.send({ type: 'JoinRoom', room_id });
    for (let i = 0; i < LIMIT; i++) client.send({ type: 'JoinRoom', room_id: 'no UUID' });
    for (let i = 0; i < LIMIT; i++) client.send({ type: 'LeaveRoom' });
    await client.settled();
    expect(client.heard.filter((error) => 'code' in error && error.code === 'RoomFull')).toHaveLength(LIMIT);
    expect(await statuses(server, '192.0.2.1')).toEqual([101]);
  });

  test('of a session count, and it is gone when it is closed 4429', async () => {
    const server = await start();
    const session = await Session.open(server.wsUrl, undefined, { headers: from('192.0.2.1') });
    for (let i = 0; i < LIMIT; i++) search(session.client);
    expect(await session.client.closed).toBe(4429);
    const again = await session.resume(server.wsUrl, { headers: from('192.0.2.2') });
    expect(again.ready).toMatchObject({ resumed: false });
  });

  test('all in one go: the searcher learns of no more than its rate lets it ask beyond the limit', async () => {
    const server = await start();
    const searcher = await TestClient.connect(server.wsUrl, { headers: from('192.0.2.1') });
    for (let i = 0; i < 200; i++) search(searcher);
    expect(await searcher.closed).toBe(4429);
    const answers = searcher.heard.filter((error) => 'code' in error && error.code === 'RoomNotFound');
    // 20 messages in any second; the frames may take more than one to be read.
    expect(answers.length).toBeLessThan(200 / 2);
  });
});
