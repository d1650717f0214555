import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ServerMessage } from '../../src/protocol/server.ts';
import { seat, TestClient } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** Clients that act at the same time: whoever wins, all views agree. */

const SEED = Number(process.env.BLOOM_TEST_SEED ?? 1);

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ RATE_LIMIT_MESSAGES: '1000' });
});
afterAll(() => server.stop());

/** A small seeded generator (mulberry32): numbers from 0 up to `below`. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

function connectMany(count: number): Promise<TestClient[]> {
  return Promise.all(Array.from({ length: count }, () => TestClient.connect(server.wsUrl)));
}

async function settleAll(clients: TestClient[]): Promise<void> {
  // Twice: after the first round the server has handled all, after the second all have heard it.
  for (let round = 0; round < 2; round++) await Promise.all(clients.map((client) => client.settled()));
}

test('of 100 clients racing for the last seat one wins, 99 hear RoomFull, and all views agree', async () => {
  const { room_id, clients: members, ids } = await seat(server.wsUrl, 7);
  const racers = await connectMany(100);
  for (const racer of racers) racer.send({ type: 'JoinRoom', room_id });
  await settleAll([...racers, ...members]);
  const winners = racers.filter(({ heard }) => heard[0]?.type === 'PeerConnected');
  expect(winners).toHaveLength(1);
  const { participant_id } = winners[0]!.heard[0] as { participant_id: string };
  const expected = [
    { type: 'PeerConnected', participant_id },
    { type: 'RoomParticipants', room_id, participants: [...ids, participant_id] },
  ];
  for (const client of [...winners, ...members]) expect(client.unread()).toEqual(expected);
  for (const loser of racers.filter((racer) => racer !== winners[0])) {
    expect(loser.unread()).toEqual([{ type: 'Error', code: 'RoomFull', message: expect.any(String) }]);
  }
  // A loser has no seat anywhere, so it may create a room; the winner has one, so it may not.
  winners[0]!.send({ type: 'CreateRoom' });
  expect(await winners[0]!.next()).toMatchObject({ type: 'Error', code: 'InvalidPayload' });
  await racers.find((racer) => racer !== winners[0])!.createRoom();
});

test('two seats given up while many want them go to two of them, and never is a ninth inside', async () => {
  const { room_id, clients: members } = await seat(server.wsUrl, 8);
  const racers = await connectMany(30);
  const inside = () => racers.filter(({ heard }) => heard.some(({ type }) => type === 'PeerConnected'));
  for (let round = 0; round < 2 || inside().length < 2; round++) {
    for (const [at, racer] of racers.entries()) {
      if (round === 0 && at === 10) members[0]!.send({ type: 'LeaveRoom' });
      if (round === 0 && at === 20) members[1]!.socket.terminate();
      racer.send({ type: 'JoinRoom', room_id });
    }
    await settleAll([...racers, ...members.slice(2)]);
  }
  const lists = members[2]!.heard.filter((message) => message.type === 'RoomParticipants');
  for (const { participants } of lists) expect(participants.length).toBeLessThanOrEqual(8);
  const last = lists.at(-1)!;
  expect(last.participants).toHaveLength(8);
  expect(inside()).toHaveLength(2);
  for (const client of [...inside(), ...members.slice(2)]) {
    expect(client.heard.findLast(({ type }) => type === 'RoomParticipants')).toEqual(last);
  }
  for (const racer of racers) {
    if (inside().includes(racer)) continue;
    const codes = racer.heard.map((message) => (message as { code?: string }).code);
    expect(new Set(codes)).toEqual(new Set(['RoomFull']));
  }
});

test(`many join and leave at random (seed ${SEED}): every stay is a slice of what a witness saw`, async () => {
  const random = seeded(SEED);
  const rooms = await Promise.all(Array.from({ length: 5 }, () => seat(server.wsUrl, 1)));
  const clients = await connectMany(40);
  for (let round = 0; round < 150; round++) {
    for (let i = 0; i < 8; i++) {
      const client = clients[random(clients.length)]!;
      if (random(2) === 0) client.send({ type: 'LeaveRoom' });
      else client.send({ type: 'JoinRoom', room_id: rooms[random(rooms.length)]!.room_id });
    }
    if (random(5) === 0) {
      clients.splice(random(clients.length), 1)[0]!.socket.terminate();
      clients.push(await TestClient.connect(server.wsUrl));
    }
    await clients[random(clients.length)]!.settled();
  }
  const witnesses = rooms.map((room) => room.clients[0]!);
  await settleAll([...clients, ...witnesses]);

  const histories = rooms.map(({ room_id, clients: [witness], ids }) => {
    const events = witness!.heard.slice(2); // RoomCreated and its RoomParticipants
    let members = ids;
    for (let at = 0; at < events.length; at += 2) {
      const [change, list] = [events[at], events[at + 1]];
      if (change?.type === 'PeerConnected') members = [...members, change.participant_id];
      else if (change?.type === 'PeerDisconnected') {
        expect(members).toContain(change.participant_id);
        members = members.filter((member) => member !== change.participant_id);
      } else throw new Error(`unexpected ${JSON.stringify(change)}`);
      expect(members.length).toBeLessThanOrEqual(8);
      expect(list).toEqual({ type: 'RoomParticipants', room_id, participants: members });
    }
    return ['', ...events.map((event) => JSON.stringify(event)), ''].join('\n');
  });
  expect(histories.join('').split('\n').length).toBeGreaterThan(500);

  let stays = 0;
  for (const client of clients) {
    for (const stay of staysOf(client.heard)) {
      stays++;
      const slice = ['', ...stay.map((event) => JSON.stringify(event)), ''].join('\n');
      expect(histories.filter((history) => history.includes(slice))).toHaveLength(1);
    }
  }
  expect(stays).toBeGreaterThan(100);
});

/** What a client heard of rooms, stay by stay: each begins with its own PeerConnected. */
function staysOf(heard: ServerMessage[]): ServerMessage[][] {
  const stays: ServerMessage[][] = [];
  let own: string | undefined;
  for (const message of heard) {
    if (message.type === 'Error') continue;
    if (own === undefined && message.type === 'PeerConnected') own = message.participant_id;
    if (message.type === 'PeerConnected' && message.participant_id === own) stays.push([]);
    stays.at(-1)!.push(message);
  }
  return stays;
}

