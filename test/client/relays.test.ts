import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { seat } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { closeAll, meet, type Recorded, start } from './clients.ts';

/** Offers, answers and candidates that do not set out, or do not arrive. */

const NOBODY = '00000000-0000-4000-8000-000000000000';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterEach(closeAll);

describe('InvalidPayload, before anything is sent', () => {
  test.each([
    [{ type: 'offer', sdp: 'v=0' }, /give the property sdp/],
    [undefined, /sdp must be a string/],
    [null, /sdp must be a string/],
  ])('an offer or answer of %j', async (sdp, message) => {
    const [alice, bob] = (await meet(server.wsUrl, 2)) as [Recorded, Recorded];
    const refusal = { code: 'InvalidPayload', to: bob.id, message: expect.stringMatching(message) };
    await expect(alice.offer(bob.id, sdp as never)).rejects.toMatchObject(refusal);
    await expect(alice.answer(bob.id, sdp as never)).rejects.toMatchObject(refusal);
    await alice.offer(bob.id, 'v=0');
    await bob.once('offer');
    expect(alice.all('error')).toEqual([]);
  });

  test.each([
    [{ candidate: 7 }, /candidate must be/],
    [{ candidate: null }, /candidate must be/],
    [{ candidate: '', sdpMid: 0 }, /sdpMid must be/],
    [{ candidate: '', sdpMLineIndex: -1 }, /sdpMLineIndex must be/],
    [{ candidate: '', sdpMLineIndex: 65_536 }, /sdpMLineIndex must be/],
    [{ candidate: '', sdpMLineIndex: '0' }, /sdpMLineIndex must be/],
    [{ candidate: '', usernameFragment: {} }, /usernameFragment must be/],
  ])('a candidate of %j', async (candidate, message) => {
    const [alice, bob] = (await meet(server.wsUrl, 2)) as [Recorded, Recorded];
    const refusal = { code: 'InvalidPayload', message: expect.stringMatching(message) };
    await expect(alice.candidate(bob.id, candidate as never)).rejects.toMatchObject(refusal);
    const least = { candidate: '', sdpMid: null, sdpMLineIndex: 65_535, usernameFragment: null };
    await alice.candidate(bob.id, least);
    await bob.once('candidate');
    expect(alice.all('error')).toEqual([]);
  });
});

describe('a relay', () => {
  test('InvalidPayload: a relay outside a room, or larger than a frame may be', async () => {
    const client = start(server.wsUrl);
    await expect(client.offer(NOBODY, '')).rejects.toMatchObject({ code: 'InvalidPayload', to: NOBODY });
    const [alice, bob] = (await meet(server.wsUrl, 2)) as [Recorded, Recorded];
    await expect(alice.offer(bob.id, 'ü'.repeat(32_768))).rejects.toMatchObject({ code: 'InvalidPayload' });
    expect(alice.state.status).toBe('connected');
  });

  test('ParticipantNotFound: a relay to nobody, or to oneself', async () => {
    const client = start(server.wsUrl);
    await client.createRoom();
    for (const to of [NOBODY, client.id]) {
      await expect(client.candidate(to, null)).rejects.toMatchObject({ code: 'ParticipantNotFound', to });
    }
  });

  test('an Error to a relay on its way is an event', async () => {
    const { room_id, clients, ids } = await seat(server.wsUrl, 1);
    const alice = start(server.wsUrl);
    await alice.joinRoom(room_id);
    clients[0]?.close();
    // Handed over before it can be known that the addressee has gone.
    await alice.offer(ids[0] as string, 'v=0');
    expect(await alice.once('error')).toMatchObject({ name: 'SignalingError', code: 'ParticipantNotFound' });
  });

  test('whose signal aborts while it waits is dropped', async () => {
    const slow = await startServer({ RATE_LIMIT_MESSAGES: '4', RATE_LIMIT_WINDOW_MS: '500' });
    const [alice, bob] = (await meet(slow.wsUrl, 2)) as [Recorded, Recorded];
    const controller = new AbortController();
    const calls = Array.from({ length: 6 }, (_, i) =>
      alice.candidate(bob.id, { candidate: `candidate:${i}` }, i === 4 ? controller : {}),
    );
    controller.abort(new Error('changed my mind'));
    const ends = await Promise.allSettled(calls);
    expect(ends.map(({ status }) => status === 'fulfilled')).toEqual([true, true, true, true, false, true]);
    await bob.once('candidate', ({ candidate }) => candidate?.candidate === 'candidate:5');
    expect(bob.all('candidate')).toHaveLength(5);
  });
});
