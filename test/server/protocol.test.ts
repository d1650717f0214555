import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ErrorCode } from '../../src/protocol/codes.ts';
import { accepting } from '../support/accepted.ts';
import { seat, TestClient } from '../support/client.ts';
import { closeFrame, frame, OPCODE, RawClient, textFrame } from '../support/raw.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

/** The protocol as design.md's tables state it, message by message, over real sockets. */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const KIB_64 = 65_536;
/** Never reached by the tests that are not about the rate. */
const NO_LIMIT = { RATE_LIMIT_MESSAGES: '10000' };

let server: TestServer;
beforeAll(async () => {
  server = await startServer(NO_LIMIT);
});
afterAll(() => server.stop());

function error(code: ErrorCode): object {
  return { type: 'Error', code, message: expect.stringMatching(/\S/) };
}

/** What a client heard since it last read, once the server has written all it had for it. */
async function news(client: TestClient): Promise<unknown[]> {
  await client.settled();
  return client.unread();
}

/** The sender's message is handled first; then each of the others has heard nothing. */
async function expectSilence(sender: TestClient, ...others: TestClient[]): Promise<void> {
  await sender.settled();
  for (const other of others) expect(await news(other)).toEqual([]);
}

describe('CreateRoom', () => {
  test('answers RoomCreated, then RoomParticipants with the creator alone', async () => {
    const client = await TestClient.connect(server.wsUrl);
    client.send({ type: 'CreateRoom' });
    const heard = await news(client);
    const room_id = expect.stringMatching(UUID);
    const self_id = expect.stringMatching(UUID);
    expect(heard).toEqual([
      { type: 'RoomCreated', room_id, self_id },
      { type: 'RoomParticipants', room_id, participants: [self_id] },
    ]);
    const [created, list] = heard as { room_id: string; self_id: string; participants: string[] }[];
    expect(list?.room_id).toBe(created?.room_id);
    expect(list?.participants).toEqual([created?.self_id]);
    expect(created?.room_id).not.toBe(created?.self_id);
  });

  test('each room and each connection has an id of its own', async () => {
    const rooms = await Promise.all(
      Array.from({ length: 20 }, async () => (await TestClient.connect(server.wsUrl)).createRoom()),
    );
    expect(new Set(rooms.flatMap(({ room_id, self_id }) => [room_id, self_id])).size).toBe(40);
  });

  test('is refused inside a room, twice over, and the room is as it was', async () => {
    const { room_id, clients, ids } = await seat(server.wsUrl, 2);
    const [creator, other] = clients as [TestClient, TestClient];
    creator.send({ type: 'CreateRoom' });
    creator.send({ type: 'CreateRoom' });
    expect(await news(creator)).toEqual([error('InvalidPayload'), error('InvalidPayload')]);
    other.send({ type: 'CreateRoom' });
    expect(await news(other)).toEqual([error('InvalidPayload')]);
    await expectSilence(other, creator);
    const third = await TestClient.connect(server.wsUrl);
    const third_id = await third.joinRoom(room_id);
    expect(third.heard.at(-1)).toEqual({
      type: 'RoomParticipants',
      room_id,
      participants: [...ids, third_id],
    });
  });
});

