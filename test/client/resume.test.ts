import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { startChild } from '../support/child.ts';
import type { CutKind, CutPoint, FaultyProxy } from '../support/proxy.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { Session } from '../support/session.ts';
import { SilentProxy } from '../support/silent-proxy.ts';
import { closeAll, meet, meetBehindProxy, proxyTo, type Recorded, start, Wire } from './clients.ts';

/** A client whose socket breaks: it comes back by itself, and nothing it was sent is lost or doubled. */

const QUICK = { reconnect: { baseMs: 10, capMs: 100 } } as const;

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});

afterEach(closeAll);

const numbers = (client: Recorded, type: 'offer' | 'answer') =>
  client.all(type).map(({ sdp }) => Number(sdp));
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

describe('a lost socket', () => {
  test('is replaced, with the same id, and what was missed is heard', async () => {
    const proxy = await proxyTo(server);
    const alice = start(server.wsUrl);
    const bob = start(proxy.wsUrl, { reconnect: { baseMs: 2000, capMs: 2000 } });
    const { roomId } = await alice.createRoom();
    await bob.joinRoom(roomId);
    await alice.met(2);
    const { id } = bob;
    const back = bob.next('resumed');
    proxy.passages[0]?.cut('reset');
    await bob.until('waiting');
    expect(bob.state).toEqual({
      status: 'waiting',
      attempt: 0,
      retryAt: expect.any(Number),
      reason: expect.any(String),
    });
    expect(await alice.once('peerInterrupted')).toEqual({ participantId: id });
    await alice.offer(id, '0');
    const relayed = bob.answer(alice.id, 'while away');
    expect(await back).toEqual({ lost: false });
    await relayed;
    expect(await bob.once('offer')).toEqual({ from: alice.id, sdp: '0' });
    expect(await alice.once('answer')).toEqual({ from: id, sdp: 'while away' });
    expect(await alice.once('peerResumed')).toEqual({ participantId: id });
    expect([bob.id, bob.room]).toEqual([id, alice.room]);
    expect(bob.state).toEqual({ status: 'connected', attempt: 0 });
    expect(bob.all('room')).toHaveLength(1);
  });

  test('and a client closed while another is being opened: the others are told at once', async () => {
    const sockets: WebSocket[] = [];
    /** The second never hears that it is Ready. */
    class SecondDeaf extends WebSocket {
      constructor(url: string | URL) {
        super(url);
        if (sockets.push(this) === 2) Object.defineProperty(this, 'onmessage', { set: () => {} });
      }
    }
    const { alice, bob, passage } = await meetBehindProxy(server, { ...QUICK, WebSocket: SecondDeaf });
    const { id } = bob;
    passage.cut('reset');
    await alice.once('peerResumed');
    bob.close();
    expect(await alice.once('peerDisconnected')).toEqual({ participantId: id });
    expect(alice.all('peerInterrupted')).toHaveLength(1);
  });

  test('takes nothing with it: what was handed to it and did not arrive goes over the next', async () => {
    const { alice, bob, passage } = await meetBehindProxy(server, QUICK);
    await bob.answer(alice.id, '0');
    await alice.once('answer');
    passage.stall();
    for (const i of [1, 2]) await bob.answer(alice.id, String(i));
    passage.cut('reset');
    await bob.answer(alice.id, '3');
    await alice.once('answer', ({ sdp }) => sdp === '3');
    expect(numbers(alice, 'answer')).toEqual(upTo(4));
    expect(bob.all('error')).toEqual([]);
  });

  test('nor what was for somebody who is gone: that does not go again', async () => {
    const proxy = await proxyTo(server);
    const [alice, carol] = (await meet(server.wsUrl, 2)) as [Recorded, Recorded];
    const bob = start(proxy.wsUrl, QUICK);
    await bob.joinRoom(alice.room?.roomId as string);
    await alice.met(3);
    proxy.passages[0]?.stall('up');
    for (const { id } of [carol, alice]) await bob.offer(id, 'v=0');
    await carol.leave();
    await bob.once('peerDisconnected');
    proxy.passages[0]?.cut('reset');
    await alice.once('offer');
    await alice.offer(bob.id, 'v=0');
    await bob.once('offer');
    expect(bob.all('error')).toEqual([]);
  });

  test('and whoever asks for a room as soon as it is replaced asks once', async () => {
    const wire = new Wire();
    const proxy = await proxyTo(server);
    const client = start(proxy.wsUrl, { ...QUICK, WebSocket: wire.WebSocket });
    await client.connect();
    let room: Promise<unknown> | undefined;
    client.on('state', ({ status }) => {
      if (status === 'connected') room ??= client.createRoom();
    });
    proxy.passages[0]?.cut('reset');
    await client.once('resumed');
    await room;
    await client.leave();
    await client.createRoom();
    expect(wire.sent.map(({ type }) => type)).toEqual([
      'Hello',
      'Hello',
      'CreateRoom',
      'LeaveRoom',
      'CreateRoom',
    ]);
    expect(client.all('error')).toEqual([]);
  });

  test('is the end where it is not to be made again', async () => {
    const proxy = await proxyTo(server);
    const client = start(proxy.wsUrl, { reconnect: false });
    await client.createRoom();
    proxy.passages[0]?.cut('reset');
    await client.until('closed');
    await expect(client.connect()).rejects.toMatchObject({ code: 'Closed' });
  });

  test('is tried again so often and no more', async () => {
    const proxy = await proxyTo(server);
    let attempts = 0;
    proxy.onPassage = (passage) => {
      attempts += 1;
      passage.cut('reset');
    };
    const client = start(proxy.wsUrl, { reconnect: { baseMs: 1, capMs: 1, maxAttempts: 3 } });
    await expect(client.connect()).rejects.toMatchObject({ code: 'Closed' });
    expect(attempts).toBe(4);
    expect(client.state).toMatchObject({ status: 'closed', attempt: 3 });
  });

  test('says nothing of its end: the silence tells, in a room', async () => {
    const quick = await startServer({ HEARTBEAT_INTERVAL_MS: '300', RESUME_GRACE_MS: '60000' });
    const proxy = await SilentProxy.to(quick.wsUrl);
    const [alice] = (await meet(quick.wsUrl, 1)) as [Recorded];
    const bob = start(proxy.wsUrl, QUICK);
    await bob.joinRoom(alice.room?.roomId as string);
    await alice.met(2);
    proxy.cut();
    await alice.next('peerInterrupted');
    await alice.offer(bob.id, 'v=0');
    await bob.next('state', ({ status }) => status !== 'connected');
    proxy.mend();
    expect(await bob.once('offer')).toEqual({ from: alice.id, sdp: 'v=0' });
    expect(bob.all('resumed')).toEqual([{ lost: false }]);
    bob.close();
    await proxy.close();
  });

  test('and a live one that is silent for long is asked, and stays', async () => {
    const quick = await startServer({ HEARTBEAT_INTERVAL_MS: '100' });
    const wire = new Wire();
    const client = start(quick.wsUrl, { WebSocket: wire.WebSocket });
    await client.createRoom();
    const pongs = () => wire.heard.filter(({ type }) => type === 'Pong');
    while (pongs().length < 3)
      await new Promise((resolve) => wire.sockets[0]?.addEventListener('message', resolve));
    expect(wire.sockets).toHaveLength(1);
    expect(client.all('state').map(({ status }) => status)).toEqual(['connecting', 'connected']);
    expect(client.all('candidate')).toEqual([]);
  });
});

