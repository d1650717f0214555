import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { getShortestPaths } from 'xstate/graph';
import {
  type ConnectionDecision,
  type ConnectionEvent,
  type ConnectionInput,
  connectionMachine,
} from '../../machines/connection.ts';
import { greetingOf } from '../../src/protocol/features.ts';
import { startDecider } from '../support/decider.ts';

const LIMIT = 20;
const WINDOW_MS = 1000;
const SILENCE_MS = 30_000;
const input: ConnectionInput = { limit: LIMIT, windowMs: WINDOW_MS, firstMessageTimeoutMs: SILENCE_MS };

function connect(overrides: Partial<ConnectionInput> = {}, machine = connectionMachine) {
  const decider = startDecider(machine, { ...input, ...overrides });
  const snapshot = () => decider.actor.getSnapshot();
  const connection = {
    ...decider,
    /** A frame that arrives now. */
    frame: (kind: FrameKind = 'unread') => decider.decide(FRAMES[kind](decider.clock.now())),
    frames: (count: number, kind?: FrameKind): ConnectionDecision[] =>
      Array.from({ length: count }, () => connection.frame(kind)).flat(),
    greeting: () => snapshot().value.greeting,
    rate: () => snapshot().value.rate,
    isUnread: () => snapshot().hasTag('unread'),
  };
  return connection;
}

const offer = { type: 'Offer', to: 'b', sdp: 'v=0' } as const;
const resumption = { token: 'token-1', lastSeq: 7 };
const greeting = greetingOf({ request_id: 'hello' });

const FRAMES = {
  hello: (at: number) => ({ type: 'frame.hello', at, resume: null, greeting, refusal: 'Hello comes first.' }),
  'hello with a token': (at: number) => ({
    type: 'frame.hello',
    at,
    resume: resumption,
    greeting,
    refusal: 'Hello comes first.',
  }),
  message: (at: number) => ({ type: 'frame.message', at, message: offer }),
  invalid: (at: number) => ({ type: 'frame.invalid', at, reason: 'no JSON' }),
  'invalid hello': (at: number) => ({ type: 'frame.invalidHello', at, reason: 'no Hello', requestId: 'r' }),
  unread: (at: number) => ({ type: 'frame.unread', at }),
} as const satisfies Record<string, (at: number) => ConnectionEvent>;
type FrameKind = keyof typeof FRAMES;
const FRAME_KINDS = Object.keys(FRAMES) as FrameKind[];
/** A connection reads every frame outside of a penalty. */
const READ_KINDS = FRAME_KINDS.filter((kind) => kind !== 'unread');

const EVENTS = {
  hello: FRAMES.hello(0),
  'hello with a token': FRAMES['hello with a token'](0),
  message: FRAMES.message(0),
  invalid: FRAMES.invalid(0),
  'invalid hello': FRAMES['invalid hello'](0),
  unread: FRAMES.unread(0),
  found: { type: 'session.found' },
  unknown: { type: 'session.unknown', greeting },
  closed: { type: 'transport.ended', end: 'closed' },
  away: { type: 'transport.ended', end: 'away' },
  lost: { type: 'transport.ended', end: 'lost' },
} as const satisfies Record<string, ConnectionEvent>;
type EventName = keyof typeof EVENTS;
const EVENT_NAMES = Object.keys(EVENTS) as EventName[];

type Greeting = 'silent' | 'resuming' | 'greeted' | 'ended';
type Row = [next: Greeting, ...decisions: object[]];

const refuse = (code: string, message: unknown = expect.any(String)) => ({ type: 'refuse', code, message });
const rateLimited = refuse('RateLimited');
const reject = (reason: unknown = expect.any(String)) => ({
  type: 'reject',
  reason,
  requestId: undefined as unknown,
});
const register = (isSession: boolean) => ({ type: 'register', greeting: isSession ? greeting : undefined });
const pass = { type: 'pass', message: offer };
const resume = { type: 'resume', ...resumption, greeting };
const rejectHello = { ...reject(), requestId: 'hello' };
const refuseHello = { ...refuse('InvalidPayload', 'no Hello'), requestId: 'r' };
const detach = (end: string) => ({ type: 'detach', end });

