import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { IceServer, ServerMessage } from '../../src/protocol/server.ts';
import { accepting } from '../support/accepted.ts';
import { TestClient } from '../support/client.ts';
import { FaultyProxy, type Passage } from '../support/proxy.ts';
import { closeFrame, frame, OPCODE, RawClient, textFrame } from '../support/raw.ts';
import { health, startServer, type TestServer } from '../support/server.ts';
import { bare, Session, seqs } from '../support/session.ts';
import { until, within } from '../support/wait.ts';

/** Sessions over real sockets: Hello, what they hear, how they lose their sockets and come back. */

const STRANGER = '11111111-1111-4111-8111-111111111111';
const ICE_SERVERS: IceServer[] = [
  { urls: 'stun:stun.example.org' },
  { urls: ['turn:turn.example.org:3478?transport=udp'], username: 'user', credential: 'secret' },
];
/** A grace that no test waits for. */
const ENV = {
  ICE_SERVERS: JSON.stringify(ICE_SERVERS),
  RATE_LIMIT_MESSAGES: '100000',
  HEARTBEAT_INTERVAL_MS: '60000',
  RESUME_GRACE_MS: '600000',
  ROOM_IDLE_TIMEOUT_MS: '1',
};

let server: TestServer;
beforeAll(async () => {
  server = await startServer(ENV);
});
afterAll(() => server.stop());

const started: { stop(): Promise<void> }[] = [];
/** A server for one test alone. */
async function startOwn(env: Record<string, string>): Promise<TestServer> {
  const own = await startServer({ ...ENV, ...env });
  started.push(own);
  return own;
}
/** A proxy for one test alone. */
async function startProxy(target: TestServer): Promise<FaultyProxy> {
  const proxy = await FaultyProxy.listen(target.wsUrl);
  started.push({ stop: () => proxy.close() });
  return proxy;
}
afterEach(async () => {
  for (const each of started.splice(0).reverse()) await each.stop();
});

interface Someone {
  readonly id: string;
  readonly client: TestClient;
}

/** Lets these into one room in this order; each has read everything. */
async function meet<T extends readonly ('base' | 'session')[]>(
  on: TestServer,
  ...kinds: T
): Promise<{
  room_id: string;
  ids: string[];
  members: { [K in keyof T]: T[K] extends 'session' ? Session : Someone };
}> {
  let room_id: string | undefined;
  const members: (Someone | Session)[] = [];
  for (const kind of kinds) {
    const session = kind === 'session' ? await Session.open(on.wsUrl) : undefined;
    const client = session?.client ?? (await TestClient.connect(on.wsUrl));
    let id: string;
    if (room_id === undefined) ({ room_id, self_id: id } = await client.createRoom());
    else id = await client.joinRoom(room_id);
    members.push(session ?? { id, client });
  }
  await hush(...members);
  const ids = members.map(({ id }) => id);
  return { room_id: room_id as string, ids, members: members as never };
}

/** Waits until each has heard all there is, and reads it. */
async function hush(...members: { client: TestClient }[]): Promise<void> {
  for (const { client } of members) {
    await client.settled();
    client.unread();
  }
}

/** What a client has heard and not read, once it has heard all there is; without numbers. */
async function heard({ client }: { client: TestClient }): Promise<ServerMessage[]> {
  await client.settled();
  return bare(client.unread());
}

/** The server knows that the session has no socket. */
function isInterrupted(on: TestServer, id: string, times = 1): Promise<void> {
  const lines = () =>
    on.logs.filter(({ participant_id, msg }) => participant_id === id && msg === 'session interrupted');
  return until('the session is interrupted', () => lines().length >= times);
}

/** Loses a session's socket, and waits until the server knows. */
async function interrupt(session: Session, on = server): Promise<void> {
  await session.lose();
  await isInterrupted(on, session.id);
}

const offer = (to: string, sdp: string) => ({ type: 'Offer', to, sdp });
const offered = (from: string, sdp: string) => ({ type: 'Offer', from, sdp });
const participants = (room_id: string, ids: string[]) => ({
  type: 'RoomParticipants',
  room_id,
  participants: ids,
});
const invalid = { type: 'Error', code: 'InvalidPayload', message: expect.any(String) };