describe('JoinRoom', () => {
  test('tells every member PeerConnected, then RoomParticipants in join order, the joiner included', async () => {
    const { room_id, clients, ids } = await seat(server.wsUrl, 1);
    for (let size = 2; size <= 8; size++) {
      const joiner = await TestClient.connect(server.wsUrl);
      joiner.send({ type: 'JoinRoom', room_id });
      const heard = await news(joiner);
      const { participant_id } = heard[0] as { participant_id: string };
      expect(participant_id).toMatch(UUID);
      ids.push(participant_id);
      const expected = [
        { type: 'PeerConnected', participant_id },
        { type: 'RoomParticipants', room_id, participants: ids },
      ];
      expect(heard).toEqual(expected);
      for (const member of clients) expect(await news(member)).toEqual(expected);
      clients.push(joiner);
    }
    expect(new Set(ids).size).toBe(8);
  });

  test('the room id may be in upper case, and comes back as the server wrote it', async () => {
    const { room_id } = await seat(server.wsUrl, 1);
    const joiner = await TestClient.connect(server.wsUrl);
    joiner.send({ type: 'JoinRoom', room_id: room_id.toUpperCase() });
    expect(await news(joiner)).toEqual([
      { type: 'PeerConnected', participant_id: expect.stringMatching(UUID) },
      { type: 'RoomParticipants', room_id, participants: expect.any(Array) },
    ]);
  });

  test('the ninth participant hears RoomFull and the others nothing; a free seat is then its own', async () => {
    const { room_id, clients, ids } = await seat(server.wsUrl, 8);
    const ninth = await TestClient.connect(server.wsUrl);
    ninth.send({ type: 'JoinRoom', room_id });
    expect(await news(ninth)).toEqual([error('RoomFull')]);
    await expectSilence(ninth, ...clients);
    clients[3]!.send({ type: 'LeaveRoom' });
    await clients[3]!.settled();
    const participant_id = await ninth.joinRoom(room_id);
    const rest = ids.toSpliced(3, 1);
    expect(ninth.heard.at(-1)).toEqual({
      type: 'RoomParticipants',
      room_id,
      participants: [...rest, participant_id],
    });
    expect(await news(clients[0]!)).toEqual([
      { type: 'PeerDisconnected', participant_id: ids[3] },
      { type: 'RoomParticipants', room_id, participants: rest },
      { type: 'PeerConnected', participant_id },
      { type: 'RoomParticipants', room_id, participants: [...rest, participant_id] },
    ]);
  });

  test('the capacity is ROOM_CAPACITY', async () => {
    const small = await startServer({ ROOM_CAPACITY: '2' });
    try {
      const { room_id, clients } = await seat(small.wsUrl, 2);
      const third = await TestClient.connect(small.wsUrl);
      third.send({ type: 'JoinRoom', room_id });
      expect(await news(third)).toEqual([error('RoomFull')]);
      await expectSilence(third, ...clients);
    } finally {
      await small.stop();
    }
  });

  test('a room that never was: RoomNotFound, and the client can go on', async () => {
    const client = await TestClient.connect(server.wsUrl);
    for (const room_id of [randomUUID(), '00000000-0000-0000-0000-000000000000']) {
      client.send({ type: 'JoinRoom', room_id });
      expect(await news(client)).toEqual([error('RoomNotFound')]);
    }
    await client.createRoom();
  });

  test('a participant id is no room id', async () => {
    const { ids } = await seat(server.wsUrl, 1);
    const client = await TestClient.connect(server.wsUrl);
    client.send({ type: 'JoinRoom', room_id: ids[0] });
    expect(await news(client)).toEqual([error('RoomNotFound')]);
  });

  test('is refused inside a room, this one or another: nobody hears of it', async () => {
    const here = await seat(server.wsUrl, 2);
    const there = await seat(server.wsUrl, 1);
    for (const room_id of [here.room_id, there.room_id, randomUUID()]) {
      here.clients[1]!.send({ type: 'JoinRoom', room_id });
      expect(await news(here.clients[1]!)).toEqual([error('InvalidPayload')]);
      await expectSilence(here.clients[1]!, here.clients[0]!, there.clients[0]!);
    }
    here.clients[0]!.send({ type: 'Offer', to: here.ids[1], sdp: 'still here' });
    expect(await here.clients[1]!.next()).toEqual({ type: 'Offer', from: here.ids[0], sdp: 'still here' });
  });

  test('a message sent behind JoinRoom without waiting finds the sender inside', async () => {
    const { room_id, clients, ids } = await seat(server.wsUrl, 1);
    const joiner = await TestClient.connect(server.wsUrl);
    joiner.send({ type: 'JoinRoom', room_id });
    joiner.send({ type: 'Offer', to: ids[0], sdp: 'at once' });
    joiner.send({ type: 'LeaveRoom' });
    await joiner.settled();
    const participant_id = (joiner.heard[0] as { participant_id: string }).participant_id;
    expect(await news(clients[0]!)).toEqual([
      { type: 'PeerConnected', participant_id },
      { type: 'RoomParticipants', room_id, participants: [ids[0], participant_id] },
      { type: 'Offer', from: participant_id, sdp: 'at once' },
      { type: 'PeerDisconnected', participant_id },
      { type: 'RoomParticipants', room_id, participants: ids },
    ]);
  });
});

