import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { getShortestPaths } from 'xstate/graph';
import {
  type ParticipantEvent,
  type ParticipantInput,
  participantMachine,
} from '../../machines/participant.ts';
import { startDecider } from '../support/decider.ts';

const ROOM = 'room-1';
const GRACE_MS = 15_000;
const RELOAD_GRACE_MS = 8000;
const OUTSIDE_MS = 3_600_000;

function start(overrides: Partial<ParticipantInput> = {}) {
  const decider = startDecider(participantMachine, {
    participant_id: 'self',
    isSession: true,
    resumeGraceMs: GRACE_MS,
    reloadGraceMs: RELOAD_GRACE_MS,
    outsideTimeoutMs: OUTSIDE_MS,
    ...overrides,
  });
  const snapshot = () => decider.actor.getSnapshot();
  return {
    ...decider,
    session: () => snapshot().value.session,
    seat: () => snapshot().value.seat,
    roomId: () => snapshot().context.room_id,
  };
}

const offer = { type: 'Offer', to: 'b', sdp: 'v=0' } as const;

const EVENTS = {
  create: { type: 'message.create', refusal: 'inside' },
  join: { type: 'message.join', room_id: ROOM, createIfMissing: true, refusal: 'inside' },
  leave: { type: 'message.leave', refusal: 'outside' },
  relay: { type: 'message.relay', message: offer, refusal: 'outside' },
  invalid: { type: 'message.invalid', refusal: 'no JSON' },
  entered: { type: 'room.entered', room_id: ROOM },
  refused: { type: 'room.refused', code: 'RoomFull', message: 'full' },
  'room closed': { type: 'room.closed', room_id: ROOM, message: 'over' },
  silent: { type: 'room.silent' },
  'another room closed': { type: 'room.closed', room_id: 'room-2', message: 'over' },
  attached: { type: 'transport.attached', lost: false },
  'attached, lost': { type: 'transport.attached', lost: true },
  lost: { type: 'transport.lost' },
  away: { type: 'transport.away' },
  closed: { type: 'transport.closed' },
  draining: { type: 'server.draining' },
} as const satisfies Record<string, ParticipantEvent>;
type EventName = keyof typeof EVENTS;
const EVENT_NAMES = Object.keys(EVENTS) as EventName[];

type Seat = 'outside' | 'entering' | 'inside' | 'ended';
type Row = [next: Seat, ...decisions: object[]];

const refuse = (code: string, message: unknown = expect.any(String)) => ({ type: 'refuse', code, message });
const invalid = refuse('InvalidPayload');
const join = { type: 'join', room_id: ROOM, createIfMissing: true };
const leave = { type: 'leave', room_id: ROOM };
const relay = { type: 'relay', room_id: ROOM, message: offer };
const ended = { type: 'ended' };
const withdraw = { type: 'withdraw' };
const interrupted = (room_id: string | null) => ({ type: 'interrupted', room_id });
const resumed = (room_id: string | null, lost = false) => ({ type: 'resumed', room_id, lost });

/** How each seat is reached from the start. */
const REACH: Record<Seat, EventName[]> = {
  outside: [],
  entering: ['join'],
  inside: ['join', 'entered'],
  ended: ['closed'],
};

const nothing = (seat: Seat): Record<EventName, Row> =>
  Object.fromEntries(EVENT_NAMES.map((name) => [name, [seat]])) as unknown as Record<EventName, Row>;
const sessions = (seat: Seat, room_id: string | null): Partial<Record<EventName, Row>> => ({
  attached: [seat, resumed(room_id)],
  'attached, lost': [seat, resumed(room_id, true)],
  lost: [seat, interrupted(room_id)],
  away: [seat, interrupted(room_id)],
});

