import type { Check } from '../check.ts';
import { canSignal, creates, isGone, joins, lines, participants, refused, seated } from '../scenes.ts';

export const ROOMS: readonly Check[] = [
  {
    name: 'CreateRoom is answered RoomCreated, then RoomParticipants with the creator alone',
    section: 'Rooms',
    steps: creates('Alice'),
  },
  {
    name: 'every room and every participant has an id of its own',
    section: 'Rooms',
    steps: lines(creates('Alice', 'ROOM'), creates('Bob', 'ROOM_OF_BOB'), creates('Carol', 'ROOM_OF_CAROL')),
  },
  {
    name: 'a newcomer is announced to every member, itself included, before the list in join order',
    section: 'Rooms',
    steps: seated('Alice', 'Bob', 'Carol'),
  },
  {
    name: 'whoever leaves and comes back is last in the list',
    section: 'Rooms',
    steps: lines(
      seated('Alice', 'Bob', 'Carol'),
      'Alice → {"type":"LeaveRoom"}',
      isGone('Alice', ['Bob', 'Carol']),
      joins('Alice', ['Bob', 'Carol']),
    ),
  },
  {
    name: 'a participant has one id for as long as it is connected, in whatever room',
    section: 'Rooms',
    steps: lines(creates('Alice'), 'Alice → {"type":"LeaveRoom"}', creates('Alice', 'ANOTHER_ROOM')),
  },
  {
    name: 'a room that has just become empty can be joined',
    section: 'Rooms',
    steps: lines(
      creates('Alice'),
      'Alice → {"type":"LeaveRoom"}',
      'Alice ← nothing',
      joins('Bob', []),
      joins('Alice', ['Bob']),
    ),
  },
  {
    name: 'rooms do not hear of each other',
    section: 'Rooms',
    steps: lines(
      seated('Alice', 'Bob'),
      creates('Carol', 'ROOM_OF_CAROL'),
      joins('Dave', ['Carol'], 'ROOM_OF_CAROL'),
      canSignal('Dave', 'Carol'),
      'Dave → {"type":"LeaveRoom"}',
      isGone('Dave', ['Carol'], 'ROOM_OF_CAROL'),
    ),
  },
  {
    name: 'a room id is a capability: another id than that of a room opens none',
    section: 'Rooms',
    steps: lines(
      creates('Alice'),
      'Bob → {"type":"JoinRoom","room_id":"ALICE"}',
      refused('Bob', 'RoomNotFound'),
      'Bob → {"type":"JoinRoom","room_id":"NOWHERE"}',
      refused('Bob', 'RoomNotFound'),
      joins('Bob', ['Alice']),
    ),
  },
  {
    name: 'ids are read in upper case, and written in lower case',
    section: 'Frames and ids',
    steps: lines(
      creates('Alice'),
      'Bob → {"type":"JoinRoom","room_id":"upper(ROOM)"}',
      'Bob ← {"type":"PeerConnected","participant_id":"BOB"}',
      participants('Bob', ['Alice', 'Bob']),
      'Alice ← {"type":"PeerConnected","participant_id":"BOB"}',
      participants('Alice', ['Alice', 'Bob']),
      'Bob → {"type":"Offer","to":"upper(ALICE)","sdp":"loud"}',
      'Alice ← {"type":"Offer","from":"BOB","sdp":"loud"}',
    ),
  },
  {
    name: 'white space and the order of fields do not matter',
    section: 'Frames and ids',
    steps: lines(
      creates('Alice'),
      'Bob → { "room_id" : "ROOM" ,\t"type" : "JoinRoom" }',
      'Bob ← {"type":"PeerConnected","participant_id":"BOB"}',
      participants('Bob', ['Alice', 'Bob']),
      'Alice ← {"type":"PeerConnected","participant_id":"BOB"}',
      participants('Alice', ['Alice', 'Bob']),
    ),
  },
  {
    name: 'a room with nobody in it is gone after its time',
    section: 'Expiry',
    isSlow: true,
    steps: ({ roomIdleMs }) =>
      lines(
        creates('Alice'),
        'Alice → {"type":"LeaveRoom"}',
        'Alice ← nothing',
        `wait ${Math.ceil(roomIdleMs * 1.1) + 1000} ms`,
        'Bob → {"type":"JoinRoom","room_id":"ROOM"}',
        refused('Bob', 'RoomNotFound'),
      ),
  },
  {
    name: 'a room with a member is not, however quiet',
    section: 'Expiry',
    isSlow: true,
    steps: ({ roomIdleMs }) =>
      lines(creates('Alice'), `wait ${Math.ceil(roomIdleMs * 1.1) + 1000} ms`, joins('Bob', ['Alice'])),
  },
];
