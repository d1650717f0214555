import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createActor, SimulatedClock } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import {
  type ConnectionDecision,
  type ConnectionEvent,
  type ConnectionInput,
  connectionMachine,
} from '../../machines/connection.ts';

const ROOM = 'room-1';
const LIMIT = 20;
const WINDOW_MS = 1000;
const SILENT_MS = 30_000;
const GRACE_MS = 15_000;
const OUTSIDE_MS = 3_600_000;
const input = {
  participant_id: 'self',
  limit: LIMIT,
  windowMs: WINDOW_MS,
  firstMessageTimeoutMs: SILENT_MS,
  outsideTimeoutMs: OUTSIDE_MS,
  resumeGraceMs: GRACE_MS,
  reloadGraceMs: GRACE_MS,
};

function connect(overrides: Partial<ConnectionInput> = {}, machine = connectionMachine) {
  const clock = new SimulatedClock();
  const actor = createActor(machine, { clock, input: { ...input, ...overrides } });
  let decisions: ConnectionDecision[] = [];
  actor.on('*', (decision) => decisions.push(decision));
  actor.start();
  const connection = {
    actor,
    clock,
    /** Sends an event and returns what the connection decided. */
    decide(event: ConnectionEvent): ConnectionDecision[] {
      decisions = [];
      actor.send(event);
      return decisions;
    },
    /** What it decided since the last event was sent. */
    decisions: () => decisions,
    /** A frame that arrives now. */
    frame: (kind: FrameKind = 'client.unread') => connection.decide(FRAMES[kind](clock.now())),
    frames(count: number, kind?: FrameKind): ConnectionDecision[] {
      return Array.from({ length: count }, () => connection.frame(kind)).flat();
    },
    seat: () => actor.getSnapshot().value.seat,
    rate: () => actor.getSnapshot().value.rate,
    session: () => actor.getSnapshot().value.session,
    roomId: () => actor.getSnapshot().context.room_id,
    isUnread: () => actor.getSnapshot().hasTag('unread'),
    isSession: () => actor.getSnapshot().hasTag('session'),
  };
  return connection;
}

const offer = { type: 'Offer', to: 'b', sdp: 'v=0' } as const;

const FRAMES = {
  'client.hello': (at: number): ConnectionEvent => ({ type: 'client.hello', at, resume: null }),
  'client.create': (at: number): ConnectionEvent => ({ type: 'client.create', at }),
  'client.join': (at: number): ConnectionEvent => ({
    type: 'client.join',
    at,
    room_id: ROOM,
    createIfMissing: false,
  }),
  'client.leave': (at: number): ConnectionEvent => ({ type: 'client.leave', at }),
  'client.relay': (at: number): ConnectionEvent => ({ type: 'client.relay', at, message: offer }),
  'client.invalid': (at: number): ConnectionEvent => ({ type: 'client.invalid', at, reason: 'no JSON' }),
  'client.unread': (at: number): ConnectionEvent => ({ type: 'client.unread', at }),
};
type FrameKind = keyof typeof FRAMES;
const FRAME_KINDS = Object.keys(FRAMES) as FrameKind[];

const entered: ConnectionEvent = { type: 'room.entered', room_id: ROOM };
const refused: ConnectionEvent = { type: 'room.refused', code: 'RoomFull', message: 'full' };
const roomClosed: ConnectionEvent = { type: 'room.closed', message: 'over' };
const socketClosed: ConnectionEvent = { type: 'socket.closed' };
const socketLost: ConnectionEvent = { type: 'socket.lost' };
const attached: ConnectionEvent = { type: 'socket.attached', lost: false };
const resumption = { token: 'token', lastSeq: 7 };
const resume: ConnectionEvent = { type: 'client.hello', at: 0, resume: resumption };

const EVENTS: Record<ConnectionEvent['type'], ConnectionEvent> = {
  'client.hello': FRAMES['client.hello'](0),
  'client.create': FRAMES['client.create'](0),
  'client.join': FRAMES['client.join'](0),
  'client.leave': FRAMES['client.leave'](0),
  'client.relay': FRAMES['client.relay'](0),
  'client.invalid': FRAMES['client.invalid'](0),
  'client.unread': FRAMES['client.unread'](0),
  'room.entered': entered,
  'room.refused': refused,
  'room.closed': roomClosed,
  'session.found': { type: 'session.found' },
  'session.unknown': { type: 'session.unknown' },
  'socket.attached': attached,
  'socket.lost': socketLost,
  'socket.away': { type: 'socket.away' },
  'socket.closed': socketClosed,
  'server.draining': { type: 'server.draining' },
};
const TYPES = Object.keys(EVENTS) as ConnectionEvent['type'][];

