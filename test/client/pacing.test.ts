import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { startServer } from '../support/server.ts';
import { closeAll, meet, meetBehindProxy, type Recorded, start, Wire } from './clients.ts';

/** The client's pace against the server's rate limit. */

afterEach(closeAll);

const isRateLimited = ({ code }: Record<string, unknown>) => code === 'RateLimited';

test('a newcomer’s offers and 80 candidates to seven never meet the limit, and the offers go first', async () => {
  const server = await startServer();
  const members = await meet(server.wsUrl, 7);
  const wire = new Wire();
  const newcomer = start(server.wsUrl, { WebSocket: wire.WebSocket });
  await newcomer.joinRoom(members[0]?.room?.roomId as string);
  const calls: Promise<void>[] = [];
  for (let i = 0; i < 80; i += 1) {
    const { id } = members[i % 7] as Recorded;
    if (i < 7) calls.push(newcomer.offer(id, 'v=0'));
    calls.push(newcomer.candidate(id, { candidate: `candidate:${i}` }));
  }
  await Promise.all(calls);
  const last = members.map((_, i) => `candidate:${79 - ((79 - i) % 7)}`);
  await Promise.all(
    members.map((member, i) => member.once('candidate', ({ candidate }) => candidate?.candidate === last[i])),
  );
  expect(wire.heard.filter(isRateLimited)).toEqual([]);
  const types = wire.sent.map(({ type }) => type);
  // The first candidate went at once, since nothing waited before it.
  expect(types.slice(0, 2)).toEqual(['Hello', 'JoinRoom']);
  expect(types.lastIndexOf('Offer')).toBeLessThan(20);
  for (const [i, member] of members.entries()) {
    const heard = member.told.filter(({ type }) => type === 'offer' || type === 'candidate');
    expect(heard[0]?.type).toBe('offer');
    expect(member.all('candidate').map(({ candidate }) => candidate?.candidate)).toEqual(
      Array.from({ length: 80 }, (_, n) => n)
        .filter((n) => n % 7 === i)
        .map((n) => `candidate:${n}`),
    );
  }
});

test('frames that a stalled network pressed together are refused, and go again: once and in order', async () => {
  const wire = new Wire();
  const { alice, bob, passage } = await meetBehindProxy(await startServer(), { WebSocket: wire.WebSocket });
  passage.stall();
  const count = 40;
  await Promise.all(
    Array.from({ length: count }, (_, i) => bob.candidate(alice.id, { candidate: `candidate:${i}` })),
  );
  passage.go();
  await alice.once('candidate', ({ candidate }) => candidate?.candidate === `candidate:${count - 1}`);
  expect(wire.heard.some(isRateLimited)).toBe(true);
  expect(alice.all('candidate').map(({ candidate }) => candidate?.candidate)).toEqual(
    Array.from({ length: count }, (_, i) => `candidate:${i}`),
  );
  expect(bob.all('error')).toEqual([]);
});

describe('refusals that are heard late', () => {
  /** Alice, and Bob behind a proxy, who has held back so many candidates that the server refuses the last of them. */
  async function press(count: number) {
    const wire = new Wire();
    const { alice, bob, passage } = await meetBehindProxy(await startServer(), { WebSocket: wire.WebSocket });
    passage.stall('up');
    const calls = Array.from({ length: count }, (_, i) =>
      bob.candidate(alice.id, { candidate: `candidate:${i}` }),
    );
    await calls[28];
    passage.go();
    passage.stall('down');
    const all = Array.from({ length: count }, (_, i) => `candidate:${i}`);
    const heard = () => alice.all('candidate').map(({ candidate }) => candidate?.candidate);
    /** Until Alice has heard each, and whatever else may be on its way. */
    const isOver = async () => {
      while (new Set(heard()).size < count) await alice.next('candidate');
      await setTimeout(500);
    };
    return { passage, wire, bob, all, heard, isOver };
  }

  const inOrder = (candidates: readonly (string | undefined)[]) =>
    [...candidates].sort((a, b) => Number(a?.split(':')[1]) - Number(b?.split(':')[1]));

  test('when the penalty is over and later frames were taken: only what was refused goes again', async () => {
    const { passage, wire, all, heard, isOver } = await press(60);
    await setTimeout(2000); // the penalty of a second is over, and Bob has gone on sending
    passage.go();
    await isOver();
    expect(wire.heard.some(isRateLimited)).toBe(true);
    expect(inOrder(heard())).toEqual(all);
  });

  test('on the next socket: it goes again all the same', async () => {
    const { passage, wire, bob, all, heard, isOver } = await press(30);
    await setTimeout(100);
    passage.cut('reset');
    await isOver();
    expect(wire.heard.some(isRateLimited)).toBe(true);
    expect(inOrder(heard())).toEqual(all);
    expect(bob.all('restarted')).toEqual([]);
  });
});

test('what waits is bounded', async () => {
  const base = await startServer();
  const [alice, bob] = (await meet(base.wsUrl, 2)) as [Recorded, Recorded];
  const calls = Array.from({ length: 1100 }, () => alice.candidate(bob.id, null));
  const settled = Promise.allSettled(calls);
  alice.close();
  const ends = await settled;
  const codes = ends.map((end) => (end.status === 'fulfilled' ? 'sent' : end.reason.code));
  expect(codes.filter((code) => code === 'Closed')).toHaveLength(1000);
  expect(codes.filter((code) => code === 'RateLimited').length).toBeGreaterThan(50);
});
