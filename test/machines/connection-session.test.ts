import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { getShortestPaths } from 'xstate/graph';
import {
  type ConnectionDecision,
  type ConnectionEvent,
  type ConnectionInput,
  connectionMachine,
} from '../../machines/connection.ts';
import { startDecider } from '../support/decider.ts';

/** The session region of the connection machine: Hello, resume, interruption, grace; and what it leaves alone. */

const ROOM = 'room-1';
const TOKEN = 'token-1';
const WINDOW_MS = 1000;
const SILENCE_MS = 30_000;
const GRACE_MS = 15_000;
const RELOAD_GRACE_MS = 8000;
const input: ConnectionInput = {
  participant_id: 'self',
  limit: 20,
  windowMs: WINDOW_MS,
  firstMessageTimeoutMs: SILENCE_MS,
  outsideTimeoutMs: 3_600_000,
  resumeGraceMs: GRACE_MS,
  reloadGraceMs: RELOAD_GRACE_MS,
};

function connect(overrides: Partial<ConnectionInput> = {}, machine = connectionMachine) {
  const decider = startDecider(machine, { ...input, ...overrides });
  const snapshot = () => decider.actor.getSnapshot();
  return {
    ...decider,
    session: () => snapshot().value.session,
    seat: () => snapshot().value.seat,
    rate: () => snapshot().value.rate,
    roomId: () => snapshot().context.room_id,
    isSession: () => snapshot().hasTag('session'),
    isUnread: () => snapshot().hasTag('unread'),
  };
}

const offer = { type: 'Offer', to: 'b', sdp: 'v=0' } as const;

const EVENTS = {
  hello: { type: 'client.hello', at: 0, resume: null },
  'hello with a token': { type: 'client.hello', at: 0, resume: { token: TOKEN, lastSeq: 7 } },
  create: { type: 'client.create', at: 0 },
  join: { type: 'client.join', at: 0, room_id: ROOM, createIfMissing: true },
  leave: { type: 'client.leave', at: 0 },
  relay: { type: 'client.relay', at: 0, message: offer },
  invalid: { type: 'client.invalid', at: 0, reason: 'no JSON' },
  unread: { type: 'client.unread', at: 0 },
  entered: { type: 'room.entered', room_id: ROOM },
  refused: { type: 'room.refused', code: 'RoomFull', message: 'full' },
  'room closed': { type: 'room.closed', message: 'over' },
  found: { type: 'session.found' },
  unknown: { type: 'session.unknown' },
  attached: { type: 'socket.attached', lost: false },
  'attached, lost': { type: 'socket.attached', lost: true },
  lost: { type: 'socket.lost' },
  away: { type: 'socket.away' },
  closed: { type: 'socket.closed' },
  draining: { type: 'server.draining' },
} as const satisfies Record<string, ConnectionEvent>;
type EventName = keyof typeof EVENTS;
const EVENT_NAMES = Object.keys(EVENTS) as EventName[];

type Session = 'silent' | 'base' | 'resuming' | 'attached' | 'interrupted' | 'handedOver';

const refuse = (code: string, message: unknown = expect.any(String)) => ({ type: 'refuse', code, message });
const notNow = refuse('InvalidPayload');
const greet = { type: 'greet' };
const resume = { type: 'resume', token: TOKEN, lastSeq: 7 };
const leave = { type: 'leave', room_id: ROOM };
const closed = { type: 'closed' };
const interrupted = (room_id: string | null = null) => ({ type: 'interrupted', room_id });
const resumed = (lost: boolean, room_id: string | null = null) => ({ type: 'resumed', room_id, lost });

/** How each state of the session is reached from the start, outside a room. */
const REACH: Record<Session, EventName[]> = {
  silent: [],
  base: ['unread'],
  resuming: ['hello with a token'],
  attached: ['hello'],
  interrupted: ['hello', 'lost'],
  handedOver: ['hello with a token', 'found'],
};

type Row = [next: Session, ...decisions: object[]];

/** What has nothing to do with the session: the seat decides as it does in the base protocol. */
const base = (session: Session) => ({
  create: [session, { type: 'create' }] as Row,
  join: [session, { type: 'join', room_id: ROOM, createIfMissing: true }] as Row,
  leave: [session, notNow] as Row,
  relay: [session, notNow] as Row,
  invalid: [session, refuse('InvalidPayload', 'no JSON')] as Row,
  unread: [session] as Row,
  entered: [session] as Row,
  refused: [session] as Row,
  'room closed': [session] as Row,
  draining: [session] as Row,
});