/** What every event does in every seat of a session with a transport. */
const TABLE: Record<Seat, Record<EventName, Row>> = {
  outside: {
    ...nothing('outside'),
    ...sessions('outside', null),
    create: ['entering', { type: 'create' }],
    join: ['entering', join],
    leave: ['outside', invalid],
    relay: ['outside', invalid],
    invalid: ['outside', refuse('InvalidPayload', 'no JSON')],
    closed: ['ended', ended],
  },
  entering: {
    ...nothing('entering'),
    ...sessions('entering', null),
    closed: ['ended', withdraw, ended],
    entered: ['inside'],
    refused: ['outside', refuse('RoomFull', 'full')],
    silent: ['outside', withdraw, refuse('Internal')],
  },
  inside: {
    ...nothing('inside'),
    ...sessions('inside', ROOM),
    create: ['inside', invalid],
    join: ['inside', invalid],
    leave: ['outside', leave],
    relay: ['inside', relay],
    invalid: ['inside', refuse('InvalidPayload', 'no JSON')],
    silent: ['outside', leave, refuse('Internal')],
    'room closed': ['outside', refuse('Internal', 'over')],
    closed: ['ended', leave, ended],
  },
  ended: { ...nothing('ended'), ...sessions('ended', null) },
};

const rows = (Object.keys(TABLE) as Seat[]).flatMap((seat) =>
  EVENT_NAMES.map((name) => [seat, name, TABLE[seat][name]] as const),
);

describe('a session', () => {
  test.each(rows)('%s on %s', (seat, name, [next, ...expected]) => {
    const participant = start();
    participant.decide(...REACH[seat].map((each) => EVENTS[each]));
    expect([participant.seat(), participant.session()]).toEqual([seat, 'attached']);
    expect(participant.decide(EVENTS[name])).toEqual(expected);
    expect(participant.seat()).toBe(next);
    expect(participant.roomId()).toBe(next === 'inside' ? ROOM : null);
    expect(participant.session()).toBe(name === 'lost' || name === 'away' ? 'interrupted' : 'attached');
  });

  test('interrupted: its seat is as before, and another loss changes nothing', () => {
    for (const seat of ['outside', 'entering', 'inside'] as const) {
      for (const name of EVENT_NAMES.filter((each) => !EVENTS[each].type.startsWith('transport.'))) {
        const participant = start();
        participant.decide(...REACH[seat].map((each) => EVENTS[each]), EVENTS.lost);
        const [next, ...expected] = TABLE[seat][name];
        expect(participant.decide(EVENTS[name])).toEqual(expected);
        expect([participant.seat(), participant.session()]).toEqual([next, 'interrupted']);
        expect(participant.decide(EVENTS.lost, EVENTS.away)).toEqual([]);
        expect(participant.session()).toBe('interrupted');
      }
    }
  });

  test('may enter, leave and enter again', () => {
    const participant = start();
    for (const name of ['create', 'join'] as const) {
      participant.decide(EVENTS[name], { type: 'room.entered', room_id: `room of ${name}` });
      expect(participant.roomId()).toBe(`room of ${name}`);
      expect(participant.decide(EVENTS.leave)).toEqual([{ type: 'leave', room_id: `room of ${name}` }]);
    }
  });
});

describe('in the base protocol', () => {
  const base = rows.filter(([, name]) => !['lost', 'away'].includes(name) && !name.startsWith('attached'));

  test.each(base)('%s on %s: as in a session', (seat, name, [next, ...expected]) => {
    const participant = start({ isSession: false });
    participant.decide(...REACH[seat].map((each) => EVENTS[each]));
    expect(participant.decide(EVENTS[name])).toEqual(expected);
    expect(participant.seat()).toBe(next);
  });

  test.each(['outside', 'entering', 'inside'] as const)(
    '%s: the loss of the transport is its end',
    (seat) => {
      const participant = start({ isSession: false });
      participant.decide(...REACH[seat].map((each) => EVENTS[each]));
      for (const end of [EVENTS.lost, EVENTS.away]) {
        const other = start({ isSession: false });
        other.decide(...REACH[seat].map((each) => EVENTS[each]));
        expect(other.decide(end)).toEqual(TABLE[seat].closed.slice(1));
      }
      participant.decide(EVENTS.lost);
      expect(participant.session()).toBe('attached');
      expect(participant.wait(10 * GRACE_MS)).toEqual([]);
    },
  );
});