describe('Hello', () => {
  test('is answered by Ready with exactly its fields', async () => {
    const client = await TestClient.connect(server.wsUrl);
    client.send({ type: 'Hello' });
    const ready = await client.next();
    expect(ready).toEqual({
      type: 'Ready',
      version: 1,
      features: [],
      participant_id: expect.stringMatching(
        /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/,
      ),
      resume_token: expect.any(String),
      resumed: false,
      heartbeat_ms: 60_000,
      resume_grace_ms: 600_000,
      limits: { messages: 100_000, window_ms: 1000, max_payload_bytes: 65_536, room_capacity: 8 },
      ice_servers: ICE_SERVERS,
    });
    expect(await heard({ client })).toEqual([]);
  });

  test('says what is configured', async () => {
    const own = await startOwn({
      ICE_SERVERS: '',
      RATE_LIMIT_MESSAGES: '7',
      RATE_LIMIT_WINDOW_MS: '500',
      MAX_PAYLOAD_BYTES: '1000',
      ROOM_CAPACITY: '3',
      HEARTBEAT_INTERVAL_MS: '200',
      RESUME_GRACE_MS: '0',
    });
    const { ready } = await Session.open(own.wsUrl);
    expect(ready).toMatchObject({
      heartbeat_ms: 200,
      resume_grace_ms: 0,
      limits: { messages: 7, window_ms: 500, max_payload_bytes: 1000, room_capacity: 3 },
      ice_servers: [],
    });
  });

  test('gives each a token of its own, of 128 bits or more, and an id that is its own in the room', async () => {
    const sessions = await Promise.all(Array.from({ length: 20 }, () => Session.open(server.wsUrl)));
    const tokens = sessions.map(({ ready }) => ready.resume_token);
    expect(new Set(tokens).size).toBe(20);
    for (const token of tokens) expect(Buffer.from(token, 'base64url').length).toBeGreaterThanOrEqual(16);
    const { self_id } = await (sessions[0] as Session).client.createRoom();
    expect(self_id).toBe(sessions[0]?.id);
  });

  const firsts: [string, object | string, number][] = [
    ['CreateRoom', { type: 'CreateRoom' }, 2],
    ['a refused JoinRoom', { type: 'JoinRoom', room_id: STRANGER }, 1],
    ['LeaveRoom', { type: 'LeaveRoom' }, 1],
    ['text that is no JSON', 'hello', 1],
  ];
  test.each(firsts)('after %s is InvalidPayload', async (_, first, answers) => {
    const client = await TestClient.connect(server.wsUrl);
    client.send(first);
    client.send({ type: 'Hello' });
    expect((await heard({ client })).slice(answers)).toEqual([invalid]);
    client.send(offer(STRANGER, 'x'));
    await client.settled();
    expect(client.heard.filter((message) => 'seq' in message)).toEqual([]);
  });

  test.each([
    ['a field too many', { name: 'x' }],
    ['a token alone', { resume_token: 'x' }],
    ['a number alone', { last_seq: 0 }],
    ['a version that is none', { version: 0 }],
    ['features that are no texts', { features: [7] }],
  ])('with %s is refused, and may be said again', async (_, fields) => {
    const client = await TestClient.connect(server.wsUrl);
    client.send({ type: 'Hello', ...fields });
    expect(await client.next()).toEqual(invalid);
    client.send({ type: 'Hello', version: 7, features: ['x-ray', 'toString', '__proto__'] });
    expect(await client.next()).toMatchObject({ type: 'Ready', version: 1, features: [], resumed: false });
    client.send({ type: 'CreateRoom' });
    expect(await client.next()).toMatchObject({ type: 'RoomCreated', seq: 1 });
  });

  test('twice is InvalidPayload, and the session goes on as it was', async () => {
    const { room_id, ids, members } = await meet(server, 'session', 'base');
    const [session, bob] = members;
    const before = session.lastSeq;
    session.client.send({ type: 'Hello' });
    session.client.send({ type: 'Hello', ...session.resumption });
    bob.client.send(offer(session.id, 'still here'));
    await bob.client.settled();
    expect(await heard(session)).toEqual([invalid, invalid, offered(bob.id, 'still here')]);
    expect(session.lastSeq).toBe(before + 3);
    expect(await heard(bob)).toEqual([]);
    const again = await session.resume(server.wsUrl);
    expect(again.ready).toMatchObject({ resumed: true, participant_id: session.id });
    again.client.send({ type: 'LeaveRoom' });
    expect(await bob.client.nextOf('RoomParticipants')).toEqual(participants(room_id, [ids[1] as string]));
  });

  test('late, with a token, leaves the token as it was', async () => {
    const session = await Session.open(server.wsUrl);
    const thief = await TestClient.connect(server.wsUrl);
    thief.send({ type: 'LeaveRoom' });
    thief.send({ type: 'Hello', ...session.resumption });
    expect(await heard({ client: thief })).toEqual([invalid, invalid]);
    expect((await session.resume(server.wsUrl)).ready).toMatchObject({
      resumed: true,
      participant_id: session.id,
    });
  });

  test('with fields of the wrong kind is InvalidPayload', async () => {
    const fields = [
      { resume_token: 1, last_seq: 0 },
      { resume_token: 'x', last_seq: -1 },
      { resume_token: 'x', last_seq: 0.5 },
      { resume_token: 'x', last_seq: '0' },
      { resume_token: 'x', last_seq: null },
      { resume_token: null, last_seq: null },
      { resume_token: 'x'.repeat(10_000), last_seq: 0 },
    ];
    for (const each of fields) {
      const client = await TestClient.connect(server.wsUrl);
      client.send({ type: 'Hello', ...each });
      expect(await heard({ client })).toEqual([invalid]);
    }
  });
});

describe('seq', () => {
  test('rises by one from 1 on every message, whatever it is', async () => {
    const own = await startOwn({ RATE_LIMIT_MESSAGES: '7', ROOM_CAPACITY: '3' });
    const session = await Session.open(own.wsUrl);
    const { room_id } = await session.client.createRoom();
    const bob = await TestClient.connect(own.wsUrl);
    const bobId = await bob.joinRoom(room_id);
    const carol = await Session.open(own.wsUrl);
    await carol.client.joinRoom(room_id);
    bob.send(offer(session.id, 'o'));
    bob.send({ type: 'Answer', to: session.id, sdp: 'a' });
    bob.send({ type: 'IceCandidate', to: session.id, candidate: '', sdpMid: null });
    await bob.settled();
    await carol.lose();
    await session.client.nextOf('PeerInterrupted');
    await carol.resume(own.wsUrl);
    await session.client.nextOf('PeerResumed');
    bob.close();
    await session.client.nextOf('PeerDisconnected');
    for (let i = 0; i < 3; i++) session.client.send('no JSON');
    session.client.send(offer(bobId, 'too late'));
    session.client.send({ type: 'JoinRoom', room_id: STRANGER });
    for (let i = 0; i < 3; i++) session.client.send({ type: 'LeaveRoom' });
    await session.client.settled();
    const stopped = own.stop({ drainMs: 50 });
    await session.client.nextOf('ServerDraining');
    const types = new Set(session.numbered.map(({ type }) => type));
    expect([...types].sort()).toEqual(
      [
        ...['RoomCreated', 'RoomParticipants', 'PeerConnected', 'PeerDisconnected', 'Error'],
        ...['Offer', 'Answer', 'IceCandidate', 'PeerInterrupted', 'PeerResumed', 'ServerDraining'],
      ].sort(),
    );
    const codes = session.numbered.flatMap((message) => (message.type === 'Error' ? [message.code] : []));
    expect(new Set(codes)).toEqual(new Set(['InvalidPayload', 'ParticipantNotFound', 'RateLimited']));
    expect(seqs(session.numbered)).toEqual(session.numbered.map((_, index) => index + 1));
    expect(session.ready).not.toHaveProperty('seq');
    await stopped;
  });

  test('is each session’s own', async () => {
    const { members } = await meet(server, 'session', 'session', 'base');
    const [alice, bob, carol] = members;
    for (const to of [alice, bob, alice]) carol.client.send(offer(to.id, 'x'));
    await hush(carol, alice, bob);
    for (const session of [alice, bob]) {
      expect(seqs(session.numbered)).toEqual(session.numbered.map((_, index) => index + 1));
    }
    expect(carol.client.heard.some((message) => 'seq' in message)).toBe(false);
  });
});