/** What every event does in every state of the session, outside a room and within the rate. */
const TABLE: Record<Session, Record<EventName, Row>> = {
  silent: {
    ...base('base'),
    entered: ['silent'],
    refused: ['silent'],
    'room closed': ['silent'],
    draining: ['silent'],
    hello: ['attached', greet],
    'hello with a token': ['resuming', resume],
    found: ['silent'],
    unknown: ['silent'],
    attached: ['silent'],
    'attached, lost': ['silent'],
    lost: ['silent', closed],
    away: ['silent', closed],
    closed: ['silent', closed],
  },
  base: {
    ...base('base'),
    hello: ['base', notNow],
    'hello with a token': ['base', notNow],
    found: ['base'],
    unknown: ['base'],
    attached: ['base'],
    'attached, lost': ['base'],
    lost: ['base', closed],
    away: ['base', closed],
    closed: ['base', closed],
  },
  resuming: {
    ...base('resuming'),
    hello: ['resuming'],
    'hello with a token': ['resuming'],
    found: ['handedOver', closed],
    unknown: ['attached', greet],
    attached: ['resuming'],
    'attached, lost': ['resuming'],
    lost: ['resuming', closed],
    away: ['resuming', closed],
    closed: ['resuming', closed],
  },
  attached: {
    ...base('attached'),
    hello: ['attached', notNow],
    'hello with a token': ['attached', notNow],
    found: ['attached'],
    unknown: ['attached'],
    attached: ['attached', resumed(false)],
    'attached, lost': ['attached', resumed(true)],
    lost: ['interrupted', interrupted()],
    away: ['interrupted', interrupted()],
    closed: ['attached', closed],
  },
  interrupted: {
    ...base('interrupted'),
    hello: ['interrupted'],
    'hello with a token': ['interrupted'],
    found: ['interrupted'],
    unknown: ['interrupted'],
    attached: ['attached', resumed(false)],
    'attached, lost': ['attached', resumed(true)],
    // A socket may be lost while the session is being moved to it: the grace goes on.
    lost: ['interrupted'],
    away: ['interrupted'],
    closed: ['interrupted', closed],
  },
  handedOver: {
    hello: ['handedOver'],
    'hello with a token': ['handedOver'],
    create: ['handedOver'],
    join: ['handedOver'],
    leave: ['handedOver'],
    relay: ['handedOver'],
    invalid: ['handedOver'],
    unread: ['handedOver'],
    entered: ['handedOver'],
    refused: ['handedOver'],
    'room closed': ['handedOver'],
    found: ['handedOver'],
    unknown: ['handedOver'],
    attached: ['handedOver'],
    'attached, lost': ['handedOver'],
    lost: ['handedOver'],
    away: ['handedOver'],
    closed: ['handedOver'],
    draining: ['handedOver'],
  },
};

const SESSIONS = Object.keys(TABLE) as Session[];

/** Once the connection is over nobody hears a refusal, so it does not matter whether there is one. */
function heard(seat: unknown, decisions: ConnectionDecision[]): ConnectionDecision[] {
  return seat === 'closed' ? decisions.filter(({ type }) => type !== 'refuse') : decisions;
}

