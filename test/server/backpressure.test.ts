import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { accepting } from '../support/accepted.ts';
import { seat, TestClient } from '../support/client.ts';
import { frame, handshake, OPCODE, RawClient, textFrame } from '../support/raw.ts';
import { health, startServer, type TestServer } from '../support/server.ts';
import { bare, Session } from '../support/session.ts';
import { turnIsOver, until, within } from '../support/wait.ts';

// Filling the kernel's buffers with short answers takes many of them.
jest.setTimeout(120_000);

/** Every queue ends: clients that do not read, that flood, or that say nothing. */

const MAX_QUEUE_BYTES = 64 * 1024;
const STRANGER = '11111111-1111-4111-8111-111111111111';

const servers: TestServer[] = [];
async function start(env: Record<string, string> = {}): Promise<TestServer> {
  const server = await startServer({
    MAX_QUEUE_BYTES: `${MAX_QUEUE_BYTES}`,
    RATE_LIMIT_MESSAGES: '100000',
    HEARTBEAT_INTERVAL_MS: '60000',
    ...env,
  });
  servers.push(server);
  return server;
}
afterEach(() => Promise.all(servers.splice(0).map((server) => server.stop())));

/** Connects; with what waits on the server's side of the socket, whose queue is the one in question. */
async function connectRaw({ wsUrl }: TestServer): Promise<{ raw: RawClient; queue: () => number }> {
  const { client, accepted } = await accepting(() => RawClient.connect(wsUrl));
  return { raw: client, queue: () => accepted.writableLength };
}

const participants = (room_id: string, ids: string[]) => ({
  type: 'RoomParticipants',
  room_id,
  participants: ids,
});
const sdp = (i: number) => `${i} ${'x'.repeat(60_000)}`;