describe('LeaveRoom', () => {
  test('tells the remaining members PeerDisconnected, then RoomParticipants; the leaver hears nothing', async () => {
    const { room_id, clients, ids } = await seat(server.wsUrl, 3);
    const [first, second, third] = clients as [TestClient, TestClient, TestClient];
    second.send({ type: 'LeaveRoom' });
    expect(await news(second)).toEqual([]);
    const expected = [
      { type: 'PeerDisconnected', participant_id: ids[1] },
      { type: 'RoomParticipants', room_id, participants: [ids[0], ids[2]] },
    ];
    expect(await news(first)).toEqual(expected);
    expect(await news(third)).toEqual(expected);
    first.send({ type: 'Offer', to: ids[2], sdp: 'no longer for the second' });
    await third.next();
    expect(await news(second)).toEqual([]);
  });

  test('is refused outside a room', async () => {
    const client = await TestClient.connect(server.wsUrl);
    client.send({ type: 'LeaveRoom' });
    expect(await news(client)).toEqual([error('InvalidPayload')]);
    await client.createRoom();
    client.send({ type: 'LeaveRoom' });
    client.send({ type: 'LeaveRoom' });
    expect(await news(client)).toEqual([error('InvalidPayload')]);
  });

  test('a client may come back: same id, last in order; and may create another room', async () => {
    const { room_id, clients, ids } = await seat(server.wsUrl, 3);
    const [first, second, third] = clients as [TestClient, TestClient, TestClient];
    first.send({ type: 'LeaveRoom' });
    first.send({ type: 'JoinRoom', room_id });
    const participants = [ids[1], ids[2], ids[0]];
    expect(await news(first)).toEqual([
      { type: 'PeerConnected', participant_id: ids[0] },
      { type: 'RoomParticipants', room_id, participants },
    ]);
    for (const other of [second, third]) {
      expect(await news(other)).toEqual([
        { type: 'PeerDisconnected', participant_id: ids[0] },
        { type: 'RoomParticipants', room_id, participants: [ids[1], ids[2]] },
        { type: 'PeerConnected', participant_id: ids[0] },
        { type: 'RoomParticipants', room_id, participants },
      ]);
    }
    first.send({ type: 'LeaveRoom' });
    const created = await first.createRoom();
    expect(created.self_id).toBe(ids[0]);
    expect(created.room_id).not.toBe(room_id);
  });

  test('the last to leave keeps the room joinable until it expires', async () => {
    const { room_id, clients, ids } = await seat(server.wsUrl, 2);
    for (const client of clients) client.send({ type: 'LeaveRoom' });
    for (const client of clients) await client.settled();
    clients[1]!.unread();
    clients[1]!.send({ type: 'JoinRoom', room_id });
    expect(await news(clients[1]!)).toEqual([
      { type: 'PeerConnected', participant_id: ids[1] },
      { type: 'RoomParticipants', room_id, participants: [ids[1]] },
    ]);
  });
});

describe('expiry', () => {
  let brief: TestServer;
  beforeAll(async () => {
    brief = await startServer({ ...NO_LIMIT, ROOM_IDLE_TIMEOUT_MS: '100' });
  });
  afterAll(() => brief.stop());

  test('an empty room expires after the idle timeout: RoomNotFound', async () => {
    const { room_id, clients } = await seat(brief.wsUrl, 2);
    clients[0]!.send({ type: 'LeaveRoom' });
    clients[1]!.close();
    await clients[1]!.closed;
    await until('the room has ended', () => brief.logs.some((line) => ended(line, room_id)));
    await clients[0]!.settled();
    clients[0]!.unread();
    clients[0]!.send({ type: 'JoinRoom', room_id });
    expect(await news(clients[0]!)).toEqual([error('RoomNotFound')]);
  });

  test('a room with a member never does, however quiet; leaving starts the time anew', async () => {
    const { room_id, clients } = await seat(brief.wsUrl, 1);
    await pause(350);
    const joiner = await TestClient.connect(brief.wsUrl);
    await joiner.joinRoom(room_id);
    clients[0]!.send({ type: 'LeaveRoom' });
    await clients[0]!.settled();
    joiner.send({ type: 'LeaveRoom' }); // nobody is in now,
    await joiner.joinRoom(room_id); // but not for long
    await pause(350);
    expect(brief.logs.some((line) => ended(line, room_id))).toBe(false);
    clients[0]!.unread();
    await clients[0]!.joinRoom(room_id);
  });

  function ended(line: Record<string, unknown>, room_id: string): boolean {
    return line.msg === 'room ended' && line.room_id === room_id;
  }
});