describe('the session', () => {
  const rows = SESSIONS.flatMap((session) =>
    EVENT_NAMES.map((name) => [session, name, TABLE[session][name]] as const),
  );

  test.each(rows)('%s on %s', (session, name, [next, ...expected]) => {
    const connection = connect();
    connection.decide(...REACH[session].map((each) => EVENTS[each]));
    expect(connection.session()).toBe(session);
    const before = connection.seat();
    expect(heard(before, connection.decide(EVENTS[name]))).toEqual(expected);
    expect(connection.session()).toBe(next);
    expect(connection.isSession()).toBe(['attached', 'interrupted'].includes(next));
    if (expected.includes(closed)) expect(connection.seat()).toBe('closed');
  });

  test.each(['attached', 'interrupted'] as const)('%s, in a room: the room hears of it', (session) => {
    const connection = connect();
    connection.decide(EVENTS.hello, EVENTS.join, EVENTS.entered);
    if (session === 'interrupted') {
      expect(connection.decide(EVENTS.lost)).toEqual([interrupted(ROOM)]);
    }
    expect(connection.decide(EVENTS['attached, lost'])).toEqual([resumed(true, ROOM)]);
    expect(connection.decide(EVENTS.lost)).toEqual([interrupted(ROOM)]);
    expect(connection.decide(EVENTS.attached)).toEqual([resumed(false, ROOM)]);
    expect([connection.seat(), connection.roomId()]).toEqual(['inside', ROOM]);
  });

  test('closed in a room, by the client: leaves at once, attached or interrupted', () => {
    for (const events of [[], [EVENTS.lost]]) {
      const connection = connect();
      connection.decide(EVENTS.hello, EVENTS.join, EVENTS.entered, ...events);
      expect(connection.decide(EVENTS.closed)).toEqual([leave, closed]);
      expect(connection.roomId()).toBeNull();
    }
  });

  test('lost in a room without a session: leaves at once', () => {
    const connection = connect();
    connection.decide(EVENTS.join, EVENTS.entered);
    expect(connection.decide(EVENTS.lost)).toEqual([leave, closed]);
    expect(connection.wait(10 * GRACE_MS)).toEqual([]);
  });

  test('a room may let it in, refuse it, or close while it is interrupted', () => {
    const connection = connect();
    connection.decide(EVENTS.hello, EVENTS.join, EVENTS.lost);
    expect(connection.decide(EVENTS.entered)).toEqual([]);
    expect(connection.roomId()).toBe(ROOM);
    expect(connection.decide(EVENTS['room closed'])).toEqual([refuse('Internal', 'over')]);
    expect(connection.decide(EVENTS.attached)).toEqual([resumed(false)]);
    expect([connection.session(), connection.seat()]).toEqual(['attached', 'outside']);

    connection.decide(EVENTS.join, EVENTS.lost);
    expect(connection.decide(EVENTS.refused)).toEqual([refuse('RoomFull', 'full')]);
    expect([connection.session(), connection.seat()]).toEqual(['interrupted', 'outside']);
  });
});

describe('Hello', () => {
  test.each(EVENT_NAMES.filter((name) => EVENTS[name].type.startsWith('client.')))(
    'after %s is refused, and nothing changes',
    (name) => {
      for (const hello of [EVENTS.hello, EVENTS['hello with a token']]) {
        const connection = connect();
        connection.decide(EVENTS[name]);
        if (connection.session() === 'resuming') connection.decide(EVENTS.unknown);
        const before = connection.actor.getSnapshot();
        expect(connection.decide(hello)).toEqual([notNow]);
        expect(connection.actor.getSnapshot().value).toEqual(before.value);
        expect(connection.roomId()).toBe(before.context.room_id);
      }
    },
  );

  test('counts for the rate like any other frame', () => {
    const connection = connect({ limit: 3 });
    expect(connection.decide(EVENTS.hello, EVENTS.hello, EVENTS.hello)).toEqual([greet, notNow, notNow]);
    expect(connection.decide(EVENTS.hello)).toEqual([refuse('RateLimited'), { type: 'rateLimited' }]);
    expect(connection.decide(EVENTS.hello, EVENTS['hello with a token'])).toEqual([
      refuse('RateLimited'),
      refuse('RateLimited'),
    ]);
    expect(connection.session()).toBe('attached');
  });
});

describe('a socket that says nothing', () => {
  test('is hung up on when its time is over, not before, and once', () => {
    const connection = connect();
    expect(connection.wait(SILENCE_MS - 1)).toEqual([]);
    expect(connection.wait(1)).toEqual([{ type: 'hangUp', reason: 'Silent' }]);
    expect(connection.wait(10 * SILENCE_MS)).toEqual([]);
    expect(connection.decide(EVENTS.closed)).toEqual([closed]);
  });

  test.each(EVENT_NAMES.filter((name) => EVENTS[name].type.startsWith('client.')))(
    'it is not silent any more after %s',
    (name) => {
      const connection = connect();
      connection.wait(SILENCE_MS - 1);
      connection.decide(EVENTS[name]);
      expect(connection.wait(10 * SILENCE_MS)).toEqual([]);
    },
  );

  test('gone in time, it is not hung up on', () => {
    const connection = connect();
    connection.decide(EVENTS.closed);
    connection.actor.stop(); // as src/connection.ts does once it is closed
    expect(connection.wait(10 * SILENCE_MS)).toEqual([]);
  });
});