/** How each state is reached from the start. */
const REACH: Record<Greeting, EventName[]> = {
  silent: [],
  resuming: ['hello with a token'],
  greeted: ['message'],
  ended: ['closed'],
};

const nothing = (greeting: Greeting): Record<EventName, Row> =>
  Object.fromEntries(EVENT_NAMES.map((name) => [name, [greeting]])) as unknown as Record<EventName, Row>;

/** What every event does in every state, within the rate. */
const TABLE: Record<Greeting, Record<EventName, Row>> = {
  silent: {
    ...nothing('silent'),
    hello: ['greeted', register(true)],
    'hello with a token': ['resuming', resume],
    message: ['greeted', register(false), pass],
    invalid: ['greeted', register(false), reject('no JSON')],
    'invalid hello': ['silent', refuseHello],
    closed: ['ended', detach('closed')],
    away: ['ended', detach('away')],
    lost: ['ended', detach('lost')],
  },
  resuming: {
    ...nothing('resuming'),
    found: ['greeted'],
    unknown: ['greeted', register(true)],
    closed: ['ended', detach('closed')],
    away: ['ended', detach('away')],
    lost: ['ended', detach('lost')],
  },
  greeted: {
    ...nothing('greeted'),
    hello: ['greeted', rejectHello],
    'hello with a token': ['greeted', rejectHello],
    message: ['greeted', pass],
    invalid: ['greeted', reject('no JSON')],
    'invalid hello': ['greeted', { ...reject('no Hello'), requestId: 'r' }],
    closed: ['ended', detach('closed')],
    away: ['ended', detach('away')],
    lost: ['ended', detach('lost')],
  },
  ended: nothing('ended'),
};

const rows = (Object.keys(TABLE) as Greeting[]).flatMap((greeting) =>
  EVENT_NAMES.map((name) => [greeting, name, TABLE[greeting][name]] as const),
);

/** After the end nothing is written, so a refusal there makes no difference. */
const heard = (greeting: unknown, decisions: ConnectionDecision[]) =>
  greeting === 'ended' ? decisions.filter(({ type }) => type !== 'refuse') : decisions;

describe('within its rate', () => {
  test.each(rows)('%s on %s', (greeting, name, [next, ...expected]) => {
    const connection = connect();
    connection.decide(...REACH[greeting].map((each) => EVENTS[each]));
    expect(connection.greeting()).toBe(greeting);
    expect(heard(greeting, connection.decide(EVENTS[name]))).toEqual(expected);
    expect([connection.greeting(), connection.rate()]).toEqual([next, 'open']);
  });
});

describe('penalised', () => {
  test.each(rows.filter(([greeting]) => greeting !== 'silent'))(
    '%s on %s',
    (greeting, name, [next, ...expected]) => {
      const connection = connect({ limit: 3 });
      connection.decide(...REACH[greeting].map((each) => EVENTS[each]));
      while (!connection.isUnread()) connection.frame();
      const isFrame = EVENTS[name].type.startsWith('frame.');
      const decisions = heard(greeting, connection.decide(EVENTS[name]));
      expect(decisions).toEqual(isFrame ? (greeting === 'ended' ? [] : [rateLimited]) : expected);
      expect([connection.greeting(), connection.rate()]).toEqual([isFrame ? greeting : next, 'penalised']);
    },
  );
});

describe('Hello', () => {
  test.each(READ_KINDS.filter((kind) => kind !== 'invalid hello'))(
    'after %s is refused, and nothing changes',
    (kind) => {
      for (const hello of [EVENTS.hello, EVENTS['hello with a token']]) {
        const connection = connect();
        connection.frame(kind);
        if (connection.greeting() === 'resuming') connection.decide(EVENTS.unknown);
        const before = connection.actor.getSnapshot().value;
        expect(connection.decide(hello)).toEqual([rejectHello]);
        expect(connection.actor.getSnapshot().value).toEqual(before);
      }
    },
  );
});

