import { describe, expect, test } from '@jest/globals';
import { createActor, SimulatedClock } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { toXState } from '../../../scripts/xstate-chart.ts';
import {
  type Moment,
  type SignalingDecision,
  type SignalingEvent,
  type SignalingInput,
  signalingMachine,
} from '../../../src/client/machines/signaling.ts';
import { SIGNALING_EVENTS } from './events.ts';

/** When a client opens a socket, waits or gives up; alone, on a clock that stands until it is moved. */

const machine = toXState(signalingMachine);
const HEARTBEAT_MS = 15_000;

function start(overrides: Partial<SignalingInput> = {}) {
  const clock = new SimulatedClock();
  /** How far the clock of the system is from the steady one, which stands during a sleep. */
  let aheadMs = 1_800_000_000_000;
  const now = (): Moment => ({ steady: clock.now(), epoch: clock.now() + aheadMs });
  let heardAt = now();
  const input: SignalingInput = {
    backoff: { baseMs: 500, capMs: 15_000, maxAttempts: Number.POSITIVE_INFINITY },
    random: () => 1, // the longest wait there is
    now,
    heardAt: () => heardAt,
    isWanted: () => true,
    canProbe: () => true,
    isOnline: true,
    ...overrides,
  };
  const actor = createActor(machine, { clock, input });
  let decisions: string[] = [];
  actor.on('*', ({ type }: SignalingDecision) => decisions.push(type));
  actor.start();
  const after = (act: () => void) => {
    decisions = [];
    act();
    return [actor.getSnapshot().value, ...decisions];
  };
  return {
    /** Sends events; returns the state and what was decided. */
    send: (...events: SignalingEvent[]) => after(() => events.forEach((event) => void actor.send(event))),
    wait: (ms: number) => after(() => clock.increment(ms)),
    hear: () => {
      heardAt = now();
    },
    /** The clock of the system is set, or the machine sleeps. */
    jump: (ms: number) => {
      aheadMs += ms;
    },
    untilRetryMs: () => (actor.getSnapshot().context.retryAt ?? 0) - now().epoch,
    context: () => actor.getSnapshot().context,
  };
}

const connect: SignalingEvent = { type: 'connect' };
const ready: SignalingEvent = { type: 'ready', heartbeatMs: HEARTBEAT_MS };
const lost: SignalingEvent = { type: 'lost', reason: 'gone', afterMs: 0 };
const failed: SignalingEvent = { type: 'failed', reason: 'refused', afterMs: 0 };
const wake: SignalingEvent = { type: 'wake' };
const online: SignalingEvent = { type: 'online' };
const offline: SignalingEvent = { type: 'offline' };
const draining: SignalingEvent = { type: 'draining', jitterMs: 5000 };

function connected(overrides: Partial<SignalingInput> = {}) {
  const it = start(overrides);
  expect(it.send(connect, ready)).toEqual(['connected', 'open']);
  return it;
}

describe('closed for being in no room', () => {
  const silent: SignalingEvent = { type: 'lost', reason: '', code: 4408, afterMs: 0 };

  test('a client waits for its next call', () => {
    const it = connected({ isWanted: () => false });
    expect(it.send(silent)).toEqual(['idle']);
    expect(it.wait(3_600_000)).toEqual(['idle']);
    expect(it.send(wake, offline, online)).toEqual(['idle']);
    expect(it.send(connect, ready)).toEqual(['connected', 'open']);
  });

  test('a client connects again at once when a call crosses the close, and after any other code', () => {
    expect(connected().send(silent)).toEqual(['waiting']);
    expect(connected({ isWanted: () => false }).send(lost)).toEqual(['waiting']);
  });
});

