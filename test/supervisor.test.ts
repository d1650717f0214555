import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { emit, SimulatedClock } from 'xstate';
import { roomMachine } from '../machines/room.ts';
import { supervisorMachine } from '../machines/supervisor.ts';
import { starter } from '../src/actor/xstate/machine-actor.ts';
import { Participants } from '../src/participants.ts';
import { LiveRoom } from '../src/room.ts';
import { LocalRouter } from '../src/routing/local.ts';
import type { MemberRef, Room } from '../src/routing/router.ts';
import { type RoomFactory, type RoomReports, Supervisor } from '../src/supervisor.ts';
import type { Logger } from '../src/telemetry/logger.ts';
import { Commands, FakeMember } from './support/members.ts';

const CRASH = 'crash';
const IDLE_MS = 60_000;
const MAX_FAILURES = 5;

function startSupervisor(makeRoom: RoomFactory, { maxRooms = 3, machine = supervisorMachine } = {}) {
  const logged: [level: string, text: string][] = [];
  const log = (level: string) => (_: object, text: string) => logged.push([level, text]);
  const counters = { roomRestarts: 0 };
  const supervisor = new Supervisor(
    starter(machine, new SimulatedClock()),
    { maxRooms, maxFailures: MAX_FAILURES, failureWindowMs: 60_000 },
    makeRoom,
    { debug: () => {}, warn: log('warn'), error: log('error') } as unknown as Logger,
    counters,
  );
  const open = (roomId: string = randomUUID()) => supervisor.open(roomId, undefined);
  return { supervisor, open, logged, counters };
}

/** Rooms that do nothing but end when closed; `reports` are what each may say, in the order opened. */
function fakeRooms(options: { maxRooms?: number; machine?: typeof supervisorMachine } = {}) {
  const reports: RoomReports[] = [];
  const ids: string[] = [];
  const closed: [roomId: string, message: string][] = [];
  const started = startSupervisor((roomId, report) => {
    ids.push(roomId);
    reports.push(report);
    return {
      close(message: string) {
        closed.push([roomId, message]);
        report.ended();
      },
    } as Room;
  }, options);
  return { ...started, reports, ids, closed };
}

describe('opening', () => {
  test('makes rooms, and finds them by their ids', () => {
    const { supervisor, open, ids } = fakeRooms();
    const rooms = [open(), open()];
    expect(new Set(ids).size).toBe(2);
    for (const [index, id] of ids.entries()) expect(supervisor.find(id)).toBe(rooms[index]);
    expect(supervisor.size).toBe(2);
  });

  test('makes a room with the id that is asked for, again once it has ended', () => {
    const { supervisor, open, reports, ids } = fakeRooms();
    const room = open('room-1');
    expect(ids).toEqual(['room-1']);
    expect(supervisor.find('room-1')).toBe(room);
    reports[0]!.ended();
    expect(supervisor.find('room-1')).toBeUndefined();
    const again = open('room-1');
    expect(again).not.toBe(room);
    expect(supervisor.find('room-1')).toBe(again);
    expect(supervisor.size).toBe(1);
  });

  test('with an id stops at the limit as without one', () => {
    const { supervisor, open, ids } = fakeRooms({ maxRooms: 1 });
    open();
    expect(open('room-1')).toBeUndefined();
    expect(supervisor.find('room-1')).toBeUndefined();
    expect(ids).toHaveLength(1);
  });

  test('stops at the limit, and goes on when a room has ended', () => {
    const { supervisor, open, reports, ids } = fakeRooms({ maxRooms: 2 });
    open();
    open();
    expect(open()).toBeUndefined();
    expect(ids).toHaveLength(2);
    reports[0]!.ended();
    expect(supervisor.find(ids[0]!)).toBeUndefined();
    expect(supervisor.size).toBe(1);
    expect(open()).toBeDefined();
    expect(open()).toBeUndefined();
  });

  test('stops when the server stops; the rooms there are stay to be found', () => {
    const { supervisor, open, ids } = fakeRooms();
    const room = open();
    supervisor.stop();
    expect(open()).toBeUndefined();
    expect(supervisor.find(ids[0]!)).toBe(room);
  });

  test('that fails opens no room, and the next one is opened', () => {
    let left = 1;
    const machine = supervisorMachine.provide({
      guards: {
        isLastPlace: () => {
          if (left-- > 0) throw new Error('boom');
          return false;
        },
      },
    });
    const { open, logged } = fakeRooms({ machine });
    expect(open()).toBeUndefined();
    expect(logged).toEqual([['error', 'supervisor failed on an event']]);
    expect(open()).toBeDefined();
  });

  test('no room is found by an id that is none', () => {
    const { supervisor } = fakeRooms();
    for (const id of ['', 'x', '__proto__', 'constructor']) expect(supervisor.find(id)).toBeUndefined();
  });
});