describe('the grace', () => {
  /** A session that is a member of a room, and has just lost its socket. */
  function interrupt(overrides: Partial<ConnectionInput> = {}) {
    const connection = connect(overrides);
    connection.decide(EVENTS.hello, EVENTS.join, EVENTS.entered, EVENTS.lost);
    return connection;
  }

  test('over, the session leaves, once; not before', () => {
    const connection = interrupt();
    expect(connection.wait(GRACE_MS - 1)).toEqual([]);
    expect(connection.wait(1)).toEqual([leave, closed]);
    expect(connection.roomId()).toBeNull();
    expect(connection.wait(10 * GRACE_MS)).toEqual([]);
    expect(connection.decide(EVENTS.attached)).not.toContainEqual(leave);
  });

  test('attached in the last moment, it stays for ever', () => {
    const connection = interrupt();
    connection.wait(GRACE_MS - 1);
    connection.decide(EVENTS.attached);
    expect(connection.wait(100 * GRACE_MS)).toEqual([]);
    expect([connection.session(), connection.seat()]).toEqual(['attached', 'inside']);
  });

  test('starts anew with every interruption', () => {
    const connection = interrupt();
    for (let i = 0; i < 5; i++) {
      connection.wait(GRACE_MS - 1);
      connection.decide(EVENTS.attached, EVENTS.lost);
    }
    expect(connection.wait(GRACE_MS - 1)).toEqual([]);
    expect(connection.wait(1)).toEqual([leave, closed]);
  });

  test('is not prolonged by a socket that is lost before it was attached', () => {
    const connection = interrupt();
    connection.wait(GRACE_MS / 2);
    expect(connection.decide(EVENTS.lost)).toEqual([]);
    expect(connection.wait(GRACE_MS / 2)).toEqual([leave, closed]);
  });

  test('is shorter when the page was left or reloaded', () => {
    const connection = connect();
    connection.decide(EVENTS.hello, EVENTS.join, EVENTS.entered);
    expect(connection.decide(EVENTS.away)).toEqual([interrupted(ROOM)]);
    connection.wait(RELOAD_GRACE_MS - 1);
    expect(connection.decide(EVENTS.attached)).toEqual([resumed(false, ROOM)]);
    connection.decide(EVENTS.away);
    expect(connection.wait(RELOAD_GRACE_MS - 1)).toEqual([]);
    expect(connection.wait(1)).toEqual([leave, closed]);
  });

  test('of 0 ends the session as soon as the clock ticks', () => {
    const connection = interrupt({ resumeGraceMs: 0 });
    expect(connection.wait(1)).toEqual([leave, closed]);
  });

  test.each([
    ['before', [EVENTS.draining, EVENTS.lost]],
    ['after', [EVENTS.lost, EVENTS.draining]],
  ] as const)('never ends in a drain that began %s the interruption', (_, events) => {
    const connection = connect();
    connection.decide(EVENTS.hello, EVENTS.join, EVENTS.entered);
    expect(connection.decide(...events)).toEqual([interrupted(ROOM)]);
    expect(connection.wait(100 * GRACE_MS)).toEqual([]);
    expect(connection.decide(EVENTS.closed)).toEqual([leave, closed]);
  });

  test('of a page that was left ends in a drain, too', () => {
    const connection = connect();
    connection.decide(EVENTS.hello, EVENTS.join, EVENTS.entered, EVENTS.draining, { type: 'socket.away' });
    expect(connection.wait(GRACE_MS)).toEqual([leave, closed]);
  });

  test('over while a room has still to answer: leaves the moment it is let in', () => {
    const connection = connect();
    connection.decide(EVENTS.hello, EVENTS.join, EVENTS.lost);
    expect(connection.wait(GRACE_MS)).toEqual([]);
    expect(connection.seat()).toBe('abandoning');
    expect(connection.decide(EVENTS.entered)).toEqual([leave, closed]);
  });
});

describe('the rate', () => {
  const frames = (count: number) => Array.from({ length: count }, () => EVENTS.unread);

  test('counts afresh for each socket', () => {
    const connection = connect();
    connection.decide(EVENTS.hello, ...frames(19));
    connection.decide(EVENTS.lost, EVENTS.attached);
    expect(connection.decide(...frames(20))).toEqual([]);
    expect(connection.decide(EVENTS.unread)).toEqual([refuse('RateLimited'), { type: 'rateLimited' }]);
  });

  test.each([
    ['interrupted', [EVENTS.lost, EVENTS.attached]],
    ['replaced', [EVENTS.attached]],
  ] as const)('a penalty ends with its socket, %s', (_, events) => {
    const connection = connect();
    connection.decide(EVENTS.hello, ...frames(20));
    expect(connection.isUnread()).toBe(true);
    connection.decide(...events);
    expect([connection.isUnread(), connection.rate()]).toEqual([false, 'open']);
    expect(connection.decide(...frames(20))).toEqual([]);
    expect(connection.wait(WINDOW_MS)).toEqual([]); // the end of the old penalty says nothing now
    connection.decide(...frames(20));
    expect(connection.isUnread()).toBe(true);
  });

  test('the end of an old penalty does not end a new one', () => {
    const connection = connect();
    connection.decide(EVENTS.hello, ...frames(20));
    connection.wait(WINDOW_MS / 2);
    connection.decide(EVENTS.attached, ...frames(21));
    connection.wait(WINDOW_MS / 2);
    expect(connection.isUnread()).toBe(true);
    connection.wait(WINDOW_MS / 2);
    expect(connection.isUnread()).toBe(false);
  });
});