describe('connecting again', () => {
  test('is tried after waits that double up to the cap, and begin anew once connected', () => {
    const it = connected();
    for (const ms of [500, 1000, 2000, 4000, 8000, 15_000, 15_000]) {
      expect(it.send(lost)).toEqual(['waiting']);
      expect(it.wait(ms - 1)).toEqual(['waiting']);
      expect(it.wait(1)).toEqual(['connecting', 'open']);
    }
    it.send(ready);
    it.send(lost);
    expect(it.wait(500)).toEqual(['connecting', 'open']);
  });

  test('is tried so often', () => {
    const it = connected({ backoff: { baseMs: 1, capMs: 1, maxAttempts: 2 } });
    it.send(lost);
    it.wait(1);
    it.send(lost);
    it.wait(1);
    expect(it.send(lost)).toEqual(['closed', 'end']);
  });

  test('is not tried where nobody wants it, nor where the close code forbids it', () => {
    expect(connected({ backoff: false }).send(lost)).toEqual(['closed', 'end']);
    const replaced: SignalingEvent = { type: 'lost', reason: 'replaced', code: 4409, afterMs: false };
    expect(connected().send(replaced)).toEqual(['closed', 'end']);
  });

  test('waits as long as the close code asks for, whatever happens meanwhile', () => {
    const it = connected();
    it.send({ type: 'lost', reason: 'too many attempts', code: 4429, afterMs: 60_000 });
    expect(it.send(wake, online)).toEqual(['waiting']);
    expect(it.wait(60_000)).toEqual(['waiting']);
    expect(it.send(wake)).toEqual(['connecting', 'open']);
  });

  test('is spread over the time the close code names', () => {
    const it = connected();
    it.send({ type: 'lost', reason: 'restart', code: 1012, afterMs: 0, withinMs: 5000 });
    expect(it.wait(4999)).toEqual(['waiting']);
    expect(it.wait(1)).toEqual(['connecting', 'open']);
  });

  test('takes a server that does not answer for lost', () => {
    const it = start();
    it.send(connect);
    expect(it.wait(10_000)).toEqual(['connecting', 'timeOut']);
    expect(it.send(lost)).toEqual(['waiting']);
  });

  test('is hurried by a page that is looked at, and by the network', () => {
    for (const event of [wake, online]) {
      const it = connected();
      expect(it.send(lost, event)).toEqual(['connecting', 'open']);
    }
  });

  test('waits for the network, and tries rarely without', () => {
    const it = connected();
    expect(it.send(lost, offline)).toEqual(['offline']);
    expect(it.wait(30_000)).toEqual(['connecting', 'open']);
    expect(it.send(lost)).toEqual(['offline']);
    expect(it.send(online)).toEqual(['connecting', 'open']);
  });

  test('is given up when nobody waits for it', () => {
    const it = start();
    expect(it.send(connect, { type: 'abandon' })).toEqual(['idle', 'open', 'drop']);
    expect(it.send(connect, lost, { type: 'abandon' })).toEqual(['idle', 'open']);
  });
});

describe('a connection', () => {
  test('that is silent for a heartbeat is asked, and lost when it does not answer', () => {
    const it = connected();
    expect(it.wait(HEARTBEAT_MS)).toEqual(['doubtful', 'probe']);
    expect(it.send({ type: 'heard' })).toEqual(['connected']);
    expect(it.wait(HEARTBEAT_MS)).toEqual(['doubtful', 'probe']);
    expect(it.wait(5000)).toEqual(['doubtful', 'timeOut']);
    expect(it.send(lost)).toEqual(['waiting']);
  });

  test('that was heard is not', () => {
    const it = connected();
    it.wait(10_000);
    it.hear();
    expect(it.wait(14_999)).toEqual(['connected']);
    expect(it.wait(1)).toEqual(['doubtful', 'probe']);
  });

  test('that cannot be asked is left alone, and made anew when the machine wakes or the network changes', () => {
    const it = connected({ canProbe: () => false });
    expect(it.wait(10 * HEARTBEAT_MS)).toEqual(['connected']);
    expect(it.send(wake)).toEqual(['connecting', 'drop', 'open']);
    expect(it.send(ready, online)).toEqual(['connecting', 'drop', 'open']);
  });

  test('heard just now does not mind being looked at', () => {
    expect(connected().send(wake)).toEqual(['connected']);
  });

  test('is asked when the network comes or goes', () => {
    for (const event of [online, offline]) expect(connected().send(event)).toEqual(['doubtful', 'probe']);
  });
});

