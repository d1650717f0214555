import { describe, expect, test } from '@jest/globals';
import { createActor, SimulatedClock } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { type RoomDecision, type RoomEvent, roomMachine } from '../../machines/room.ts';

const ROOM = 'room-1';
const input = { room_id: ROOM, capacity: 3, idleTimeoutMs: 60_000 };

function startRoom(capacity = 3) {
  const clock = new SimulatedClock();
  const actor = createActor(roomMachine, { clock, input: { ...input, capacity } });
  let decisions: RoomDecision[] = [];
  actor.on('*', (decision) => decisions.push(decision));
  actor.start();
  return {
    actor,
    clock,
    /** Sends an event and returns what the room decided. */
    decide(event: RoomEvent): RoomDecision[] {
      decisions = [];
      actor.send(event);
      return decisions;
    },
    decisions: () => decisions,
  };
}

const create = (participant_id: string, isSession = false): RoomEvent => ({
  type: 'create',
  participant_id,
  isSession,
});
const join = (participant_id: string, isSession = false): RoomEvent => ({
  type: 'join',
  participant_id,
  isSession,
});
const interrupt = (participant_id: string): RoomEvent => ({ type: 'interrupt', participant_id });
const resume = (participant_id: string, lost = false): RoomEvent => ({
  type: 'resume',
  participant_id,
  lost,
});
const leave = (participant_id: string): RoomEvent => ({ type: 'leave', participant_id });
const offer = (from: string, to: string): RoomEvent => ({
  type: 'relay',
  from,
  message: { type: 'Offer', to, sdp: `sdp of ${from}` },
});

describe('a session', () => {
  test('enters and leaves in the same words as any other', () => {
    const [base, sessions] = [startRoom(), startRoom()];
    for (const [enter, id] of [
      [create, 'a'],
      [join, 'b'],
      [join, 'c'],
      [join, 'd'],
      [join, 'b'],
    ] as const) {
      expect(sessions.decide(enter(id, true))).toEqual(base.decide(enter(id)));
    }
    for (const event of [offer('a', 'b'), offer('a', 'x'), leave('b'), leave('a'), leave('c')]) {
      expect(sessions.decide(event)).toEqual(base.decide(event));
    }
    expect(sessions.actor.getSnapshot().context).toMatchObject({ members: [], sessions: [] });
  });
});

describe('entering', () => {
  test('the creator hears RoomCreated, then RoomParticipants', () => {
    const room = startRoom();
    expect(room.decide(create('a'))).toEqual([
      { type: 'admit', participant_id: 'a' },
      { type: 'unicast', to: 'a', message: { type: 'RoomCreated', room_id: ROOM, self_id: 'a' } },
      {
        type: 'broadcast',
        to: ['a'],
        message: { type: 'RoomParticipants', room_id: ROOM, participants: ['a'] },
      },
    ]);
    expect(room.actor.getSnapshot().value).toBe('occupied');
  });

  test('a join is told to everybody, the newcomer included, before the list in join order', () => {
    const room = startRoom();
    room.decide(create('b'));
    expect(room.decide(join('a'))).toEqual([
      { type: 'admit', participant_id: 'a' },
      { type: 'broadcast', to: ['b', 'a'], message: { type: 'PeerConnected', participant_id: 'a' } },
      {
        type: 'broadcast',
        to: ['b', 'a'],
        message: { type: 'RoomParticipants', room_id: ROOM, participants: ['b', 'a'] },
      },
    ]);
  });

  test('beyond its capacity only the latecomer hears, and nothing changes', () => {
    const room = startRoom(2);
    room.decide(create('a'));
    room.decide(join('b'));
    const before = room.actor.getSnapshot();
    expect(room.decide(join('c'))).toEqual([
      { type: 'deny', to: 'c', code: 'RoomFull', message: expect.stringContaining('2 participants') },
    ]);
    expect(room.actor.getSnapshot().context).toEqual(before.context);
    expect(room.actor.getSnapshot().value).toEqual(before.value);
  });

  test('a member that joins again changes nothing', () => {
    const room = startRoom();
    room.decide(create('a'));
    expect(room.decide(join('a'))).toEqual([]);
    expect(room.actor.getSnapshot().context.members).toEqual(['a']);
  });
});

describe('relaying', () => {
  test.each([
    { type: 'Offer', to: 'b', sdp: 'o' },
    { type: 'Answer', to: 'b', sdp: 'a' },
    { type: 'IceCandidate', to: 'b', candidate: '', sdpMid: null, sdpMLineIndex: 0, usernameFragment: 'u' },
  ] as const)('$type reaches the addressee alone, `from` in the place of `to`', (message) => {
    const room = startRoom();
    room.decide(create('a'));
    room.decide(join('b'));
    room.decide(join('c'));
    const { to: _, ...payload } = message;
    expect(room.decide({ type: 'relay', from: 'a', message })).toEqual([
      { type: 'unicast', to: 'b', message: { ...payload, from: 'a' } },
    ]);
  });

  test('to oneself is a relay like any other', () => {
    const room = startRoom();
    room.decide(create('a'));
    expect(room.decide(offer('a', 'a'))).toMatchObject([{ type: 'unicast', to: 'a' }]);
  });

  test('to somebody absent is refused to the sender', () => {
    const room = startRoom();
    room.decide(create('a'));
    expect(room.decide(offer('a', 'b'))).toEqual([
      { type: 'refuse', to: 'a', code: 'ParticipantNotFound', message: expect.stringContaining('b') },
    ]);
  });

  test('from a stranger goes nowhere', () => {
    const room = startRoom();
    expect(room.decide(offer('x', 'a'))).toEqual([]);
    room.decide(create('a'));
    expect(room.decide(offer('x', 'a'))).toEqual([]);
  });
});