describe('an invalid Hello', () => {
  test('may be said again, as often as the rate allows, until another message comes', () => {
    const connection = connect({ limit: 3 });
    for (let i = 0; i < 2; i += 1) {
      expect(connection.decide(EVENTS['invalid hello'])).toEqual([refuseHello]);
      expect(connection.greeting()).toBe('silent');
    }
    expect(connection.decide(EVENTS.hello)).toEqual([register(true)]);
    const base = connect();
    base.decide(EVENTS['invalid hello']);
    expect(base.decide(EVENTS.message)).toEqual([register(false), pass]);
  });

  test('counts for the rate, and a frame beyond it opens no session', () => {
    const connection = connect({ limit: 2 });
    connection.decide(EVENTS['invalid hello'], EVENTS['invalid hello']);
    expect(connection.decide(EVENTS.hello)).toEqual([rateLimited, { type: 'rateLimited' }]);
    expect([connection.greeting(), connection.rate()]).toEqual(['silent', 'penalised']);
  });

  test('does not put off the end of the time for the first message', () => {
    const connection = connect({ firstMessageTimeoutMs: 1000 });
    connection.wait(999);
    connection.decide(EVENTS['invalid hello']);
    expect(connection.wait(1)).toEqual([{ type: 'close', reason: 'Silent' }]);
  });
});

describe('a transport that sends nothing', () => {
  test('is closed when its time is over, not before, and once', () => {
    const connection = connect();
    expect(connection.wait(SILENCE_MS - 1)).toEqual([]);
    expect(connection.wait(1)).toEqual([{ type: 'close', reason: 'Silent' }]);
    expect(connection.wait(10 * SILENCE_MS)).toEqual([]);
    expect(connection.decide(EVENTS.closed)).toEqual([detach('closed')]);
  });

  test.each(READ_KINDS)('is not closed after %s, except after an invalid Hello', (kind) => {
    const connection = connect();
    connection.wait(SILENCE_MS - 1);
    connection.frame(kind);
    expect(connection.wait(10 * SILENCE_MS)).toEqual(
      kind === 'invalid hello' ? [{ type: 'close', reason: 'Silent' }] : [],
    );
  });

  test('is not closed after it has ended', () => {
    const connection = connect();
    connection.decide(EVENTS.closed);
    expect(connection.wait(10 * SILENCE_MS)).toEqual([]);
  });
});

