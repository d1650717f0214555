import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Signaling } from '../../src/client/index.ts';
import { seat, type TestClient } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { closeAll, meet, type Recorded, start } from './clients.ts';

/** The client's calls and events against the real server. */

const NOBODY = '00000000-0000-4000-8000-000000000000';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterEach(closeAll);

const aborted = () => AbortSignal.abort(new Error('changed my mind'));

describe('two in a room', () => {
  let alice: Recorded;
  let bob: Recorded;

  test('meet, and see each other come', async () => {
    alice = start(server.wsUrl);
    bob = start(server.wsUrl);
    const created = await alice.createRoom();
    expect(created).toEqual({ roomId: expect.any(String), participants: [alice.id] });
    expect(alice.room).toEqual(created);
    const joined = await bob.joinRoom(created.roomId);
    expect(joined).toEqual({ roomId: created.roomId, participants: [alice.id, bob.id] });
    await alice.once('peerConnected');
    expect(alice.room).toEqual(joined);
    expect(alice.told.filter(({ type }) => type !== 'state')).toEqual([
      { type: 'room', event: created },
      { type: 'room', event: joined },
      { type: 'peerConnected', event: { participantId: bob.id } },
    ]);
    expect(bob.told.filter(({ type }) => type !== 'state')).toEqual([{ type: 'room', event: joined }]);
  });

  test('hear offers, answers and candidates, as they were given', async () => {
    [alice, bob] = (await meet(server.wsUrl, 2)) as [Recorded, Recorded];
    await alice.offer(bob.id, 'v=0 offer');
    expect(await bob.once('offer')).toEqual({ from: alice.id, sdp: 'v=0 offer' });
    await bob.answer(alice.id, 'v=0 answer');
    expect(await alice.once('answer')).toEqual({ from: bob.id, sdp: 'v=0 answer' });
    const candidates: (RTCIceCandidateInit | null)[] = [
      { candidate: 'candidate:1' },
      { candidate: 'candidate:2', sdpMid: '0', sdpMLineIndex: 0, usernameFragment: 'abcd' },
      { candidate: 'candidate:3', sdpMid: null, sdpMLineIndex: null, usernameFragment: null },
      null,
    ];
    for (const candidate of candidates) await bob.candidate(alice.id, candidate);
    await alice.once('candidate', ({ candidate }) => candidate === null);
    expect(alice.all('candidate')).toEqual(candidates.map((candidate) => ({ from: bob.id, candidate })));
  });

  test('see each other go', async () => {
    [alice, bob] = (await meet(server.wsUrl, 2)) as [Recorded, Recorded];
    await bob.leave();
    expect(bob.room).toBeUndefined();
    expect(bob.all('room').at(-1)).toBeUndefined();
    expect(await alice.once('peerDisconnected')).toEqual({ participantId: bob.id });
    expect(alice.room?.participants).toEqual([alice.id]);
    const { roomId } = await bob.createRoom();
    expect(roomId).not.toBe(alice.room?.roomId);
  });

  test('a client of the base protocol takes part as well', async () => {
    const { room_id, clients, ids } = await seat(server.wsUrl, 1);
    alice = start(server.wsUrl);
    await alice.joinRoom(room_id);
    await alice.offer(ids[0] as string, 'v=0');
    const [base] = clients as [TestClient];
    expect(await base.nextOf('Offer')).toMatchObject({ from: alice.id, sdp: 'v=0' });
    base.close();
    await alice.once('peerDisconnected');
  });
});

describe('a connection', () => {
  test('begins with Hello, and knows then who it is and which ICE servers there are', async () => {
    const iceServers = [{ urls: 'stun:stun.example:3478' }];
    const other = await startServer({ ICE_SERVERS: JSON.stringify(iceServers) });
    const client = start(other.wsUrl);
    expect([client.selfId, client.iceServers, client.state]).toEqual([
      undefined,
      [],
      { status: 'idle', attempt: 0 },
    ]);
    await client.connect();
    await client.connect();
    expect([client.id, client.iceServers]).toEqual([expect.any(String), iceServers]);
    expect(client.all('state')).toEqual([
      { status: 'connecting', attempt: 0 },
      { status: 'connected', attempt: 0 },
    ]);
  });

  test('is over by close(), once and for good, and the others are told at once', async () => {
    const [alice, bob] = (await meet(server.wsUrl, 2)) as [Recorded, Recorded];
    const carol = start(server.wsUrl);
    const waiting = carol.createRoom();
    carol.close();
    await expect(waiting).rejects.toMatchObject({ code: 'Closed' });
    bob.close();
    bob.close();
    expect(await alice.once('peerDisconnected')).toEqual({ participantId: bob.id });
    expect(alice.all('peerInterrupted')).toEqual([]);
    expect(bob.state).toEqual({ status: 'closed', attempt: 0, reason: expect.any(String) });
    expect(bob.room).toBeUndefined();
    await expect(bob.connect()).rejects.toMatchObject({ code: 'Closed' });
    await expect(bob.createRoom()).rejects.toMatchObject({ code: 'Closed' });
    await expect(bob.offer(alice.id, '')).rejects.toMatchObject({ code: 'Closed' });
    await bob.leave();
  });

  test('that is closed tells that it is closed, and then nothing', async () => {
    const client = start(server.wsUrl);
    await client.createRoom();
    client.close();
    const heard = client.told.length;
    expect(client.told.at(-1)).toMatchObject({ type: 'state', event: { status: 'closed' } });
    await client.connect().catch(() => {});
    client.close();
    expect(client.told.length).toBe(heard);
  });

  test('is refused a URL that is none', () => {
    expect(() => new Signaling('no url')).toThrow('Invalid URL');
  });

  test('takes an http URL for what it means', async () => {
    const client = start(new URL('/ws', server.url));
    await client.connect();
  });
});

