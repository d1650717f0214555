import { afterEach, describe, expect, test } from '@jest/globals';
import { type ChildServer, startChild } from '../support/child.ts';
import { seat, TestClient } from '../support/client.ts';
import { frame, handshake, OPCODE, RawClient, rawRequest, textFrame } from '../support/raw.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { bare, Session } from '../support/session.ts';
import { until, within } from '../support/wait.ts';

/** How a server goes: it says so, waits for those who leave, and never longer than it said. */

/** Longer than any test takes. */
const FOR_EVER = 600_000;
/** What a process may need to be done with it all, however busy the machine. */
const SOON = 10_000;

const readyz = async ({ url }: { url: URL }) => (await fetch(new URL('/readyz', url))).status;
const upgrade = ({ wsUrl }: { wsUrl: URL }) => rawRequest(wsUrl, handshake(wsUrl));

/** What a client has heard and not read. */
async function heard({ client }: { client: TestClient }) {
  await client.settled();
  return bare(client.unread());
}

describe('a drain', () => {
  const servers: TestServer[] = [];
  async function start(env: Record<string, string> = {}): Promise<TestServer> {
    const server = await startServer(env);
    servers.push(server);
    return server;
  }
  afterEach(() => Promise.all(servers.splice(0).map((server) => server.stop())));

  /** A room with a session and two of the base protocol, on a server that has begun to drain. */
  async function drain(drainMs: number, env: Record<string, string> = {}) {
    const server = await start(env);
    const { room_id, clients, ids } = await seat(server.wsUrl, 2);
    const [alice, bob] = clients as [TestClient, TestClient];
    const session = await Session.open(server.wsUrl);
    await session.client.joinRoom(room_id);
    for (const client of [alice, bob, session.client]) {
      await client.settled();
      client.unread();
    }
    const stopped = server.stop({ drainMs });
    return { server, room_id, ids, alice, bob, session, stopped };
  }

  test('is told to sessions: until when, and over how long to spread their return', async () => {
    const { alice, bob, session, stopped } = await drain(1000);
    const seq = session.lastSeq;
    const draining = await session.client.nextOf('ServerDraining');
    expect(draining).toEqual({
      type: 'ServerDraining',
      deadline_ms: 1000,
      jitter_ms: expect.any(Number),
      seq: seq + 1,
    });
    expect(draining.jitter_ms).toBeGreaterThanOrEqual(0);
    expect(draining.jitter_ms).toBeLessThanOrEqual(1000); // who waits within it is gone before the deadline
    for (const client of [alice, bob, session.client]) client.close();
    await stopped;
  });

  test('does not wait for a session without a socket, which cannot come back here', async () => {
    const { server, session, alice, bob, stopped } = await drain(FOR_EVER);
    await session.lose();
    await expect(session.resume(server.wsUrl)).rejects.toThrow('503');
    for (const client of [alice, bob]) client.close();
    await within(SOON, 'the end', stopped);
  });

  test('answers /readyz and upgrades with 503 at once, and /healthz still', async () => {
    const { server, alice, bob, session, stopped } = await drain(FOR_EVER);
    expect(await readyz(server)).toBe(503);
    const refusal = await upgrade(server);
    expect(refusal.status).toBe(503);
    expect(refusal.headers['retry-after']).toMatch(/^\d+$/);
    expect((await fetch(new URL('/healthz', server.url))).status).toBe(200);
    for (const client of [alice, bob, session.client]) client.close();
    await stopped;
  });

  test('lets those who are here go on meanwhile: relays, joins, leaving', async () => {
    const { room_id, ids, alice, bob, session, stopped } = await drain(FOR_EVER);
    alice.send({ type: 'Offer', to: session.id, sdp: 'goodbye' });
    await alice.settled();
    expect((await heard(session)).slice(1)).toEqual([{ type: 'Offer', from: ids[0], sdp: 'goodbye' }]);
    bob.send({ type: 'LeaveRoom' });
    await bob.settled();
    expect(await heard({ client: alice })).toEqual([
      { type: 'PeerDisconnected', participant_id: ids[1] },
      { type: 'RoomParticipants', room_id, participants: [ids[0], session.id] },
    ]);
    await bob.joinRoom(room_id);
    for (const client of [alice, bob, session.client]) client.close();
    await stopped;
  });

  test('does not take a session for gone that moves, or is lost, but one that leaves', async () => {
    const server = await start({ RESUME_GRACE_MS: '0' });
    const { room_id, clients } = await seat(server.wsUrl, 1);
    const sessions: Session[] = [];
    for (let i = 0; i < 5; i += 1) {
      const session = await Session.open(server.wsUrl);
      await session.client.joinRoom(room_id);
      sessions.push(session);
    }
    const [witness, moved, lost, leaving, closed] = sessions as [Session, Session, Session, Session, Session];
    for (const { client } of sessions) await client.settled();
    witness.client.unread();
    const stopped = server.stop({ drainMs: FOR_EVER });
    expect(await witness.client.next()).toMatchObject({ type: 'ServerDraining' });
    const heardOf = (type: string, { id }: Session) => ({ type, participant_id: id });

    moved.client.close(4000);
    expect(await witness.client.next()).toMatchObject(heardOf('PeerInterrupted', moved));
    lost.client.socket.terminate();
    expect(await witness.client.next()).toMatchObject(heardOf('PeerInterrupted', lost));
    leaving.client.send({ type: 'LeaveRoom' });
    expect(await witness.client.next()).toMatchObject(heardOf('PeerDisconnected', leaving));
    await witness.client.nextOf('RoomParticipants');
    closed.client.close(1000);
    expect(await witness.client.next()).toMatchObject(heardOf('PeerDisconnected', closed));
    const { participants } = await witness.client.nextOf('RoomParticipants');
    expect(participants.slice(1)).toEqual([witness.id, moved.id, lost.id]);
    for (const client of [...clients, witness.client, leaving.client]) client.close();
    await stopped;
  });

  test('is told to a session that is opened meanwhile, with the time that remains', async () => {
    const server = await start();
    const client = await TestClient.connect(server.wsUrl);
    await client.settled();
    const stopped = server.stop({ drainMs: FOR_EVER });
    client.send({ type: 'Hello' });
    expect(await client.next()).toMatchObject({ type: 'Ready' });
    const { deadline_ms, jitter_ms } = await client.nextOf('ServerDraining');
    expect(deadline_ms).toBeLessThanOrEqual(FOR_EVER);
    expect(jitter_ms).toBe(Math.floor(deadline_ms / 2));
    client.close();
    await stopped;
  });

  test('tells the base protocol nothing but the close', async () => {
    const { alice, bob, session, stopped } = await drain(200);
    await stopped;
    expect(await Promise.all([alice.closed, bob.closed, session.client.closed])).toEqual([1012, 1012, 1012]);
    expect([alice.unread(), bob.unread()]).toEqual([[], []]);
    expect(bare(session.client.unread())).toMatchObject([{ type: 'ServerDraining' }]);
  });

  test('ends sooner when all have left, by whatever way', async () => {
    const { alice, bob, session, stopped } = await drain(FOR_EVER);
    alice.close(1000);
    bob.socket.terminate();
    await session.client.nextOf('PeerDisconnected');
    session.client.close(1001);
    await within(SOON, 'the end', stopped);
  });

  test('with nobody there ends at once', async () => {
    const server = await start();
    await within(SOON, 'the end', server.stop({ drainMs: FOR_EVER }));
  });

  test('with nobody there any more ends at once', async () => {
    const server = await start();
    const session = await Session.open(server.wsUrl);
    session.client.close();
    await session.client.closed;
    const lost = await Session.open(server.wsUrl);
    await lost.client.createRoom();
    await lost.lose();
    await within(SOON, 'the end', server.stop({ drainMs: FOR_EVER }));
  });

  test('waits for as long as one stays', async () => {
    const { alice, bob, session, stopped } = await drain(FOR_EVER);
    let isOver = false;
    void stopped.then(() => {
      isOver = true;
    });
    alice.close();
    session.client.close();
    await alice.closed;
    await session.client.closed;
    for (let i = 0; i < 5; i++) await bob.settled();
    expect(isOver).toBe(false);
    bob.close();
    await within(SOON, 'the end', stopped);
  });

  test('counts a client that closes and never answers as gone', async () => {
    const server = await start();
    const raw = await RawClient.connect(server.wsUrl, { allowHalfOpen: true });
    const stopped = server.stop({ drainMs: FOR_EVER });
    raw.send(frame(OPCODE.close));
    await within(SOON, 'the end', stopped);
    raw.socket.destroy();
  });

  test.each([{ drainMs: 200 }, {}])('stop(%j) tells nobody that anybody left', async (options) => {
    const server = await start();
    const { room_id, clients } = await seat(server.wsUrl, 3);
    const session = await Session.open(server.wsUrl);
    await session.client.joinRoom(room_id);
    for (const client of clients) {
      await client.settled();
      client.unread();
    }
    await server.stop(options);
    for (const client of [...clients, session.client]) await client.closed;
    for (const client of clients) expect(client.unread()).toEqual([]);
    const types = session.client.unread().map(({ type }) => type);
    expect(types).toEqual(options.drainMs === undefined ? [] : ['ServerDraining']);
  });

  test('stop() without one closes with 1001 at once, and never says ServerDraining', async () => {
    const server = await start();
    const session = await Session.open(server.wsUrl);
    const client = await TestClient.connect(server.wsUrl);
    await server.stop();
    expect([await session.client.closed, await client.closed]).toEqual([1001, 1001]);
    expect(session.client.unread()).toEqual([]);
  });

  test('is over at its deadline, whatever clients do', async () => {
    const server = await start();
    const deaf = await RawClient.connect(server.wsUrl, { allowHalfOpen: true });
    deaf.send(textFrame({ type: 'Hello' }));
    await deaf.nextOf('Ready');
    deaf.socket.pause();
    const half = await RawClient.connect(server.wsUrl);
    half.send(textFrame({ type: 'CreateRoom' }).subarray(0, 3));
    await within(SOON, 'the end', server.stop({ drainMs: 100 }));
    deaf.socket.destroy();
    half.socket.destroy();
  });

  test('a connection that comes while it begins is not forgotten', async () => {
    const server = await start();
    const coming = Promise.allSettled(Array.from({ length: 20 }, () => TestClient.connect(server.wsUrl)));
    await TestClient.connect(server.wsUrl);
    const stopped = server.stop({ drainMs: 100 });
    for (const result of await coming) {
      if (result.status === 'fulfilled') expect(await result.value.closed).toBe(1012);
      else expect(String(result.reason)).toContain('503');
    }
    await within(SOON, 'the end', stopped);
  });
});