describe('relays', () => {
  const candidates: [string, object][] = [
    ['alone', { candidate: 'candidate:1 1 udp 2122260223 192.0.2.1 54400 typ host' }],
    ['at the end of the candidates', { candidate: '' }],
    ['with every field', { candidate: 'c', sdpMid: '0', sdpMLineIndex: 0, usernameFragment: 'uf' }],
    [
      'with null in every field',
      { candidate: 'c', sdpMid: null, sdpMLineIndex: null, usernameFragment: null },
    ],
    ['with empty strings', { candidate: '', sdpMid: '', usernameFragment: '' }],
    ['with the largest index', { candidate: 'c', sdpMLineIndex: 65_535 }],
    ['with sdpMid only', { candidate: 'c', sdpMid: 'audio' }],
  ];
  const messages: [string, object][] = [
    ['Offer', { type: 'Offer', sdp: 'v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n' }],
    ['Offer with an empty sdp', { type: 'Offer', sdp: '' }],
    ['Answer', { type: 'Answer', sdp: 'v=0\r\n' }],
    ...candidates.map(([name, fields]): [string, object] => [
      `IceCandidate ${name}`,
      { type: 'IceCandidate', ...fields },
    ]),
    [
      'Offer with unicode',
      { type: 'Offer', sdp: 'Grüße 日本語 👩‍👩‍👧 \u0000\u001f\u2028\u2029\ufeff\uffff"\\/' },
    ],
    ['Answer with lone surrogates', { type: 'Answer', sdp: '\ud800 \udc00 \udfff\ud83d' }],
    ['IceCandidate with lone surrogates', { type: 'IceCandidate', candidate: '\udead', sdpMid: '\ud800' }],
  ];

  let room: Awaited<ReturnType<typeof seat>>;
  beforeAll(async () => {
    room = await seat(server.wsUrl, 3);
  });

  test.each(messages)('%s reaches the addressee alone, as sent', async (_, message) => {
    const { clients, ids } = room;
    const [from, to, other] = clients as [TestClient, TestClient, TestClient];
    from.send({ ...message, to: ids[1] });
    await from.settled();
    expect(await news(to)).toEqual([{ ...message, from: ids[0] }]);
    expect(from.unread()).toEqual([]);
    expect(await news(other)).toEqual([]);
  });

  test('the addressee may be in upper case, or be the sender', async () => {
    const { clients, ids } = room;
    clients[0]!.send({ type: 'Offer', to: ids[1]!.toUpperCase(), sdp: 'x' });
    await clients[0]!.settled();
    expect(await news(clients[1]!)).toEqual([{ type: 'Offer', from: ids[0], sdp: 'x' }]);
    clients[0]!.send({ type: 'Offer', to: ids[0], sdp: 'to myself' });
    expect(await news(clients[0]!)).toEqual([{ type: 'Offer', from: ids[0], sdp: 'to myself' }]);
  });

  test.each([
    ['Offer', { type: 'Offer', sdp: '' }],
    ['Answer', { type: 'Answer', sdp: '' }],
    ['IceCandidate', { type: 'IceCandidate', candidate: '' }],
  ])('%s is refused outside a room; to nobody in the room, ParticipantNotFound', async (_, message) => {
    const { clients, ids } = room;
    const elsewhere = await seat(server.wsUrl, 1);
    const outsider = await TestClient.connect(server.wsUrl);
    outsider.send({ ...message, to: ids[0] });
    expect(await news(outsider)).toEqual([error('InvalidPayload')]);
    await expectSilence(outsider, ...clients);
    for (const to of [randomUUID(), elsewhere.ids[0], room.room_id]) {
      clients[0]!.send({ ...message, to });
      expect(await news(clients[0]!)).toEqual([error('ParticipantNotFound')]);
    }
    await expectSilence(clients[0]!, clients[1]!, clients[2]!, elsewhere.clients[0]!);
    elsewhere.clients[0]!.send({ ...message, to: ids[0] });
    expect(await news(elsewhere.clients[0]!)).toEqual([error('ParticipantNotFound')]);
    await expectSilence(elsewhere.clients[0]!, ...clients);
  });

  test('the server keeps nothing for an absent addressee', async () => {
    const { room_id, clients, ids } = await seat(server.wsUrl, 2);
    const [stays, comesBack] = clients as [TestClient, TestClient];
    comesBack.send({ type: 'LeaveRoom' });
    await stays.nextOf('RoomParticipants');
    stays.send({ type: 'Offer', to: ids[1], sdp: 'missed' });
    expect(await news(stays)).toEqual([error('ParticipantNotFound')]);
    comesBack.send({ type: 'JoinRoom', room_id });
    stays.send({ type: 'LeaveRoom' });
    await stays.settled();
    expect((await news(comesBack)).map((message) => (message as { type: string }).type)).not.toContain(
      'Offer',
    );
  });

  test('1000 relays of one sender arrive in the order sent, all kinds mixed', async () => {
    const { clients, ids } = await seat(server.wsUrl, 2);
    const kinds = [
      (text: string) => ({ type: 'Offer', sdp: text }),
      (text: string) => ({ type: 'Answer', sdp: text }),
      (text: string) => ({ type: 'IceCandidate', candidate: text }),
    ];
    const sent = Array.from({ length: 1000 }, (_, i) => kinds[i % 3]!(`number ${i}`));
    for (const message of sent) clients[0]!.send({ ...message, to: ids[1] });
    await clients[0]!.settled();
    expect(await news(clients[1]!)).toEqual(sent.map((message) => ({ ...message, from: ids[0] })));
    expect(clients[0]!.unread()).toEqual([]);
  });

  test('of several senders at once, each keeps its order at each addressee', async () => {
    const { clients, ids } = await seat(server.wsUrl, 4);
    for (let i = 0; i < 200; i++) {
      for (const [at, client] of clients.entries()) {
        client.send({ type: 'Offer', to: ids[(at + 1 + (i % 3)) % 4], sdp: String(i) });
      }
    }
    for (const client of clients) await client.settled();
    for (const [at, client] of clients.entries()) {
      const heard = (await news(client)) as { from: string; sdp: string }[];
      expect(heard).toHaveLength(200);
      for (const [from, id] of ids.entries()) {
        const expected = Array.from({ length: 200 }, (_, i) => i).filter(
          (i) => (from + 1 + (i % 3)) % 4 === at,
        );
        expect(heard.filter((message) => message.from === id).map(({ sdp }) => sdp)).toEqual(
          expected.map(String),
        );
      }
    }
  });

  test("a newcomer's PeerConnected precedes every relay to or from it", async () => {
    const { room_id, clients, ids } = await seat(server.wsUrl, 2);
    const [eager, newcomer] = clients as [TestClient, TestClient];
    // The eager one knows the newcomer's id from before, and never waits for it.
    for (let round = 0; round < 100; round++) {
      newcomer.send({ type: 'LeaveRoom' });
      eager.send({ type: 'Offer', to: ids[1], sdp: `to ${round}` });
      newcomer.send({ type: 'JoinRoom', room_id });
      newcomer.send({ type: 'Offer', to: ids[0], sdp: `from ${round}` });
      eager.send({ type: 'Offer', to: ids[1], sdp: `again ${round}` });
      if (round % 10 === 0) await newcomer.settled();
    }
    await newcomer.settled();
    await eager.settled();
    await newcomer.settled();
    let isIn = true;
    let relays = 0;
    for (const message of eager.unread()) {
      if (message.type === 'PeerConnected') isIn = true;
      if (message.type === 'PeerDisconnected') isIn = false;
      if (message.type === 'Offer') expect([++relays, isIn]).toEqual([relays, true]);
    }
    expect(relays).toBe(100);
    // The newcomer hears nothing when it leaves; of each stay the first thing it hears is its own arrival.
    const types = newcomer.unread().map(({ type }) => type);
    expect(types.filter((type) => type === 'PeerConnected')).toHaveLength(100);
    for (const [at, type] of types.entries()) {
      if (type === 'RoomParticipants') expect(types[at - 1]).toBe('PeerConnected');
    }
  });
});

