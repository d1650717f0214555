import { afterEach, describe, expect, test } from '@jest/globals';
import { WebSocket as WsWebSocket } from 'ws';
import { waitFor } from 'xstate';
import { Balancer } from '../support/balancer.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { closeAll, meet, meetBehindProxy, type Recorded, start, Wire } from './clients.ts';

/** Servers that stop, and servers that send a client away. */

const QUICK = { reconnect: { baseMs: 10, capMs: 100 } } as const;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  await closeAll();
  for (const close of closers.splice(0)) await close();
});

async function balance({ wsUrl }: TestServer): Promise<Balancer> {
  const balancer = await Balancer.to(wsUrl);
  closers.push(() => balancer.close());
  return balancer;
}

/** Waits until all of them are in the room under the ids they have now. */
const meetAgain = (clients: readonly Recorded[]) =>
  Promise.all(
    clients.map((client) =>
      client.once('room', (room) => clients.every(({ id }) => room?.participants.includes(id))),
    ),
  );

describe('a drain', () => {
  test('of one server among several: everybody moves before the deadline, and meets there again', async () => {
    const [old, next] = [await startServer(), await startServer()];
    const balancer = await balance(old);
    const clients = await meet(balancer.wsUrl, 3, QUICK);
    const roomId = clients[0]?.room?.roomId;
    balancer.moveTo(next.wsUrl);
    const stopped = old.stop({ drainMs: 20_000 });
    await Promise.all(clients.map((client) => client.once('restarted')));
    await meetAgain(clients);
    await stopped; // as soon as nobody is left, not at the deadline
    for (const client of clients) {
      expect(client.room?.roomId).toBe(roomId);
      expect(client.all('draining')).toEqual([{ deadlineMs: 20_000, jitterMs: 10_000 }]);
      expect(new Set(client.all('state').map(({ status }) => status))).toEqual(
        new Set(['connecting', 'connected']),
      );
    }
  });

  test('of the only server: it serves to the end, is asked in vain meanwhile, and its successor takes over', async () => {
    const old = await startServer();
    const clients = await meet(old.wsUrl, 2, QUICK);
    const [alice, bob] = clients as [Recorded, Recorded];
    const stopped = old.stop({ drainMs: 1000 });
    await alice.once('draining');
    await alice.offer(bob.id, 'v=0');
    expect(await bob.once('offer')).toEqual({ from: alice.id, sdp: 'v=0' });
    await stopped;
    await startServer({ PORT: old.wsUrl.port });
    await Promise.all(clients.map((client) => client.once('restarted')));
    await meetAgain(clients);
  });

  test('where another server knows the session: nothing is lost or doubled on the way', async () => {
    const server = await startServer({ RATE_LIMIT_MESSAGES: '1000' });
    const wire = new Wire();
    const [alice] = (await meet(server.wsUrl, 1)) as [Recorded];
    const bob = start(server.wsUrl, { ...QUICK, WebSocket: wire.WebSocket });
    await bob.joinRoom(alice.room?.roomId as string);
    await alice.met(2);
    const { id } = bob;
    const count = 300;
    const sending = (async () => {
      for (let i = 0; i < count; i += 1) {
        await Promise.all([alice.offer(id, String(i)), bob.answer(alice.id, String(i))]);
        if (i % 20 === 0) await new Promise(setImmediate);
        if (i % 100 === 50) bob.actor.send({ type: 'draining', jitterMs: 0 });
      }
    })();
    await bob.once('offer', ({ sdp }) => sdp === String(count - 1));
    await alice.once('answer', ({ sdp }) => sdp === String(count - 1));
    await sending;
    const numbers = Array.from({ length: count }, (_, i) => String(i));
    expect(bob.all('offer').map(({ sdp }) => sdp)).toEqual(numbers);
    expect(alice.all('answer').map(({ sdp }) => sdp)).toEqual(numbers);
    expect([bob.id, wire.sockets.length > 1]).toEqual([id, true]);
    expect(bob.all('state').map(({ status }) => status)).toEqual(['connecting', 'connected']);
  });

  test('nor what is still on its way over the old socket when the new one is ready', async () => {
    const { alice, bob, passage } = await meetBehindProxy(await startServer(), QUICK);
    passage.stall();
    for (const i of [0, 1, 2]) await bob.answer(alice.id, String(i));
    bob.actor.send({ type: 'draining', jitterMs: 0 });
    await bob.once('resumed');
    passage.go();
    await bob.answer(alice.id, '3');
    await alice.once('answer', ({ sdp }) => sdp === '3');
    await alice.offer(bob.id, 'v=0');
    await bob.once('offer');
    expect(alice.all('answer').map(({ sdp }) => sdp)).toEqual(['0', '1', '2', '3']);
  });

  test('nor when the new socket breaks after the server gave it the session, and before the client knows', async () => {
    const slow = { reconnect: { baseMs: 1000, capMs: 1000 } };
    const { alice, bob, proxy, passage } = await meetBehindProxy(await startServer(), slow);
    const { id } = bob;
    passage.stall('down'); // the old one, where the server says 4409
    proxy.onPassage = (second) => {
      proxy.onPassage = () => {};
      second.cutAt({ direction: 'down', part: 'frame', bytes: 0 }, 'reset');
    };
    bob.actor.send({ type: 'draining', jitterMs: 0 });
    await waitFor(bob.actor, ({ context }) => context.attempt === 1);
    passage.go();
    await alice.offer(id, 'v=0');
    expect(await bob.once('offer')).toEqual({ from: alice.id, sdp: 'v=0' });
    expect([bob.id, bob.all('resumed')]).toEqual([id, [{ lost: false }]]);
    expect(proxy.passages).toHaveLength(3);
  });
});

test('an address that tries too often is waited for a minute', async () => {
  const server = await startServer({ MAX_ATTEMPTS_PER_ADDRESS: '3', TRUST_PROXY: 'loopback' });
  class FromElsewhere extends WsWebSocket {
    constructor(url: string | URL) {
      super(url, { headers: { 'X-Forwarded-For': '203.0.113.1' } });
    }
  }
  const client = start(server.wsUrl, { WebSocket: FromElsewhere as unknown as typeof WebSocket });
  const now = Date.now();
  for (let i = 0; i < 4; i += 1) {
    client.joinRoom(`00000000-0000-4000-8000-00000000000${i}`).catch(() => {});
  }
  await client.until('waiting');
  expect(client.state).toMatchObject({ code: 4429, retryAt: expect.any(Number) });
  expect(client.state.retryAt).toBeGreaterThanOrEqual(now + 60_000);
  client.actor.send({ type: 'wake' });
  expect(client.state.status).toBe('waiting'); // nobody hurries it
});