describe('a server that drains', () => {
  test('is left within the jitter, its socket kept until another is ready', () => {
    const it = connected();
    expect(it.send(draining)).toEqual(['draining']);
    expect(it.wait(4999)).toEqual(['draining']);
    expect(it.wait(1)).toEqual(['moving', 'open']);
    expect(it.send(ready)).toEqual(['connected']);
  });

  test('is left at once when the machine wakes after a silence, or the network changes', () => {
    for (const event of [wake, online]) {
      const it = connected();
      expect(it.send({ ...draining, jitterMs: 60_000 })).toEqual(['draining']);
      if (event === wake) expect(it.send(event)).toEqual(['draining']);
      it.wait(HEARTBEAT_MS);
      expect(it.send(event)).toEqual(['moving', 'open']);
      // Too early for another try, and the network may be gone.
      expect(it.send({ ...failed, afterMs: 1000 }, event)).toEqual(['doubtful', 'probe']);
    }
  });

  test('is asked again and again while nothing else is there', () => {
    const it = connected();
    it.send(draining);
    it.wait(5000);
    for (const ms of [500, 1000, 2000]) {
      expect(it.send(failed)).toEqual(['draining']);
      expect(it.wait(ms)).toEqual(['moving', 'open']);
    }
    expect(it.wait(10_000)).toEqual(['moving', 'timeOutNext']);
  });

  test('that is gone meanwhile leaves the socket that is being opened', () => {
    const it = connected();
    it.send(draining);
    it.wait(5000);
    expect(it.send(lost, ready)).toEqual(['connected', 'open']);
  });
});

