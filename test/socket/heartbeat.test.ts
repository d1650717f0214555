import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Heartbeat, type Pulse } from '../../src/socket/heartbeat.ts';

const INTERVAL_MS = 1000;

let heartbeats: Heartbeat[] = [];
beforeEach(() => {
  jest.useFakeTimers();
  jest.advanceTimersByTime(12_345); // the clock does not begin with the heartbeat
});
afterEach(() => {
  for (const heartbeat of heartbeats) heartbeat.stop();
  heartbeats = [];
  jest.restoreAllMocks();
  jest.useRealTimers();
});

function start(intervalMs = INTERVAL_MS): Heartbeat {
  const heartbeat = new Heartbeat(intervalMs);
  heartbeats.push(heartbeat);
  return heartbeat;
}

class FakeSocket implements Pulse {
  unanswered = 0;
  group = 0;
  pings = 0;
  drops = 0;

  ping(): void {
    this.pings += 1;
  }

  drop(): void {
    this.drops += 1;
  }
}

/** Sockets that are all in the heartbeat. */
function add(heartbeat: Heartbeat, count: number): FakeSocket[] {
  const sockets = Array.from({ length: count }, () => new FakeSocket());
  for (const socket of sockets) heartbeat.add(socket);
  return sockets;
}

const intervals = (count: number) => jest.advanceTimersByTime(count * INTERVAL_MS);

describe('a socket', () => {
  test('is pinged once an interval while it answers, for ever', () => {
    const heartbeat = start();
    const [socket] = add(heartbeat, 1) as [FakeSocket];
    for (let i = 1; i <= 20; i++) {
      intervals(1);
      expect(socket).toMatchObject({ pings: i, drops: 0 });
      heartbeat.heard(socket);
    }
  });

  test('is told from one that answers unasked', () => {
    const heartbeat = start();
    const [socket] = add(heartbeat, 1) as [FakeSocket];
    expect(heartbeat.heard(socket)).toBe(false);
    intervals(1);
    expect([heartbeat.heard(socket), heartbeat.heard(socket)]).toEqual([true, false]);
    heartbeat.remove(socket);
    expect(heartbeat.heard(socket)).toBe(false);
  });

  test('that leaves two pings unanswered is dropped, once, and pinged no more', () => {
    const [socket] = add(start(), 1) as [FakeSocket];
    intervals(2);
    expect(socket).toMatchObject({ pings: 2, drops: 0 });
    intervals(1);
    expect(socket).toMatchObject({ pings: 2, drops: 1 });
    intervals(10);
    expect(socket).toMatchObject({ pings: 2, drops: 1 });
  });

  test('that answers the second ping, however late, starts anew', () => {
    const heartbeat = start();
    const [socket] = add(heartbeat, 1) as [FakeSocket];
    const nextPing = () => {
      const before = socket.pings;
      while (socket.pings === before) jest.advanceTimersByTime(1);
    };
    nextPing();
    nextPing();
    jest.advanceTimersByTime(INTERVAL_MS - 1);
    heartbeat.heard(socket);
    nextPing();
    nextPing();
    expect(socket).toMatchObject({ pings: 4, drops: 0 });
    intervals(1);
    expect(socket).toMatchObject({ pings: 4, drops: 1 });
  });

  test('is pinged within the first interval, and not when it is added', () => {
    const heartbeat = start();
    for (let i = 0; i < 40; i++) {
      const [socket] = add(heartbeat, 1) as [FakeSocket];
      expect(socket.pings).toBe(0);
      intervals(1);
      expect(socket.pings).toBe(1);
      heartbeat.remove(socket);
    }
  });

  test('that is removed hears nothing more, though it may still answer', () => {
    const heartbeat = start();
    const [socket, other] = add(heartbeat, 2) as [FakeSocket, FakeSocket];
    intervals(1);
    heartbeat.remove(socket);
    heartbeat.remove(socket);
    heartbeat.heard(socket);
    intervals(1);
    expect(socket).toMatchObject({ pings: 1, drops: 0 });
    expect(other).toMatchObject({ pings: 2, drops: 0 });
  });

  test('that is dropped may answer after all: it stays dropped', () => {
    const heartbeat = start();
    const [socket] = add(heartbeat, 1) as [FakeSocket];
    intervals(3);
    heartbeat.heard(socket);
    heartbeat.remove(socket);
    intervals(5);
    expect(socket).toMatchObject({ pings: 2, drops: 1 });
  });

  test('that was never added does not count', () => {
    const heartbeat = start();
    const stranger = new FakeSocket();
    heartbeat.heard(stranger);
    heartbeat.remove(stranger);
    intervals(5);
    expect(stranger).toMatchObject({ pings: 0, drops: 0 });
  });
});

