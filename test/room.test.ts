import { describe, expect, test } from '@jest/globals';
import { emit, SimulatedClock } from 'xstate';
import { type RoomEvent, roomMachine } from '../machines/room.ts';
import { starter } from '../src/actor/xstate/machine-actor.ts';
import { Participants } from '../src/participants.ts';
import type { ServerMessage } from '../src/protocol/server.ts';
import { LiveRoom } from '../src/room.ts';
import { Commands, FakeMember } from './support/members.ts';

const ROOM = 'room-1';
const IDLE_MS = 60_000;
const FAILED = 'The server failed on this message; the room is as it was.';

interface Failing {
  machine?: typeof roomMachine;
  /** What the host does when it hears of a failure. */
  onFailure?: (room: LiveRoom) => void;
}

function openRoom({ machine = roomMachine, onFailure }: Failing = {}) {
  const clock = new SimulatedClock();
  const hosted: unknown[][] = [];
  const sizes: [before: number, after: number][] = [];
  const participants = new Participants();
  const live: LiveRoom = new LiveRoom(
    starter(machine, clock),
    { room_id: ROOM, capacity: 3, idleTimeoutMs: IDLE_MS },
    {
      failed: (error, participantId) => {
        hosted.push(['failed', String(error), participantId]);
        onFailure?.(live);
      },
      resized: (before, after) => sizes.push([before, after]),
      ended: () => hosted.push(['ended']),
    },
    participants,
  );
  return { room: new Commands(live, participants), clock, hosted, sizes };
}

/** A room with members in it who have heard everything so far. */
function seat(ids: string[], failing: Failing = {}) {
  const opened = openRoom(failing);
  const members = ids.map((id) => new FakeMember(id));
  members.forEach((member, index) => {
    if (index === 0) opened.room.create(member);
    else opened.room.join(member);
  });
  for (const member of members) member.news();
  return { ...opened, members };
}

const offer = (to: string, sdp = 'v=0') => ({ type: 'Offer', to, sdp }) as const;
const participants = (...ids: string[]): ServerMessage => ({
  type: 'RoomParticipants',
  room_id: ROOM,
  participants: ids,
});
const connected = (participant_id: string): ServerMessage => ({ type: 'PeerConnected', participant_id });
const disconnected = (participant_id: string): ServerMessage => ({
  type: 'PeerDisconnected',
  participant_id,
});
const error = (code: string, message: unknown = expect.any(String)) => ({ type: 'Error', code, message });

describe('entering', () => {
  test('the creator has its seat before it hears RoomCreated and RoomParticipants', () => {
    const { room } = openRoom();
    const a = new FakeMember('a');
    room.create(a);
    expect(a.told).toEqual([
      `entered ${ROOM}`,
      { type: 'RoomCreated', room_id: ROOM, self_id: 'a' },
      participants('a'),
    ]);
  });

  test('a joiner has its seat before it and all others hear of it', () => {
    const {
      room,
      members: [a],
    } = seat(['a']);
    const b = new FakeMember('b');
    room.join(b);
    expect(b.told).toEqual([`entered ${ROOM}`, connected('b'), participants('a', 'b')]);
    expect(a!.news()).toEqual([connected('b'), participants('a', 'b')]);
  });

  test('of one too many is refused; nobody else hears, and it hears nothing of the room', () => {
    const { room, members } = seat(['a', 'b', 'c']);
    const late = new FakeMember('d');
    room.join(late);
    expect(late.news()).toEqual([expect.stringMatching(/^refused RoomFull: /)]);
    room.relay('a', offer('d'));
    room.leave('b');
    room.close('maintenance'); // by then it may be in another room
    expect(late.news()).toEqual([]);
    expect(members[2]!.news().slice(0, 2)).toEqual([disconnected('b'), participants('a', 'c')]);
  });

  test('a broadcast is one object for all: it is encoded once', () => {
    const { room, members } = seat(['a', 'b']);
    const c = new FakeMember('c');
    room.join(c);
    const lasts = [...members, c].map(({ received }) => received.slice(-2));
    expect(lasts[1]![0]).toBe(lasts[0]![0]);
    expect(lasts[2]![0]).toBe(lasts[0]![0]);
    expect(lasts[1]![1]).toBe(lasts[0]![1]);
    expect(lasts[2]![1]).toBe(lasts[0]![1]);
    expect(lasts[0]![0]).not.toBe(lasts[0]![1]);
  });
});