describe('a session that loses its socket', () => {
  test('keeps its seat; the base protocol hears nothing, the other sessions PeerInterrupted', async () => {
    const { members } = await meet(server, 'base', 'session', 'session', 'base');
    const [alice, bob, carol, dave] = members;
    await interrupt(bob);
    expect(await heard(carol)).toEqual([{ type: 'PeerInterrupted', participant_id: bob.id }]);
    expect(await heard(alice)).toEqual([]);
    expect(await heard(dave)).toEqual([]);

    const again = await bob.resume(server.wsUrl);
    expect(again.ready).toEqual({
      ...bob.ready,
      resumed: true,
      received: 1, // JoinRoom
      resume_token: expect.not.stringMatching(bob.ready.resume_token),
    });
    expect(await heard(carol)).toEqual([{ type: 'PeerResumed', participant_id: bob.id }]);
    expect(await heard(again)).toEqual([]);
    expect(await heard(alice)).toEqual([]);
    expect(await heard(dave)).toEqual([]);
  });

  test('hears all that it missed, once, in order, and goes on', async () => {
    const { room_id, ids, members } = await meet(server, 'base', 'session', 'session');
    const [alice, bob, carol] = members;
    const before = bob.lastSeq;
    await interrupt(bob);
    alice.client.send(offer(bob.id, '1'));
    alice.client.send({ type: 'IceCandidate', to: bob.id, candidate: '2', sdpMid: null, sdpMLineIndex: 0 });
    await alice.client.settled();
    carol.client.send({ type: 'Answer', to: bob.id, sdp: '3' });
    await carol.client.settled();
    const dave = await TestClient.connect(server.wsUrl);
    const daveId = await dave.joinRoom(room_id);
    dave.send(offer(bob.id, '4'));
    dave.close();
    await dave.closed;
    await hush(alice);
    const missed = [
      offered(alice.id, '1'),
      { type: 'IceCandidate', from: alice.id, candidate: '2', sdpMid: null, sdpMLineIndex: 0 },
      { type: 'Answer', from: carol.id, sdp: '3' },
      { type: 'PeerConnected', participant_id: daveId },
      participants(room_id, [...ids, daveId]),
      offered(daveId, '4'),
      { type: 'PeerDisconnected', participant_id: daveId },
      participants(room_id, ids),
    ];

    const again = await bob.resume(server.wsUrl);
    expect(again.ready).toMatchObject({ resumed: true, participant_id: bob.id });
    expect(again.ready).not.toHaveProperty('lost');
    expect(await heard(again)).toEqual(missed);
    alice.client.send(offer(bob.id, '5'));
    await alice.client.settled();
    expect(await heard(again)).toEqual([offered(alice.id, '5')]);
    expect(seqs(again.numbered)).toEqual([...missed, 0].map((_, index) => before + 1 + index));
  });

  test('is heard again at once, by whoever it speaks to', async () => {
    const { members } = await meet(server, 'base', 'session');
    const [alice, bob] = members;
    await interrupt(bob);
    const again = await bob.resume(server.wsUrl);
    again.client.send(offer(alice.id, 'from another network'));
    expect(await alice.client.next()).toEqual(offered(bob.id, 'from another network'));
    again.client.send(offer(STRANGER, 'nobody'));
    expect(await again.client.next()).toMatchObject({ type: 'Error', code: 'ParticipantNotFound' });
  });

  test('may claim that it heard less than it did, and is told again', async () => {
    const { members } = await meet(server, 'base', 'session');
    const [alice, bob] = members;
    for (const sdp of ['1', '2', '3']) alice.client.send(offer(bob.id, sdp));
    await hush(alice, bob);
    const { resume_token, last_seq } = bob.resumption;
    await interrupt(bob);
    const again = await Session.open(server.wsUrl, { resume_token, last_seq: last_seq - 2 });
    expect(await heard(again)).toEqual([offered(alice.id, '2'), offered(alice.id, '3')]);
    expect(seqs(again.numbered)).toEqual([last_seq - 1, last_seq]);
  });

  test('that claims to have heard what was never sent is told that something is lost', async () => {
    const { room_id, ids, members } = await meet(server, 'base', 'session');
    const [, bob] = members;
    const { resume_token, last_seq } = bob.resumption;
    await interrupt(bob);
    const again = await Session.open(server.wsUrl, { resume_token, last_seq: last_seq + 1000 });
    expect(again.ready).toMatchObject({ resumed: true, lost: true, participant_id: bob.id });
    expect(await heard(again)).toEqual([participants(room_id, ids)]);
    expect(seqs(again.numbered)).toEqual([last_seq + 1]);
  });

  test('loses it many times over, and misses nothing', async () => {
    const { members } = await meet(server, 'session', 'session');
    const [alice, bob] = members;
    let current = bob;
    const sdps: string[] = [];
    for (let round = 0; round < 20; round++) {
      await current.lose();
      for (let i = 0; i < 5; i++) {
        sdps.push(`${round} ${i}`);
        alice.client.send(offer(bob.id, sdps.at(-1) as string));
      }
      await alice.client.settled();
      current = await current.resume(server.wsUrl);
      expect(current.ready).toMatchObject({ resumed: true, participant_id: bob.id });
      expect(await heard(current)).toEqual(sdps.slice(-5).map((sdp) => offered(alice.id, sdp)));
    }
    const types = (await heard(alice)).map(({ type }) => type);
    expect(types).toEqual(Array.from({ length: 20 }, () => ['PeerInterrupted', 'PeerResumed']).flat());
  });

  test('outside a room keeps its id, and may still create one', async () => {
    const session = await Session.open(server.wsUrl);
    await interrupt(session);
    const again = await session.resume(server.wsUrl);
    expect(again.ready).toMatchObject({ resumed: true, participant_id: session.id });
    const { self_id } = await again.client.createRoom();
    expect(self_id).toBe(session.id);
    expect(seqs(again.numbered)).toEqual([1, 2]);
  });

  test('after LeaveRoom is in no room: nobody hears of it again', async () => {
    const { members } = await meet(server, 'session', 'session');
    const [alice, bob] = members;
    bob.client.send({ type: 'LeaveRoom' });
    await bob.client.settled();
    await hush(alice);
    await interrupt(bob);
    const again = await bob.resume(server.wsUrl);
    again.client.send(offer(alice.id, 'x'));
    expect(await heard(again)).toEqual([invalid]);
    expect(await heard(alice)).toEqual([]);
  });

  test('its rate limit starts anew, its penalty does not follow it', async () => {
    const own = await startOwn({ RATE_LIMIT_MESSAGES: '5', RATE_LIMIT_WINDOW_MS: '600000' });
    const session = await Session.open(own.wsUrl);
    for (let i = 0; i < 6; i++) session.client.send({ type: 'LeaveRoom' });
    expect(await heard(session)).toContainEqual(expect.objectContaining({ code: 'RateLimited' }));
    await session.lose();
    const again = await session.resume(own.wsUrl);
    await again.client.createRoom();
    for (let i = 0; i < 3; i++) again.client.send(offer(again.id, 'to itself'));
    expect((await heard(again)).map(({ type }) => type)).toEqual(['Offer', 'Offer', 'Offer']);
  });

  test('two at once: each is told what the other went through', async () => {
    const { members } = await meet(server, 'session', 'session', 'base');
    const [alice, bob, carol] = members;
    await interrupt(alice);
    expect(await heard(bob)).toEqual([{ type: 'PeerInterrupted', participant_id: alice.id }]);
    await interrupt(bob);
    carol.client.send(offer(alice.id, 'to alice'));
    carol.client.send(offer(bob.id, 'to bob'));
    await hush(carol);
    const bobAgain = await bob.resume(server.wsUrl);
    expect(await heard(bobAgain)).toEqual([offered(carol.id, 'to bob')]);
    const aliceAgain = await alice.resume(server.wsUrl);
    expect(await heard(aliceAgain)).toEqual([
      { type: 'PeerInterrupted', participant_id: bob.id },
      offered(carol.id, 'to alice'),
      { type: 'PeerResumed', participant_id: bob.id },
    ]);
    expect(await heard(bobAgain)).toEqual([{ type: 'PeerResumed', participant_id: alice.id }]);
  });

  test('its place is taken: a ninth is refused while it is away', async () => {
    const own = await startOwn({ ROOM_CAPACITY: '2' });
    const { room_id, members } = await meet(own, 'base', 'session');
    await interrupt(members[1], own);
    const late = await TestClient.connect(own.wsUrl);
    late.send({ type: 'JoinRoom', room_id });
    expect(await late.next()).toMatchObject({ type: 'Error', code: 'RoomFull' });
  });
});