describe('many sockets', () => {
  /** The most that are pinged in 10 ms of an interval. */
  function busiest(sockets: readonly FakeSocket[], intervalMs: number): number {
    let most = 0;
    let before = total(sockets);
    for (let ms = 0; ms < intervalMs; ms += 10) {
      jest.advanceTimersByTime(10);
      const now = total(sockets);
      most = Math.max(most, now - before);
      before = now;
    }
    return most;
  }

  const total = (sockets: readonly FakeSocket[]) => sockets.reduce((sum, { pings }) => sum + pings, 0);

  test('10,000 at the default interval: a thousandth at a time, each once', () => {
    const heartbeat = start(15_000);
    const sockets = add(heartbeat, 10_000);
    jest.advanceTimersByTime(15_000); // begins at rest
    for (const socket of sockets) heartbeat.heard(socket);
    expect(busiest(sockets, 15_000)).toBe(10);
    expect(new Set(sockets.map(({ pings }) => pings))).toEqual(new Set([2]));
  });

  test('at a short interval: still several ticks, at least 10 ms apart', () => {
    const sockets = add(start(500), 1000);
    expect(busiest(sockets, 500)).toBe(20);
    expect(new Set(sockets.map(({ pings }) => pings))).toEqual(new Set([1]));
  });

  test.each([100, 99, 1])('at the shortest: every %s ms', (intervalMs) => {
    const sockets = add(start(intervalMs), 10);
    jest.advanceTimersByTime(intervalMs);
    expect(new Set(sockets.map(({ pings }) => pings))).toEqual(new Set([1]));
  });

  /** The clock goes on, and no timer is heard of it. */
  function stall(ms: number): void {
    const now = performance.now.bind(performance);
    jest.spyOn(performance, 'now').mockImplementation(() => now() + ms);
  }

  test('when ticks are late: each is pinged once an interval all the same', () => {
    const heartbeat = start(15_000);
    const sockets = add(heartbeat, 1000);
    jest.advanceTimersByTime(5000);
    stall(107); // no multiple of anything
    jest.advanceTimersByTime(9900);
    expect(total(sockets)).toBeGreaterThanOrEqual(990);
    expect(total(sockets)).toBeLessThanOrEqual(1000);
    for (const socket of sockets) heartbeat.heard(socket);
    expect(busiest(sockets, 15_000)).toBe(10);
    expect(total(sockets)).toBeGreaterThanOrEqual(1990);
    expect(total(sockets)).toBeLessThanOrEqual(2000);
    const pings = sockets.map((socket) => socket.pings);
    expect([Math.min(...pings) >= 1, Math.max(...pings)]).toEqual([true, 2]);
  });

  test.each([
    [0, 100],
    [1000, 100],
    [2000, 200],
    [20_000, 1000],
  ])('%s of them: %s wake-ups an interval', (count, ticks) => {
    const heartbeat = start(15_000);
    add(heartbeat, count);
    const timeouts = jest.spyOn(globalThis, 'setTimeout');
    jest.advanceTimersByTime(15_150);
    timeouts.mockClear();
    jest.advanceTimersByTime(15_000);
    expect(Math.abs(timeouts.mock.calls.length - ticks)).toBeLessThanOrEqual(1);
  });

  test.each([1000, 3_600_000])('a stall of %s ms puts off all pings, and drops nobody', (ms) => {
    const heartbeat = start(15_000);
    const sockets = add(heartbeat, 1000);
    jest.advanceTimersByTime(7500);
    stall(ms);
    expect(busiest(sockets, 15_000)).toBe(20);
    const pings = sockets.map((socket) => socket.pings);
    expect([Math.min(...pings), Math.max(...pings)]).toEqual([1, 2]);
    expect(total(sockets)).toBeGreaterThanOrEqual(1500);
    expect(total(sockets)).toBeLessThan(1525);
  });

  test.each([50, 150, 199])('at the least interval a stall of %s ms leaves as much time to answer', (ms) => {
    const heartbeat = start(100);
    const sockets = add(heartbeat, 100);
    jest.advanceTimersByTime(105);
    for (const socket of sockets) heartbeat.heard(socket);
    stall(ms);
    jest.advanceTimersByTime(180);
    expect(sockets.filter(({ drops }) => drops > 0)).toEqual([]);
  });

  test('each is by itself: the silent are dropped, the others go on', () => {
    const heartbeat = start();
    const sockets = add(heartbeat, 100);
    const alive = sockets.filter((_, index) => index % 3 !== 0);
    for (let i = 0; i < 5; i++) {
      intervals(1);
      for (const socket of alive) heartbeat.heard(socket);
    }
    for (const [index, socket] of sockets.entries()) {
      expect(socket).toMatchObject(index % 3 === 0 ? { pings: 2, drops: 1 } : { pings: 5, drops: 0 });
    }
  });

  test('a drop may remove itself and others, as closing a socket does', () => {
    const heartbeat = start(100);
    const sockets: FakeSocket[] = [];
    for (let i = 0; i < 10; i++) {
      const socket = new FakeSocket();
      socket.drop = () => {
        socket.drops += 1;
        for (const each of sockets) heartbeat.remove(each);
      };
      sockets.push(socket);
      heartbeat.add(socket);
    }
    jest.advanceTimersByTime(1000);
    expect(sockets.reduce((sum, { drops }) => sum + drops, 0)).toBe(1);
  });
});

test('once stopped, nobody is pinged', () => {
  const heartbeat = start();
  const [socket] = add(heartbeat, 1) as [FakeSocket];
  intervals(1);
  heartbeat.stop();
  intervals(5);
  expect(socket).toMatchObject({ pings: 1, drops: 0 });
  expect(jest.getTimerCount()).toBe(0);
});