describe('the rate limit', () => {
  const answers = (decisions: ConnectionDecision[]) =>
    decisions.filter((decision) => decision.type === 'refuse' && decision.code === 'RateLimited');

  test.each(READ_KINDS)('%s: 20 pass, the 21st is refused at once and penalised', (kind) => {
    const connection = connect();
    expect(answers(connection.frames(LIMIT, kind))).toEqual([]);
    expect(connection.isUnread()).toBe(false);
    expect(connection.frame(kind)).toEqual([rateLimited, { type: 'rateLimited' }]);
    expect(connection.isUnread()).toBe(true);
  });

  test('frames of all kinds count alike', () => {
    const kinds = fc.array(fc.constantFrom(...READ_KINDS), { minLength: LIMIT + 1, maxLength: LIMIT + 1 });
    fc.assert(
      fc.property(kinds, fc.nat({ max: LIMIT }), (sequence, answerAfter) => {
        const connection = connect();
        sequence.forEach((kind, index) => {
          if (index === answerAfter) connection.decide(EVENTS.found);
          expect(answers(connection.frame(kind))).toHaveLength(index < LIMIT ? 0 : 1);
        });
      }),
    );
  });

  test('during the penalty every frame is answered RateLimited, and nothing else', () => {
    const connection = connect();
    connection.frames(LIMIT, 'message');
    connection.frame();
    for (const kind of FRAME_KINDS) {
      connection.clock.increment(100);
      expect(connection.frame(kind)).toEqual([rateLimited]);
    }
  });

  test('the penalty lasts one window from the frame that was too many, however many follow', () => {
    const connection = connect();
    connection.frames(LIMIT + 1);
    connection.clock.increment(WINDOW_MS - 1);
    expect(connection.frames(LIMIT)).toEqual(Array(LIMIT).fill(rateLimited));
    expect(connection.isUnread()).toBe(true);
    connection.clock.increment(1);
    expect(connection.isUnread()).toBe(false);
  });

  test('after the penalty the count starts afresh', () => {
    const connection = connect();
    connection.clock.increment(500);
    connection.frames(LIMIT + 1);
    connection.clock.increment(WINDOW_MS - 1);
    connection.frames(5);
    connection.clock.increment(1);
    expect(connection.frames(LIMIT)).toEqual([]);
    expect(connection.frame()).toEqual([rateLimited, { type: 'rateLimited' }]);
  });

  test('a second penalty is told again, once', () => {
    const connection = connect({ limit: 1 });
    for (const _ of [1, 2]) {
      expect(connection.frames(5).filter(({ type }) => type === 'rateLimited')).toHaveLength(1);
      connection.clock.increment(WINDOW_MS);
    }
  });

  test('a frame as old as the window no longer counts, a younger one does', () => {
    const young = connect();
    young.frames(LIMIT);
    young.clock.increment(WINDOW_MS - 1);
    expect(young.frame()).toContainEqual(rateLimited);

    const old = connect();
    old.frames(LIMIT);
    old.clock.increment(WINDOW_MS);
    expect(old.frames(LIMIT)).toEqual([]);
    expect(old.frame()).toContainEqual(rateLimited);
  });

  test('the window rolls: no second, wherever it starts, lets more than 20 through', () => {
    const connection = connect();
    connection.clock.increment(900);
    connection.frames(LIMIT / 2);
    connection.clock.increment(200); // a fixed window would have started anew at 1000
    expect(connection.frames(LIMIT / 2)).toEqual([]);
    expect(connection.frame()).toContainEqual(rateLimited);
  });

  test('frames expire one by one', () => {
    const connection = connect();
    for (let i = 0; i < LIMIT; i++) {
      connection.frame();
      connection.clock.increment(10);
    }
    connection.clock.increment(WINDOW_MS - LIMIT * 10); // the first is now as old as the window
    expect(connection.frame()).toEqual([]);
    expect(connection.frame()).toContainEqual(rateLimited);
  });

  test('a penalty does not outlive the transport', () => {
    const connection = connect({ limit: 1 });
    connection.frames(2, 'message');
    expect(connection.decide(EVENTS.lost)).toEqual([detach('lost')]);
    expect(connection.wait(WINDOW_MS)).toEqual([]);
    expect(connection.greeting()).toBe('ended');
  });

  test('is what a list of arrivals says, whatever the rhythm', () => {
    const gaps = fc.array(fc.oneof(fc.constantFrom(0, 1, 50, 500, 999, 1000), fc.nat({ max: 1200 })), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(gaps, fc.integer({ min: 1, max: 4 }), (sequence, limit) => {
        const connection = connect({ limit });
        let arrivals: number[] = [];
        let penalisedUntil = -Infinity;
        for (const gap of sequence) {
          connection.clock.increment(gap);
          const now = connection.clock.now();
          const isPenalised = now < penalisedUntil;
          arrivals = arrivals.filter((at) => now - at < WINDOW_MS);
          const isTooMany = !isPenalised && arrivals.length >= limit;
          expect(connection.isUnread()).toBe(isPenalised);
          const types = connection.frame('invalid').map(({ type }) => type);
          expect(types.filter((type) => type !== 'register')).toEqual(
            isTooMany ? ['refuse', 'rateLimited'] : isPenalised ? ['refuse'] : ['reject'],
          );
          expect(connection.isUnread()).toBe(isPenalised || isTooMany);
          if (isTooMany) {
            penalisedUntil = now + WINDOW_MS;
            arrivals = [];
          } else if (!isPenalised) arrivals.push(now);
        }
      }),
    );
  });
});