describe('the base protocol', () => {
  /** What every event but Hello decides is the same, said by a session or by nobody in particular. */
  const names = EVENT_NAMES.filter((name) => {
    const { type } = EVENTS[name];
    return !['client.hello', 'socket.lost', 'socket.away', 'socket.attached'].includes(type);
  });

  test('is the same in a session, whatever the order of events', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...names), { maxLength: 30 }), (sequence) => {
        const [without, within] = [connect({ limit: 8 }), connect({ limit: 8 })];
        without.decide(EVENTS.unread);
        within.decide(EVENTS.hello);
        for (const name of sequence) {
          expect(within.decide(EVENTS[name])).toEqual(without.decide(EVENTS[name]));
          expect(within.seat()).toEqual(without.seat());
          expect(within.rate()).toEqual(without.rate());
        }
      }),
    );
  });

  test('never comes to a session, whatever follows its first message', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...EVENT_NAMES), { maxLength: 30 }), (sequence) => {
        const connection = connect();
        connection.decide(EVENTS.unread);
        for (const name of sequence) {
          for (const { type } of connection.decide(EVENTS[name])) {
            expect(['greet', 'resume', 'interrupted', 'resumed', 'hangUp']).not.toContain(type);
          }
          expect([connection.session(), connection.isSession()]).toEqual(['base', false]);
        }
        expect(connection.wait(10 * SILENCE_MS)).toEqual([]);
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
  const TIMERS = [
    timer('xstate.after.penalty.connection.rate.penalised'),
    timer('xstate.after.firstMessageTimeout.connection.session.silent'),
    timer('xstate.after.grace.connection.session.interrupted'),
  ];
  const events: ConnectionEvent[] = [
    ...Object.values(EVENTS),
    { ...EVENTS.hello, at: TOO_MANY },
    { ...EVENTS.unread, at: TOO_MANY },
    ...TIMERS,
  ];
  const paths = getShortestPaths(machine, {
    input,
    events,
    serializeState: ({ value, context }) =>
      JSON.stringify([value, (context as { room_id: unknown }).room_id]),
  }).map(({ state, steps }) => ({
    value: state.value as { rate: string; session: string; seat: string },
    path: steps.map(({ event }) => event).filter(({ type }) => !type.startsWith('xstate.init')),
  }));

  test('all sessions, seats and rates are reached, and every pair that can be', () => {
    const reached = (pick: (value: (typeof paths)[number]['value']) => string) =>
      [...new Set(paths.map(({ value }) => pick(value)))].sort();
    expect(reached(({ session }) => session)).toEqual([...SESSIONS].sort());
    expect(reached(({ rate }) => rate)).toEqual(['open', 'penalised']);
    const seats = ['abandoning', 'closed', 'entering', 'inside', 'outside'];
    const pairs = ['base', 'attached', 'interrupted', 'resuming'].flatMap((session) =>
      seats.map((seat) => `${session} ${seat}`),
    );
    expect(reached(({ session, seat }) => `${session} ${seat}`)).toEqual(
      [...pairs, 'silent outside', 'silent closed', 'handedOver closed', 'handedOver abandoning'].sort(),
    );
  });

  /** Sends the events one by one; checks after each what must hold whatever came before. */
  function replay(sequence: readonly ConnectionEvent[]) {
    const connection = connect({}, machine);
    let entries = 0;
    let leaves = 0;
    let closings = 0;
    let readies = 0;
    for (const event of sequence) {
      const before = { session: connection.session(), seat: connection.seat() };
      const isOver = before.seat === 'closed';
      const decisions = connection.decide(event);
      if (event.type === 'room.entered' && ['entering', 'abandoning'].includes(before.seat)) entries += 1;
      for (const decision of decisions) {
        switch (decision.type) {
          case 'leave':
            leaves += 1;
            expect(decision.room_id).toBe(ROOM);
            break;
          case 'closed':
            closings += 1;
            break;
          case 'greet':
            readies += 1;
            break;
          case 'resume':
            expect(before.session).toBe('silent');
            break;
          case 'interrupted':
            expect([before.session, connection.session()]).toEqual(['attached', 'interrupted']);
            expect(decision.room_id).toBe(connection.roomId());
            break;
          case 'resumed':
            expect(connection.session()).toBe('attached');
            expect(decision.room_id).toBe(connection.roomId());
            break;
          case 'hangUp':
            expect(before.session).toBe('silent');
            break;
        }
      }
      expect(leaves).toBeLessThanOrEqual(entries);
      expect(closings).toBe(connection.seat() === 'closed' ? 1 : 0);
      expect(readies).toBeLessThanOrEqual(1);
      expect(connection.isSession()).toBe(['attached', 'interrupted'].includes(connection.session()));
      // The room alone says who is in it: what happens to the socket changes that by leaving, or not at all.
      expect(connection.seat() === 'inside').toBe(connection.roomId() !== null);
      if (isOver) expect(['closed', null]).toEqual([connection.seat(), connection.roomId()]);
    }
    return { connection, left: () => leaves, entered: () => entries };
  }

  const states = paths.map(({ value, path }) => [JSON.stringify(value), value, path] as const);

  test.each(states)('%s keeps the invariants, whatever comes next', (_, __, path) => {
    for (const event of events) replay([...path, event]);
  });

  test.each(states)('%s: the end of the socket, by the client’s wish, ends it', (_, { seat }, path) => {
    const { connection, left, entered } = replay(path);
    const decisions = connection.decide(EVENTS.closed, EVENTS.entered);
    expect(connection.seat()).toBe('closed');
    const expected = seat === 'closed' ? 0 : 1;
    expect(decisions.filter(({ type }) => type === 'closed')).toHaveLength(expected);
    const late = decisions.filter(({ type }) => type === 'leave').length;
    const lateEntries = ['entering', 'abandoning'].includes(seat) ? 1 : 0;
    expect(left() + late).toBeLessThanOrEqual(entered() + lateEntries);
    expect(late).toBe(seat === 'closed' || seat === 'outside' ? 0 : 1);
  });

  test.each(states)('%s: the loss of the socket ends it within the grace', (_, { session }, path) => {
    const { connection } = replay(path);
    connection.decide(EVENTS.lost);
    connection.wait(GRACE_MS);
    connection.decide(EVENTS.entered);
    expect(connection.seat()).toBe('closed');
    if (session !== 'attached') return;
    const again = replay(path).connection;
    again.decide(EVENTS.lost);
    again.wait(GRACE_MS - 1);
    expect(again.session()).toBe('interrupted');
  });

  test.each(states.filter(([, { session }]) => session === 'interrupted'))(
    '%s: without another socket it ends within the grace, whatever the client or its room do',
    (_, __, path) => {
      const others = events.filter(({ type }) => !/^(socket.attached|server.draining|xstate\.)/.test(type));
      fc.assert(
        fc.property(fc.array(fc.constantFrom(...others), { maxLength: 10 }), (sequence) => {
          const { connection } = replay([...path, ...sequence]);
          connection.wait(GRACE_MS);
          connection.decide(EVENTS.entered);
          expect(connection.seat()).toBe('closed');
        }),
        { numRuns: 20 },
      );
    },
  );

  test('and so does every longer walk', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...events), { maxLength: 40 }),
        (sequence) => void replay(sequence),
      ),
      { numRuns: 500 },
    );
  });

  test('the names of the timers are right: each does what its time does', () => {
    const cases: [EventName[], ConnectionEvent, number][] = [
      [[], TIMERS[1] as ConnectionEvent, SILENCE_MS],
      [['hello', 'lost'], TIMERS[2] as ConnectionEvent, GRACE_MS],
    ];
    for (const [names, event, ms] of cases) {
      const [byEvent, byTime] = [connect(), connect()];
      for (const connection of [byEvent, byTime]) {
        connection.decide(...names.map((name) => EVENTS[name]));
      }
      const expected = byTime.wait(ms);
      expect(expected).not.toEqual([]);
      expect(byEvent.decide(event)).toEqual(expected);
      expect(byEvent.actor.getSnapshot().value).toEqual(byTime.actor.getSnapshot().value);
    }
  });
});