describe('relaying', () => {
  test('writes to the addressee alone', () => {
    const { room, members } = seat(['a', 'b', 'c']);
    room.relay('a', offer('b'));
    expect(members.map((member) => member.news())).toEqual([
      [],
      [{ type: 'Offer', from: 'a', sdp: 'v=0' }],
      [],
    ]);
  });

  test('to somebody absent is refused on the sender’s own sink', () => {
    const { room, members } = seat(['a', 'b']);
    room.relay('a', offer('x'));
    expect(members.map((member) => member.news())).toEqual([[error('ParticipantNotFound')], []]);
  });
});

describe('leaving', () => {
  test('is told to whoever remains; who left hears nothing more', () => {
    const { room, members } = seat(['a', 'b', 'c']);
    room.leave('a');
    room.relay('b', offer('a'));
    room.relay('b', offer('c'));
    expect(members.map((member) => member.news())).toEqual([
      [],
      [disconnected('a'), participants('b', 'c'), error('ParticipantNotFound')],
      [disconnected('a'), participants('b', 'c'), { type: 'Offer', from: 'b', sdp: 'v=0' }],
    ]);
  });

  test('twice is told once', () => {
    const { room, members } = seat(['a', 'b']);
    room.leave('a');
    room.leave('a');
    expect(members[1]!.news()).toEqual([disconnected('a'), participants('b')]);
  });

  test('while being written to comes after what was being told, for everybody', () => {
    const { room, members } = seat(['a', 'b']);
    const c = new FakeMember('c');
    members[0]!.onWrite = () => room.leave('a'); // its queue is full: its socket closes at once
    room.join(c);
    expect(c.news()).toEqual([
      `entered ${ROOM}`,
      connected('c'),
      participants('a', 'b', 'c'),
      disconnected('a'),
      participants('b', 'c'),
    ]);
  });
});

describe('a session that loses its socket', () => {
  /** A room of a base member and two sessions. */
  function mixed(failing: Failing = {}) {
    const opened = openRoom(failing);
    const members = [new FakeMember('a'), new FakeMember('b', true), new FakeMember('c', true)] as const;
    opened.room.create(members[0]);
    for (const member of members.slice(1)) opened.room.join(member);
    for (const member of members) member.news();
    return { ...opened, members, news: () => members.map((member) => member.news()) };
  }
  const interrupted = { type: 'PeerInterrupted', participant_id: 'b' };
  const resumed = { type: 'PeerResumed', participant_id: 'b' };

  test('is told to the other sessions alone, and so is its resumption; it keeps its place', () => {
    const { room, news, sizes, hosted } = mixed();
    room.interrupt('b');
    expect(news()).toEqual([[], [], [interrupted]]);
    room.resume('b', false);
    expect(news()).toEqual([[], [], [resumed]]);
    expect([sizes.length, hosted]).toEqual([3, []]);
  });

  test('is written to as ever meanwhile: what is kept of it is its connection’s affair', () => {
    const { room, news } = mixed();
    room.interrupt('b');
    news();
    room.relay('a', offer('b'));
    room.leave('c');
    expect(news()).toEqual([
      [disconnected('c'), participants('a', 'b')],
      [{ type: 'Offer', from: 'a', sdp: 'v=0' }, disconnected('c'), participants('a', 'b')],
      [],
    ]);
  });

  test('is reminded of the participants when it has lost something, and nobody else is', () => {
    const { room, news } = mixed();
    room.interrupt('b');
    news();
    room.resume('b', true);
    expect(news()).toEqual([[], [participants('a', 'b', 'c')], [resumed]]);
  });

  test('may leave for good, which everybody hears', () => {
    const { room, news } = mixed();
    room.interrupt('b');
    news();
    room.leave('b');
    const gone = [disconnected('b'), participants('a', 'c')];
    expect(news()).toEqual([gone, [], gone]);
  });

  test('keeps the room from expiring, with nobody else there', () => {
    const { room, clock, hosted } = mixed();
    for (const id of ['a', 'c']) room.leave(id);
    room.interrupt('b');
    clock.increment(100 * IDLE_MS);
    expect(hosted).toEqual([]);
    room.leave('b');
    clock.increment(IDLE_MS);
    expect(hosted).toEqual([['ended']]);
  });

  test('that is in another room is nothing to this one', () => {
    const { room, news } = mixed();
    room.interrupt('x');
    room.resume('x', true);
    expect(news()).toEqual([[], [], []]);
  });

  test.each(['interrupt', 'resume'] as const)(
    'on whose %s the room fails: the host hears, and it is tried again',
    (type) => {
      let left = 2;
      const machine = roomMachine.provide({
        guards: {
          isMember: ({ context, event }, { participant_id }) => {
            if (event.type === type && left-- > 0) throw new Error('boom');
            return context.members.includes(participant_id);
          },
        },
      });
      const { room, news, hosted, sizes } = mixed({ machine });
      const before = sizes.length;
      room.interrupt('b');
      room.resume('b', false);
      expect(hosted).toEqual([
        ['failed', boom, 'b'],
        ['failed', boom, 'b'],
      ]);
      expect([news(), sizes.length]).toEqual([[[], [], [interrupted, resumed]], before]);
    },
  );
});

