import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { startServer, type TestServer } from '../support/server.ts';
import { closeAll, meet, type Recorded } from './clients.ts';

/** What callers without types give for a description or a candidate. */

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterEach(closeAll);

describe('InvalidPayload, before anything is sent', () => {
  test.each([
    [{ type: 'offer', sdp: 'v=0' }, /give its sdp/],
    [undefined, /sdp is no string/],
    [null, /sdp is no string/],
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
    [{ candidate: 7 }, /candidate is/],
    [{ candidate: null }, /candidate is/],
    [{ candidate: '', sdpMid: 0 }, /sdpMid is/],
    [{ candidate: '', sdpMLineIndex: -1 }, /sdpMLineIndex is/],
    [{ candidate: '', sdpMLineIndex: 65_536 }, /sdpMLineIndex is/],
    [{ candidate: '', sdpMLineIndex: '0' }, /sdpMLineIndex is/],
    [{ candidate: '', usernameFragment: {} }, /usernameFragment is/],
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