describe('a call that is refused rejects with the code', () => {
  test.each([
    ['RoomNotFound', NOBODY],
    ['InvalidPayload', 'no-id'],
    ['InvalidPayload', '00000000-0000-1000-8000-000000000000'],
  ])('%s: joining %s', async (code, roomId) => {
    const client = start(server.wsUrl);
    await expect(client.joinRoom(roomId)).rejects.toMatchObject({ name: 'SignalingError', code });
    await client.createRoom();
  });

  test('RoomFull', async () => {
    const { room_id } = await seat(server.wsUrl, 8);
    await expect(start(server.wsUrl).joinRoom(room_id)).rejects.toMatchObject({ code: 'RoomFull' });
  });

  test('Internal: the server has no room left', async () => {
    const small = await startServer({ MAX_ROOMS: '1' });
    await start(small.wsUrl).createRoom();
    await expect(start(small.wsUrl).createRoom()).rejects.toMatchObject({ code: 'Internal' });
  });

  test('InvalidPayload: in a room already', async () => {
    const client = start(server.wsUrl);
    await client.createRoom();
    await expect(client.createRoom()).rejects.toMatchObject({ code: 'InvalidPayload' });
  });
});

describe('an aborted signal', () => {
  test('given to a call, ends it before it begins', async () => {
    const client = start(server.wsUrl);
    const signal = aborted();
    await expect(client.connect({ signal })).rejects.toThrow('changed my mind');
    await expect(client.createRoom({ signal })).rejects.toThrow('changed my mind');
    await expect(client.joinRoom(NOBODY, { signal })).rejects.toThrow('changed my mind');
    await expect(client.offer(NOBODY, '', { signal })).rejects.toThrow('changed my mind');
    expect(client.state.status).toBe('idle');
  });

  test('without a reason is an AbortError', async () => {
    const signal = AbortSignal.abort();
    await expect(start(server.wsUrl).connect({ signal })).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('while connecting, gives up the connection when nobody else waits for it', async () => {
    const controller = new AbortController();
    const client = start(server.wsUrl);
    const both = [client.connect(controller), client.createRoom(controller)];
    expect(client.state.status).toBe('connecting');
    controller.abort(new Error('changed my mind'));
    for (const call of both) await expect(call).rejects.toThrow('changed my mind');
    expect(client.state.status).toBe('idle');
    await client.connect();
  });

  test('while connecting, leaves it to those who do', async () => {
    const controller = new AbortController();
    const client = start(server.wsUrl);
    const unwanted = client.connect(controller);
    const wanted = client.createRoom();
    controller.abort(new Error('changed my mind'));
    await expect(unwanted).rejects.toThrow('changed my mind');
    await wanted;
  });

  test('while the server answers, is undone: the room hears of a join and a leave at most', async () => {
    const { room_id, clients, ids } = await seat(server.wsUrl, 1);
    const client = start(server.wsUrl);
    await client.connect();
    const controller = new AbortController();
    const call = client.joinRoom(room_id, controller);
    controller.abort(new Error('changed my mind'));
    await expect(call).rejects.toThrow('changed my mind');
    const { roomId } = await client.createRoom();
    expect(roomId).not.toBe(room_id);
    expect(client.all('room')).toEqual([client.room]);
    const [member] = clients as [TestClient];
    await member.settled();
    expect(member.unread().at(-1) ?? { participants: ids }).toMatchObject({ participants: ids });
  });

  test('of a call whose turn has not come takes it out of the line', async () => {
    const client = start(server.wsUrl);
    const controller = new AbortController();
    const [created, unwanted] = await Promise.allSettled([
      client.createRoom(),
      client.leave(controller),
      controller.abort(new Error('changed my mind')),
    ]);
    expect([created.status, unwanted.status]).toEqual(['fulfilled', 'rejected']);
    expect(client.room).toBeDefined();
  });

  test('takes a listener away', async () => {
    const client = start(server.wsUrl);
    const controller = new AbortController();
    const heard: string[] = [];
    client.on('state', ({ status }) => heard.push(status), controller);
    const stop = client.on('state', ({ status }) => heard.push(`also ${status}`));
    await client.connect();
    controller.abort();
    stop();
    client.close();
    expect(heard).toEqual(['connecting', 'also connecting', 'connected', 'also connected']);
  });
});
