import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createActor, SimulatedClock } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { type RoomDecision, type RoomEvent, roomMachine } from '../../machines/room.ts';

/** What a room decides about sessions: who hears of an interruption, and that the seat is kept. */

const ROOM = 'room-1';
const IDLE_MS = 60_000;
const input = { room_id: ROOM, capacity: 4, idleTimeoutMs: IDLE_MS };

function startRoom() {
  const clock = new SimulatedClock();
  const actor = createActor(roomMachine, { clock, input });
  let decisions: RoomDecision[] = [];
  actor.on('*', (decision) => decisions.push(decision));
  actor.start();
  const room = {
    actor,
    clock,
    /** Sends an event and returns what the room decided. */
    decide(event: RoomEvent): RoomDecision[] {
      decisions = [];
      actor.send(event);
      return decisions;
    },
    /** Lets participants in, in this order; those in capitals are sessions. */
    seat(...ids: string[]) {
      ids.forEach((id, index) => {
        room.decide(index === 0 ? create(id) : join(id));
      });
      return room;
    },
    context: () => actor.getSnapshot().context,
    value: () => actor.getSnapshot().value,
  };
  return room;
}

const isSession = (id: string) => id === id.toUpperCase();
const create = (id: string): RoomEvent => ({ type: 'create', participant_id: id, isSession: isSession(id) });
const join = (id: string): RoomEvent => ({ type: 'join', participant_id: id, isSession: isSession(id) });
const leave = (participant_id: string): RoomEvent => ({ type: 'leave', participant_id });
const interrupt = (participant_id: string): RoomEvent => ({ type: 'interrupt', participant_id });
const resume = (participant_id: string, lost = false): RoomEvent => ({
  type: 'resume',
  participant_id,
  lost,
});
const offer = (from: string, to: string): RoomEvent => ({
  type: 'relay',
  from,
  message: { type: 'Offer', to, sdp: 'v=0' },
});

const tell = (to: string[], type: 'PeerInterrupted' | 'PeerResumed', participant_id: string) => ({
  type: 'broadcast',
  to,
  message: { type, participant_id },
});
const participants = (ids: string[]) => ({ type: 'RoomParticipants', room_id: ROOM, participants: ids });

describe('an interruption', () => {
  test('is told to the other sessions alone, in join order, and never to the member itself', () => {
    const room = startRoom().seat('A', 'b', 'C', 'D');
    expect(room.decide(interrupt('C'))).toEqual([tell(['A', 'D'], 'PeerInterrupted', 'C')]);
    expect(room.decide(resume('C'))).toEqual([tell(['A', 'D'], 'PeerResumed', 'C')]);
  });

  test('with no other session in the room is told to nobody', () => {
    const room = startRoom().seat('a', 'B', 'c');
    for (const event of [interrupt('B'), resume('B')]) {
      for (const decision of room.decide(event)) expect(decision).toMatchObject({ to: [] });
    }
  });

  test('changes neither the members nor the state', () => {
    const room = startRoom().seat('A', 'b', 'C');
    const before = room.context();
    for (const event of [interrupt('C'), interrupt('A'), resume('A'), resume('C', true)]) {
      room.decide(event);
      expect([room.context(), room.value()]).toEqual([before, 'occupied']);
    }
  });

  test('other sessions that are interrupted hear of it: it waits for them', () => {
    const room = startRoom().seat('A', 'B');
    room.decide(interrupt('A'));
    expect(room.decide(interrupt('B'))).toEqual([tell(['A'], 'PeerInterrupted', 'B')]);
    expect(room.decide(resume('A'))).toEqual([tell(['B'], 'PeerResumed', 'A')]);
  });

  test.each([interrupt('X'), resume('X'), resume('X', true)])('$type of a stranger is nothing', (event) => {
    expect(startRoom().decide(event)).toEqual([]);
    const room = startRoom().seat('A', 'b');
    const before = room.context();
    expect(room.decide(event)).toEqual([]);
    expect(room.context()).toEqual(before);
  });

  test('of a member that has left is nothing', () => {
    const room = startRoom().seat('A', 'B');
    room.decide(leave('B'));
    for (const event of [interrupt('B'), resume('B'), resume('B', true)])
      expect(room.decide(event)).toEqual([]);
  });
});

describe('a session that lost something', () => {
  test('is told the participants, and the other sessions that it is back', () => {
    const room = startRoom().seat('A', 'b', 'C');
    room.decide(interrupt('C'));
    const decisions = room.decide(resume('C', true));
    // In this order: nothing that the others answer to the news can reach it before the list.
    expect(decisions).toEqual([
      { type: 'unicast', to: 'C', message: participants(['A', 'b', 'C']) },
      tell(['A'], 'PeerResumed', 'C'),
    ]);
  });

  test('hears of who came and went meanwhile', () => {
    const room = startRoom().seat('a', 'B');
    room.decide(interrupt('B'));
    room.decide(join('c'));
    room.decide(leave('a'));
    expect(room.decide(resume('B', true))).toContainEqual({
      type: 'unicast',
      to: 'B',
      message: participants(['B', 'c']),
    });
  });

  test('one that lost nothing is not told them', () => {
    const room = startRoom().seat('A', 'B');
    expect(room.decide(resume('B')).filter(({ type }) => type === 'unicast')).toEqual([]);
  });
});