describe('InvalidPayload', () => {
  const id = randomUUID();
  const frames: string[] = [
    '',
    ' ',
    'nonsense',
    '{',
    '{"type":"CreateRoom"',
    '{"type":"CreateRoom"}x',
    '{"type":"CreateRoom"}{"type":"CreateRoom"}',
    "{'type':'CreateRoom'}",
    '\ufeff{"type":"CreateRoom"}',
    'null',
    'true',
    '42',
    '"CreateRoom"',
    '[]',
    '[{"type":"CreateRoom"}]',
    '{}',
    '{"type":null}',
    '{"type":5}',
    '{"type":["CreateRoom"]}',
    '{"type":{"type":"CreateRoom"}}',
    '{"type":""}',
    '{"type":"createRoom"}',
    '{"type":"CreateRoom "}',
    '{"type":"Hello"}',
    '{"type":"RoomCreated"}',
    '{"type":"PeerConnected"}',
    '{"type":"Error"}',
    '{"type":"toString"}',
    '{"type":"__proto__"}',
    '{"type":"constructor"}',
    '{"Type":"CreateRoom"}',
    '{"type":"CreateRoom","__proto__":{}}',
    '{"__proto__":{"type":"CreateRoom"}}',
    '{"type":"CreateRoom","constructor":1}',
    ...[
      { type: 'CreateRoom', room_id: id },
      { type: 'CreateRoom', extra: null },
      { type: 'JoinRoom' },
      { type: 'JoinRoom', room_id: null },
      { type: 'JoinRoom', room_id: 7 },
      { type: 'JoinRoom', room_id: [id] },
      { type: 'JoinRoom', room_id: '' },
      { type: 'JoinRoom', room_id: 'lobby' },
      { type: 'JoinRoom', room_id: `{${id}}` },
      { type: 'JoinRoom', room_id: ` ${id}` },
      { type: 'JoinRoom', room_id: id.replaceAll('-', '') },
      { type: 'JoinRoom', room_id: id, name: 'me' },
      { type: 'LeaveRoom', room_id: id },
      ...['Offer', 'Answer'].flatMap((type) => [
        { type, sdp: 'v=0' },
        { type, to: id },
        { type, to: 'everybody', sdp: 'v=0' },
        { type, to: null, sdp: 'v=0' },
        { type, to: id, sdp: null },
        { type, to: id, sdp: 1 },
        { type, to: id, sdp: { type: 'offer', sdp: 'v=0' } },
        { type, to: id, sdp: 'v=0', from: id },
        { type, to: id, sdp: 'v=0', candidate: '' },
      ]),
      { type: 'IceCandidate', to: id },
      { type: 'IceCandidate', candidate: '' },
      { type: 'IceCandidate', to: 'x', candidate: '' },
      { type: 'IceCandidate', to: id, candidate: null },
      { type: 'IceCandidate', to: id, candidate: { candidate: '' } },
      { type: 'IceCandidate', to: id, candidate: '', sdpMid: 0 },
      { type: 'IceCandidate', to: id, candidate: '', sdpMLineIndex: '0' },
      { type: 'IceCandidate', to: id, candidate: '', sdpMLineIndex: -1 },
      { type: 'IceCandidate', to: id, candidate: '', sdpMLineIndex: 0.5 },
      { type: 'IceCandidate', to: id, candidate: '', sdpMLineIndex: 65_536 },
      { type: 'IceCandidate', to: id, candidate: '', usernameFragment: false },
      { type: 'IceCandidate', to: id, candidate: '', sdp: 'v=0' },
      { type: 'IceCandidate', to: id, candidate: '', sdpMLineindex: 0 },
    ].map((message) => JSON.stringify(message)),
  ];

  let inside: Awaited<ReturnType<typeof seat>>;
  let outside: TestClient;
  beforeAll(async () => {
    inside = await seat(server.wsUrl, 2);
    outside = await TestClient.connect(server.wsUrl);
  });

  test.each(frames.map((text) => [text]))('%s', async (text) => {
    for (const client of [outside, inside.clients[0]!]) {
      client.send(text);
      expect(await news(client)).toEqual([error('InvalidPayload')]);
    }
    await expectSilence(inside.clients[0]!, inside.clients[1]!);
  });

  test('after all of them the membership is unchanged', async () => {
    const { room_id, clients, ids } = inside;
    clients[0]!.send({ type: 'Offer', to: ids[1], sdp: 'still here' });
    expect(await clients[1]!.next()).toEqual({ type: 'Offer', from: ids[0], sdp: 'still here' });
    const participant_id = await outside.joinRoom(room_id);
    expect(outside.heard.at(-1)).toEqual({
      type: 'RoomParticipants',
      room_id,
      participants: [...ids, participant_id],
    });
  });

  test('the message tells what is wrong, cut short where the client sent something long', async () => {
    const client = await TestClient.connect(server.wsUrl);
    const cases: [object, RegExp][] = [
      [{ type: 'Salute' }, /"Salute".*CreateRoom, JoinRoom, LeaveRoom, Offer, Answer, IceCandidate/],
      [{ type: 'JoinRoom', room_id: 'lobby' }, /JoinRoom\.room_id.*lobby/],
      [{ type: 'Offer', to: randomUUID(), sdp: 5 }, /Offer\.sdp/],
      [{ type: 'CreateRoom', colour: 'red' }, /colour/],
    ];
    for (const [message, expected] of cases) {
      client.send(message);
      expect(((await client.next()) as { message: string }).message).toMatch(expected);
    }
    const long = 'x'.repeat(60_000);
    for (const message of [
      { type: long },
      { type: 'JoinRoom', room_id: long },
      { type: 'CreateRoom', [long]: 1 },
      { type: 'IceCandidate', to: long, candidate: '' },
    ]) {
      client.send(message);
      expect(((await client.next()) as { message: string }).message.length).toBeLessThan(1000);
    }
  });
});