type Seat = 'outside' | 'entering' | 'inside' | 'abandoning' | 'closed';
type Row = [next: Seat, ...decisions: object[]];

const leave = { type: 'leave', room_id: ROOM };
const closed = { type: 'closed' };
const refuse = (code: string, message: unknown = expect.any(String)) => ({ type: 'refuse', code, message });
const invalid = refuse('InvalidPayload');
const rateLimited = refuse('RateLimited');

/** How each seat is reached from the start, by the base protocol. */
const REACH: Record<Seat, ConnectionEvent[]> = {
  outside: [EVENTS['client.invalid']],
  entering: [EVENTS['client.join']],
  inside: [EVENTS['client.join'], entered],
  abandoning: [EVENTS['client.join'], socketClosed],
  closed: [EVENTS['client.invalid'], socketClosed],
};

/**
 * What every event does in every seat of a base connection, while the rate is within its limit. What is for
 * sessions has no effect, and however the socket ends, it is the end.
 */
const TABLE: Record<Seat, Record<ConnectionEvent['type'], Row>> = {
  outside: {
    ...nothingOfSessions('outside'),
    'client.hello': ['outside', invalid],
    'client.create': ['entering', { type: 'create' }],
    'client.join': ['entering', { type: 'join', room_id: ROOM, createIfMissing: false }],
    'client.leave': ['outside', invalid],
    'client.relay': ['outside', invalid],
    'client.invalid': ['outside', refuse('InvalidPayload', 'no JSON')],
    'client.unread': ['outside'],
    'room.entered': ['outside'],
    'room.refused': ['outside'],
    'room.closed': ['outside'],
    'socket.lost': ['closed', closed],
    'socket.away': ['closed', closed],
    'socket.closed': ['closed', closed],
  },
  entering: {
    ...nothingOfSessions('entering'),
    'client.hello': ['entering', invalid],
    'client.create': ['entering', invalid],
    'client.join': ['entering', invalid],
    'client.leave': ['entering', invalid],
    'client.relay': ['entering', invalid],
    'client.invalid': ['entering', refuse('InvalidPayload', 'no JSON')],
    'client.unread': ['entering'],
    'room.entered': ['inside'],
    'room.refused': ['outside', refuse('RoomFull', 'full')],
    'room.closed': ['entering'],
    'socket.lost': ['abandoning'],
    'socket.away': ['abandoning'],
    'socket.closed': ['abandoning'],
  },
  inside: {
    ...nothingOfSessions('inside'),
    'client.hello': ['inside', invalid],
    'client.create': ['inside', invalid],
    'client.join': ['inside', invalid],
    'client.leave': ['outside', leave],
    'client.relay': ['inside', { type: 'relay', room_id: ROOM, message: offer }],
    'client.invalid': ['inside', refuse('InvalidPayload', 'no JSON')],
    'client.unread': ['inside'],
    'room.entered': ['inside'],
    'room.refused': ['inside'],
    'room.closed': ['outside', refuse('Internal', 'over')],
    'socket.lost': ['closed', leave, closed],
    'socket.away': ['closed', leave, closed],
    'socket.closed': ['closed', leave, closed],
  },
  abandoning: {
    ...nothingOfSessions('abandoning'),
    ...nothingOnFrames('abandoning'),
    'room.entered': ['closed', leave, closed],
    'room.refused': ['closed', closed],
    'room.closed': ['abandoning'],
    'socket.lost': ['abandoning'],
    'socket.away': ['abandoning'],
    'socket.closed': ['abandoning'],
  },
  closed: {
    ...nothingOfSessions('closed'),
    ...nothingOnFrames('closed'),
    'room.entered': ['closed'],
    'room.refused': ['closed'],
    'room.closed': ['closed'],
    'socket.lost': ['closed'],
    'socket.away': ['closed'],
    'socket.closed': ['closed'],
  },
};

type OfSessions = 'session.found' | 'session.unknown' | 'socket.attached' | 'server.draining';

function nothingOfSessions(seat: Seat): Record<OfSessions, Row> {
  return {
    'session.found': [seat],
    'session.unknown': [seat],
    'socket.attached': [seat],
    'server.draining': [seat],
  };
}