describe('however its sockets break', () => {
  const point: fc.Arbitrary<CutPoint> = fc.record({
    direction: fc.constantFrom('up', 'down'),
    part: fc.constantFrom('head', 'frame', 'after', 'after', 'after'),
    bytes: fc.nat(2000),
  });
  // A cut the client hears nothing of costs it seconds: that has a test of its own.
  const kind = fc.constantFrom<CutKind>('end', 'reset', 'client');
  const cuts = fc.array(fc.tuple(point, kind), { minLength: 1, maxLength: 8 });

  /** Cuts the first passages, one cut each; those that follow are left alone. */
  function cutting(proxy: FaultyProxy, plan: readonly (readonly [CutPoint, CutKind])[]): void {
    const left = [...plan];
    proxy.onPassage = (passage) => {
      const next = left.shift();
      if (next !== undefined) passage.cutAt(next[0], next[1]);
    };
  }

  test('what a client sends and is sent arrives once and in order', async () => {
    await fc.assert(
      fc.asyncProperty(cuts, async (plan) => {
        const proxy = await proxyTo(server);
        cutting(proxy, plan);
        const alice = start(server.wsUrl);
        const bob = start(proxy.wsUrl, QUICK);
        const { roomId } = await alice.createRoom();
        await bob.joinRoom(roomId);
        const { id } = bob;
        await alice.met(2);
        const count = 12;
        for (const i of upTo(count)) {
          await alice.offer(id, String(i).padEnd(200));
          bob.answer(alice.id, String(i).padEnd(200));
        }
        await bob.once('offer', ({ sdp }) => Number(sdp) === count - 1);
        await alice.once('answer', ({ sdp }) => Number(sdp) === count - 1);
        expect(numbers(bob, 'offer')).toEqual(upTo(count));
        expect(numbers(alice, 'answer')).toEqual(upTo(count));
        expect([bob.id, bob.all('restarted'), bob.all('error')]).toEqual([id, [], []]);
        expect(bob.room).toEqual(alice.room);
        alice.close();
        bob.close();
      }),
      { numRuns: 25 },
    );
  }, 120_000);

  test('what it asks for is done once, and both sides agree in which room it is', async () => {
    const calls = fc.array(fc.constantFrom('create', 'join', 'leave'), { minLength: 2, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(cuts, calls, async (plan, list) => {
        const proxy = await proxyTo(server);
        cutting(proxy, plan);
        const witness = start(server.wsUrl);
        const { roomId } = await witness.createRoom();
        const client = start(proxy.wsUrl, QUICK);
        const ends = await Promise.allSettled(
          list.map((call) => {
            if (call === 'create') return client.createRoom();
            return call === 'join' ? client.joinRoom(roomId) : client.leave();
          }),
        );
        let last = 'leave'; // the latest call that was done
        const expected = list.map((call) => {
          const isDone = call === 'leave' || last === 'leave' || (call === 'join' && last === 'join');
          if (isDone) last = call;
          return isDone ? 'fulfilled' : 'rejected';
        });
        const isInside = last !== 'leave';
        expect(ends.map(({ status }) => status)).toEqual(expected);
        expect(client.room !== undefined).toBe(isInside);
        expect(client.all('restarted')).toEqual([]);
        const { room } = client;
        const visitor = room?.roomId === roomId ? witness : start(server.wsUrl);
        if (room !== undefined && visitor !== witness) await visitor.joinRoom(room.roomId);
        if (room !== undefined) {
          await client.once('room', (now) => now?.participants.includes(visitor.id) === true);
          expect(visitor.room?.participants).toContain(client.id);
          await visitor.offer(client.id, 'v=0');
          await client.once('offer');
        }
        if (room?.roomId !== roomId && witness.room?.participants.includes(client.id)) {
          await witness.next('peerDisconnected');
        }
        await closeAll();
      }),
      { numRuns: 25 },
    );
  }, 120_000);
});

describe('a session that is gone', () => {
  test('is another identity in the same room', async () => {
    const quick = await startServer({ RESUME_GRACE_MS: '0' });
    const { alice, bob, passage } = await meetBehindProxy(quick, QUICK);
    const roomId = bob.room?.roomId;
    const previousId = bob.id;
    const restarted = bob.next('restarted');
    const gone = alice.next('peerDisconnected');
    passage.cut('reset');
    expect(await gone).toEqual({ participantId: previousId });
    const { selfId } = await restarted;
    expect(selfId).not.toBe(previousId);
    expect(await restarted).toEqual({ previousId, selfId });
    await alice.met(2);
    await bob.once('room', (room) => room?.participants.includes(selfId) === true);
    expect(bob.room).toEqual({ roomId, participants: [alice.id, selfId] });
    expect(bob.all('peerDisconnected')).toEqual([]); // its former self is nobody else
    expect(bob.all('peerConnected')).toEqual([]);
  });

  test('takes with it what waited to be sent under the former identity', async () => {
    const quick = await startServer({ RESUME_GRACE_MS: '0' });
    const { alice, bob, passage } = await meetBehindProxy(quick, QUICK);
    passage.cut('reset');
    await bob.next('state');
    await expect(bob.offer(alice.id, 'v=0')).rejects.toMatchObject({ code: 'Lost' });
  });

  test('eight meet again in their room when the server was killed and started again', async () => {
    const first = await startChild();
    const clients = await meet(first.wsUrl, 8, QUICK);
    const roomId = clients[0]?.room?.roomId;
    const before = clients.map(({ id }) => id);
    await first.stop('SIGKILL');
    const second = await startChild({ PORT: first.wsUrl.port });
    try {
      await Promise.all(clients.map((client) => client.once('restarted')));
      const now = clients.map(({ id }) => id);
      expect(now.filter((id) => before.includes(id))).toEqual([]);
      await Promise.all(
        clients.map((client) =>
          client.once('room', (room) => now.every((id) => room?.participants.includes(id))),
        ),
      );
      for (const client of clients) {
        expect(client.room?.roomId).toBe(roomId);
        expect(new Set(client.room?.participants)).toEqual(new Set(now));
        expect(client.all('error')).toEqual([]);
        const gone = client.all('peerDisconnected').map(({ participantId }) => participantId);
        expect(new Set(gone)).toEqual(new Set(before.filter((id) => id !== before[clients.indexOf(client)])));
      }
      const [alice, bob] = clients as [Recorded, Recorded];
      await alice.offer(bob.id, 'v=0');
      expect(await bob.once('offer')).toEqual({ from: alice.id, sdp: 'v=0' });
    } finally {
      await closeAll();
      await second.stop('SIGKILL');
    }
  });
});

describe('a session that another socket takes', () => {
  test('is over for this client: it does not fight for it', async () => {
    const wire = new Wire();
    const client = start(server.wsUrl, { WebSocket: wire.WebSocket });
    await client.createRoom();
    const { resume_token } = wire.heard[0] as { resume_token: string };
    await Session.open(server.wsUrl, { resume_token, last_seq: 0 });
    await client.until('closed');
    expect(client.state).toMatchObject({ status: 'closed', code: 4409 });
    expect(wire.sockets).toHaveLength(1);
  });
});