describe('a room that is silent', () => {
  test('is given up while it is asked for: the participant is outside and may ask again', () => {
    const participant = start();
    participant.decide(EVENTS.join);
    expect(participant.decide(EVENTS.silent)).toEqual([{ type: 'withdraw' }, refuse('Internal')]);
    expect(participant.decide(EVENTS.join, EVENTS.entered)).toEqual([join]);
    expect(participant.seat()).toBe('inside');
  });

  test('is left by a member', () => {
    const participant = start();
    participant.decide(EVENTS.join, EVENTS.entered);
    expect(participant.decide(EVENTS.silent)).toEqual([leave, refuse('Internal')]);
    expect(participant.decide(EVENTS.entered)).toEqual([]);
    expect(participant.seat()).toBe('outside');
  });
});

describe('the grace', () => {
  /** A session that is a member of a room, and has just lost its transport. */
  function interrupt(overrides: Partial<ParticipantInput> = {}) {
    const participant = start(overrides);
    participant.decide(EVENTS.join, EVENTS.entered, EVENTS.lost);
    return participant;
  }

  test('over, the session leaves, once; not before', () => {
    const participant = interrupt();
    expect(participant.wait(GRACE_MS - 1)).toEqual([]);
    expect(participant.wait(1)).toEqual([leave, ended]);
    expect(participant.roomId()).toBeNull();
    expect(participant.wait(10 * GRACE_MS)).toEqual([]);
    expect(participant.decide(EVENTS.attached)).not.toContainEqual(leave);
  });

  test('attached in the last moment, it stays for ever', () => {
    const participant = interrupt();
    participant.wait(GRACE_MS - 1);
    participant.decide(EVENTS.attached);
    expect(participant.wait(100 * GRACE_MS)).toEqual([]);
    expect([participant.session(), participant.seat()]).toEqual(['attached', 'inside']);
  });

  test('starts anew with every interruption', () => {
    const participant = interrupt();
    for (let i = 0; i < 5; i++) {
      participant.wait(GRACE_MS - 1);
      participant.decide(EVENTS.attached, EVENTS.lost);
    }
    expect(participant.wait(GRACE_MS - 1)).toEqual([]);
    expect(participant.wait(1)).toEqual([leave, ended]);
  });

  test('is not prolonged by a transport that is lost before it was attached', () => {
    const participant = interrupt();
    participant.wait(GRACE_MS / 2);
    expect(participant.decide(EVENTS.lost)).toEqual([]);
    expect(participant.wait(GRACE_MS / 2)).toEqual([leave, ended]);
  });

  test('is shorter when the page was left or reloaded', () => {
    const participant = start();
    participant.decide(EVENTS.join, EVENTS.entered);
    expect(participant.decide(EVENTS.away)).toEqual([interrupted(ROOM)]);
    participant.wait(RELOAD_GRACE_MS - 1);
    expect(participant.decide(EVENTS.attached)).toEqual([resumed(ROOM)]);
    participant.decide(EVENTS.away);
    expect(participant.wait(RELOAD_GRACE_MS - 1)).toEqual([]);
    expect(participant.wait(1)).toEqual([leave, ended]);
  });

  test.each([
    ['before', [EVENTS.draining, EVENTS.lost]],
    ['after', [EVENTS.lost, EVENTS.draining]],
  ] as const)('never ends in a drain that began %s the interruption', (_, events) => {
    const participant = start();
    participant.decide(EVENTS.join, EVENTS.entered);
    expect(participant.decide(...events)).toEqual([interrupted(ROOM)]);
    expect(participant.wait(OUTSIDE_MS)).toEqual([]);
    expect(participant.decide(EVENTS.closed)).toEqual([leave, ended]);
  });

  test('of a page that was left ends in a drain, too', () => {
    const participant = start();
    participant.decide(EVENTS.join, EVENTS.entered, EVENTS.draining, EVENTS.away);
    expect(participant.wait(GRACE_MS)).toEqual([leave, ended]);
  });

  test('of 0 ends the session as soon as the clock ticks', () => {
    expect(interrupt({ resumeGraceMs: 0 }).wait(1)).toEqual([leave, ended]);
  });

  test('over while the room has not answered: the session ends, and leaves the room it asked for', () => {
    const participant = start();
    participant.decide(EVENTS.join, EVENTS.lost);
    expect(participant.wait(GRACE_MS)).toEqual([withdraw, ended]);
    expect(participant.decide(EVENTS.entered)).toEqual([]);
  });
});

