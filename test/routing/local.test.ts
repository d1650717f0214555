import { describe, expect, test } from '@jest/globals';
import { LocalRouter } from '../../src/routing/local.ts';
import type { Member, Room, Rooms } from '../../src/routing/router.ts';

const offer = { type: 'Offer', to: 'b', sdp: 'v=0' } as const;

/** A member that keeps what it is told. */
function fakeMember(participantId = 'a') {
  const told: unknown[][] = [];
  const member: Member = {
    participantId,
    isSession: false,
    write: (outgoing) => {
      told.push(['write', outgoing.message]);
      return 'sent';
    },
    entered: (roomId) => told.push(['entered', roomId]),
    refused: (code, message) => told.push(['refused', code, message]),
    roomClosed: (message) => told.push(['roomClosed', message]),
  };
  return { member, told };
}

/** Rooms with place for one more, and one room-1; all calls of rooms are written down, and ids opened. */
function fakeRooms(places = 1) {
  const calls: unknown[][] = [];
  const opens: unknown[][] = [];
  const room = (id: string): Room => ({
    create: (member) => calls.push([id, 'create', member]),
    join: (member) => calls.push([id, 'join', member]),
    leave: (participantId) => calls.push([id, 'leave', participantId]),
    interrupt: (participantId) => calls.push([id, 'interrupt', participantId]),
    resume: (participantId, lost) => calls.push([id, 'resume', participantId, lost]),
    relay: (from, message) => calls.push([id, 'relay', from, message]),
    close: (message) => calls.push([id, 'close', message]),
  });
  let opened = 0;
  const rooms: Rooms = {
    open: (...args) => {
      opens.push(args);
      return opened++ < places ? room(args[0] ?? 'opened') : undefined;
    },
    find: (roomId) => (roomId === 'room-1' ? room(roomId) : undefined),
  };
  return { router: new LocalRouter(rooms), calls, opens };
}

describe('creating', () => {
  test('opens a room, with an id of its own, and has it answer', () => {
    const { router, calls, opens } = fakeRooms();
    const { member, told } = fakeMember();
    router.create(member);
    expect(opens).toEqual([[]]);
    expect(calls).toEqual([['opened', 'create', member]]);
    expect(told).toEqual([]);
  });

  test('at the room limit is refused Internal', () => {
    const { router, calls } = fakeRooms(0);
    const { member, told } = fakeMember();
    router.create(member);
    expect(told).toEqual([['refused', 'Internal', expect.stringContaining('room limit')]]);
    expect(calls).toEqual([]);
  });
});

describe('joining', () => {
  test.each([false, true])('goes to the room, which answers (createIfMissing: %s)', (createIfMissing) => {
    const { router, calls, opens } = fakeRooms();
    const { member, told } = fakeMember();
    router.join('room-1', member, createIfMissing);
    expect(calls).toEqual([['room-1', 'join', member]]);
    expect([told, opens]).toEqual([[], []]);
  });

  test('no room of this id is refused RoomNotFound, and opens none', () => {
    const { router, calls, opens } = fakeRooms();
    const { member, told } = fakeMember();
    router.join('room-2', member, false);
    expect(told).toEqual([['refused', 'RoomNotFound', expect.stringContaining('room-2')]]);
    expect([calls, opens]).toEqual([[], []]);
  });

  test('no room of this id with createIfMissing opens one with this id, and joins it', () => {
    const { router, calls, opens } = fakeRooms();
    const { member, told } = fakeMember();
    router.join('room-2', member, true);
    expect(opens).toEqual([['room-2']]);
    expect(calls).toEqual([['room-2', 'join', member]]);
    expect(told).toEqual([]);
  });

  test('with createIfMissing at the room limit is refused Internal, once', () => {
    const { router, calls, opens } = fakeRooms(0);
    const { member, told } = fakeMember();
    router.join('room-2', member, true);
    expect(told).toEqual([['refused', 'Internal', expect.stringContaining('room limit')]]);
    expect([calls, opens]).toEqual([[], [['room-2']]]);
  });

  test('with createIfMissing at the room limit still finds the room that is there', () => {
    const { router, calls, opens } = fakeRooms(0);
    const { member, told } = fakeMember();
    router.join('room-1', member, true);
    expect(calls).toEqual([['room-1', 'join', member]]);
    expect([told, opens]).toEqual([[], []]);
  });
});

describe('interruptions', () => {
  test.each([false, true])('go to the room, in order (lost: %s)', (lost) => {
    const { router, calls, opens } = fakeRooms();
    router.interrupt('room-1', 'a');
    router.resume('room-1', 'a', lost);
    expect(calls).toEqual([
      ['room-1', 'interrupt', 'a'],
      ['room-1', 'resume', 'a', lost],
    ]);
    expect(opens).toEqual([]);
  });

  test('of somebody whose room is over are dropped', () => {
    const { router, calls, opens } = fakeRooms();
    router.interrupt('room-2', 'a');
    router.resume('room-2', 'a', true);
    expect([calls, opens]).toEqual([[], []]);
  });
});

describe('leaving and relaying', () => {
  test('go to the room, from who asked', () => {
    const { router, calls } = fakeRooms();
    router.relay('room-1', fakeMember('a').member, offer);
    router.leave('room-1', 'a');
    expect(calls).toEqual([
      ['room-1', 'relay', 'a', offer],
      ['room-1', 'leave', 'a'],
    ]);
  });

  test('to a room that is over are dropped: its members were told', () => {
    const { router, calls } = fakeRooms();
    const { member, told } = fakeMember();
    router.relay('room-2', member, offer);
    router.leave('room-2', 'a');
    expect([calls, told]).toEqual([[], []]);
  });
});
