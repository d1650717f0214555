import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { assign, emit } from 'xstate';
import { participantMachine } from '../../machines/participant.ts';
import { roomMachine } from '../../machines/room.ts';
import type { Relayed } from '../../src/protocol/server.ts';
import { seat, TestClient } from '../support/client.ts';
import { health, startServer, type TestServer } from '../support/server.ts';

/**
 * What fails costs itself and nothing else: a message its room one message, a room that fails too often its
 * members that room, a connection itself. The machines here throw when they are told to.
 */

const SIBLINGS = 1000;
const INTERNAL = { type: 'Error', code: 'Internal', message: expect.stringMatching(/\S/) };
const CLOSED = { type: 'Error', code: 'Internal', message: expect.stringMatching(/closed/) };

/** Throws at an sdp of `crash` when it forwards, and when participants named in `cursed` come or go. */
const cursed = { joining: new Set<string>(), leaving: new Set<string>() };
const faultyRoomMachine = roomMachine.provide({
  actions: {
    forward: emit((_, { from, message }) => {
      if ('sdp' in message && message.sdp === 'crash') throw new Error('crashed as told');
      const { to, ...payload } = message;
      return { type: 'unicast', to, message: { ...payload, from } as Relayed };
    }),
    addMember: assign({
      members: ({ context }, { participant_id }) => {
        if (cursed.joining.has(context.room_id)) throw new Error('joining crashed as told');
        return [...context.members, participant_id];
      },
    }),
    removeMember: assign({
      members: ({ context }, { participant_id }) => {
        if (cursed.leaving.has(participant_id)) throw new Error('leaving crashed as told');
        return context.members.filter((member) => member !== participant_id);
      },
    }),
  },
});

let server: TestServer;
let siblings: { room_id: string; clients: TestClient[]; ids: string[] }[];
beforeAll(async () => {
  server = await startServer({ RATE_LIMIT_MESSAGES: '100' }, { roomMachine: faultyRoomMachine });
  siblings = [];
  while (siblings.length < SIBLINGS) {
    // Two in each tenth room, one in the others.
    const size = siblings.length % 10 === 0 ? 2 : 1;
    siblings.push(...(await Promise.all(Array.from({ length: 20 }, () => seat(server.wsUrl, size)))));
  }
}, 60_000);
afterAll(() => server.stop());

async function news(client: TestClient): Promise<unknown[]> {
  await client.settled();
  return client.unread();
}

/** Every sibling has heard nothing and has its room; those of two still signal. */
async function expectSiblingsUnharmed(): Promise<void> {
  expect(siblings.length).toBeGreaterThanOrEqual(SIBLINGS);
  await Promise.all(
    siblings.map(async ({ clients, ids }) => {
      for (const client of clients) expect(await news(client)).toEqual([]);
      clients[0]!.send({ type: 'Offer', to: ids.at(-1), sdp: 'unharmed' });
      expect(await clients.at(-1)!.next()).toEqual({ type: 'Offer', from: ids[0], sdp: 'unharmed' });
    }),
  );
}

function errors(): string[] {
  return server.logs.filter(({ level }) => level === 'error').map(({ msg }) => String(msg));
}

describe('a message that throws in its room', () => {
  test('costs only itself: its sender is told, the room is as it was, 1000 siblings notice nothing', async () => {
    const { room_id, clients, ids } = await seat(server.wsUrl, 3);
    const [sender, addressee, third] = clients as [TestClient, TestClient, TestClient];
    sender.send({ type: 'Offer', to: ids[1], sdp: 'before' });
    sender.send({ type: 'Offer', to: ids[1], sdp: 'crash' });
    sender.send({ type: 'Offer', to: ids[1], sdp: 'after' });
    expect(await news(sender)).toEqual([INTERNAL]);
    expect(await news(addressee)).toEqual([
      { type: 'Offer', from: ids[0], sdp: 'before' },
      { type: 'Offer', from: ids[0], sdp: 'after' },
    ]);
    expect(await news(third)).toEqual([]);
    const fourth = await TestClient.connect(server.wsUrl);
    const fourth_id = await fourth.joinRoom(room_id);
    expect(fourth.heard.at(-1)).toEqual({
      type: 'RoomParticipants',
      room_id,
      participants: [...ids, fourth_id],
    });
    await expectSiblingsUnharmed();
    expect(errors()).toEqual(['room failed on a message']);
  });

  test('five times: the room is closed, all members hear Internal, and go on elsewhere', async () => {
    server.logs.length = 0;
    const { room_id, clients, ids } = await seat(server.wsUrl, 3);
    const [first, second, third] = clients as [TestClient, TestClient, TestClient];
    const { rooms } = await health(server);
    for (let failure = 1; failure <= 4; failure++) {
      const [from, to] = failure % 2 === 0 ? [first, ids[1]] : [second, ids[0]];
      from.send({ type: 'Answer', to, sdp: 'crash' });
      expect(await news(from)).toEqual([INTERNAL]);
    }
    for (const client of clients) expect(await news(client)).toEqual([]);
    first.send({ type: 'Offer', to: ids[1], sdp: 'crash' });
    expect((await news(first)).at(-1)).toEqual(CLOSED);
    for (const client of [second, third]) expect(await news(client)).toEqual([CLOSED]);
    expect((await health(server)).rooms).toBe(rooms - 1);

    // The room is gone, the sockets are not, and nobody is in a room any more.
    const late = await TestClient.connect(server.wsUrl);
    late.send({ type: 'JoinRoom', room_id });
    expect(await late.next()).toMatchObject({ type: 'Error', code: 'RoomNotFound' });
    second.send({ type: 'LeaveRoom' });
    expect(await second.next()).toMatchObject({ type: 'Error', code: 'InvalidPayload' });
    const created = await second.createRoom();
    expect(created.room_id).not.toBe(room_id);
    for (const [client, id] of [
      [first, ids[0]],
      [third, ids[2]],
    ] as const) {
      expect(await client.joinRoom(created.room_id)).toBe(id);
    }
    await second.settled();
    second.unread();
    first.send({ type: 'Offer', to: ids[1], sdp: 'here again' });
    expect(await second.next()).toEqual({ type: 'Offer', from: ids[0], sdp: 'here again' });
    await expectSiblingsUnharmed();
    expect(errors().filter((line) => line === 'room failed on a message')).toHaveLength(5);
    expect(errors().filter((line) => line.includes('too often'))).toHaveLength(1);
  });

  test('failures of different rooms do not add up', async () => {
    const rooms = await Promise.all(Array.from({ length: 6 }, () => seat(server.wsUrl, 2)));
    for (const { clients, ids } of rooms) {
      for (let failure = 1; failure <= 4; failure++) {
        clients[0]!.send({ type: 'Offer', to: ids[1], sdp: 'crash' });
      }
    }
    for (const { clients, ids } of rooms) {
      expect(await news(clients[0]!)).toEqual(Array(4).fill(INTERNAL));
      clients[0]!.send({ type: 'Offer', to: ids[1], sdp: 'alive' });
      expect(await news(clients[0]!)).toEqual([]);
      expect(await news(clients[1]!)).toEqual([{ type: 'Offer', from: ids[0], sdp: 'alive' }]);
    }
    await expectSiblingsUnharmed();
  });
});

