import { randomUUID } from 'node:crypto';
import { afterEach, expect, test } from '@jest/globals';
import type { ServerMessage } from '../../src/protocol/server.ts';
import { TestClient } from '../support/client.ts';
import { health, startServer, type TestServer } from '../support/server.ts';
import { bare, Session } from '../support/session.ts';
import { until } from '../support/wait.ts';

/** `create_if_missing`: a call meets again under its own link, though its room is gone. */

const servers: TestServer[] = [];
async function start(env: Record<string, string> = {}): Promise<TestServer> {
  const server = await startServer(env);
  servers.push(server);
  return server;
}
afterEach(() => Promise.all(servers.splice(0).map((server) => server.stop())));

const join = (room_id: string, create_if_missing?: boolean) => ({
  type: 'JoinRoom',
  room_id,
  ...(create_if_missing !== undefined && { create_if_missing }),
});

async function heard({ client }: { client: TestClient }): Promise<ServerMessage[]> {
  await client.settled();
  return bare(client.unread());
}

/** What each has heard once the server has handled what all of them sent. */
async function allHeard(sessions: readonly Session[]): Promise<ServerMessage[][]> {
  await Promise.all(sessions.map(({ client }) => client.settled()));
  return Promise.all(sessions.map(heard));
}

test('opens the room with that id; the next finds it there', async () => {
  const { wsUrl } = await start();
  const room_id = randomUUID();
  const [alice, bob] = [await Session.open(wsUrl), await Session.open(wsUrl)];
  alice.client.send(join(room_id, true));
  expect(await heard(alice)).toEqual([
    { type: 'PeerConnected', participant_id: alice.id },
    { type: 'RoomParticipants', room_id, participants: [alice.id] },
  ]);
  bob.client.send(join(room_id, true));
  const arrival = [
    { type: 'PeerConnected', participant_id: bob.id },
    { type: 'RoomParticipants', room_id, participants: [alice.id, bob.id] },
  ];
  expect(await heard(bob)).toEqual(arrival);
  expect(await heard(alice)).toEqual(arrival);
  const carol = await TestClient.connect(wsUrl);
  await carol.joinRoom(room_id);
  expect(carol.heard.at(-1)).toMatchObject({ participants: [alice.id, bob.id, expect.any(String)] });
});

test('a room that is there is joined, whoever made it', async () => {
  const { wsUrl } = await start();
  const alice = await TestClient.connect(wsUrl);
  const { room_id, self_id } = await alice.createRoom();
  const bob = await Session.open(wsUrl);
  bob.client.send(join(room_id, true));
  expect((await heard(bob)).at(-1)).toMatchObject({ room_id, participants: [self_id, bob.id] });
});

test('the id may be in upper case: it is the same room', async () => {
  const { wsUrl } = await start();
  const room_id = randomUUID();
  const [alice, bob] = [await Session.open(wsUrl), await Session.open(wsUrl)];
  alice.client.send(join(room_id.toUpperCase(), true));
  expect((await heard(alice)).at(-1)).toMatchObject({ room_id });
  bob.client.send(join(room_id, true));
  expect((await heard(bob)).at(-1)).toMatchObject({ room_id, participants: [alice.id, bob.id] });
});

test('false, or left out: a missing room is not found', async () => {
  const server = await start();
  const session = await Session.open(server.wsUrl);
  for (const create of [false, undefined]) {
    session.client.send(join(randomUUID(), create));
    expect(await heard(session)).toMatchObject([{ type: 'Error', code: 'RoomNotFound' }]);
  }
  expect((await health(server)).rooms).toBe(0);
});

test.each([1, 'true', null, {}])('%j is InvalidPayload, and opens nothing', async (create_if_missing) => {
  const server = await start();
  const session = await Session.open(server.wsUrl);
  session.client.send({ type: 'JoinRoom', room_id: randomUUID(), create_if_missing });
  session.client.send({ type: 'JoinRoom', room_id: 'my room', create_if_missing: true });
  session.client.send({ type: 'CreateRoom', create_if_missing: true });
  expect((await heard(session)).map((error) => 'code' in error && error.code)).toEqual(
    Array(3).fill('InvalidPayload'),
  );
  expect((await health(server)).rooms).toBe(0);
});

test('in the base protocol the field is unknown: refused, whatever it says', async () => {
  const server = await start();
  const client = await TestClient.connect(server.wsUrl);
  for (const create of [true, false]) {
    client.send(join(randomUUID(), create));
    expect(await client.next()).toMatchObject({ type: 'Error', code: 'InvalidPayload' });
  }
  client.send({ type: 'Hello' }); // too late
  client.send(join(randomUUID(), true));
  expect((await heard({ client })).map((error) => 'code' in error && error.code)).toEqual(
    Array(2).fill('InvalidPayload'),
  );
  expect((await health(server)).rooms).toBe(0);
});