describe('a slow reader', () => {
  /** Alice and Bob, and Carol, who stops reading; Alice sends to both until Carol is gone. */
  async function slowDown(kind: 'base' | 'session') {
    const server = await start();
    const { room_id, clients, ids } = await seat(server.wsUrl, 2);
    const [alice, bob] = clients as [TestClient, TestClient];
    const { raw, queue } = await connectRaw(server);
    let ready: { resume_token: string; participant_id: string } | undefined;
    if (kind === 'session') {
      raw.send(textFrame({ type: 'Hello' }));
      ready = await raw.nextOf('Ready');
    }
    const id = await raw.joinRoom(room_id);
    const watcher = await Session.open(server.wsUrl);
    await watcher.client.joinRoom(room_id);
    for (const client of [alice, bob, watcher.client]) {
      await client.settled();
      client.unread();
    }

    raw.socket.pause();
    const sent: string[] = [];
    let longest = 0;
    const isOver = () =>
      server.logs.some(({ participant_id, msg }) => participant_id === id && msg === 'connection closed');
    while (!isOver()) {
      expect(sent.length).toBeLessThan(1000); // 60 MB: no kernel holds as much
      sent.push(sdp(sent.length));
      alice.send({ type: 'Offer', to: id, sdp: sent.at(-1) });
      alice.send({ type: 'Offer', to: ids[1], sdp: sent.at(-1) });
      await alice.settled();
      longest = Math.max(longest, queue());
    }
    await bob.settled();
    return { server, room_id, ids, id, alice, bob, watcher, raw, ready, sent, longest };
  }

  test('is closed with 1013, its queue bounded; its room goes on as if nothing were', async () => {
    const { room_id, ids, id, alice, bob, watcher, raw, sent, longest } = await slowDown('base');
    expect(longest).toBeLessThan(MAX_QUEUE_BYTES + 2 * 65_536);
    raw.socket.resume();
    expect(await raw.closeCode).toBe(1013);
    await raw.gone;

    // What Bob was sent came in order; what he hears of Carol is that she left, once.
    const heard = bob.unread();
    const departure = [
      { type: 'PeerDisconnected', participant_id: id },
      participants(room_id, [...ids, watcher.id]),
    ];
    expect(heard.filter(({ type }) => type !== 'Offer')).toEqual(departure);
    expect(heard.flatMap((message) => (message.type === 'Offer' ? [message.sdp] : []))).toEqual(sent);
    expect(alice.unread().filter(({ type }) => type !== 'Error')).toEqual(departure);
    // What Carol had heard until then was in order as well.
    const delivered = raw.heard.flatMap((message) => (message.type === 'Offer' ? [message.sdp] : []));
    expect(delivered).toEqual(sent.slice(0, delivered.length));
  });

  test('with a session keeps its seat, and takes up what it missed when it reads again', async () => {
    const { server, id, alice, bob, watcher, raw, ready, sent, longest } = await slowDown('session');
    expect(longest).toBeLessThan(MAX_QUEUE_BYTES + 2 * 65_536);
    await watcher.client.settled();
    expect(bare(watcher.client.unread())).toEqual([{ type: 'PeerInterrupted', participant_id: id }]);
    expect(alice.unread()).toEqual([]);
    expect(bob.unread().filter(({ type }) => type !== 'Offer')).toEqual([]);

    raw.socket.resume();
    expect(await raw.closeCode).toBe(1013);
    await raw.gone;
    const heard = raw.heard as { type: string; seq?: number; sdp?: string }[];
    const last_seq = heard.at(-1)?.seq as number;
    const again = await Session.open(server.wsUrl, {
      resume_token: ready?.resume_token as string,
      last_seq,
    });
    expect(again.ready).toMatchObject({ resumed: true, participant_id: id });
    expect(again.ready).not.toHaveProperty('lost');
    await again.client.settled();
    const sdps = [...heard, ...again.client.heard].flatMap((message) =>
      message.type === 'Offer' ? [(message as { sdp: string }).sdp] : [],
    );
    expect(sdps).toEqual(sent);
    await watcher.client.settled();
    expect(bare(watcher.client.unread())).toEqual([{ type: 'PeerResumed', participant_id: id }]);
  });

  test('that never reads again is gone all the same', async () => {
    const { server, raw } = await slowDown('base');
    await until('the socket is destroyed', async () => (await health(server)).connections === 3);
    raw.socket.destroy();
  });

  test('that catches up in time stays', async () => {
    const server = await start();
    const { room_id, clients } = await seat(server.wsUrl, 1);
    const [alice] = clients as [TestClient];
    const { raw, queue } = await connectRaw(server);
    const id = await raw.joinRoom(room_id);
    await alice.settled();
    alice.unread();
    const sent: string[] = [];
    for (let round = 0; round < 3; round++) {
      raw.socket.pause();
      while (queue() === 0) {
        sent.push(sdp(sent.length));
        alice.send({ type: 'Offer', to: id, sdp: sent.at(-1) });
        await alice.settled();
      }
      raw.socket.resume();
      await raw.settled();
      expect(queue()).toBe(0);
    }
    expect(raw.heard.flatMap((message) => (message.type === 'Offer' ? [message.sdp] : []))).toEqual(sent);
    expect(alice.unread()).toEqual([]);
  });
});