describe('failures', () => {
  test('are logged and counted; the fifth closes the room, and it alone', () => {
    const { supervisor, open, reports, ids, closed, logged, counters } = fakeRooms();
    open();
    open();
    for (let failure = 1; failure < MAX_FAILURES; failure++) {
      for (const report of reports) report.failed(new Error('boom'), 'a', undefined);
    }
    expect(closed).toEqual([]);
    expect(counters.roomRestarts).toBe(2 * (MAX_FAILURES - 1));
    expect(logged.filter(([level]) => level === 'error')).toHaveLength(2 * (MAX_FAILURES - 1));
    reports[0]!.failed(new Error('boom'), 'a', undefined);
    expect(closed).toEqual([[ids[0], expect.stringContaining('failed too often')]]);
    expect(supervisor.find(ids[0]!)).toBeUndefined();
    expect(supervisor.find(ids[1]!)).toBeDefined();
    expect(supervisor.size).toBe(1);
  });
});

/** Throws on a relay whose SDP says so, and whenever a member called `stuck` leaves. */
const crashingMachine = roomMachine.provide({
  guards: {
    areMembers: ({ context: { members }, event }, { from, to }) => {
      if (event.type === 'relay' && 'sdp' in event.message && event.message.sdp === CRASH)
        throw new Error(CRASH);
      return members.includes(from) && members.includes(to);
    },
  },
  actions: {
    release: emit((_, { participant_id }: { participant_id: string }) => {
      if (participant_id === 'stuck') throw new Error(CRASH);
      return { type: 'release', participant_id };
    }),
  },
});

/** A supervisor of real rooms, put together as src/server.ts does. */
function liveRooms() {
  const clock = new SimulatedClock();
  const start = starter(crashingMachine, clock);
  const participants = new Participants();
  const started = startSupervisor(
    (room_id, reports) =>
      new LiveRoom(
        start,
        { room_id, capacity: 8, idleTimeoutMs: IDLE_MS },
        { ...reports, resized: () => {} },
        participants,
      ),
  );
  function seat(...ids: string[]) {
    const live = started.open() as Room;
    const room = new Commands(live, participants);
    const members = ids.map((id) => new FakeMember(id));
    members.forEach((member, index) => {
      if (index === 0) room.create(member);
      else room.join(member);
    });
    const { room_id } = members[0]!.told[1] as { room_id: string };
    for (const member of members) member.news();
    return { room, live, room_id, members };
  }
  return { ...started, clock, participants, seat };
}

const offer = (to: string, sdp = 'v=0') => ({ type: 'Offer', to, sdp }) as const;
const internal = { type: 'Error', code: 'Internal', message: expect.any(String) };
const closed = expect.stringMatching(/^closed: .*failed too often/);