describe('the grace', () => {
  test('over, it has left: exactly one PeerDisconnected, then RoomParticipants, to everybody', async () => {
    const own = await startOwn({ RESUME_GRACE_MS: '100' });
    const { room_id, members } = await meet(own, 'base', 'session', 'session');
    const [alice, bob, carol] = members;
    await bob.lose();
    const gone = [
      { type: 'PeerDisconnected', participant_id: bob.id },
      participants(room_id, [alice.id, carol.id]),
    ];
    expect([await alice.client.next(), await alice.client.next()]).toEqual(gone);
    expect(await heard(alice)).toEqual([]);
    expect(await heard(carol)).toEqual([{ type: 'PeerInterrupted', participant_id: bob.id }, ...gone]);

    const again = await bob.resume(own.wsUrl);
    expect(again.ready.resumed).toBe(false);
    expect(again.id).not.toBe(bob.id);
    again.client.send({ type: 'LeaveRoom' });
    expect(await heard(again)).toEqual([invalid]);
    alice.client.send(offer(bob.id, 'too late'));
    expect(await heard(alice)).toMatchObject([{ type: 'Error', code: 'ParticipantNotFound' }]);
    expect(await heard(carol)).toEqual([]);
  });

  test('of 0 there is none: a lost socket leaves, and a session that lives may still move', async () => {
    const own = await startOwn({ RESUME_GRACE_MS: '0' });
    const { room_id, members } = await meet(own, 'base', 'session', 'session');
    const [alice, bob, carol] = members;
    await bob.lose();
    expect(await alice.client.nextOf('PeerDisconnected')).toMatchObject({ participant_id: bob.id });
    expect(await alice.client.next()).toEqual(participants(room_id, [alice.id, carol.id]));
    expect((await bob.resume(own.wsUrl)).ready.resumed).toBe(false);
    const again = await carol.resume(own.wsUrl);
    expect(again.ready).toMatchObject({ resumed: true, participant_id: carol.id });
    expect(await heard(alice)).toEqual([]);
  });

  test('after a close 4001 is RELOAD_GRACE_MS, and then it has left', async () => {
    const own = await startOwn({ RELOAD_GRACE_MS: '100', RESUME_GRACE_MS: '600000' });
    const { members } = await meet(own, 'base', 'session', 'session');
    const [alice, bob, carol] = members;
    carol.client.close(4001);
    expect(await bob.client.next()).toMatchObject({ type: 'PeerInterrupted', participant_id: carol.id });
    expect(await alice.client.nextOf('PeerDisconnected')).toMatchObject({ participant_id: carol.id });
    expect((await carol.resume(own.wsUrl)).ready.resumed).toBe(false);
  });

  test('after a close 4001 is no longer than RESUME_GRACE_MS', async () => {
    const own = await startOwn({ RELOAD_GRACE_MS: '600000', RESUME_GRACE_MS: '100' });
    const [alice, bob] = (await meet(own, 'session', 'session')).members;
    bob.client.close(4001);
    expect(await alice.client.nextOf('PeerDisconnected')).toMatchObject({ participant_id: bob.id });
  });

  test('a room all of whose members are interrupted is not idle', async () => {
    const { room_id, ids, members } = await meet(server, 'session', 'session');
    const [alice, bob] = members;
    await interrupt(alice);
    await hush(bob);
    await interrupt(bob);
    const witness = await TestClient.connect(server.wsUrl);
    const idle = await witness.createRoom();
    witness.send({ type: 'LeaveRoom' });
    await until('a room that is idle has expired', async () => {
      witness.send({ type: 'JoinRoom', room_id: idle.room_id });
      if ((await witness.next()).type === 'Error') return true;
      witness.send({ type: 'LeaveRoom' });
      await hush({ client: witness });
      return false;
    });

    const again = await alice.resume(server.wsUrl);
    again.client.send(offer(bob.id, 'we are still here'));
    await again.client.settled();
    expect(await heard(await bob.resume(server.wsUrl))).toEqual([
      { type: 'PeerResumed', participant_id: alice.id },
      offered(alice.id, 'we are still here'),
    ]);
    const carol = await TestClient.connect(server.wsUrl);
    const id = await carol.joinRoom(room_id);
    expect(await again.client.nextOf('RoomParticipants')).toMatchObject(participants(room_id, [...ids, id]));
  });

  test('… until they are gone', async () => {
    const own = await startOwn({ RESUME_GRACE_MS: '100' });
    const { room_id, members } = await meet(own, 'session', 'session');
    for (const member of members) await member.lose();
    await until('the room has expired', async () => (await health(own)).rooms === 0);
    const late = await TestClient.connect(own.wsUrl);
    late.send({ type: 'JoinRoom', room_id });
    expect(await late.next()).toMatchObject({ type: 'Error', code: 'RoomNotFound' });
  });
});