function nothingOnFrames(seat: Seat): Record<FrameKind, Row> {
  return {
    'client.hello': [seat],
    'client.create': [seat],
    'client.join': [seat],
    'client.leave': [seat],
    'client.relay': [seat],
    'client.invalid': [seat],
    'client.unread': [seat],
  };
}

const rows = (Object.keys(TABLE) as Seat[]).flatMap((seat) =>
  TYPES.map((type) => [seat, type, TABLE[seat][type]] as const),
);

/** Once the socket is gone nobody hears a refusal, so it does not matter whether there is one. */
function heard(seat: Seat, decisions: ConnectionDecision[]): ConnectionDecision[] {
  const isGone = seat === 'abandoning' || seat === 'closed';
  return isGone ? decisions.filter(({ type }) => type !== 'refuse') : decisions;
}

describe('within its rate', () => {
  test.each(rows)('%s on %s', (seat, type, [next, ...expected]) => {
    const connection = connect();
    for (const event of REACH[seat]) connection.decide(event);
    expect(connection.seat()).toBe(seat);
    expect(heard(seat, connection.decide(EVENTS[type]))).toEqual(expected);
    expect(connection.seat()).toBe(next);
    expect(connection.roomId()).toBe(next === 'inside' ? ROOM : null);
    expect(connection.rate()).toBe('open');
    expect([connection.session(), connection.isSession()]).toEqual(['base', false]);
  });

  test('a client may enter, leave and enter again', () => {
    const connection = connect();
    for (const kind of ['client.create', 'client.join'] as const) {
      connection.frame(kind);
      connection.decide({ type: 'room.entered', room_id: `room of ${kind}` });
      expect(connection.roomId()).toBe(`room of ${kind}`);
      expect(connection.frame('client.leave')).toEqual([{ type: 'leave', room_id: `room of ${kind}` }]);
    }
  });

  test('a frame refused leaves the seat and the room as they were', () => {
    const connection = connect();
    connection.frame('client.join');
    connection.decide(entered);
    const before = connection.actor.getSnapshot();
    expect(connection.frames(3, 'client.create')).toEqual([invalid, invalid, invalid]);
    expect(connection.actor.getSnapshot().value).toEqual(before.value);
    expect(connection.actor.getSnapshot().context).toEqual(before.context);
  });
});

describe('a session with its socket, within its rate', () => {
  /** Its seat is as a base connection's, but that another socket may come, and that the loss of one is no end. */
  const sessionRows = rows.map(([seat, type, row]) => {
    const room_id = seat === 'inside' ? ROOM : null;
    if (type === 'socket.lost' || type === 'socket.away')
      return [seat, type, [seat, { type: 'interrupted', room_id }] as Row] as const;
    if (type === 'socket.attached') {
      return [seat, type, [seat, { type: 'resumed', room_id, lost: false }] as Row] as const;
    }
    return [seat, type, row] as const;
  });

  test.each(sessionRows)('%s on %s', (seat, type, [next, ...expected]) => {
    const connection = connect();
    expect(connection.frame('client.hello')).toEqual([{ type: 'greet' }]);
    for (const event of REACH[seat]) connection.decide(event);
    expect([connection.seat(), connection.session()]).toEqual([seat, 'attached']);
    expect(heard(seat, connection.decide(EVENTS[type]))).toEqual(expected);
    expect(connection.seat()).toBe(next);
    expect(connection.roomId()).toBe(next === 'inside' ? ROOM : null);
    expect(connection.rate()).toBe('open');
    const isGone = type === 'socket.lost' || type === 'socket.away';
    expect(connection.session()).toBe(isGone ? 'interrupted' : 'attached');
    expect(connection.isSession()).toBe(true);
  });
});

