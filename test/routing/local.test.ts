import { describe, expect, test } from '@jest/globals';
import { LocalRouter } from '../../src/routing/local.ts';
import type { MemberRef, Replies, Room, RoomCommand, Rooms } from '../../src/routing/router.ts';
import type { Trace } from '../../src/telemetry/tracing.ts';

const from: MemberRef = { participant_id: 'a', node_id: 'node-1', isSession: false, seat: 1 };
const create: RoomCommand = { type: 'create' };
const join = (createIfMissing = false): RoomCommand => ({ type: 'join', createIfMissing });
const trace = {} as Trace;

/** Rooms with place for one more, and one room-1; keeps what rooms were given, which were opened, and the replies. */
function start(places = 1) {
  const handled: unknown[][] = [];
  const opened: string[] = [];
  const replies: unknown[][] = [];
  const room = (id: string): Room => ({
    handle: (...about) => void handled.push([id, ...about]),
    close() {},
  });
  const rooms: Rooms = {
    open(roomId) {
      opened.push(roomId);
      return opened.length <= places ? room(roomId) : undefined;
    },
    find: (roomId) => (roomId === 'room-1' ? room(roomId) : undefined),
  };
  const recorder: Replies = { send: (...about) => void replies.push(about) };
  return { router: new LocalRouter(rooms, recorder), handled, opened, replies };
}

const refused = (room: string, code: string, words: string) => [
  room,
  [from],
  { type: 'refused', code, message: expect.stringContaining(words) },
  trace,
];

describe('creating', () => {
  test('opens a room with the id it is sent to, and has it answer', () => {
    const { router, handled, opened, replies } = start();
    router.send('room-2', from, create, trace);
    expect(opened).toEqual(['room-2']);
    expect(handled).toEqual([['room-2', from, create, trace]]);
    expect(replies).toEqual([]);
  });

  test('at the room limit is refused Internal', () => {
    const { router, handled, replies } = start(0);
    router.send('room-2', from, create, trace);
    expect(replies).toEqual([refused('room-2', 'Internal', 'room limit')]);
    expect(handled).toEqual([]);
  });
});

describe('joining', () => {
  test.each([false, true])('goes to the room, which answers (createIfMissing: %s)', (createIfMissing) => {
    for (const places of [0, 1]) {
      const { router, handled, opened, replies } = start(places);
      router.send('room-1', from, join(createIfMissing), trace);
      expect(handled).toEqual([['room-1', from, join(createIfMissing), trace]]);
      expect([replies, opened]).toEqual([[], []]);
    }
  });

  test('a room that does not exist is refused RoomNotFound, and opens none', () => {
    const { router, handled, opened, replies } = start();
    router.send('room-2', from, join(), trace);
    expect(replies).toEqual([refused('room-2', 'RoomNotFound', 'room-2')]);
    expect([handled, opened]).toEqual([[], []]);
  });

  test('a room that does not exist with createIfMissing opens one with this id, and joins it', () => {
    const { router, handled, opened, replies } = start();
    router.send('room-2', from, join(true), trace);
    expect(opened).toEqual(['room-2']);
    expect(handled).toEqual([['room-2', from, join(true), trace]]);
    expect(replies).toEqual([]);
  });

  test('with createIfMissing at the room limit is refused Internal, once', () => {
    const { router, handled, opened, replies } = start(0);
    router.send('room-2', from, join(true), trace);
    expect(replies).toEqual([refused('room-2', 'Internal', 'room limit')]);
    expect([handled, opened]).toEqual([[], ['room-2']]);
  });
});

describe.each<RoomCommand>([
  { type: 'leave' },
  { type: 'interrupt' },
  { type: 'resume', lost: true },
  { type: 'relay', message: { type: 'Offer', to: 'b', sdp: 'v=0' } },
])('%j', (command) => {
  test('goes to the room', () => {
    const { router, handled, opened } = start();
    router.send('room-1', from, command, trace);
    expect(handled).toEqual([['room-1', from, command, trace]]);
    expect(opened).toEqual([]);
  });

  test('to a room that is over is dropped: its members were told', () => {
    const { router, handled, opened, replies } = start();
    router.send('room-2', from, command, trace);
    expect([handled, opened, replies]).toEqual([[], [], []]);
  });
});