describe('in no room', () => {
  const close = { type: 'close', reason: 'Silent' };

  test.each([true, false])('the connection is closed at the timeout (session: %s)', (isSession) => {
    const participant = start({ isSession });
    participant.decide(EVENTS.invalid);
    expect(participant.wait(OUTSIDE_MS - 1)).toEqual([]);
    expect(participant.wait(1)).toEqual([close]);
  });

  test('the time runs from when it was last in a room, or asked for one', () => {
    const participant = start();
    participant.wait(OUTSIDE_MS - 1);
    participant.decide(EVENTS.join, EVENTS.refused);
    expect(participant.wait(OUTSIDE_MS - 1)).toEqual([]);
    participant.decide(EVENTS.create, EVENTS.entered);
    expect(participant.wait(10 * OUTSIDE_MS)).toEqual([]);
    participant.decide(EVENTS.leave);
    expect(participant.wait(OUTSIDE_MS - 1)).toEqual([]);
    expect(participant.wait(1)).toEqual([close]);
  });

  test('a session that had no transport at the timeout is closed at the next', () => {
    const participant = start({ resumeGraceMs: OUTSIDE_MS });
    participant.wait(OUTSIDE_MS - 1);
    participant.decide(EVENTS.lost);
    participant.wait(1);
    participant.decide(EVENTS.attached);
    expect(participant.wait(OUTSIDE_MS - 1)).toEqual([]);
    expect(participant.wait(1)).toEqual([close]);
  });
});