describe('the process', () => {
  const children: ChildServer[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.process.kill('SIGKILL');
  });

  /** A process with a session, somebody of the base protocol, and one that neither reads nor answers. */
  async function serve(drainMs: number) {
    const server = await startChild({ DRAIN_TIMEOUT_MS: `${drainMs}` });
    children.push(server);
    const { room_id, clients } = await seat(server.wsUrl, 1);
    const [alice] = clients as [TestClient];
    const session = await Session.open(server.wsUrl);
    await session.client.joinRoom(room_id);
    await alice.settled();
    alice.unread();
    return { server, room_id, alice, session };
  }

  /** A client that stops reading, and never closes its side. */
  async function deaf(server: ChildServer, room_id?: string): Promise<RawClient> {
    const raw = await RawClient.connect(server.wsUrl, { allowHalfOpen: true });
    raw.send(textFrame({ type: 'Hello' }));
    if (room_id !== undefined) await raw.joinRoom(room_id);
    raw.socket.pause();
    return raw;
  }

  const isStopping = (server: ChildServer) =>
    until('it is stopping', () => server.logs().some(({ msg }) => msg === 'stopping'));

  test('on SIGTERM answers 503 at once, and tells sessions', async () => {
    const { server, alice, session } = await serve(FOR_EVER);
    server.process.kill('SIGTERM');
    expect(await session.client.nextOf('ServerDraining')).toMatchObject({ deadline_ms: FOR_EVER });
    expect(await readyz(server)).toBe(503);
    expect((await upgrade(server)).status).toBe(503);
    await alice.settled();
    expect(alice.unread()).toEqual([]);
  });

  test('closes 1012 at the deadline, and exits 0', async () => {
    const { server, alice, session } = await serve(300);
    const exit = server.stop('SIGTERM');
    expect(await session.client.nextOf('ServerDraining')).toMatchObject({ deadline_ms: 300 });
    expect(await Promise.all([alice.closed, session.client.closed])).toEqual([1012, 1012]);
    expect(await within(SOON, 'the exit', exit)).toBe(0);
    expect(alice.unread()).toEqual([]);
  });

  test('exits 0 at the deadline though a client never reads and never answers', async () => {
    const { server, room_id, alice, session } = await serve(300);
    const raw = await deaf(server, room_id);
    const other = await deaf(server);
    expect(await within(SOON, 'the exit', server.stop('SIGTERM'))).toBe(0);
    expect(await Promise.all([alice.closed, session.client.closed])).toEqual([1012, 1012]);
    raw.socket.destroy();
    other.socket.destroy();
  });

  test('exits 0 at the deadline though its clients are full to the brim', async () => {
    const server = await startChild({
      DRAIN_TIMEOUT_MS: '300',
      RATE_LIMIT_MESSAGES: '100000',
      MAX_QUEUE_BYTES: `${64 * 1024 * 1024}`,
    });
    children.push(server);
    const { room_id, clients } = await seat(server.wsUrl, 1);
    const [alice] = clients as [TestClient];
    const raw = await RawClient.connect(server.wsUrl, { allowHalfOpen: true });
    const id = await raw.joinRoom(room_id);
    raw.socket.pause();
    for (let i = 0; i < 300; i++) alice.send({ type: 'Offer', to: id, sdp: 'x'.repeat(60_000) });
    await alice.settled();
    expect(await within(SOON, 'the exit', server.stop('SIGTERM'))).toBe(0);
    raw.socket.destroy();
  });

  test('exits 0 sooner when all have left', async () => {
    const { server, alice, session } = await serve(FOR_EVER);
    const exit = server.stop('SIGTERM');
    await session.client.nextOf('ServerDraining');
    alice.close();
    session.client.close();
    expect(await within(SOON, 'the exit', exit)).toBe(0);
  });

  test('does not exit while one is here and there is time', async () => {
    const { server, alice, session } = await serve(FOR_EVER);
    server.process.kill('SIGTERM');
    await session.client.nextOf('ServerDraining');
    session.client.close();
    await session.client.closed;
    for (let i = 0; i < 5; i++) await alice.settled();
    expect(await readyz(server)).toBe(503);
    expect(server.process.exitCode).toBeNull();
  });

  test('on SIGINT does not wait: 1001, no ServerDraining, exit 0', async () => {
    const { server, alice, session } = await serve(FOR_EVER);
    const raw = await deaf(server);
    expect(await within(SOON, 'the exit', server.stop('SIGINT'))).toBe(0);
    expect(await Promise.all([alice.closed, session.client.closed])).toEqual([1001, 1001]);
    expect(alice.unread()).toEqual([]);
    expect(session.client.heard.map(({ type }) => type)).not.toContain('ServerDraining');
    raw.socket.destroy();
  });

  const SAME_SIGNAL_MS = 250;
  const twice: [NodeJS.Signals, NodeJS.Signals][] = [
    ['SIGTERM', 'SIGTERM'],
    ['SIGTERM', 'SIGINT'],
  ];
  test.each(twice)('on %s and then %s closes with 1012 and exits 1 at once', async (first, second) => {
    const { server, alice, session } = await serve(FOR_EVER);
    const raw = await deaf(server);
    server.process.kill(first);
    await isStopping(server);
    const since = performance.now();
    await until('the second signal is another', () => performance.now() - since > SAME_SIGNAL_MS);
    expect(await within(SOON, 'the exit', server.stop(second))).toBe(1);
    expect(await Promise.all([alice.closed, session.client.closed])).toEqual([1012, 1012]);
    raw.socket.destroy();
  });

  test('with DRAIN_TIMEOUT_MS=0 does not wait on SIGTERM either', async () => {
    const { server, alice, session } = await serve(0);
    expect(await within(SOON, 'the exit', server.stop('SIGTERM'))).toBe(0);
    for (const client of [alice, session.client]) expect([1001, 1012]).toContain(await client.closed);
  });

  test('a collector that never answers keeps it no longer either', async () => {
    const { createServer } = await import('node:net');
    const collector = createServer(() => {});
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
    const { port } = collector.address() as { port: number };
    const server = await startChild({
      DRAIN_TIMEOUT_MS: '300',
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_TRACES_EXPORTER: 'otlp',
    });
    children.push(server);
    await Session.open(server.wsUrl);
    const raw = await deaf(server);
    expect(await within(SOON, 'the exit', server.stop('SIGTERM'))).toBe(0);
    raw.socket.destroy();
    collector.close();
  });
});