describe('the clock of the system', () => {
  const HOUR_MS = 3_600_000;

  test.each([-HOUR_MS, -30_000, 0])('set by %d ms: a dead network is noticed as soon', (ms) => {
    const it = connected();
    it.jump(ms);
    expect(it.wait(HEARTBEAT_MS - 1)).toEqual(['connected']);
    expect(it.wait(1)).toEqual(['doubtful', 'probe']);
    it.jump(ms);
    expect(it.wait(5000)).toEqual(['doubtful', 'timeOut']);
  });

  test('set back hides no silence from a page that is looked at', () => {
    const it = connected();
    it.wait(HEARTBEAT_MS - 1);
    it.hear();
    it.jump(-HOUR_MS);
    it.wait(10_000);
    it.hear();
    expect(it.send(wake)).toEqual(['connected']);
    it.jump(-HOUR_MS);
    it.wait(HEARTBEAT_MS - 1);
    expect(it.send(wake)).toEqual(['connected']);
    it.wait(1);
    expect(it.send({ type: 'heard' }, wake)[0]).toBe('doubtful');
  });

  test('is ahead after a sleep, in which the steady one stood: the server is asked when the machine wakes', () => {
    const it = connected();
    it.jump(HOUR_MS);
    expect(it.send(wake)).toEqual(['doubtful', 'probe']);
    it.hear();
    expect(it.send({ type: 'heard' })).toEqual(['connected']);
    expect(it.send(wake)).toEqual(['connected']); // a clock set forward costs one probe
  });

  test.each([HOUR_MS, -HOUR_MS])(
    'set by %d ms while waiting: the attempt is made in time, and told so',
    (ms) => {
      const it = connected();
      it.send({ type: 'lost', reason: 'too many', code: 4429, afterMs: 60_000 });
      it.wait(10_000);
      it.jump(ms);
      expect(it.send(wake)).toEqual(['waiting']); // the pause that the server asked for goes on
      it.wait(1000);
      expect(it.untilRetryMs()).toBe(49_500);
      expect(it.wait(49_499)).toEqual(['waiting']);
      expect(it.wait(1)).toEqual(['connecting', 'open']);
    },
  );

  test('that stands still leaves retryAt as it is: no news for the page', () => {
    const it = connected();
    it.send({ type: 'lost', reason: 'too many', code: 4429, afterMs: 60_000 });
    const { retryAt } = it.context();
    for (let i = 0; i < 50; i += 1) it.wait(1000);
    expect(it.context().retryAt).toBe(retryAt);
  });

  test.each([HOUR_MS, -HOUR_MS])(
    'set by %d ms in a drain: the move is in time, dead networks are noticed',
    (ms) => {
      const it = connected();
      it.send({ type: 'draining', jitterMs: 60_000 });
      it.jump(ms);
      it.wait(HEARTBEAT_MS - 1);
      if (ms < 0) expect(it.wait(0)).toEqual(['draining']);
      expect(it.wait(1)).toEqual(['doubtful', 'probe']);
      it.hear();
      expect(it.send({ type: 'heard' })).toEqual(['draining']);
      it.wait(60_000 - HEARTBEAT_MS - 1);
      it.hear();
      expect(it.send({ type: 'heard' })[0]).toBe('draining');
      expect(it.wait(1)).toEqual(['moving', 'open']);
    },
  );

  test.each([HOUR_MS, -HOUR_MS])(
    'set by %d ms while it moves: the timeout and the next try are in time, dead networks are noticed',
    (ms) => {
      const it = connected();
      it.send(draining);
      it.wait(5000);
      it.hear();
      it.jump(ms);
      expect(it.wait(9999)).toEqual(['moving']);
      expect(it.wait(1)).toEqual(['moving', 'timeOutNext']);
      // A clock set forward looks like a sleep: the server is asked before the next try.
      if (ms > 0) {
        expect(it.send(failed)).toEqual(['doubtful', 'probe']);
        it.hear();
        expect(it.send({ type: 'heard' })).toEqual(['draining']);
      } else expect(it.send(failed)).toEqual(['draining']);
      it.jump(ms);
      it.hear();
      expect(it.wait(499)).toEqual(['draining']);
      expect(it.wait(1)).toEqual(['moving', 'open']);
      it.jump(-ms);
      it.wait(HEARTBEAT_MS);
      expect(it.send(failed)).toEqual(['doubtful', 'probe']);
      expect(it.wait(5000)).toEqual(['doubtful', 'timeOut']);
    },
  );

  test('is ahead after a sleep in a drain: the client moves when the machine wakes', () => {
    const it = connected();
    it.send({ ...draining, jitterMs: 60_000 });
    it.jump(HOUR_MS);
    expect(it.send(wake)).toEqual(['moving', 'open']);
    it.jump(HOUR_MS);
    expect(it.send(wake)).toEqual(['moving']); // asleep while it moves: the timeout goes on
    expect(it.wait(10_000)).toEqual(['moving', 'timeOutNext']);
  });

  test.each([HOUR_MS, -HOUR_MS])('set by %d ms while offline or opening: the timers do not mind', (ms) => {
    const it = connected();
    it.send(lost, offline);
    it.jump(ms);
    expect(it.wait(29_999)).toEqual(['offline']);
    expect(it.wait(1)).toEqual(['connecting', 'open']);
    it.jump(ms);
    expect(it.wait(9999)).toEqual(['connecting']);
    expect(it.wait(1)).toEqual(['connecting', 'timeOut']);
  });
});

describe('a socket that opens late', () => {
  test('leaves the server its full time for Ready', () => {
    const it = start();
    it.send(connect);
    it.wait(9999);
    expect(it.send({ type: 'opened' })[0]).toBe('connecting');
    expect(it.wait(9999)).toEqual(['connecting']);
    expect(it.wait(1)).toEqual(['connecting', 'timeOut']);
  });

  test('and so beside the one in use', () => {
    const it = connected();
    it.send({ ...draining, jitterMs: 0 });
    it.wait(1);
    it.wait(9999);
    expect(it.send({ type: 'opened' })[0]).toBe('moving');
    expect(it.wait(9999)).toEqual(['moving']);
    expect(it.wait(1)).toEqual(['moving', 'timeOutNext']);
  });
});