describe('a join or leave that throws', () => {
  test('a join that throws seats nobody and tells nobody else; the next one is let in', async () => {
    const { room_id, clients, ids } = await seat(server.wsUrl, 2);
    const joiner = await TestClient.connect(server.wsUrl);
    cursed.joining.add(room_id);
    joiner.send({ type: 'JoinRoom', room_id });
    expect(await news(joiner)).toEqual([INTERNAL]);
    cursed.joining.delete(room_id);
    joiner.send({ type: 'Offer', to: ids[0], sdp: 'not inside' });
    expect(await joiner.next()).toMatchObject({ code: 'InvalidPayload' });
    for (const client of clients) expect(await news(client)).toEqual([]);
    const id = await joiner.joinRoom(room_id);
    expect(joiner.heard.at(-1)).toEqual({ type: 'RoomParticipants', room_id, participants: [...ids, id] });
  });

  test('a leave that never succeeds leaves no ghost: the room is closed, its members told', async () => {
    for (const leave of [
      (client: TestClient) => client.send({ type: 'LeaveRoom' }),
      (client: TestClient) => client.socket.terminate(),
    ]) {
      const { room_id, clients, ids } = await seat(server.wsUrl, 3);
      cursed.leaving.add(ids[1]!);
      leave(clients[1]!);
      expect(await clients[0]!.next()).toEqual(CLOSED);
      expect(await clients[2]!.next()).toEqual(CLOSED);
      const created = await clients[0]!.createRoom();
      await clients[2]!.joinRoom(created.room_id);
      expect(clients[2]!.heard.at(-1)).toMatchObject({ participants: [ids[0], ids[2]] });
      const late = await TestClient.connect(server.wsUrl);
      late.send({ type: 'JoinRoom', room_id });
      expect(await late.next()).toMatchObject({ code: 'RoomNotFound' });
    }
    await expectSiblingsUnharmed();
  });
});

describe('a participant that throws', () => {
  const faultyParticipantMachine = participantMachine.provide({
    actions: {
      relay: emit(({ context }, { message }) => {
        if ('sdp' in message && message.sdp === 'crash') throw new Error('crashed as told');
        return { type: 'relay', room_id: context.room_id as string, message };
      }),
      takeSeat: assign({
        room_id: (_, { room_id }) => {
          if (cursed.joining.has(room_id)) throw new Error('seating crashed as told');
          return room_id;
        },
      }),
    },
  });
  let own: TestServer;
  beforeAll(async () => {
    own = await startServer({}, { participantMachine: faultyParticipantMachine });
  });
  afterAll(() => own.stop());

  test('on a message: its client is told, and nothing changes', async () => {
    const { clients, ids } = await seat(own.wsUrl, 2);
    const [first, second] = clients as [TestClient, TestClient];
    first.send({ type: 'Offer', to: ids[1], sdp: 'crash' });
    first.send({ type: 'Offer', to: ids[1], sdp: 'after' });
    expect(await news(first)).toEqual([INTERNAL]);
    expect(await news(second)).toEqual([{ type: 'Offer', from: ids[0], sdp: 'after' }]);
  });

  test('when its room lets it in: it is closed with 1011, and holds no seat', async () => {
    const { room_id, clients, ids } = await seat(own.wsUrl, 1);
    const unlucky = await TestClient.connect(own.wsUrl);
    cursed.joining.add(room_id);
    unlucky.send({ type: 'JoinRoom', room_id });
    expect(await unlucky.closed).toBe(1011);
    cursed.joining.delete(room_id);
    const next = await TestClient.connect(own.wsUrl);
    const next_id = await next.joinRoom(room_id);
    expect(next.heard.at(-1)).toEqual({ type: 'RoomParticipants', room_id, participants: [...ids, next_id] });
    await clients[0]!.settled();
    expect(clients[0]!.heard.at(-1)).toEqual(next.heard.at(-1));
  });
});
