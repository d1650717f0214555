import type { Check } from '../check.ts';
import { canSignal, creates, isGone, lines, seated } from '../scenes.ts';

const ENDS = [
  ['with a close frame', 'Carol closes with 1000'],
  ['with a code of its own', 'Carol closes with 4000'],
  ['with a close frame without a code', 'Carol closes'],
  ['without a word', 'Carol breaks off'],
] as const;

export const LEAVING: readonly Check[] = [
  {
    name: 'LeaveRoom tells the others PeerDisconnected, then the list; the leaver hears nothing',
    section: 'Leaving',
    steps: lines(
      seated('Alice', 'Bob', 'Carol'),
      'Carol → {"type":"LeaveRoom"}',
      isGone('Carol', ['Alice', 'Bob']),
      'Carol ← nothing',
      canSignal('Alice', 'Bob'),
    ),
  },
  ...ENDS.map(
    ([how, deed]): Check => ({
      name: `a socket that ends ${how} leaves at once, with exactly one PeerDisconnected`,
      section: 'Leaving',
      steps: lines(
        seated('Alice', 'Bob', 'Carol'),
        deed,
        isGone('Carol', ['Alice', 'Bob']),
        canSignal('Alice', 'Bob'),
      ),
    }),
  ),
  {
    name: 'who left by LeaveRoom does not leave again with its socket',
    section: 'Leaving',
    steps: lines(
      seated('Alice', 'Bob'),
      'Bob → {"type":"LeaveRoom"}',
      isGone('Bob', ['Alice']),
      'Bob closes with 1000',
      'Alice ← nothing',
    ),
  },
  {
    name: 'nothing is kept for somebody absent',
    section: 'Leaving',
    steps: lines(
      seated('Alice', 'Bob'),
      'Bob → {"type":"LeaveRoom"}',
      isGone('Bob', ['Alice']),
      'Alice → {"type":"Offer","to":"BOB","sdp":"too late"}',
      'Alice ← {"type":"Error","code":"ParticipantNotFound","message":"…"}',
      'Bob → {"type":"JoinRoom","room_id":"ROOM"}',
      'Bob ← {"type":"PeerConnected","participant_id":"BOB"}',
      'Bob ← {"type":"RoomParticipants","room_id":"ROOM","participants":["ALICE","BOB"]}',
      'Alice ← {"type":"PeerConnected","participant_id":"BOB"}',
      'Alice ← {"type":"RoomParticipants","room_id":"ROOM","participants":["ALICE","BOB"]}',
      'Bob ← nothing',
    ),
  },
  {
    name: 'a connection goes on outside of rooms after leaving one',
    section: 'Leaving',
    steps: lines(creates('Alice'), 'Alice → {"type":"LeaveRoom"}', creates('Alice', 'ANOTHER_ROOM')),
  },
];