describe('frames that end the connection', () => {
  const cases: [string, number, Uint8Array[]][] = [
    ['a binary frame', 1003, [frame(OPCODE.binary, JSON.stringify({ type: 'LeaveRoom' }))]],
    ['an empty binary frame', 1003, [frame(OPCODE.binary)]],
    ['65,537 bytes', 1009, [frame(OPCODE.text, 'x'.repeat(KIB_64 + 1))]],
    ['65,537 bytes in fewer characters', 1009, [frame(OPCODE.text, `${'é'.repeat(KIB_64 / 2)}x`)]],
    ['a length only claimed', 1009, [frame(OPCODE.text, 'x', { length: 2n ** 40n })]],
    [
      '65,537 bytes in fragments',
      1009,
      [
        frame(OPCODE.text, 'x'.repeat(40_000), { fin: false }),
        frame(OPCODE.continuation, 'x'.repeat(25_537)),
      ],
    ],
    ['a text frame that is no UTF-8', 1007, [frame(OPCODE.text, Buffer.from([0x22, 0xc3, 0x28, 0x22]))]],
    ['a surrogate in UTF-8', 1007, [frame(OPCODE.text, Buffer.from([0xed, 0xa0, 0x80]))]],
  ];

  test.each(cases)('%s: close %i, which counts as leaving at once', async (_, code, frames) => {
    const { room_id, clients, ids } = await seat(server.wsUrl, 2);
    // It neither answers the close nor ends its side, so the server destroys its socket 3 s later.
    const { client: offender, accepted } = await accepting(() =>
      RawClient.connect(server.wsUrl, { allowHalfOpen: true }),
    );
    const participant_id = await offender.joinRoom(room_id);
    for (const client of clients) expect(await news(client)).toHaveLength(2);
    offender.send(...frames);
    const left = await clients[0]!.next();
    expect(accepted.destroyed).toBe(false); // it was told before that
    expect(await offender.closeCode).toBe(code);
    // Nothing it says from now on counts.
    offender.send(textFrame({ type: 'Offer', to: ids[0], sdp: 'too late' }), closeFrame(1000));
    offender.socket.end();
    await offender.gone;
    const expected = [
      { type: 'PeerDisconnected', participant_id },
      { type: 'RoomParticipants', room_id, participants: ids },
    ];
    expect([left, ...(await news(clients[0]!))]).toEqual(expected);
    expect(await news(clients[1]!)).toEqual(expected);
    expect(offender.heard.filter(({ type }) => type === 'Error')).toEqual([]);
  });

  test('exactly 64 KiB are read, in one frame and in fragments', async () => {
    const { clients, ids } = await seat(server.wsUrl, 2);
    const [sender, addressee] = clients as [TestClient, TestClient];
    const empty = JSON.stringify({ type: 'Offer', to: ids[1], sdp: '' });
    for (const [filler, bytes] of [
      ['x', 1],
      ['語', 3],
    ] as const) {
      const room = KIB_64 - Buffer.byteLength(empty);
      const sdp = filler.repeat(Math.floor(room / bytes)) + 'y'.repeat(room % bytes);
      const text = JSON.stringify({ type: 'Offer', to: ids[1], sdp });
      expect(Buffer.byteLength(text)).toBe(KIB_64);
      sender.send(text);
      expect(await addressee.next()).toEqual({ type: 'Offer', from: ids[0], sdp });
      const bytesOfText = Buffer.from(text);
      for (let at = 0; at < KIB_64; at += 8192) {
        sender.socket.send(bytesOfText.subarray(at, at + 8192), { fin: at + 8192 >= KIB_64, binary: false });
      }
      expect(await addressee.next()).toEqual({ type: 'Offer', from: ids[0], sdp });
    }
    // A frame of that size which is no message is refused, and nothing else.
    sender.send('x'.repeat(KIB_64));
    expect(await news(sender)).toEqual([error('InvalidPayload')]);
  });

  test('the limit is MAX_PAYLOAD_BYTES', async () => {
    const strict = await startServer({ MAX_PAYLOAD_BYTES: '256' });
    try {
      const client = await TestClient.connect(strict.wsUrl);
      client.send('x'.repeat(256));
      expect(await news(client)).toEqual([error('InvalidPayload')]);
      client.send('x'.repeat(257));
      expect(await client.closed).toBe(1009);
    } finally {
      await strict.stop();
    }
  });
});