describe('how a socket ends', () => {
  /** Bob's socket ends; says what Alice, a session, and Carol, of the base protocol, hear of it at once. */
  async function watch(
    end: (bob: Session) => void | Promise<void>,
    afterwards?: (own: TestServer) => unknown,
  ) {
    const { room_id, members } = await meet(server, 'session', 'session', 'base');
    const [alice, bob, carol] = members;
    await end(bob);
    const first = await alice.client.next();
    const told = { session: bare([first]).concat(await heard(alice)), base: await heard(carol) };
    await afterwards?.(server);
    const again = await bob.resume(server.wsUrl);
    const gone = [
      { type: 'PeerDisconnected', participant_id: bob.id },
      participants(room_id, [alice.id, carol.id]),
    ];
    return { told, resumed: again.ready.resumed, gone, id: bob.id };
  }

  const leaving: [string, (bob: Session) => void | Promise<void>][] = [
    ['close(1000)', (bob) => bob.client.close(1000)],
    ['close(1001)', (bob) => bob.client.close(1001)],
    ['a binary frame', (bob) => bob.client.send(Buffer.from('{"type":"LeaveRoom"}'))],
    ['a frame too big', (bob) => bob.client.send('x'.repeat(70_000))],
    [
      'LeaveRoom, then a broken socket',
      async (bob) => {
        bob.client.send({ type: 'LeaveRoom' });
        await bob.client.settled();
        await bob.lose();
      },
    ],
  ];
  test.each(leaving)('%s: it leaves at once, and only once', async (name, end) => {
    const { told, resumed, gone } = await watch(end);
    expect(told).toEqual({ session: gone, base: gone });
    expect(resumed).toBe(name.startsWith('LeaveRoom'));
  });

  const losing: [string, (bob: Session) => void][] = [
    ['terminate()', (bob) => bob.client.socket.terminate()],
    ['close with no code', (bob) => bob.client.socket.close()],
    ...[1011, 1012, 1013, 1014, 3000, 4000, 4001, 4409, 4999].map(
      (code): [string, (bob: Session) => void] => [
        `close(${code})`,
        (bob) => bob.client.socket.close(code, 'not by my wish'),
      ],
    ),
  ];
  test.each(losing)('%s: it keeps its seat', async (_, end) => {
    const { told, resumed, id } = await watch(end);
    expect(told).toEqual({ session: [{ type: 'PeerInterrupted', participant_id: id }], base: [] });
    expect(resumed).toBe(true);
  });

  /** A raw session in a room with Alice, a session of her own. */
  async function meetRaw() {
    const alice = await Session.open(server.wsUrl);
    const { room_id } = await alice.client.createRoom();
    const raw = await RawClient.connect(server.wsUrl);
    raw.send(textFrame({ type: 'Hello' }));
    const ready = await raw.nextOf('Ready');
    await raw.joinRoom(room_id);
    await hush(alice);
    return { alice, raw, ready, room_id };
  }

  const breaches: [string, Buffer, number][] = [
    ['an unmasked frame', frame(OPCODE.text, '{"type":"LeaveRoom"}', { mask: false }), 1002],
    ['a reserved opcode', frame(3, 'x'), 1002],
    ['text that is not UTF-8', frame(OPCODE.text, Buffer.from([0xc3, 0x28])), 1007],
    [
      'fragments without end',
      Buffer.concat([
        frame(OPCODE.text, '', { fin: false }),
        ...Array(20_000).fill(frame(OPCODE.continuation, '', { fin: false })),
      ]),
      1008,
    ],
  ];
  test.each(breaches)('%s: it leaves at once', async (_, bytes, code) => {
    const { alice, raw, ready, room_id } = await meetRaw();
    raw.send(bytes);
    expect(await alice.client.next()).toMatchObject({
      type: 'PeerDisconnected',
      participant_id: ready.participant_id,
    });
    expect(await raw.closeCode).toBe(code);
    expect(await heard(alice)).toEqual([participants(room_id, [alice.id])]);
  });

  const breaks: [string, (raw: RawClient) => void][] = [
    ['a FIN', (raw) => raw.socket.end()],
    [
      'a FIN in the middle of a frame',
      (raw) => raw.socket.end(textFrame({ type: 'LeaveRoom' }).subarray(0, 9)),
    ],
    ['a reset', (raw) => raw.socket.resetAndDestroy()],
  ];
  test.each(breaks)('%s: it keeps its seat', async (_, end) => {
    const { alice, raw, ready } = await meetRaw();
    end(raw);
    const interrupted = { type: 'PeerInterrupted', participant_id: ready.participant_id };
    expect(await alice.client.next()).toMatchObject(interrupted);
    await raw.gone;
    expect(await heard(alice)).toEqual([]);
  });
});