describe('in no room', () => {
  const hangUp = { type: 'hangUp', reason: 'Silent' };
  const hungUp = (connection: ReturnType<typeof connect>, ms: number) => {
    connection.decide({ type: 'client.unread', at: connection.clock.now() });
    connection.clock.increment(ms);
    return connection.decisions();
  };

  test('a client is hung up on at the timeout, whatever it says and whether or not it has a session', () => {
    for (const kind of ['client.hello', 'client.invalid'] as const) {
      const connection = connect();
      connection.frame(kind);
      connection.clock.increment(OUTSIDE_MS / 2);
      expect(hungUp(connection, OUTSIDE_MS / 2 - 1)).toEqual([]);
      expect(hungUp(connection, 1)).toEqual([hangUp]);
    }
  });

  test('the time runs from when it was last in a room, or asked for one', () => {
    const connection = connect();
    connection.frame('client.hello');
    connection.clock.increment(OUTSIDE_MS - 1);
    connection.frame('client.join');
    connection.decide({ type: 'room.refused', code: 'RoomNotFound', message: '' });
    expect(hungUp(connection, OUTSIDE_MS - 1)).toEqual([]);
    connection.frame('client.create');
    connection.decide({ type: 'room.entered', room_id: ROOM });
    expect(hungUp(connection, 10 * OUTSIDE_MS)).toEqual([]);
    connection.frame('client.leave');
    expect(hungUp(connection, OUTSIDE_MS - 1)).toEqual([]);
    expect(hungUp(connection, 1)).toEqual([hangUp]);
  });

  test('a session that had no socket at the timeout is hung up on at the next', () => {
    const connection = connect({ resumeGraceMs: OUTSIDE_MS });
    connection.frame('client.hello');
    connection.clock.increment(OUTSIDE_MS - 1);
    connection.decide({ type: 'socket.lost' });
    connection.clock.increment(1);
    connection.decide({ type: 'socket.attached', lost: false });
    expect(hungUp(connection, OUTSIDE_MS)).toEqual([hangUp]);
  });
});

describe('before its first frame', () => {
  test('a connection is silent; at the timeout it is hung up on, once, and left to hear of its end', () => {
    const connection = connect();
    expect([connection.session(), connection.isSession()]).toEqual(['silent', false]);
    connection.clock.increment(SILENT_MS - 1);
    expect(connection.decisions()).toEqual([]);
    connection.clock.increment(1);
    connection.clock.increment(10 * SILENT_MS);
    expect(connection.decisions()).toEqual([{ type: 'hangUp', reason: 'Silent' }]);
    expect([connection.session(), connection.seat()]).toEqual(['silent', 'outside']);
    expect(connection.decide(socketClosed)).toEqual([closed]);
  });

  test.each(FRAME_KINDS.filter((kind) => kind !== 'client.hello'))(
    '%s makes it a base connection for good, and it is not hung up on',
    (kind) => {
      const connection = connect();
      connection.clock.increment(SILENT_MS - 1);
      const decisions = connection.frame(kind);
      expect(decisions).toEqual(TABLE.outside[kind].slice(1));
      expect(connection.session()).toBe('base');
      connection.clock.increment(10 * SILENT_MS);
      expect(connection.decisions()).toEqual(decisions);
      expect(connection.frame('client.hello')).toEqual([invalid]);
      expect(connection.decide(resume)).toEqual([invalid]);
      expect(connection.session()).toBe('base');
    },
  );

  test.each([
    ['a Hello', EVENTS['client.hello'], 'attached', { type: 'greet' }],
    ['a Hello with a token', resume, 'resuming', { type: 'resume', ...resumption }],
  ] as const)('%s is not one, and it is not hung up on', (_, hello, phase, decision) => {
    const connection = connect();
    expect(connection.decide(hello)).toEqual([decision]);
    connection.clock.increment(10 * SILENT_MS);
    expect(connection.decisions()).toEqual([decision]);
    expect([connection.session(), connection.seat()]).toEqual([phase, 'outside']);
  });

  test.each([socketClosed, socketLost])('its end is the end: $type', (event) => {
    const connection = connect();
    expect(connection.decide(event)).toEqual([closed]);
    expect(connection.seat()).toBe('closed');
  });
});