describe('a dead network in a drain', () => {
  test('is noticed by the silence, without an attempt to move', () => {
    const it = connected();
    it.send({ type: 'draining', jitterMs: 60_000 });
    expect(it.wait(HEARTBEAT_MS)).toEqual(['doubtful', 'probe']);
    expect(it.wait(5000)).toEqual(['doubtful', 'timeOut']);
    expect(it.send(lost)).toEqual(['waiting']);
  });

  test('is noticed when the move fails after a silence', () => {
    const it = connected();
    it.send(draining);
    it.wait(5000);
    expect(it.wait(10_000)).toEqual(['moving', 'timeOutNext']);
    expect(it.send(failed)).toEqual(['doubtful', 'probe']);
    it.hear();
    expect(it.send({ type: 'heard' })).toEqual(['draining']);
    expect(it.wait(500)).toEqual(['moving', 'open']);
  });

  test('is suspected when the browser says so', () => {
    const it = connected();
    expect(it.send(draining, offline)).toEqual(['doubtful', 'probe']);
  });
});

describe('whatever happens', () => {
  const timers = Object.entries(machine.config.states ?? {}).flatMap(([state, { after = {} }]) =>
    Object.keys(after).map((delay) => ({ type: `xstate.after.${delay}.signaling.${state}` })),
  );
  const input: SignalingInput = {
    backoff: { baseMs: 1, capMs: 1, maxAttempts: 2 },
    random: () => 0,
    now: () => ({ steady: 0, epoch: 0 }),
    heardAt: () => ({ steady: 0, epoch: 0 }),
    isWanted: () => true,
    canProbe: () => true,
    isOnline: true,
  };
  const paths = getShortestPaths(machine, {
    input,
    events: [...SIGNALING_EVENTS, ...timers] as SignalingEvent[],
    serializeState: ({ value, context }) => JSON.stringify([value, context]),
    stopWhen: ({ context }) => (context as { attempt: number }).attempt > 3,
    limit: 20_000,
  });

  test('every state is reached, and close() ends it from there', () => {
    expect(new Set(paths.map(({ state }) => state.value))).toEqual(new Set(Object.keys(machine.states)));
    for (const { state } of paths) {
      const snapshot = machine.resolveState({ value: state.value, context: state.context as never });
      const actor = createActor(machine, { snapshot, clock: new SimulatedClock(), input }).start();
      actor.send({ type: 'close' });
      expect(actor.getSnapshot().value).toBe('closed');
    }
  });

  test('no state waits for ever, but those that wait for the application', () => {
    for (const [name, { after, type }] of Object.entries(machine.config.states ?? {})) {
      if (name !== 'idle' && type !== 'final') expect([name, after]).toEqual([name, expect.anything()]);
    }
  });
});

describe('a server that tells absurd times', () => {
  const LONGEST = 2 ** 31 - 1;

  test.each([
    ['no heartbeat', 0, 100],
    ['a heartbeat longer than a timer takes', 1e12, LONGEST],
  ])('%s is taken for the nearest sensible one', (_, heartbeatMs, silenceMs) => {
    const it = start();
    it.send(connect, { type: 'ready', heartbeatMs });
    expect(it.context().silenceMs).toBe(silenceMs);
  });

  test('a drain or a pause longer than a timer takes does not end at once', () => {
    const it = connected();
    it.send({ type: 'draining', jitterMs: 1e12 });
    expect(it.context().waitMs).toBe(LONGEST);
    it.send({ ...lost, afterMs: 1e12 });
    expect(it.context().waitMs).toBe(LONGEST);
  });
});