test('eight at once meet in one room, and a ninth finds it full', async () => {
  const server = await start();
  const room_id = randomUUID();
  const sessions = await Promise.all(Array.from({ length: 9 }, () => Session.open(server.wsUrl)));
  for (const { client } of sessions) client.send(join(room_id, true));
  const told = await allHeard(sessions);
  const turnedAway = told.filter(([first]) => first?.type === 'Error');
  expect(turnedAway).toMatchObject([[{ type: 'Error', code: 'RoomFull' }]]);
  const lists = told.filter(([first]) => first?.type !== 'Error').map((messages) => messages.at(-1));
  expect(lists).toHaveLength(8);
  const { participants } = lists[0] as unknown as { participants: string[] };
  expect(new Set(participants).size).toBe(8);
  for (const list of lists) expect(list).toEqual({ type: 'RoomParticipants', room_id, participants });
  expect((await health(server)).rooms).toBe(1);
});

test('eight at once, again and again, each time in a room that has expired', async () => {
  const server = await start({ ROOM_IDLE_TIMEOUT_MS: '1' });
  const room_id = randomUUID();
  const sessions = await Promise.all(Array.from({ length: 8 }, () => Session.open(server.wsUrl)));
  for (let round = 0; round < 5; round++) {
    for (const { client } of sessions) client.send(join(room_id, true));
    for (const told of await allHeard(sessions)) {
      const own = told.findLast(({ type }) => type === 'RoomParticipants');
      expect((own as unknown as { participants: string[] }).participants).toHaveLength(8);
    }
    for (const { client } of sessions) client.send({ type: 'LeaveRoom' });
    await allHeard(sessions);
    await until('the room has expired', async () => (await health(server)).rooms === 0);
  }
});

test('at the room limit: eight at once share the last room, another id is refused', async () => {
  const server = await start({ MAX_ROOMS: '1', ROOM_IDLE_TIMEOUT_MS: '1' });
  const room_id = randomUUID();
  const sessions = await Promise.all(Array.from({ length: 8 }, () => Session.open(server.wsUrl)));
  const other = await Session.open(server.wsUrl);
  for (const { client } of sessions) client.send(join(room_id, true));
  for (const told of await allHeard(sessions)) {
    expect(told.some(({ type }) => type === 'Error')).toBe(false);
  }
  other.client.send(join(randomUUID(), true));
  expect(await heard(other)).toMatchObject([{ type: 'Error', code: 'Internal' }]);
  expect((await health(server)).rooms).toBe(1);

  // It is outside a room, and may come when there is place.
  for (const { client } of sessions) client.send({ type: 'LeaveRoom' });
  await allHeard(sessions);
  await until('the room has expired', async () => (await health(server)).rooms === 0);
  const late = randomUUID();
  other.client.send(join(late, true));
  expect((await heard(other)).at(-1)).toMatchObject({ room_id: late, participants: [other.id] });
});

test('eight with ids of their own at the limit of three: three rooms, five refusals', async () => {
  const server = await start({ MAX_ROOMS: '3' });
  const sessions = await Promise.all(Array.from({ length: 8 }, () => Session.open(server.wsUrl)));
  for (const { client } of sessions) client.send(join(randomUUID(), true));
  const told = await allHeard(sessions);
  const refused = told.filter(([first]) => first?.type === 'Error');
  expect(refused).toHaveLength(5);
  for (const [error] of refused) expect(error).toMatchObject({ code: 'Internal' });
  expect((await health(server)).rooms).toBe(3);
});

test('after a restart a call meets again under its own link', async () => {
  const before = await start();
  const creator = await Session.open(before.wsUrl);
  const { room_id } = await creator.client.createRoom();
  await before.stop();
  expect(await creator.client.closed).toBe(1001);

  const after = await start();
  const back = await creator.resume(after.wsUrl);
  expect(back.ready).toMatchObject({ resumed: false });
  back.client.send(join(room_id));
  expect(await heard(back)).toMatchObject([{ type: 'Error', code: 'RoomNotFound' }]);
  back.client.send(join(room_id, true));
  const guest = await Session.open(after.wsUrl);
  await back.client.settled();
  guest.client.send(join(room_id, true));
  expect((await heard(guest)).at(-1)).toMatchObject({ room_id, participants: [back.id, guest.id] });
});

test('it works in a session that was taken up again, too', async () => {
  const { wsUrl } = await start();
  const session = await Session.open(wsUrl);
  await session.lose();
  const again = await session.resume(wsUrl);
  const room_id = randomUUID();
  again.client.send(join(room_id, true));
  expect((await heard(again)).at(-1)).toMatchObject({ room_id, participants: [session.id] });
});