describe('leaving', () => {
  test('is told to whoever remains, before the list', () => {
    const room = startRoom();
    room.decide(create('a'));
    room.decide(join('b'));
    expect(room.decide(leave('a'))).toEqual([
      { type: 'release', participant_id: 'a' },
      { type: 'broadcast', to: ['b'], message: { type: 'PeerDisconnected', participant_id: 'a' } },
      {
        type: 'broadcast',
        to: ['b'],
        message: { type: 'RoomParticipants', room_id: ROOM, participants: ['b'] },
      },
    ]);
  });

  test('of the last member is told to nobody and leaves the room idle', () => {
    const room = startRoom();
    room.decide(create('a'));
    expect(room.decide(leave('a'))).toEqual([{ type: 'release', participant_id: 'a' }]);
    expect(room.actor.getSnapshot().value).toBe('idle');
  });

  test('of a stranger changes nothing', () => {
    const room = startRoom();
    room.decide(create('a'));
    expect(room.decide(leave('x'))).toEqual([]);
    expect(room.actor.getSnapshot().context.members).toEqual(['a']);
  });

  test('makes room for another', () => {
    const room = startRoom(1);
    room.decide(create('a'));
    expect(room.decide(join('b'))).toMatchObject([{ type: 'deny' }]);
    room.decide(leave('a'));
    expect(room.decide(join('b'))).toMatchObject([{ type: 'admit', participant_id: 'b' }, {}, {}]);
  });
});

describe('expiry', () => {
  test('an empty room expires after its idle timeout, not before, and never answers again', () => {
    const room = startRoom();
    room.clock.increment(59_999);
    expect(room.actor.getSnapshot().status).toBe('active');
    room.clock.increment(1);
    expect(room.actor.getSnapshot()).toMatchObject({ status: 'done', value: 'expired' });
    expect(room.decisions()).toEqual([{ type: 'expired' }]);
    for (const event of [
      ...[create('a'), join('a'), offer('a', 'a'), leave('a')],
      ...[interrupt('a'), resume('a'), resume('a', true)],
    ]) {
      expect(room.decide(event)).toEqual([]);
    }
  });

  test('the timeout starts when the last member leaves', () => {
    const room = startRoom();
    room.clock.increment(50_000);
    room.decide(create('a'));
    room.clock.increment(1_000_000);
    expect(room.actor.getSnapshot().value).toBe('occupied');
    room.decide(leave('a'));
    room.clock.increment(59_999);
    expect(room.decide(join('b'))).toMatchObject([{ type: 'admit' }, {}, {}]);
    room.clock.increment(1_000_000);
    expect(room.actor.getSnapshot().value).toBe('occupied');
  });
});

describe('every reachable state of a room for two and three clients', () => {
  const clients = ['a', 'b', 'c'];
  const events = [
    ...clients.flatMap((id) => [create(id), join(id), create(id, true), join(id, true), leave(id)]),
    ...clients.flatMap((id) => [interrupt(id), resume(id), resume(id, true)]),
    ...clients.flatMap((from) => clients.map((to) => offer(from, to))),
    { type: 'xstate.after.idleTimeout.room.idle' } as unknown as RoomEvent,
  ];
  const paths = getShortestPaths(roomMachine, { input: { ...input, capacity: 2 }, events });

  test('all states are reached', () => {
    const values = new Set(paths.map(({ state }) => state.value));
    expect([...values].sort()).toEqual(['expired', 'idle', 'occupied']);
    // Idle, each of three alone, and each ordered pair of three, each of them a session or not; and expired.
    expect(paths).toHaveLength(1 + 3 * 2 + 6 * 4 + 1);
  });

  const name = ({ value, context }: (typeof paths)[number]['state']) =>
    JSON.stringify([value, context.members, context.sessions]);
  test.each(paths.map(({ state }) => [name(state), state] as const))(
    '%s keeps the invariants, whatever comes next',
    (_, state) => {
      const { members, sessions, capacity } = state.context;
      expect(members).toEqual(expect.arrayContaining([...sessions]));
      expect(new Set(sessions).size).toBe(sessions.length);
      expect(members.length).toBeLessThanOrEqual(capacity);
      expect(new Set(members).size).toBe(members.length);
      expect(members.length > 0).toBe(state.value === 'occupied');
      for (const event of events) {
        const actor = createActor(roomMachine, { snapshot: state, input, clock: new SimulatedClock() });
        const decisions: RoomDecision[] = [];
        actor.on('*', (decision) => decisions.push(decision));
        actor.start();
        actor.send(event);
        const present = new Set([...members, ...actor.getSnapshot().context.members]);
        for (const decision of decisions) {
          if (decision.type === 'unicast') expect(present).toContain(decision.to);
          if (decision.type === 'broadcast')
            expect([...present]).toEqual(expect.arrayContaining([...decision.to]));
        }
        if (state.value === 'expired') expect(decisions).toEqual([]);
        if (event.type !== 'interrupt' && event.type !== 'resume') continue;
        // Membership is as it was, and nobody but sessions hears, other than the one concerned.
        expect(actor.getSnapshot().context).toEqual(state.context);
        expect(actor.getSnapshot().value).toBe(state.value);
        const told = decisions.flatMap((decision) => (decision.type === 'broadcast' ? decision.to : []));
        const others = sessions.filter((id) => id !== event.participant_id);
        expect(told).toEqual(members.includes(event.participant_id) ? others : []);
      }
    },
  );
});