describe('its size', () => {
  test('is told to the host as members come and go, those refused not counted', () => {
    const { room, sizes } = seat(['a', 'b', 'c']);
    room.join(new FakeMember('d'));
    room.leave('x');
    for (const id of ['a', 'b', 'c']) room.leave(id);
    expect(sizes).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 2],
      [2, 1],
      [1, 0],
    ]);
  });

  test('is nought once it is closed', () => {
    const { room, sizes } = seat(['a', 'b']);
    room.close('maintenance');
    expect(sizes.at(-1)).toEqual([2, 0]);
  });

  test('is not touched by what failed', () => {
    const { room, sizes } = seat(['a', 'b'], { machine: failing('leave', 1) });
    room.leave('a');
    expect(sizes.slice(2)).toEqual([[2, 1]]);
  });
});

describe('ending', () => {
  test('by expiry is told to the host once; a member that comes later is refused', () => {
    const { room, clock, hosted } = openRoom();
    clock.increment(IDLE_MS - 1);
    expect(hosted).toEqual([]);
    clock.increment(1);
    expect(hosted).toEqual([['ended']]);
    clock.increment(10 * IDLE_MS);
    expect(hosted).toEqual([['ended']]);
    const late = new FakeMember('late');
    room.join(late);
    expect(late.news()).toEqual([`refused RoomNotFound: Room ${ROOM} is over.`]);
  });

  test('a room with members never expires; once they left it does', () => {
    const { room, clock, hosted } = seat(['a']);
    clock.increment(100 * IDLE_MS);
    expect(hosted).toEqual([]);
    room.leave('a');
    clock.increment(IDLE_MS);
    expect(hosted).toEqual([['ended']]);
  });

  test('by close tells every member once, and the host once', () => {
    const { room, clock, members, hosted } = seat(['a', 'b']);
    room.close('maintenance');
    room.close('again');
    room.leave('a');
    room.relay('a', offer('b'));
    clock.increment(10 * IDLE_MS);
    expect(members.map((member) => member.news())).toEqual([
      ['closed: maintenance'],
      ['closed: maintenance'],
    ]);
    expect(hosted).toEqual([['ended']]);
  });

  test('by close, a member that waits for the answer to its join is refused: it is in no room yet', () => {
    const { room, members } = seat(['a', 'b']);
    const [a, b] = members as [FakeMember, FakeMember];
    const newcomer = new FakeMember('c');
    // While the room tells of a leave its actor takes nothing else: the join waits, and then the room is closed.
    a.onWrite = () => {
      room.join(newcomer);
      room.close('maintenance');
    };
    room.leave('b');
    expect([newcomer.news(), a.news(), b.news()]).toEqual([
      ['refused Internal: maintenance'],
      ['closed: maintenance'],
      [],
    ]);
  });

  test('by close, a member that joined a second time is a member still', () => {
    const { room, members } = seat(['a']);
    room.join(members[0] as FakeMember);
    room.close('maintenance');
    expect(members[0]?.news()).toEqual(['closed: maintenance']);
  });

  test('by close the host forgets the room before its members hear: they find it gone', () => {
    const { room, members, hosted } = seat(['a']);
    members[0]!.answered = () => void hosted.push(['told']);
    room.close('maintenance');
    expect(hosted).toEqual([['ended'], ['told']]);
  });

  test('by close of an idle room sets no timer loose', () => {
    const { room, clock, hosted } = openRoom();
    room.close('maintenance');
    clock.increment(IDLE_MS);
    expect(hosted).toEqual([['ended']]);
  });
});

/** A room machine that throws on the events `fails` says, wherever in their transition it decides something. */
function failingOn(fails: (event: RoomEvent) => boolean): typeof roomMachine {
  const check = (event: RoomEvent) => {
    if (fails(event)) throw new Error('boom');
  };
  return roomMachine.provide({
    guards: {
      areMembers: ({ context: { members }, event }, { from, to }) => {
        check(event);
        return members.includes(from) && members.includes(to);
      },
    },
    actions: {
      admit: emit(({ event }, { participant_id }: { participant_id: string }) => {
        check(event);
        return { type: 'admit', participant_id };
      }),
      release: emit(({ event }, { participant_id }: { participant_id: string }) => {
        check(event);
        return { type: 'release', participant_id };
      }),
      tellExpired: emit(({ event }) => {
        check(event);
        return { type: 'expired' };
      }),
    },
  });
}

