import { afterEach, beforeAll, expect, test } from '@jest/globals';
import { Signaling, type SignalingEvents } from '../../src/client/index.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** The client's first layer against the real server. */

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});

const clients: Signaling[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

function start(url: URL | string = server.wsUrl): Signaling {
  const client = new Signaling(url);
  clients.push(client);
  return client;
}

function next<K extends keyof SignalingEvents>(client: Signaling, type: K): Promise<SignalingEvents[K]> {
  return new Promise((resolve) => {
    const stop = client.on(type, (event) => {
      stop();
      resolve(event);
    });
  });
}

test('two meet in a room, and an offer, an answer and candidates go between them', async () => {
  const alice = start();
  const bob = start();
  const { roomId, participants } = await alice.createRoom();
  expect(participants).toEqual([alice.selfId]);
  const arrived = next(alice, 'peerConnected');
  await bob.joinRoom(roomId);
  expect(await arrived).toEqual({ participantId: bob.selfId });
  expect(bob.room).toEqual({ roomId, participants: [alice.selfId, bob.selfId] });
  expect(alice.room).toEqual(bob.room);

  const offered = next(bob, 'offer');
  await alice.offer(bob.selfId as string, 'v=0 offer');
  expect(await offered).toEqual({ from: alice.selfId, sdp: 'v=0 offer' });
  const answered = next(alice, 'answer');
  await bob.answer(alice.selfId as string, 'v=0 answer');
  expect(await answered).toEqual({ from: bob.selfId, sdp: 'v=0 answer' });
  const candidate = next(alice, 'candidate');
  await bob.candidate(alice.selfId as string, { candidate: 'candidate:1', sdpMid: '0', sdpMLineIndex: null });
  expect(await candidate).toEqual({
    from: bob.selfId,
    candidate: { candidate: 'candidate:1', sdpMid: '0', sdpMLineIndex: null },
  });
  const end = next(alice, 'candidate');
  await bob.candidate(alice.selfId as string, null);
  expect(await end).toEqual({ from: bob.selfId, candidate: null });

  const gone = next(alice, 'peerDisconnected');
  const bobId = bob.selfId;
  await bob.leave();
  expect(await gone).toEqual({ participantId: bobId });
  expect(bob.room).toBeUndefined();
});

test('a join that is refused rejects with the code', async () => {
  const client = start();
  await expect(client.joinRoom('00000000-0000-4000-8000-000000000000')).rejects.toMatchObject({
    name: 'SignalingError',
    code: 'RoomNotFound',
  });
});