describe('a network that swallows everything', () => {
  /** Bob, in a room with a session and somebody of the base protocol, on the far side of a proxy. */
  async function stallBob(kind: 'session' | 'base', env: Record<string, string> = {}) {
    const own = await startOwn({ HEARTBEAT_INTERVAL_MS: '100', ...env });
    const proxy = await startProxy(own);
    const { room_id, members } = await meet(own, 'session', 'base');
    const [alice, carol] = members;
    const session = kind === 'session' ? await Session.open(proxy.wsUrl) : undefined;
    const client = session?.client ?? (await TestClient.connect(proxy.wsUrl));
    const id = await client.joinRoom(room_id);
    await hush(alice, carol, { client });
    const { passages } = proxy;
    (passages[0] as Passage).stall();
    return { own, room_id, alice, carol, client, session: session as Session, id, passages };
  }

  test('is noticed: no pong for two pings, and a session is interrupted', async () => {
    const { own, alice, carol, session, id, passages } = await stallBob('session');
    expect(await alice.client.next()).toMatchObject({ type: 'PeerInterrupted', participant_id: id });
    expect(await heard(carol)).toEqual([]);
    carol.client.send(offer(id, 'into the void'));
    await hush(carol);
    expect(session.client.socket.readyState).toBe(session.client.socket.OPEN);
    const again = await session.resume(own.wsUrl);
    expect(again.ready).toMatchObject({ resumed: true, participant_id: id });
    expect(await heard(again)).toEqual([offered(carol.id, 'into the void')]);
    (passages[0] as Passage).go(); // what was swallowed comes out again: it is nobody's any more
    await session.client.closed;
    expect(await heard(again)).toEqual([]);
    expect(await heard(alice)).toEqual([{ type: 'PeerResumed', participant_id: id }]);
  });

  test('is noticed: in the base protocol the participant leaves', async () => {
    const { room_id, alice, carol, id } = await stallBob('base');
    expect(await carol.client.next()).toEqual({ type: 'PeerDisconnected', participant_id: id });
    expect(await carol.client.next()).toEqual(participants(room_id, [alice.id, carol.id]));
  });

  test('before it is noticed the client may be back: what the dead socket was sent is sent again', async () => {
    const { own, alice, carol, session, id } = await stallBob('session', { HEARTBEAT_INTERVAL_MS: '60000' });
    for (const sdp of ['1', '2', '3']) carol.client.send(offer(id, sdp));
    await hush(carol);
    const again = await session.resume(own.wsUrl);
    expect(again.ready).toMatchObject({ resumed: true, participant_id: id });
    expect(await heard(again)).toEqual(['1', '2', '3'].map((sdp) => offered(carol.id, sdp)));
    expect(await heard(alice)).toEqual([{ type: 'PeerResumed', participant_id: id }]);
  });

  test('those who answer their pings stay, however quiet', async () => {
    const own = await startOwn({ HEARTBEAT_INTERVAL_MS: '100' });
    const { members } = await meet(own, 'session', 'base');
    const [alice, bob] = members;
    let pings = 0;
    alice.client.socket.on('ping', () => {
      pings += 1;
    });
    await until('ten pings', () => pings >= 10);
    expect([await heard(alice), await heard(bob)]).toEqual([[], []]);
  });
});

describe('tokens', () => {
  /** A Ready without what is different for everybody. */
  const shape = ({ ready }: Session) =>
    JSON.stringify({ ...ready, participant_id: 'ID', resume_token: 'T'.repeat(ready.resume_token.length) });

  test('used, replaced, ended, past the grace, or made up: answered alike, as if there had been none', async () => {
    const own = await startOwn({ RESUME_GRACE_MS: '100' });
    const plain = await Session.open(own.wsUrl);

    const used = await Session.open(own.wsUrl);
    const second = await used.resume(own.wsUrl);
    second.client.send({ type: 'CreateRoom' }); // by now the client is known to have its new token
    await hush(second);
    const third = await second.resume(own.wsUrl);
    third.client.send({ type: 'LeaveRoom' });
    await hush(third);

    const left = await Session.open(own.wsUrl);
    left.client.close(1000);
    await left.client.closed;

    const overdue = await Session.open(own.wsUrl);
    await overdue.lose();
    await isInterrupted(own, overdue.id);
    const gone = () => own.logs.filter(({ msg }) => msg === 'session interrupted').length;
    expect(gone()).toBe(1);
    const room = await Session.open(own.wsUrl);
    const { room_id } = await room.client.createRoom();
    const witness = await TestClient.connect(own.wsUrl);
    await witness.joinRoom(room_id);
    await room.lose(); // after `overdue`, so that its grace is over later
    await witness.nextOf('PeerDisconnected');

    const resumptions = [
      used.resumption,
      second.resumption,
      left.resumption,
      overdue.resumption,
      room.resumption,
      { resume_token: '', last_seq: 0 },
      { resume_token: 'garbage', last_seq: 0 },
      { resume_token: 'A'.repeat(plain.ready.resume_token.length), last_seq: Number.MAX_SAFE_INTEGER },
      { resume_token: '../../\u0000__proto__', last_seq: 0 },
      { resume_token: plain.id, last_seq: 0 },
    ];
    const answers = await Promise.all(resumptions.map((resumption) => Session.open(own.wsUrl, resumption)));
    for (const answer of answers) {
      expect(shape(answer)).toBe(shape(plain));
      expect(Object.keys(answer.ready)).toEqual(Object.keys(plain.ready));
      expect(await heard(answer)).toEqual([]);
    }
    const ids = [plain, used, left, overdue, room, ...answers].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);

    // The sessions they came from are as they were, and those they got are good for everything.
    expect(third.ready).toMatchObject({ resumed: true, participant_id: used.id });
    const fourth = await third.resume(own.wsUrl);
    expect(fourth.ready).toMatchObject({ resumed: true, participant_id: used.id });
    for (const answer of answers) {
      const { self_id } = await answer.client.createRoom();
      expect(self_id).toBe(answer.id);
      expect(seqs(answer.numbered)).toEqual([1, 2]);
    }
  });

  test('a used one neither disturbs the session nor is told from others by anybody in its room', async () => {
    const { members } = await meet(server, 'session', 'session');
    const [alice, bob] = members;
    const again = await bob.resume(server.wsUrl);
    again.client.send(offer(alice.id, 'I am back'));
    await hush(again, alice);
    const thief = await Session.open(server.wsUrl, bob.resumption);
    expect(thief.ready).toMatchObject({ resumed: false });
    expect(thief.id).not.toBe(bob.id);
    thief.client.send(offer(alice.id, 'I am Bob'));
    expect(await heard(thief)).toEqual([invalid]);
    alice.client.send(offer(bob.id, 'to Bob'));
    await hush(alice);
    expect(await heard(again)).toEqual([offered(alice.id, 'to Bob')]);
    expect(alice.numbered.filter(({ type }) => type === 'PeerResumed')).toHaveLength(1);
  });

  test('two sockets with the same token at once: one has the session, the other a new one or none', async () => {
    const { members } = await meet(server, 'session', 'session');
    const [alice, bob] = members;
    await interrupt(bob);
    const both = await Promise.all([bob.resume(server.wsUrl), bob.resume(server.wsUrl)]);
    alice.client.send(offer(bob.id, 'who are you?'));
    await alice.client.settled();
    const bobs: Session[] = [];
    for (const each of both) {
      const isOpen = await each.client.settled().then(
        () => true,
        () => false,
      );
      if (!isOpen) expect(await each.client.closed).toBe(4409);
      else if (each.id === bob.id) bobs.push(each);
      else expect(await heard(each)).toEqual([]);
    }
    expect(bobs).toHaveLength(1);
    expect(await heard(bobs[0] as Session)).toEqual([offered(alice.id, 'who are you?')]);
    expect((await heard(alice)).map(({ type }) => type)).not.toContain('PeerDisconnected');
  });
});