describe('a member that is interrupted', () => {
  test('is a member: relays reach it and come from it, it hears joins, and holds its place', () => {
    const room = startRoom().seat('A', 'b', 'c');
    room.decide(interrupt('A'));
    expect(room.decide(offer('b', 'A'))).toMatchObject([{ type: 'unicast', to: 'A' }]);
    expect(room.decide(offer('A', 'b'))).toMatchObject([{ type: 'unicast', to: 'b' }]);
    expect(room.decide(join('d'))).toMatchObject([
      { type: 'admit' },
      { type: 'broadcast', to: ['A', 'b', 'c', 'd'] },
      { type: 'broadcast', to: ['A', 'b', 'c', 'd'] },
    ]);
    expect(room.decide(join('e'))).toMatchObject([{ type: 'deny', code: 'RoomFull' }]);
  });

  test('leaves like any other, and sessions and the rest hear the same', () => {
    const room = startRoom().seat('A', 'b', 'C');
    room.decide(interrupt('C'));
    expect(room.decide(leave('C'))).toEqual([
      { type: 'release', participant_id: 'C' },
      { type: 'broadcast', to: ['A', 'b'], message: { type: 'PeerDisconnected', participant_id: 'C' } },
      { type: 'broadcast', to: ['A', 'b'], message: participants(['A', 'b']) },
    ]);
  });

  test('keeps the room from being idle, alone or with others, until it is gone', () => {
    const room = startRoom().seat('A', 'B');
    room.decide(interrupt('A'));
    room.decide(interrupt('B'));
    room.clock.increment(100 * IDLE_MS);
    expect(room.value()).toBe('occupied');
    room.decide(leave('A'));
    room.clock.increment(100 * IDLE_MS);
    expect(room.value()).toBe('occupied');
    room.decide(leave('B'));
    expect(room.value()).toBe('idle');
    room.clock.increment(IDLE_MS - 1);
    expect(room.value()).toBe('idle');
    room.clock.increment(1);
    expect(room.value()).toBe('expired');
  });
});

describe('who is a session', () => {
  test('is noted on entering and forgotten on leaving', () => {
    const room = startRoom().seat('A', 'b', 'C');
    expect(room.context().sessions).toEqual(['A', 'C']);
    room.decide(leave('A'));
    expect(room.context().sessions).toEqual(['C']);
    room.decide(leave('b'));
    expect(room.context().sessions).toEqual(['C']);
    room.decide(leave('C'));
    expect(room.context()).toMatchObject({ members: [], sessions: [] });
  });

  test('is not noted of somebody denied, or let in already', () => {
    const room = startRoom().seat('a', 'b', 'c', 'D');
    room.decide(join('E'));
    room.decide(join('D'));
    expect(room.context()).toMatchObject({ members: ['a', 'b', 'c', 'D'], sessions: ['D'] });
  });

  test('an expired room answers nothing', () => {
    const room = startRoom();
    room.clock.increment(IDLE_MS);
    for (const event of [create('A'), join('A'), interrupt('A'), resume('A', true), leave('A')]) {
      expect(room.decide(event)).toEqual([]);
    }
  });
});

describe('the base protocol', () => {
  /** A walk of a room whose members all are sessions decides what one without sessions does, and no less. */
  test('is the same with sessions as without, but for what sessions alone hear', () => {
    const ids = ['A', 'B', 'C', 'D', 'E'];
    const event = fc.oneof(
      fc.constantFrom(...ids).map(join),
      fc.constantFrom(...ids).map(leave),
      fc.tuple(fc.constantFrom(...ids), fc.constantFrom(...ids)).map(([from, to]) => offer(from, to)),
      fc.constantFrom(...ids).map(interrupt),
      fc.constantFrom(...ids).map((id) => resume(id)),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        const [sessions, base] = [startRoom(), startRoom()];
        for (const each of events) {
          const decisions = sessions.decide(each);
          if (each.type === 'interrupt' || each.type === 'resume') {
            for (const { type } of decisions) expect(type).toBe('broadcast');
            continue;
          }
          expect(base.decide({ ...each, isSession: false } as RoomEvent)).toEqual(decisions);
          expect(base.context().members).toEqual(sessions.context().members);
        }
      }),
    );
  });
});

describe('every reachable state', () => {
  const ids = ['A', 'b', 'C'];
  const events: RoomEvent[] = [
    create('A'),
    ...ids.flatMap((id) => [join(id), leave(id), interrupt(id), resume(id), resume(id, true)]),
    offer('A', 'C'),
    { type: 'xstate.after.idleTimeout.room.idle' } as unknown as RoomEvent,
  ];
  const paths = getShortestPaths(roomMachine, { input: { ...input, capacity: 2 }, events });

  test('all are reached', () => {
    // Idle, each of three alone, each ordered pair of three, and expired: sessions follow from the members.
    expect(paths).toHaveLength(1 + 3 + 6 + 1);
  });

  test.each(paths.map(({ state }) => [JSON.stringify([state.value, state.context.members]), state] as const))(
    '%s keeps the invariants, whatever comes next',
    (_, state) => {
      const { members, sessions } = state.context;
      expect(sessions).toEqual(members.filter(isSession));
      expect(members.length > 0).toBe(state.value === 'occupied');
      for (const event of events) {
        const actor = createActor(roomMachine, { snapshot: state, input, clock: new SimulatedClock() });
        const decisions: RoomDecision[] = [];
        actor.on('*', (decision) => decisions.push(decision));
        actor.start();
        actor.send(event);
        for (const decision of decisions) {
          if (!('message' in decision) || typeof decision.message === 'string') continue;
          const { type } = decision.message;
          if (type !== 'PeerInterrupted' && type !== 'PeerResumed') continue;
          const { participant_id } = decision.message as { participant_id: string };
          expect(members).toContain(participant_id);
          expect(decision.to).toEqual(sessions.filter((id) => id !== participant_id));
        }
        if (event.type !== 'interrupt' && event.type !== 'resume') continue;
        expect(actor.getSnapshot().context).toEqual(state.context);
        expect(actor.getSnapshot().value).toBe(state.value);
        if (!members.includes(event.participant_id)) expect(decisions).toEqual([]);
      }
    },
  );
});