describe('penalised', () => {
  test.each(rows)('%s on %s', (seat, type, [next, ...expected]) => {
    const connection = connect({ limit: 3 });
    for (const event of REACH[seat]) connection.decide(event);
    while (!connection.isUnread()) connection.frame();
    expect(connection.seat()).toBe(seat);
    const decisions = heard(seat, connection.decide(EVENTS[type]));
    const isFrame = type.startsWith('client.');
    const isGone = seat === 'abandoning' || seat === 'closed';
    expect(decisions).toEqual(isFrame ? (isGone ? [] : [rateLimited]) : expected);
    expect(connection.seat()).toBe(isFrame ? seat : next);
    // No base connection ever hears that another socket came; it would begin afresh.
    expect(connection.rate()).toBe(type === 'socket.attached' ? 'open' : 'penalised');
    expect([connection.session(), connection.isSession()]).toEqual(['base', false]);
  });

  test('a room may still let it in, and the socket may still close: it leaves once', () => {
    const connection = connect({ limit: 1 });
    connection.frame('client.join');
    connection.frame();
    expect(connection.decide(entered)).toEqual([]);
    expect(connection.roomId()).toBe(ROOM);
    expect(connection.decide(socketClosed)).toEqual([leave, closed]);
    expect(connection.decide(socketClosed)).toEqual([]);
    connection.clock.increment(WINDOW_MS);
    expect(connection.seat()).toBe('closed');
  });

  test('a room may still close', () => {
    const connection = connect({ limit: 1 });
    connection.frame('client.join');
    connection.decide(entered);
    connection.frame();
    expect(connection.decide(roomClosed)).toEqual([refuse('Internal', 'over')]);
    expect(connection.roomId()).toBeNull();
    expect(connection.decide(socketClosed)).toEqual([closed]);
  });
});