describe('a second socket on a session that is alive', () => {
  test('replaces the first, which is closed 4409; nobody hears a departure', async () => {
    const { members } = await meet(server, 'base', 'session', 'session');
    const [alice, bob, carol] = members;
    const again = await bob.resume(server.wsUrl);
    expect(again.ready).toMatchObject({ resumed: true, participant_id: bob.id });
    expect(await bob.client.closed).toBe(4409);
    await until('the old socket is gone', () =>
      server.logs.some(({ participant_id, msg }) => participant_id === bob.id && msg === 'connection closed'),
    );
    alice.client.send(offer(bob.id, 'to the new socket'));
    await alice.client.settled();
    expect(await heard(again)).toEqual([offered(alice.id, 'to the new socket')]);
    expect(await heard(alice)).toEqual([]);
    expect((await heard(carol)).map(({ type }) => type)).not.toContain('PeerInterrupted');
    expect((await heard(carol)).map(({ type }) => type)).not.toContain('PeerDisconnected');
    again.client.send(offer(alice.id, 'from the new socket'));
    expect(await alice.client.next()).toEqual(offered(bob.id, 'from the new socket'));
  });

  test('what the first says after that goes nowhere', async () => {
    const { members } = await meet(server, 'base', 'session');
    const [alice, bob] = members;
    const again = await bob.resume(server.wsUrl);
    if (bob.client.socket.readyState === bob.client.socket.OPEN) {
      bob.client.send(offer(alice.id, 'a ghost'));
      bob.client.send({ type: 'LeaveRoom' });
    }
    await bob.client.closed;
    again.client.send(offer(alice.id, 'alive'));
    await again.client.settled();
    expect(await heard(alice)).toEqual([offered(bob.id, 'alive')]);
  });

  test('a chain of ten: each replaces the one before, and the last has it all', async () => {
    const { members } = await meet(server, 'base', 'session');
    const [alice, bob] = members;
    let current = bob;
    for (let i = 0; i < 10; i++) {
      const next = await current.resume(server.wsUrl);
      expect(next.ready).toMatchObject({ resumed: true, participant_id: bob.id });
      expect(await current.client.closed).toBe(4409);
      alice.client.send(offer(bob.id, `${i}`));
      await hush(alice);
      expect(await heard(next)).toEqual([offered(alice.id, `${i}`)]);
      current = next;
    }
  });
});

describe('pongs of a socket that was replaced', () => {
  /** Bob, in a room with Alice, on a raw socket that answers no ping by itself. */
  async function meetSilentBob(on: TestServer) {
    const { room_id, members } = await meet(on, 'base', 'session');
    const [alice, bob] = members;
    const raw = await RawClient.connect(on.wsUrl);
    raw.send(textFrame({ type: 'Hello', ...bob.resumption }));
    const { resume_token } = await raw.nextOf('Ready');
    await raw.settled();
    await hush(alice);
    return { room_id, alice, bob, raw, resumption: { resume_token, last_seq: bob.lastSeq } };
  }

  /** Its answers to all its pings were on their way; then it closes. */
  async function pongLate(raw: RawClient): Promise<void> {
    expect(await raw.closeCode).toBe(4409);
    raw.send(...raw.pings.map((payload) => frame(OPCODE.pong, payload)), closeFrame(4409));
    await raw.gone;
  }

  /** Takes the session up on a socket that breaks before its Ready, or within what comes after. */
  async function resumeInVain(on: TestServer, resumption: Session['resumption'], part: 'frame' | 'after') {
    const proxy = await startProxy(on);
    proxy.onPassage = (passage) => passage.cutAt({ direction: 'down', part, bytes: 4 }, 'end');
    const client = await TestClient.connect(proxy.wsUrl);
    client.send({ type: 'Hello', ...resumption });
    await client.closed;
    return client.heard as Session['ready'][];
  }

  test('say nothing of the Ready on the next: the token that it brought is still good', async () => {
    const { bob, raw, resumption } = await meetSilentBob(server);
    expect(await resumeInVain(server, resumption, 'frame')).toEqual([]);
    await pongLate(raw);
    const again = await Session.open(server.wsUrl, resumption);
    expect(again.ready).toMatchObject({ resumed: true, participant_id: bob.id });
  });

  test('take nothing from what the next was to be told', async () => {
    const own = await startOwn({ HEARTBEAT_INTERVAL_MS: '5000' });
    const { alice, bob, raw, resumption } = await meetSilentBob(own);
    for (const sdp of ['1', '2', '3']) alice.client.send(offer(bob.id, sdp));
    await hush(alice);
    const before = raw.pings.length;
    await until('a ping behind the offers', () => raw.pings.length > before);
    // Its client had not yet looked at the offers when it gave the socket up.
    const [ready] = await resumeInVain(own, resumption, 'after');
    await pongLate(raw);
    const { resume_token } = ready as Session['ready'];
    const again = await Session.open(own.wsUrl, { ...resumption, resume_token });
    expect(again.ready).toMatchObject({ resumed: true, participant_id: bob.id });
    expect(again.ready).not.toHaveProperty('lost');
    expect(await heard(again)).toEqual(['1', '2', '3'].map((sdp) => offered(alice.id, sdp)));
  });
});