describe('live rooms', () => {
  test('a failure costs its sender one message; nobody else, here or in another room, notices', () => {
    const { supervisor, seat } = liveRooms();
    const one = seat('a', 'b');
    const two = seat('c', 'd');
    one.room.relay('a', offer('b', CRASH));
    expect(one.members.map((member) => member.news())).toEqual([[internal], []]);
    expect(two.members.map((member) => member.news())).toEqual([[], []]);
    for (const [{ room, members }, from, to] of [
      [one, 'a', 'b'],
      [two, 'c', 'd'],
    ] as const) {
      room.relay(from, offer(to));
      expect(members[1]!.news()).toEqual([{ type: 'Offer', from, sdp: 'v=0' }]);
    }
    expect(supervisor.size).toBe(2);
  });

  test('the fifth failure closes its room: every member hears; the other rooms go on', () => {
    const { supervisor, seat } = liveRooms();
    const one = seat('a', 'b', 'c');
    const two = seat('d', 'e');
    for (let failure = 1; failure < MAX_FAILURES; failure++) one.room.relay('a', offer('b', CRASH));
    expect(one.members.map((member) => member.news())).toEqual([Array(4).fill(internal), [], []]);
    one.room.relay('b', offer('a', CRASH));
    expect(one.members.map((member) => member.news())).toEqual([[closed], [internal, closed], [closed]]);
    expect(supervisor.find(one.room_id)).toBeUndefined();
    expect(supervisor.find(two.room_id)).toBe(two.live);
    two.room.relay('d', offer('e'));
    expect(two.members[1]!.news()).toHaveLength(1);
  });

  describe('a member that asks for a room at once when it hears that its own is closed is answered', () => {
    /** Fails a room until it is closed; its member `a` then asks at once. Returns what it was told from there. */
    function closing(ask: (router: LocalRouter, roomId: string, ref: MemberRef) => void) {
      const { supervisor, participants, seat } = liveRooms();
      const { room, live, room_id, members } = seat('a', 'b');
      const [member] = members as [FakeMember];
      const router = new LocalRouter(supervisor, participants);
      for (let failure = 1; failure < MAX_FAILURES; failure++) room.relay('a', offer('b', CRASH));
      member.news();
      const answered = member.answered.bind(member);
      member.answered = () => {
        member.answered = answered;
        ask(router, room_id, member.ref);
      };
      room.relay('b', offer('a', CRASH));
      return { supervisor, live, room_id, news: member.news() };
    }

    test('by a join: the room is not found', () => {
      const { news, supervisor } = closing((router, roomId, ref) =>
        router.send(roomId, ref, { type: 'join', createIfMissing: false }, undefined),
      );
      expect(news).toEqual([expect.stringMatching(/^refused RoomNotFound/)]);
      expect(supervisor.size).toBe(0);
    });

    test('by a join that opens a missing room: a new one, with the same id', () => {
      const { news, supervisor, live, room_id } = closing((router, roomId, ref) =>
        router.send(roomId, ref, { type: 'join', createIfMissing: true }, undefined),
      );
      expect(news[0]).toBe(`entered ${room_id}`);
      expect(supervisor.size).toBe(1);
      expect(supervisor.find(room_id)).not.toBe(live);
    });

    test('by a create: a new room', () => {
      const { news, supervisor } = closing((router, _, ref) =>
        router.send('another room', ref, { type: 'create' }, undefined),
      );
      expect(news[0]).toMatch(/^entered /);
      expect(supervisor.size).toBe(1);
    });
  });

  test('a leave that cannot succeed closes the room in the end: nobody stays with a ghost', () => {
    const { supervisor, seat, counters } = liveRooms();
    const { room, room_id, members } = seat('a', 'stuck', 'b');
    room.leave('stuck');
    expect(counters.roomRestarts).toBe(MAX_FAILURES - 1);
    expect(supervisor.find(room_id)).toBeUndefined();
    expect([members[0]!.news(), members[2]!.news()]).toEqual([[closed], [closed]]);
  });

  test('a room that expires is forgotten, and makes place', () => {
    const { supervisor, clock, seat } = liveRooms();
    const { room, live, room_id } = seat('a');
    room.leave('a');
    clock.increment(IDLE_MS - 1);
    expect(supervisor.find(room_id)).toBe(live);
    clock.increment(1);
    expect(supervisor.find(room_id)).toBeUndefined();
    expect(supervisor.size).toBe(0);
  });
});