describe('rate limit', () => {
  const answers = (decisions: ConnectionDecision[]) =>
    decisions.filter((decision) => decision.type === 'refuse' && decision.code === 'RateLimited');

  test.each(FRAME_KINDS)('%s: 20 pass, the 21st is refused at once and penalised', (kind) => {
    const connection = connect();
    expect(answers(connection.frames(LIMIT, kind))).toEqual([]);
    expect(connection.isUnread()).toBe(false);
    expect(connection.frame(kind)).toEqual([rateLimited, { type: 'rateLimited' }]);
    expect(connection.isUnread()).toBe(true);
  });

  test('frames of all kinds count alike, whatever the seat', () => {
    const kinds = fc.array(fc.constantFrom(...FRAME_KINDS), { minLength: LIMIT + 1, maxLength: LIMIT + 1 });
    fc.assert(
      fc.property(kinds, fc.nat({ max: LIMIT }), (sequence, enterAfter) => {
        const connection = connect();
        sequence.forEach((kind, index) => {
          if (index === enterAfter) connection.decide(entered);
          expect(answers(connection.frame(kind))).toHaveLength(index < LIMIT ? 0 : 1);
        });
      }),
    );
  });

  test('during the penalty every frame is answered RateLimited, and nothing else', () => {
    const connection = connect();
    connection.frame('client.join');
    connection.decide(entered);
    connection.frames(LIMIT);
    for (const kind of FRAME_KINDS) {
      connection.clock.increment(100);
      expect(connection.frame(kind)).toEqual([rateLimited]);
    }
    expect(connection.roomId()).toBe(ROOM);
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
          expect(connection.frame('client.leave').map(({ type }) => type)).toEqual(
            isTooMany ? ['refuse', 'rateLimited'] : ['refuse'],
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
  const events: ConnectionEvent[] = [
    ...Object.values(EVENTS),
    ...FRAME_KINDS.map((kind) => FRAMES[kind](TOO_MANY)),
    resume,
    { ...resume, at: TOO_MANY },
    { type: 'socket.attached', lost: true },
    { type: 'xstate.after.penalty.connection.rate.penalised' } as unknown as ConnectionEvent,
    { type: 'xstate.after.firstMessageTimeout.connection.session.silent' } as unknown as ConnectionEvent,
    { type: 'xstate.after.grace.connection.session.interrupted' } as unknown as ConnectionEvent,
    { type: 'xstate.after.outsideTimeout.connection.seat.outside' } as unknown as ConnectionEvent,
  ];
  /** The first frame is never one too many: the limit is at least 1. */
  const isPossible = (session: string, event: ConnectionEvent) =>
    !(session === 'silent' && 'at' in event && event.at === TOO_MANY);
  const paths = getShortestPaths(machine, {
    input,
    events,
    filterEvents: ({ value }, event) => isPossible(value.session, event),
  });

  /** Sends the events one by one; checks after each what must hold whatever came before. */
  function replay(sequence: ConnectionEvent[]): void {
    const connection = connect({}, machine);
    let isAsking = false;
    let hasSeat = false;
    let closings = 0;
    let hellos = 0;
    let hasSocket = true;
    for (const event of sequence) {
      if (!isPossible(connection.session(), event)) continue;
      const before = connection.session();
      const seatBefore = connection.seat();
      const wasPenalised = connection.isUnread();
      const decisions = connection.decide(event);
      const types = decisions.map(({ type }) => type);
      if (event.type === 'room.entered' && isAsking) hasSeat = true;
      if (event.type === 'room.closed' && hasSeat) hasSeat = false;
      if (event.type === 'room.entered' || event.type === 'room.refused') isAsking = false;
      for (const decision of decisions) {
        switch (decision.type) {
          case 'create':
          case 'join': // one question at a time, and none from inside
            expect([isAsking, hasSeat]).toEqual([false, false]);
            isAsking = true;
            break;
          case 'relay':
            expect([hasSeat, decision.room_id]).toEqual([true, ROOM]);
            break;
          case 'leave': // at most one for every room entered
            expect([hasSeat, decision.room_id]).toEqual([true, ROOM]);
            hasSeat = false;
            break;
          case 'greet': // a session is opened once, taken up once, and by a first frame alone
          case 'resume':
            expect(before).toBe(decision.type === 'greet' && hellos > 0 ? 'resuming' : 'silent');
            hellos += 1;
            expect(hellos).toBeLessThanOrEqual(2);
            break;
          case 'interrupted': // told once for every loss, with the room it has its seat in
            expect([before, hasSocket]).toEqual(['attached', true]);
            expect(decision.room_id).toBe(hasSeat ? ROOM : null);
            hasSocket = false;
            break;
          case 'resumed':
            expect([before, hasSocket]).toEqual(hasSocket ? ['attached', true] : ['interrupted', false]);
            expect(decision.room_id).toBe(hasSeat ? ROOM : null);
            expect(decision.lost).toBe('lost' in event && event.lost);
            hasSocket = true;
            break;
          case 'hangUp':
            if (seatBefore !== 'outside') expect(before).toBe('silent');
            break;
          case 'closed':
            closings += 1;
            break;
        }
      }
      expect(connection.roomId()).toBe(hasSeat ? ROOM : null);
      expect(connection.seat() === 'inside').toBe(hasSeat);
      expect(['entering', 'abandoning'].includes(connection.seat())).toBe(isAsking);
      expect(closings).toBe(connection.seat() === 'closed' ? 1 : 0);
      expect(connection.isUnread()).toBe(connection.rate() === 'penalised');
      expect(connection.isSession()).toBe(['attached', 'interrupted'].includes(connection.session()));
      if (connection.isSession()) expect(connection.session()).toBe(hasSocket ? 'attached' : 'interrupted');
      if (before !== 'silent' && event.type === 'client.hello') expect(connection.session()).toBe(before);
      if (before === 'base') expect(connection.session()).toBe('base');
      if (
        event.type === 'socket.closed' ||
        (event.type === 'socket.lost' && before !== 'attached' && before !== 'interrupted')
      )
        expect(['abandoning', 'closed']).toContain(connection.seat());
      if (wasPenalised && 'at' in event) expect(types).toEqual(['refuse']);
      if ('at' in event) expect(types.length).toBeLessThanOrEqual(2);
      expect(types.includes('rateLimited')).toBe(!wasPenalised && connection.isUnread());
    }
  }

  test('is one of five seats at one of two rates, whatever its session, and all are reached', () => {
    const values = paths.map(({ state: { value } }) => `${value.session} ${value.seat} ${value.rate}`);
    const seats = Object.keys(TABLE);
    const of = (session: string, where: string[], rates = ['open', 'penalised']) =>
      where.flatMap((seat) => rates.map((rate) => `${session} ${seat} ${rate}`));
    // A drain doubles the states by their context.
    expect([...new Set(values)].sort()).toEqual(
      [
        ...of('silent', ['outside', 'closed'], ['open']),
        ...['base', 'resuming', 'attached', 'interrupted'].flatMap((session) => of(session, seats)),
        ...of('handedOver', ['abandoning', 'closed']),
      ].sort(),
    );
  });

  test.each(paths.map(({ state, steps }) => [JSON.stringify(state.value), steps] as const))(
    '%s keeps the invariants, whatever comes next',
    (_, steps) => {
      const path = steps.map(({ event }) => event).filter(({ type }) => !type.startsWith('xstate.init'));
      for (const event of events) replay([...path, event]);
    },
  );

  test('and so does every longer walk', () => {
    fc.assert(fc.property(fc.array(fc.constantFrom(...events), { maxLength: 40 }), replay));
  });
});