describe('every reachable state', () => {
  const grace = {
    type: 'xstate.after.grace.participant.session.interrupted',
  } as unknown as ParticipantEvent;
  const outside = {
    type: 'xstate.after.outsideTimeout.participant.seat.outside',
  } as unknown as ParticipantEvent;
  const events: ParticipantEvent[] = [...Object.values(EVENTS), grace, outside];
  const paths = getShortestPaths(participantMachine, {
    input: {
      participant_id: 'self',
      isSession: true,
      resumeGraceMs: GRACE_MS,
      reloadGraceMs: RELOAD_GRACE_MS,
      outsideTimeoutMs: OUTSIDE_MS,
    },
    events,
    serializeState: ({ value, context }) =>
      JSON.stringify([value, (context as { room_id: unknown }).room_id]),
  }).map(({ state, steps }) => ({
    value: state.value as { session: string; seat: Seat },
    path: steps.map(({ event }) => event).filter(({ type }) => !type.startsWith('xstate.init')),
  }));
  const states = paths.map(({ value, path }) => [JSON.stringify(value), value, path] as const);

  test('is one of four seats, with a transport or without, and all are reached', () => {
    // A drain doubles the states by their context.
    expect([...new Set(paths.map(({ value: { session, seat } }) => `${session} ${seat}`))].sort()).toEqual(
      ['attached', 'interrupted']
        .flatMap((session) => Object.keys(TABLE).map((seat) => `${session} ${seat}`))
        .sort(),
    );
  });

  /** Handles the events one by one; checks after each what must hold whatever came before. */
  function replay(sequence: readonly ParticipantEvent[]) {
    const participant = start();
    let isAsking = false;
    let hasSeat = false;
    let endings = 0;
    for (const event of sequence) {
      const before = { session: participant.session(), seat: participant.seat() };
      if (event.type === 'room.entered' && isAsking) hasSeat = true;
      if (event.type === 'room.closed' && event.room_id === ROOM) hasSeat = false;
      if (event.type === 'room.entered' || event.type === 'room.refused') isAsking = false;
      for (const decision of participant.decide(event)) {
        switch (decision.type) {
          case 'create':
          case 'join': // one question at a time, and none from inside
            expect([isAsking, hasSeat]).toEqual([false, false]);
            isAsking = true;
            break;
          case 'withdraw': // of what was asked for
            expect([isAsking, hasSeat]).toEqual([true, false]);
            isAsking = false;
            break;
          case 'relay':
            expect([hasSeat, decision.room_id]).toEqual([true, ROOM]);
            break;
          case 'leave': // one at most for every room entered
            expect([hasSeat, decision.room_id]).toEqual([true, ROOM]);
            hasSeat = false;
            break;
          case 'interrupted':
            expect([before.session, participant.session()]).toEqual(['attached', 'interrupted']);
            expect(decision.room_id).toBe(hasSeat ? ROOM : null);
            break;
          case 'resumed':
            expect(participant.session()).toBe('attached');
            expect(decision.room_id).toBe(hasSeat ? ROOM : null);
            break;
          case 'ended':
            endings += 1;
            break;
        }
      }
      expect(participant.roomId()).toBe(hasSeat ? ROOM : null);
      expect(participant.seat() === 'inside').toBe(hasSeat);
      expect(participant.seat() === 'entering').toBe(isAsking);
      expect(endings).toBe(participant.seat() === 'ended' ? 1 : 0);
      if (before.seat === 'ended') expect(participant.seat()).toBe('ended');
    }
    return participant;
  }

  test.each(states)('%s keeps the invariants, whatever comes next', (_, __, path) => {
    for (const event of events) replay([...path, event]);
  });

  test.each(states)('%s: the client’s goodbye ends it', (_, { seat }, path) => {
    const participant = replay(path);
    const decisions = participant.decide(EVENTS.closed, EVENTS.entered);
    expect(participant.seat()).toBe('ended');
    expect(decisions.filter(({ type }) => type === 'ended')).toHaveLength(seat === 'ended' ? 0 : 1);
    const goodbye = { outside: [], entering: [withdraw], inside: [leave], ended: [] }[seat];
    expect(decisions.filter(({ type }) => type !== 'ended')).toEqual(goodbye);
  });

  test.each(states)('%s: without another transport it ends within the grace', (_, __, path) => {
    const others = Object.values(EVENTS).filter(({ type }) => !/^(transport|server)\./.test(type));
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...others), { maxLength: 10 }), (sequence) => {
        const participant = replay(path);
        participant.decide(EVENTS.lost, ...sequence);
        participant.wait(GRACE_MS);
        expect(participant.seat()).toBe('ended');
      }),
      { numRuns: 20 },
    );
  });

  test('and so does every longer walk', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...events), { maxLength: 40 }),
        (sequence) => void replay(sequence),
      ),
      { numRuns: 500 },
    );
  });

  test('the name of the timer outside is right: it does what its time does', () => {
    const [byEvent, byTime] = [start(), start()];
    const expected = byTime.wait(OUTSIDE_MS);
    expect(expected).toEqual([{ type: 'close', reason: 'Silent' }]);
    expect(byEvent.decide(outside)).toEqual(expected);
  });

  test('the name of the timer of the grace is right: it does what its time does', () => {
    const [byEvent, byTime] = [start(), start()];
    for (const participant of [byEvent, byTime]) participant.decide(EVENTS.join, EVENTS.entered, EVENTS.lost);
    const expected = byTime.wait(GRACE_MS);
    expect(expected).toEqual([leave, ended]);
    expect(byEvent.decide(grace)).toEqual(expected);
    expect(byEvent.actor.getSnapshot().value).toEqual(byTime.actor.getSnapshot().value);
  });
});
