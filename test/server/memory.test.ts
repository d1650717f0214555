import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { accepting } from '../support/accepted.ts';
import { type ChildServer, startChild } from '../support/child.ts';
import { TestClient } from '../support/client.ts';
import { frame, OPCODE, RawClient, textFrame } from '../support/raw.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { bare, Session } from '../support/session.ts';

// A hundred megabytes go through the server, whose heap is small.
jest.setTimeout(240_000);

/** What clients make the server keep is bounded by its heap, and those who make it keep much pay for it. */

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** 60 kB on the wire. With the arrow in it, each of its characters takes two bytes in V8's heap. */
const LARGE = `→${'x'.repeat(60_000)}`;
/** What the rate allows in a second, beside Hello and CreateRoom. */
const OFFERS = 17;
const SMALL = 'v=0 '.repeat(750);

/** Two sessions in a room. */
async function pair(wsUrl: URL): Promise<{ one: Session; two: Session; room_id: string }> {
  const one = await Session.open(wsUrl);
  const { room_id } = await one.client.createRoom();
  const two = await Session.open(wsUrl);
  await two.client.joinRoom(room_id);
  for (const { client } of [one, two]) {
    await client.settled();
    client.unread();
  }
  return { one, two, room_id };
}

describe('a server with a heap of 128 MB', () => {
  async function start(): Promise<ChildServer> {
    const server = await startChild({
      NODE_OPTIONS: '--max-old-space-size=128',
      // Longer than the test: what the flood makes the server keep does not go with age.
      HEARTBEAT_INTERVAL_MS: '600000',
      RESUME_GRACE_MS: '600000',
    });
    stops.push(() => server.stop('SIGINT'));
    return server;
  }

  /** A session that sends itself as much as the rate allows, and acknowledges nothing. */
  async function hoard(wsUrl: URL): Promise<RawClient> {
    const raw = await RawClient.connect(wsUrl);
    stops.push(async () => raw.socket.destroy());
    raw.send(textFrame({ type: 'Hello' }), textFrame({ type: 'CreateRoom' }));
    const { self_id } = await raw.nextOf('RoomCreated');
    const offer = textFrame({ type: 'Offer', to: self_id, sdp: LARGE });
    raw.send(...Array.from({ length: OFFERS }, () => offer));
    for (let i = 0; i < OFFERS; i += 1) await raw.nextOf('Offer');
    return raw;
  }

  test('outlives 100 sessions that make it keep a megabyte of text each, and other sessions do not notice', async () => {
    const server = await start();
    const { one, two, room_id } = await pair(server.wsUrl);
    const { one: early, two: lost } = await pair(server.wsUrl);
    await lost.lose();
    early.client.send({ type: 'Offer', to: lost.id, sdp: SMALL });
    await early.client.settled();

    const hoards: RawClient[] = [];
    for (let i = 0; i < 10; i += 1) {
      hoards.push(...(await Promise.all(Array.from({ length: 10 }, () => hoard(server.wsUrl)))));
      one.client.send({ type: 'Offer', to: two.id, sdp: `${i}` });
      expect(bare([await two.client.next()])).toEqual([{ type: 'Offer', from: one.id, sdp: `${i}` }]);
    }
    expect(hoards.filter(({ socket }) => socket.destroyed)).toEqual([]);

    // What was missed before the flood and during it has been kept.
    early.client.send({ type: 'Offer', to: lost.id, sdp: 'late' });
    await early.client.settled();
    const again = await lost.resume(server.wsUrl);
    expect(again.ready).toMatchObject({ resumed: true });
    expect(again.ready).not.toHaveProperty('lost');
    await again.client.settled();
    expect(bare(again.client.unread())).toEqual(
      [SMALL, 'late'].map((sdp) => ({ type: 'Offer', from: early.id, sdp })),
    );
    const newcomer = await TestClient.connect(server.wsUrl);
    await newcomer.joinRoom(room_id);
    newcomer.close();
    expect(server.logs().map(({ msg }) => msg)).toContain(
      'MAX_ALL_OUTBOXES_BYTES is reached: the largest and oldest outboxes are emptied',
    );
  });
});

describe('slow readers', () => {
  const ALL_BYTES = 1024 * 1024;

  async function start(): Promise<TestServer> {
    const server = await startServer({
      MAX_QUEUE_BYTES: `${64 * ALL_BYTES}`,
      MAX_ALL_QUEUES_BYTES: `${ALL_BYTES}`,
      RATE_LIMIT_MESSAGES: '100000',
      HEARTBEAT_INTERVAL_MS: '600000',
    });
    stops.push(() => server.stop());
    return server;
  }

  test('share a limit: beyond it the slowest is closed 1013, long before its own limit, and no other', async () => {
    const server = await start();
    const { one, two, room_id } = await pair(server.wsUrl);
    const slow = async () => {
      const { client: raw, accepted } = await accepting(() => RawClient.connect(server.wsUrl));
      stops.push(async () => raw.socket.destroy());
      const id = await raw.joinRoom(room_id);
      raw.socket.pause();
      return { raw, id, waiting: () => accepted.writableLength };
    };
    const [little, very] = [await slow(), await slow()];
    const fill = async ({ id, waiting }: typeof very, until: () => boolean): Promise<number> => {
      let longest = 0;
      for (let i = 0; !until(); i += 1) {
        expect(i).toBeLessThan(1000); // no kernel holds 60 MB
        one.client.send({ type: 'Offer', to: id, sdp: 'x'.repeat(60_000) });
        await one.client.settled();
        longest = Math.max(longest, waiting());
      }
      return longest;
    };
    const isClosed = (id: string) => () =>
      server.logs.some(({ participant_id, msg }) => participant_id === id && msg === 'connection closed');

    await fill(little, () => little.waiting() > 200_000);
    const longest = await fill(very, isClosed(very.id));
    expect(longest).toBeLessThan(1.2 * ALL_BYTES);
    very.raw.socket.resume();
    expect(await very.raw.closeCode).toBe(1013);
    expect(isClosed(little.id)()).toBe(false);
    two.client.unread();
    one.client.send({ type: 'Offer', to: two.id, sdp: 'still here' });
    expect(bare([await two.client.nextOf('Offer')])).toEqual([
      { type: 'Offer', from: one.id, sdp: 'still here' },
    ]);
    expect(server.logs.map(({ msg }) => msg)).toContain(
      'MAX_ALL_QUEUES_BYTES is reached: the slowest readers are closed',
    );
  });
});

test('a client whose pongs answer no ping is dropped, however many it sends', async () => {
  const server = await startServer({ HEARTBEAT_INTERVAL_MS: '100' });
  stops.push(() => server.stop());
  const raw = await RawClient.connect(server.wsUrl);
  raw.send(textFrame({ type: 'Hello' }));
  await raw.nextOf('Ready');
  let answered = 0;
  raw.socket.on('data', () => {
    for (; answered < raw.pings.length; answered += 1) raw.send(frame(OPCODE.pong, 'another'));
  });
  expect(await raw.closeCode).toBe(1006);
  expect(answered).toBeGreaterThan(0);
});