test.each([
  ['LeaveRoom', (client: TestClient) => client.send({ type: 'LeaveRoom' })],
  ['close', (client: TestClient) => client.close()],
  ['terminate', (client: TestClient) => client.socket.terminate()],
])('two leave at once (%s): each is told once, and neither is told of itself', async (_, leave) => {
  const rooms = await Promise.all(Array.from({ length: 10 }, () => seat(server.wsUrl, 4)));
  for (const { clients } of rooms) {
    leave(clients[1]!);
    leave(clients[2]!);
  }
  for (const { room_id, clients, ids } of rooms) {
    const [first, , , last] = clients as [TestClient, TestClient, TestClient, TestClient];
    while (first.heard.filter(({ type }) => type === 'PeerDisconnected').length < 2) await first.next();
    await settleAll([first, last]);
    const heard = first.heard.slice(-4);
    expect(last.heard.slice(-4)).toEqual(heard);
    const gone = [heard[0], heard[2]].map(
      (message) => (message as { participant_id: string }).participant_id,
    );
    expect([...gone].sort()).toEqual([ids[1], ids[2]].sort());
    const after = ids.filter((id) => id !== gone[0]);
    expect(heard).toEqual([
      { type: 'PeerDisconnected', participant_id: gone[0] },
      { type: 'RoomParticipants', room_id, participants: after },
      { type: 'PeerDisconnected', participant_id: gone[1] },
      { type: 'RoomParticipants', room_id, participants: after.filter((id) => id !== gone[1]) },
    ]);
    expect(last.unread()).toEqual(heard);
    for (const [at, id] of [
      [1, ids[1]],
      [2, ids[2]],
    ] as const) {
      expect(clients[at]!.unread()).not.toContainEqual({ type: 'PeerDisconnected', participant_id: id });
    }
  }
});

test('the last two leave at once: the room stays joinable, and empty', async () => {
  const rooms = await Promise.all(Array.from({ length: 10 }, () => seat(server.wsUrl, 2)));
  for (const { clients } of rooms) {
    clients[0]!.send({ type: 'LeaveRoom' });
    clients[1]!.send({ type: 'LeaveRoom' });
  }
  for (const { room_id, clients, ids } of rooms) {
    await settleAll(clients);
    clients[1]!.unread();
    await clients[1]!.joinRoom(room_id);
    expect(clients[1]!.heard.at(-1)).toEqual({ type: 'RoomParticipants', room_id, participants: [ids[1]] });
  }
});

test('a join racing the expiry either has the room for good or hears RoomNotFound', async () => {
  const brief = await startServer({ ROOM_IDLE_TIMEOUT_MS: '500', RATE_LIMIT_MESSAGES: '100' });
  try {
    const rooms = await Promise.all(Array.from({ length: 60 }, () => seat(brief.wsUrl, 1)));
    const joiners = await Promise.all(rooms.map(() => TestClient.connect(brief.wsUrl)));
    const late = await Promise.all(rooms.map(() => TestClient.connect(brief.wsUrl)));
    await Promise.all(
      rooms.map(async ({ room_id, clients }, at) => {
        clients[0]!.send({ type: 'LeaveRoom' });
        await clients[0]!.settled();
        // The first surely in time, the last surely too late, the others about when the room expires.
        await pause(at < 5 ? 0 : at < 55 ? 470 + at : 1000);
        joiners[at]!.send({ type: 'JoinRoom', room_id });
        await joiners[at]!.settled();
      }),
    );
    await pause(700); // longer than the timeout: whoever is in keeps its room alive
    let joined = 0;
    for (const [at, { room_id }] of rooms.entries()) {
      const [joiner, other] = [joiners[at]!, late[at]!];
      other.send({ type: 'JoinRoom', room_id });
      await other.settled();
      const [first, ...rest] = joiner.unread();
      if (first?.type === 'PeerConnected') {
        joined++;
        const { participant_id } = first;
        expect(rest[0]).toEqual({ type: 'RoomParticipants', room_id, participants: [participant_id] });
        const { participant_id: other_id } = (await other.next()) as { participant_id: string };
        expect(await other.next()).toEqual({
          type: 'RoomParticipants',
          room_id,
          participants: [participant_id, other_id],
        });
      } else {
        const refusal = { type: 'Error', code: 'RoomNotFound', message: expect.any(String) };
        expect([first, ...rest]).toEqual([refusal]);
        expect(other.unread()).toEqual([refusal]);
      }
    }
    // Both happened, or this test has shown nothing.
    expect(joined).toBeGreaterThan(0);
    expect(joined).toBeLessThan(rooms.length);
  } finally {
    await brief.stop();
  }
});