describe('every reachable state', () => {
  const TOO_MANY = -1;
  // Paths are explored without running actions, so nothing counts frames; `at` says which are too many.
  const machine = connectionMachine.provide({
    guards: { isOverLimit: ({ event }) => 'at' in event && event.at === TOO_MANY },
  });
  const timer = (type: string) => ({ type }) as unknown as ConnectionEvent;
  const TIMERS = {
    penalty: timer('xstate.after.penalty.connection.rate.penalised'),
    silence: timer('xstate.after.firstMessageTimeout.connection.greeting.silent'),
  };
  const events: ConnectionEvent[] = [
    ...Object.values(EVENTS),
    ...FRAME_KINDS.map((kind) => FRAMES[kind](TOO_MANY)),
    ...Object.values(TIMERS),
  ];
  /** The first frame is never one too many, and is always read: the limit is at least 1. */
  const isPossible = (greeting: unknown, event: ConnectionEvent) =>
    greeting !== 'silent' || !('at' in event) || (event.at !== TOO_MANY && event.type !== 'frame.unread');
  const paths = getShortestPaths(machine, {
    input,
    events,
    filterEvents: ({ value }, event) => isPossible(value.greeting, event),
  }).map(({ state, steps }) => ({
    name: `${state.value.greeting} ${state.value.rate}`,
    path: steps.map(({ event }) => event).filter(({ type }) => !type.startsWith('xstate.init')),
  }));

  /** Sends the events one by one; checks after each what must hold whatever came before. */
  function replay(sequence: readonly ConnectionEvent[]): void {
    const connection = connect({}, machine);
    let registrations = 0;
    let detachments = 0;
    for (const event of sequence) {
      const before = connection.greeting();
      if (!isPossible(before, event)) continue;
      const wasPenalised = connection.isUnread();
      const decisions = connection.decide(event);
      const types = decisions.map(({ type }) => type);
      for (const decision of decisions) {
        switch (decision.type) {
          case 'register': // one participant a connection, and at its first frame
            registrations += 1;
            expect(registrations).toBe(1);
            expect(['silent', 'resuming']).toContain(before);
            break;
          case 'resume':
            expect(before).toBe('silent');
            break;
          case 'pass':
            expect([before, connection.greeting()]).toContain('greeted');
            break;
          case 'close':
            expect(before).toBe('silent');
            break;
          case 'detach':
            detachments += 1;
            break;
        }
      }
      expect(detachments).toBe(connection.greeting() === 'ended' ? 1 : 0);
      expect(connection.isUnread()).toBe(connection.rate() === 'penalised');
      if (before === 'ended') expect(connection.greeting()).toBe('ended');
      if (wasPenalised && 'at' in event) expect(types).toEqual(['refuse']);
      if ('at' in event) expect(types.length).toBeLessThanOrEqual(2);
      expect(types.includes('rateLimited')).toBe(!wasPenalised && connection.isUnread());
    }
  }

  test('is one of four greetings at one of two rates, and all are reached', () => {
    const rates = ['open', 'penalised'];
    expect(paths.map(({ name }) => name).sort()).toEqual(
      [
        'silent open',
        ...['resuming', 'greeted', 'ended'].flatMap((greeting) => rates.map((rate) => `${greeting} ${rate}`)),
      ].sort(),
    );
  });

  test.each(paths.map(({ name, path }) => [name, path] as const))(
    '%s keeps the invariants, whatever comes next',
    (_, path) => {
      for (const event of events) replay([...path, event]);
    },
  );

  test('and so does every longer walk', () => {
    fc.assert(fc.property(fc.array(fc.constantFrom(...events), { maxLength: 40 }), replay));
  });

  test('the names of the timers are right: each does what its time does', () => {
    const cases: [FrameKind[], ConnectionEvent, number][] = [
      [[], TIMERS.silence, SILENCE_MS],
      [['message', 'message'], TIMERS.penalty, WINDOW_MS],
    ];
    for (const [kinds, event, ms] of cases) {
      const [byEvent, byTime] = [connect({ limit: 1 }), connect({ limit: 1 })];
      for (const connection of [byEvent, byTime]) for (const kind of kinds) connection.frame(kind);
      const before = byTime.actor.getSnapshot().value;
      const expected = byTime.wait(ms);
      expect(byEvent.decide(event)).toEqual(expected);
      expect(byEvent.actor.getSnapshot().value).toEqual(byTime.actor.getSnapshot().value);
      expect([expected, byTime.actor.getSnapshot().value]).not.toEqual([[], before]);
    }
  });
});