describe('a client that floods and does not read', () => {
  const floods: [string, Record<string, string>, Buffer][] = [
    [
      'frames beyond its rate, each answered RateLimited',
      { RATE_LIMIT_MESSAGES: '1' },
      frame(OPCODE.text, 'x'),
    ],
    ['frames that are no JSON, each answered InvalidPayload', {}, frame(OPCODE.text, 'x')],
    [
      'joins of rooms that are not there',
      { MAX_ATTEMPTS_PER_ADDRESS: '0' },
      textFrame({ type: 'JoinRoom', room_id: STRANGER }),
    ],
    ['relays to nobody', {}, textFrame({ type: 'Offer', to: STRANGER, sdp: '' })],
  ];

  test.each(floods)('with %s: its queue ends, with 1013', async (_, env, bytes) => {
    const server = await start(env);
    const bystander = await TestClient.connect(server.wsUrl);
    const { raw, queue } = await connectRaw(server);
    raw.socket.pause();
    const flood = Buffer.concat(Array.from({ length: 2000 }, () => bytes));
    const isOver = () => server.logs.some(({ msg }) => msg === 'connection closed');
    let longest = 0;
    while (!isOver()) {
      expect(raw.socket.bytesWritten).toBeLessThan(100_000_000);
      if (raw.socket.writableLength === 0) raw.send(flood);
      await turnIsOver();
      longest = Math.max(longest, queue());
      await bystander.settled(); // who has nothing to do with it is served meanwhile
    }
    expect(longest).toBeLessThan(MAX_QUEUE_BYTES + 65_536);
    raw.socket.resume();
    expect(await within(10_000, 'the close frame', raw.closeCode)).toBe(1013);
  });

  test('as a session: the same, and its outbox is bounded as well', async () => {
    const server = await start({ RATE_LIMIT_MESSAGES: '1' });
    const { raw, queue } = await connectRaw(server);
    raw.send(textFrame({ type: 'Hello' }));
    const ready = await raw.nextOf('Ready');
    raw.socket.pause();
    const flood = Buffer.concat(Array.from({ length: 2000 }, () => frame(OPCODE.text, 'x')));
    let longest = 0;
    while (!server.logs.some(({ msg }) => msg === 'session interrupted')) {
      expect(raw.socket.bytesWritten).toBeLessThan(100_000_000);
      if (raw.socket.writableLength === 0) raw.send(flood);
      await turnIsOver();
      longest = Math.max(longest, queue());
    }
    expect(longest).toBeLessThan(MAX_QUEUE_BYTES + 65_536);
    raw.socket.resume();
    expect(await raw.closeCode).toBe(1013);
    const again = await Session.open(server.wsUrl, { resume_token: ready.resume_token, last_seq: 0 });
    expect(again.ready).toMatchObject({ resumed: true, lost: true });
    await again.client.settled();
    expect(again.numbered).toHaveLength(256);
  });

  test('with pings: they are answered up to a bound', async () => {
    const server = await start();
    const { raw, queue } = await connectRaw(server);
    raw.socket.pause();
    const flood = Buffer.concat(Array.from({ length: 500 }, () => frame(OPCODE.ping, 'x'.repeat(125))));
    let longest = 0;
    while (!server.logs.some(({ msg }) => msg === 'connection closed')) {
      expect(raw.socket.bytesWritten).toBeLessThan(100_000_000);
      if (raw.socket.writableLength === 0) raw.send(flood);
      await turnIsOver();
      longest = Math.max(longest, queue());
    }
    expect(longest).toBeLessThan(MAX_QUEUE_BYTES + 65_536);
    raw.socket.destroy();
  });
});

describe('a socket that says nothing', () => {
  const SILENCE = { FIRST_MESSAGE_TIMEOUT_MS: '50' };

  test('is closed 4408', async () => {
    const server = await start(SILENCE);
    const client = await TestClient.connect(server.wsUrl);
    expect(await client.closed).toBe(4408);
    expect(client.heard).toEqual([]);
    expect((await health(server)).connections).toBe(0);
  });

  test('but pings, and half a frame, says nothing', async () => {
    const server = await start(SILENCE);
    const raw = await RawClient.connect(server.wsUrl);
    raw.send(textFrame({ type: 'Hello' }).subarray(0, 5));
    expect(await raw.closeCode).toBe(4408);

    const pinging = await TestClient.connect(server.wsUrl);
    const pings = setInterval(() => pinging.socket.ping(), 5);
    expect(await pinging.closed).toBe(4408);
    clearInterval(pings);
  });

  test('and does not answer the close is destroyed', async () => {
    const server = await start(SILENCE);
    const raw = await RawClient.connect(server.wsUrl);
    expect(await raw.closeCode).toBe(4408);
    await until('the socket is gone', async () => (await health(server)).connections === 0);
  });

  test('not even a whole request is answered 408, and closed', async () => {
    const server = await start(SILENCE);
    for (const part of ['', handshake(server.wsUrl).slice(0, -2)]) {
      const socket = connect({ host: '127.0.0.1', port: Number(server.url.port) });
      socket.write(part);
      const answer = await text(socket);
      expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    }
  }, 30_000); // Node by itself waits a minute and more

  test('after its first message may be as quiet as it likes', async () => {
    const server = await start(SILENCE);
    const session = await Session.open(server.wsUrl);
    const creator = await TestClient.connect(server.wsUrl);
    await creator.createRoom();
    const wrong = await TestClient.connect(server.wsUrl);
    wrong.send('no JSON');
    await wrong.next();
    const silent = await TestClient.connect(server.wsUrl); // as long as this one, and longer
    expect(await silent.closed).toBe(4408);
    for (const client of [session.client, creator, wrong]) await client.settled();
    expect((await health(server)).connections).toBe(3);
  });

  test('on its new socket does not matter to a session', async () => {
    const server = await start(SILENCE);
    const session = await Session.open(server.wsUrl);
    await session.lose();
    const again = await session.resume(server.wsUrl);
    const silent = await TestClient.connect(server.wsUrl);
    expect(await silent.closed).toBe(4408);
    await again.client.settled();
  });
});