/** Fails on the first `times` events of a type. */
function failing(type: string, times = Infinity): typeof roomMachine {
  let left = times;
  return failingOn((event) => event.type === type && left-- > 0);
}

const boom = expect.stringContaining('boom');
const internal = `refused Internal: ${FAILED}`;

describe('a room that fails', () => {
  test('on a relay: the sender hears Internal, nobody else anything, and all stay', () => {
    const { room, members, hosted } = seat(['a', 'b', 'c'], { machine: failing('relay', 1) });
    room.relay('a', offer('b'));
    expect(members.map((member) => member.news())).toEqual([[error('Internal', FAILED)], [], []]);
    expect(hosted).toEqual([['failed', boom, 'a']]);
    room.relay('a', offer('b'));
    room.leave('c');
    expect(members.map((member) => member.news())).toEqual([
      [disconnected('c'), participants('a', 'b')],
      [{ type: 'Offer', from: 'a', sdp: 'v=0' }, disconnected('c'), participants('a', 'b')],
      [],
    ]);
  });

  test('on a join: the joiner is refused Internal and may try again; nobody else hears', () => {
    const {
      room,
      members: [a],
      hosted,
    } = seat(['a'], { machine: failing('join', 1) });
    const b = new FakeMember('b');
    room.join(b);
    expect(b.news()).toEqual([internal]);
    expect(a!.news()).toEqual([]);
    expect(hosted).toEqual([['failed', boom, 'b']]);
    room.relay('a', offer('b'));
    expect([a!.news(), b.news()]).toEqual([[error('ParticipantNotFound')], []]);
    room.join(b);
    expect(b.news()).toEqual([`entered ${ROOM}`, connected('b'), participants('a', 'b')]);
  });

  test('on a create: the creator is refused Internal, and the room expires like any empty one', () => {
    const { room, clock, hosted } = openRoom({ machine: failing('create') });
    const a = new FakeMember('a');
    room.create(a);
    expect(a.news()).toEqual([internal]);
    clock.increment(IDLE_MS);
    expect(hosted).toEqual([['failed', boom, 'a'], ['ended']]);
    expect(a.news()).toEqual([]);
  });

  test('on a leave: it is tried again, and told once', () => {
    const { room, members, hosted } = seat(['a', 'b'], { machine: failing('leave', 2) });
    room.leave('a');
    expect(members.map((member) => member.news())).toEqual([[], [disconnected('a'), participants('b')]]);
    expect(hosted).toEqual([
      ['failed', boom, 'a'],
      ['failed', boom, 'a'],
    ]);
    room.leave('b');
    expect(hosted).toHaveLength(2);
  });

  test('on a leave again and again: until the host closes the room, and every member hears', () => {
    let failures = 0;
    const onFailure = (room: LiveRoom) => {
      failures += 1;
      if (failures === 5) room.close('failed too often');
    };
    const { room, members, hosted } = seat(['a', 'b', 'c'], { machine: failing('leave'), onFailure });
    room.leave('a');
    expect(failures).toBe(5);
    expect(hosted.at(-1)).toEqual(['ended']);
    for (const member of members.slice(1)) expect(member.news()).toEqual(['closed: failed too often']);
  });

  test('on a leave while another event is handled: neither is lost', () => {
    const { room, members } = seat(['a', 'b'], { machine: failing('leave', 1) });
    members[0]!.onWrite = () => room.leave('a');
    room.relay('b', offer('a'));
    expect(members[1]!.news()).toEqual([disconnected('a'), participants('b')]);
  });

  test('on its own timer: it closes, since the timer does not come again', () => {
    const timer = 'xstate.after.idleTimeout.room.idle';
    const { clock, hosted } = openRoom({ machine: failing(timer) });
    clock.increment(IDLE_MS);
    expect(hosted).toEqual([['failed', boom, undefined], ['ended']]);
  });

  test('closed by the host within the failure: the sender hears both, the others the one', () => {
    const onFailure = (room: LiveRoom) => room.close('failed too often');
    const { room, members, hosted } = seat(['a', 'b'], { machine: failing('relay'), onFailure });
    room.relay('a', offer('b'));
    expect(members.map((member) => member.news())).toEqual([
      [error('Internal', FAILED), 'closed: failed too often'],
      ['closed: failed too often'],
    ]);
    expect(hosted).toEqual([['failed', boom, 'a'], ['ended']]);
  });
});