describe('RateLimited', () => {
  let byDefault: TestServer;
  /** Twenty frames, and for the whole test no more. */
  let patient: TestServer;
  /** Three frames within 300 ms. */
  let strict: TestServer;
  beforeAll(async () => {
    byDefault = await startServer();
    patient = await startServer({ RATE_LIMIT_WINDOW_MS: '600000' });
    strict = await startServer({ RATE_LIMIT_MESSAGES: '3', RATE_LIMIT_WINDOW_MS: '300' });
  });
  afterAll(() => Promise.all([byDefault.stop(), patient.stop(), strict.stop()]));

  test('the 21st text frame within a second is refused at once, and every one behind it', async () => {
    const client = await TestClient.connect(byDefault.wsUrl);
    for (let i = 0; i < 25; i++) client.send('not a message');
    expect(await news(client)).toEqual([
      ...Array(20).fill(error('InvalidPayload')),
      ...Array(5).fill(error('RateLimited')),
    ]);
  });

  test('valid and invalid frames count alike; control frames do not', async () => {
    const { clients, ids } = await seat(patient.wsUrl, 2); // one frame each
    const [client, other] = clients as [TestClient, TestClient];
    for (let i = 0; i < 30; i++) client.socket.ping();
    for (let i = 0; i < 9; i++) client.send('');
    for (let i = 0; i < 10; i++) client.send({ type: 'Offer', to: ids[1], sdp: String(i) });
    for (let i = 0; i < 30; i++) client.socket.pong();
    expect(await news(client)).toEqual(Array(9).fill(error('InvalidPayload')));
    expect(await news(other)).toHaveLength(10);
    client.send({ type: 'Offer', to: ids[1], sdp: 'one too many' });
    client.send({ type: 'LeaveRoom' });
    client.send({ type: 'CreateRoom' });
    client.send('');
    expect(await news(client)).toEqual(Array(4).fill(error('RateLimited')));
    await expectSilence(client, other); // it has not left
    other.send({ type: 'Offer', to: ids[0], sdp: 'you still hear' });
    expect(await client.next()).toEqual({ type: 'Offer', from: ids[1], sdp: 'you still hear' });
  });

  test('connections are limited each on its own', async () => {
    const noisy = await TestClient.connect(strict.wsUrl);
    for (let i = 0; i < 10; i++) noisy.send('');
    await noisy.settled();
    expect(noisy.unread().at(-1)).toEqual(error('RateLimited'));
    const { clients, ids } = await seat(strict.wsUrl, 2);
    noisy.send('');
    clients[0]!.send({ type: 'Offer', to: ids[1], sdp: 'unhindered' });
    expect(await clients[1]!.next()).toEqual({ type: 'Offer', from: ids[0], sdp: 'unhindered' });
    expect(await news(clients[0]!)).toEqual([]);
  });

  test('a frame too large or binary still closes during the penalty', async () => {
    for (const [data, code] of [
      [Buffer.from('binary'), 1003],
      ['x'.repeat(KIB_64 + 1), 1009],
    ] as const) {
      const client = await TestClient.connect(strict.wsUrl);
      for (let i = 0; i < 4; i++) client.send('');
      client.send(data);
      expect(await client.closed).toBe(code);
    }
  });

  test('after the penalty the count starts afresh, however many frames were dropped', async () => {
    const { clients, ids } = await seat(strict.wsUrl, 2);
    const [client, other] = clients as [TestClient, TestClient];
    await pause(350); // CreateRoom is out of the window
    for (let i = 0; i < 3; i++) client.send({ type: 'Offer', to: ids[1], sdp: 'before' });
    for (let i = 0; i < 50; i++) client.send({ type: 'Offer', to: ids[1], sdp: 'dropped' });
    expect(await news(client)).toEqual(Array(50).fill(error('RateLimited')));
    expect(await news(other)).toEqual(Array(3).fill({ type: 'Offer', from: ids[0], sdp: 'before' }));
    await pause(450);
    for (let i = 0; i < 4; i++) client.send({ type: 'Offer', to: ids[1], sdp: 'after' });
    expect(await news(client)).toEqual([error('RateLimited')]);
    expect(await news(other)).toEqual(Array(3).fill({ type: 'Offer', from: ids[0], sdp: 'after' }));
  });

  test('frames during the penalty do not prolong it: one who never pauses gets through now and then', async () => {
    const { clients, ids } = await seat(strict.wsUrl, 2);
    const [client, other] = clients as [TestClient, TestClient];
    let sent = 0;
    while (other.heard.filter(({ type }) => type === 'Offer').length < 5) {
      client.send({ type: 'Offer', to: ids[1], sdp: String(sent++) });
      await client.settled();
    }
    expect(client.heard).toContainEqual(error('RateLimited'));
  });

  test('the window rolls: a burst across the end of a second is still a burst', async () => {
    const rolling = await startServer({ RATE_LIMIT_MESSAGES: '4', RATE_LIMIT_WINDOW_MS: '2000' });
    /** On a machine that has no time for us the burst is none: then once more, with another client. */
    const attempt = async (): Promise<boolean> => {
      const client = await TestClient.connect(rolling.wsUrl);
      client.send('at 0');
      await pause(1000);
      const burstBegan = performance.now();
      for (let i = 0; i < 3; i++) client.send('at 1000');
      await pause(1500);
      client.send('at 2500: the fourth since 500');
      client.send('at 2500: the fifth');
      const heard = await news(client);
      if (performance.now() - burstBegan >= 2000) return false;
      expect(heard).toEqual([...Array(5).fill(error('InvalidPayload')), error('RateLimited')]);
      return true;
    };
    try {
      while (!(await attempt()));
    } finally {
      await rolling.stop();
    }
  });
});
