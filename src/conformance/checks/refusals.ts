import type { Check } from '../check.ts';
import { canSignal, creates, isGone, lines, refused, seated } from '../scenes.ts';

/** Frames that are no message, whoever sends them and wherever. */
const MALFORMED: Readonly<Record<string, readonly string[]>> = {
  'what is not JSON': ['', 'hello', '{', "{'type':'LeaveRoom'}", '{"type":"LeaveRoom"}{}'],
  'what is not an object': ['null', 'true', '7', '"LeaveRoom"', '[]', '[{"type":"LeaveRoom"}]'],
  'a missing or mistyped type': [
    '{}',
    '{"type":null}',
    '{"type":7}',
    '{"type":["LeaveRoom"]}',
    '{"type":{}}',
  ],
  'an unknown type': ['leaveroom', 'LeaveRoom ', '', 'RoomCreated', 'Error', '__proto__', 'toString'].map(
    (type) => JSON.stringify({ type }),
  ),
  'an unknown field': [
    '{"type":"CreateRoom","x":1}',
    '{"type":"LeaveRoom","room_id":"BOB"}',
    '{"type":"JoinRoom","room_id":"ROOM","x":null}',
    '{"type":"JoinRoom","room_id":"ROOM","create_if_missing":false}',
    '{"type":"Offer","to":"BOB","sdp":"x","candidate":"x"}',
    '{"type":"Answer","to":"BOB","sdp":"x","x":1}',
    '{"type":"IceCandidate","to":"BOB","candidate":"x","sdp":"x"}',
    '{"type":"LeaveRoom","__proto__":null}',
  ],
  'a missing field': [
    '{"type":"JoinRoom"}',
    '{"type":"Offer","to":"BOB"}',
    '{"type":"Offer","sdp":"x"}',
    '{"type":"Answer","to":"BOB"}',
    '{"type":"Answer","sdp":"x"}',
    '{"type":"IceCandidate","to":"BOB"}',
    '{"type":"IceCandidate","candidate":"x"}',
  ],
  'a mistyped field': [
    '{"type":"JoinRoom","room_id":7}',
    '{"type":"JoinRoom","room_id":null}',
    '{"type":"Offer","to":["BOB"],"sdp":"x"}',
    '{"type":"Offer","to":"BOB","sdp":null}',
    '{"type":"Answer","to":"BOB","sdp":{"type":"answer"}}',
    '{"type":"IceCandidate","to":"BOB","candidate":null}',
    '{"type":"IceCandidate","to":"BOB","candidate":"x","sdpMid":0}',
    ...['"0"', '-1', '0.5', '65536', 'true'].map(
      (index) => `{"type":"IceCandidate","to":"BOB","candidate":"x","sdpMLineIndex":${index}}`,
    ),
    '{"type":"IceCandidate","to":"BOB","candidate":"x","usernameFragment":false}',
  ],
  'an id that is no UUID': [
    '{"type":"JoinRoom","room_id":""}',
    '{"type":"JoinRoom","room_id":"room-1"}',
    '{"type":"JoinRoom","room_id":"9b2f6c1e3d4a4f5b8c6d7e8f9a0b1c2d"}',
    '{"type":"Offer","to":"bob","sdp":"x"}',
    '{"type":"Answer","to":"{9b2f6c1e-3d4a-4f5b-8c6d-7e8f9a0b1c2d}","sdp":"x"}',
    '{"type":"IceCandidate","to":"9b2f6c1e-3d4a-4f5b-8c6d-7e8f9a0b1c2g","candidate":"x"}',
  ],
};

function eachRefused(who: string, frames: readonly string[]): string {
  return lines(...frames.map((frame) => lines(`${who} → ${frame}`, refused(who, 'InvalidPayload'))));
}

export const REFUSALS: readonly Check[] = [
  ...Object.entries(MALFORMED).map(
    ([what, frames]): Check => ({
      name: `${what} is InvalidPayload; nothing else changes`,
      section: 'Refusals',
      steps: lines(
        seated('Alice', 'Bob'),
        // Where the message would do something, were it well-formed: Carol is in no room.
        ...frames.map((frame) => eachRefused(/CreateRoom|JoinRoom/.test(frame) ? 'Carol' : 'Alice', [frame])),
        canSignal('Alice', 'Bob'),
      ),
    }),
  ),
  {
    name: 'a malformed frame is answered outside a room too, and the connection goes on',
    section: 'Refusals',
    steps: lines(
      eachRefused('Alice', ['hello', '[]', '{"type":"CreateRoom","x":1}', '{"type":"JoinRoom"}']),
      creates('Alice'),
    ),
  },
  {
    name: 'a relay or LeaveRoom outside a room is InvalidPayload',
    section: 'Refusals',
    steps: lines(
      creates('Alice'),
      eachRefused('Bob', [
        '{"type":"LeaveRoom"}',
        '{"type":"Offer","to":"ALICE","sdp":"x"}',
        '{"type":"Answer","to":"ALICE","sdp":"x"}',
        '{"type":"IceCandidate","to":"ALICE","candidate":"x"}',
      ]),
    ),
  },
  {
    name: 'CreateRoom or JoinRoom inside a room is InvalidPayload, and membership is as it was',
    section: 'Refusals',
    steps: lines(
      seated('Alice', 'Bob'),
      creates('Carol', 'ROOM_OF_CAROL'),
      eachRefused('Bob', [
        '{"type":"CreateRoom"}',
        '{"type":"JoinRoom","room_id":"ROOM"}',
        '{"type":"JoinRoom","room_id":"ROOM_OF_CAROL"}',
        '{"type":"JoinRoom","room_id":"NOWHERE"}',
      ]),
      canSignal('Alice', 'Bob'),
    ),
  },
  {
    name: 'an addressee that is nobody, elsewhere or gone is ParticipantNotFound, and hears nothing',
    section: 'Refusals',
    steps: lines(
      seated('Alice', 'Bob', 'Carol'),
      creates('Dave', 'ROOM_OF_DAVE'),
      'Carol → {"type":"LeaveRoom"}',
      isGone('Carol', ['Alice', 'Bob']),
      ...['NOBODY', 'DAVE', 'CAROL', 'ROOM'].flatMap((to) => [
        `Alice → {"type":"Offer","to":"${to}","sdp":"x"}`,
        refused('Alice', 'ParticipantNotFound'),
        `Alice → {"type":"IceCandidate","to":"${to}","candidate":"x"}`,
        refused('Alice', 'ParticipantNotFound'),
      ]),
      canSignal('Alice', 'Bob'),
    ),
  },
  {
    name: 'a room that never was is RoomNotFound, and the connection goes on',
    section: 'Refusals',
    steps: lines(
      'Alice → {"type":"JoinRoom","room_id":"NOWHERE"}',
      refused('Alice', 'RoomNotFound'),
      'Alice → {"type":"JoinRoom","room_id":"00000000-0000-0000-0000-000000000000"}',
      refused('Alice', 'RoomNotFound'),
      creates('Alice'),
    ),
  },
];