describe('more than the server keeps', () => {
  test('256 messages: all arrive, and nothing is lost', async () => {
    const { members } = await meet(server, 'base', 'session');
    const [alice, bob] = members;
    await interrupt(bob);
    for (let i = 0; i < 256; i++) alice.client.send(offer(bob.id, `${i}`));
    await hush(alice);
    const again = await bob.resume(server.wsUrl);
    expect(again.ready).not.toHaveProperty('lost');
    expect(await heard(again)).toEqual(Array.from({ length: 256 }, (_, i) => offered(alice.id, `${i}`)));
  });

  test('257 messages: lost, what remains in order, then RoomParticipants', async () => {
    const { room_id, ids, members } = await meet(server, 'base', 'session', 'session');
    const [alice, bob, carol] = members;
    const before = bob.lastSeq;
    await interrupt(bob);
    for (let i = 0; i < 257; i++) alice.client.send(offer(bob.id, `${i}`));
    await hush(alice);
    const again = await bob.resume(server.wsUrl);
    expect(again.ready).toMatchObject({ resumed: true, lost: true, participant_id: bob.id });
    const remains = Array.from({ length: 256 }, (_, i) => offered(alice.id, `${i + 1}`));
    expect(await heard(again)).toEqual([...remains, participants(room_id, ids)]);
    expect(seqs(again.numbered)).toEqual(Array.from({ length: 257 }, (_, i) => before + 2 + i));
    expect((await heard(carol)).map(({ type }) => type)).toEqual(['PeerInterrupted', 'PeerResumed']);
    expect(await heard(alice)).toEqual([]);

    // From here on it is a session like any other.
    await again.lose();
    alice.client.send(offer(bob.id, 'one more'));
    await hush(alice);
    const third = await again.resume(server.wsUrl);
    expect(third.ready).not.toHaveProperty('lost');
    expect(await heard(third)).toEqual([offered(alice.id, 'one more')]);
  });

  test('1 MiB: lost, what remains in order, then RoomParticipants', async () => {
    const { room_id, ids, members } = await meet(server, 'base', 'session');
    const [alice, bob] = members;
    await interrupt(bob);
    const sdps = Array.from({ length: 20 }, (_, i) => `${i} ${'x'.repeat(60_000)}`);
    for (const sdp of sdps) alice.client.send(offer(bob.id, sdp));
    await hush(alice);
    const again = await bob.resume(server.wsUrl);
    expect(again.ready).toMatchObject({ resumed: true, lost: true });
    const told = await heard(again);
    expect(told.at(-1)).toEqual(participants(room_id, ids));
    const remains = told.slice(0, -1).map((message) => (message as { sdp: string }).sdp);
    expect(remains).toEqual(sdps.slice(-remains.length));
    expect(remains).toHaveLength(Math.floor((1024 * 1024) / 60_000));
  });

  test('what the client heard on its old socket does not count', async () => {
    const { members } = await meet(server, 'base', 'session');
    const [alice, bob] = members;
    for (let i = 0; i < 1000; i++) alice.client.send(offer(bob.id, `${i}`));
    await hush(alice, bob);
    await interrupt(bob);
    alice.client.send(offer(bob.id, 'missed'));
    await hush(alice);
    const again = await bob.resume(server.wsUrl);
    expect(again.ready).not.toHaveProperty('lost');
    expect(await heard(again)).toEqual([offered(alice.id, 'missed')]);
  });

  test('in no room: it is told that something is lost, and what remains', async () => {
    const session = await Session.open(server.wsUrl);
    for (let i = 0; i < 300; i++) session.client.send({ type: 'LeaveRoom' });
    await hush(session);
    await interrupt(session);
    const { resume_token } = session.resumption;
    const again = await Session.open(server.wsUrl, { resume_token, last_seq: 0 });
    expect(again.ready).toMatchObject({ resumed: true, lost: true });
    expect(seqs(await again.client.settled().then(() => again.client.unread()))).toEqual(
      Array.from({ length: 256 }, (_, i) => 45 + i),
    );
  });
});

describe('a socket that cannot take what the session missed', () => {
  /** A socket that its client does not read, with more waiting in the server than it lets wait: pongs. */
  async function openFullSocket(on: TestServer): Promise<RawClient> {
    const { client: raw, accepted: socket } = await accepting(() => RawClient.connect(on.wsUrl));
    raw.socket.pause();
    const pings = Buffer.concat(Array.from({ length: 10 }, () => frame(OPCODE.ping, 'x'.repeat(125))));
    while (socket.writableLength <= MAX_QUEUE_BYTES) {
      raw.send(pings); // no more at once: ws ends a socket with 60 unwritten pongs
      const isHandled = () => socket.bytesRead === raw.socket.bytesWritten && socket.readableLength === 0;
      while (!isHandled() || socket.isPaused()) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(socket.destroyed).toBe(false);
    return raw;
  }
  const MAX_QUEUE_BYTES = 1024;

  test.each(['interrupted', 'alive'] as const)(
    'is closed, and a session that was %s is interrupted: for the grace, then it leaves',
    async (state) => {
      const own = await startOwn({ MAX_QUEUE_BYTES: `${MAX_QUEUE_BYTES}`, RESUME_GRACE_MS: '2000' });
      const { room_id, members } = await meet(own, 'session', 'session', 'base');
      const [alice, bob, carol] = members;
      const raw = await openFullSocket(own);
      if (state === 'interrupted') await interrupt(bob, own);
      raw.send(textFrame({ type: 'Hello', ...bob.resumption }));
      const closings = () => own.logs.filter(({ msg }) => msg === 'connection closed');
      await until('the old socket is closed, and the new one', () => closings().length === 2);
      expect(await heard(carol)).toEqual([]);
      expect((await heard(alice)).map(({ type }) => type)).not.toContain('PeerDisconnected');
      raw.socket.destroy();
      const left = await within(10_000, 'PeerDisconnected', carol.client.next());
      expect(left).toEqual({ type: 'PeerDisconnected', participant_id: bob.id });
      expect(await carol.client.next()).toEqual(participants(room_id, [alice.id, carol.id]));
    },
  );
});
