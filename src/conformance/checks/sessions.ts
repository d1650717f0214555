import type { Check } from '../check.ts';
import { creates, greets, isGone, lines, participants, refused } from '../scenes.ts';
import { tooFewMessages } from './limits.ts';

/** What a Hello session adds. A server need not offer any of it. */

const HELLO = '{"type":"Hello"}';

function resumes(who: string, token: string, lastSeq: number): string {
  return `${who} → {"type":"Hello","resume_token":"${token}","last_seq":${lastSeq}}`;
}

function isResumed(who: string, token: string, received?: number): string {
  const count = received === undefined ? '' : `"received":${received},`;
  return `${who} ← {"type":"Ready","participant_id":"${who.toUpperCase()}","resume_token":"${token}","resumed":true,${count}"…":"…"}`;
}

/** On a new socket `who` takes its session up again, and gets the token `next`. */
function comesBack(who: string, token: string, lastSeq: number, next: string, received?: number): string {
  return lines(`${who} connects`, resumes(who, token, lastSeq), isResumed(who, next, received));
}

/** A line of what `who` hears, with its number. */
function numbered(line: string, seq: number): string {
  return line.replace(/}$/, `,"seq":${seq}}`);
}

/** `who` creates a room in a session; what it hears has the numbers 1 and 2. */
function createsInSession(who: string): string {
  const [create = '', created = '', list = ''] = creates(who).split('\n');
  return lines(create, numbered(created, 1), numbered(list, 2));
}

/** Alice is in a session, Bob in the base protocol; Alice has heard four messages. */
const ALICE_AND_BOB = lines(
  greets('Alice'),
  createsInSession('Alice'),
  'Bob → {"type":"JoinRoom","room_id":"ROOM"}',
  'Bob ← {"type":"PeerConnected","participant_id":"BOB"}',
  participants('Bob', ['Alice', 'Bob']),
  'Alice ← {"type":"PeerConnected","participant_id":"BOB","seq":3}',
  numbered(participants('Alice', ['Alice', 'Bob']), 4),
);

/** And Carol in a session too; Alice has heard six messages, Carol two. */
const WITH_CAROL = lines(
  ALICE_AND_BOB,
  greets('Carol', 'TOKEN_OF_CAROL'),
  'Carol → {"type":"JoinRoom","room_id":"ROOM"}',
  'Carol ← {"type":"PeerConnected","participant_id":"CAROL","seq":1}',
  numbered(participants('Carol', ['Alice', 'Bob', 'Carol']), 2),
  'Bob ← {"type":"PeerConnected","participant_id":"CAROL"}',
  participants('Bob', ['Alice', 'Bob', 'Carol']),
  'Alice ← {"type":"PeerConnected","participant_id":"CAROL","seq":5}',
  numbered(participants('Alice', ['Alice', 'Bob', 'Carol']), 6),
);

function offers(who: string, to: string, sdp: string): string {
  return `${who} → {"type":"Offer","to":"${to.toUpperCase()}","sdp":"${sdp}"}`;
}

function isOffered(who: string, from: string, sdp: string, seq?: number): string {
  const line = `${who} ← {"type":"Offer","from":"${from.toUpperCase()}","sdp":"${sdp}"}`;
  return seq === undefined ? line : numbered(line, seq);
}

const CHECKS: readonly Omit<Check, 'isOfSessions'>[] = [
  {
    name: 'Hello is answered Ready, and everything after it is numbered from 1',
    section: 'Hello',
    steps: lines(
      ALICE_AND_BOB,
      offers('Bob', 'Alice', 'x'),
      isOffered('Alice', 'Bob', 'x', 5),
      'Alice → {"type":"CreateRoom"}',
      numbered(refused('Alice', 'InvalidPayload'), 6),
      offers('Alice', 'Bob', 'y'),
      isOffered('Bob', 'Alice', 'y'),
    ),
  },
  {
    name: 'Hello is refused when it is not the first message, or not the first Hello',
    section: 'Hello',
    steps: lines(
      'Alice → {"type":"LeaveRoom"}',
      refused('Alice', 'InvalidPayload'),
      `Alice → ${HELLO}`,
      refused('Alice', 'InvalidPayload'),
      creates('Alice'),
      greets('Bob', 'TOKEN_OF_BOB'),
      `Bob → ${HELLO}`,
      numbered(refused('Bob', 'InvalidPayload'), 1),
      'Bob → {"type":"LeaveRoom"}',
      numbered(refused('Bob', 'InvalidPayload'), 2),
    ),
  },
  {
    name: 'a Hello that is malformed, or brings a token or a number alone, is InvalidPayload',
    section: 'Hello',
    steps: lines(
      ...[
        '"x":1',
        '"resume_token":"abc"',
        '"last_seq":0',
        '"resume_token":7,"last_seq":0',
        '"resume_token":"abc","last_seq":-1',
        '"resume_token":"abc","last_seq":0.5',
      ].flatMap((fields, index) => [
        `P${index} → {"type":"Hello",${fields}}`,
        refused(`P${index}`, 'InvalidPayload'),
      ]),
    ),
  },
  {
    name: 'an invalid Hello may be said again; unknown features are ignored, and Ready says what is spoken',
    section: 'Hello',
    steps: lines(
      'Alice → {"type":"Hello","version":1,"features":["x-ray"],"x":1}',
      refused('Alice', 'InvalidPayload'),
      'Alice → {"type":"Hello","version":0,"request_id":"again"}',
      refused('Alice', 'InvalidPayload'),
      'Alice → {"type":"Hello","version":1,"features":["x-ray"],"request_id":"now"}',
      'Alice ← {"type":"Ready","version":1,"features":[],"request_id":"now","participant_id":"ALICE","resume_token":"TOKEN","resumed":false,"…":"…"}',
      createsInSession('Alice'),
    ),
  },
  {
    name: 'the answer to a request has its id: an answer of its own, Error, or Done',
    section: 'Requests',
    steps: lines(
      greets('Alice'),
      'Alice → {"type":"LeaveRoom","request_id":"a"}',
      'Alice ← {"type":"Error","code":"InvalidPayload","message":"…","request_id":"a","seq":1}',
      'Alice → {"type":"JoinRoom","room_id":"NOWHERE","request_id":"b"}',
      'Alice ← {"type":"Error","code":"RoomNotFound","message":"…","request_id":"b","seq":2}',
      'Alice → {"type":"CreateRoom","request_id":"c"}',
      'Alice ← {"type":"RoomCreated","room_id":"ROOM","self_id":"ALICE","request_id":"c","seq":3}',
      numbered(participants('Alice', ['Alice']), 4),
      greets('Bob', 'TOKEN_OF_BOB'),
      'Bob → {"type":"JoinRoom","room_id":"ROOM","request_id":"d"}',
      'Bob ← {"type":"PeerConnected","participant_id":"BOB","request_id":"d","seq":1}',
      numbered(participants('Bob', ['Alice', 'Bob']), 2),
      'Alice ← {"type":"PeerConnected","participant_id":"BOB","seq":5}',
      numbered(participants('Alice', ['Alice', 'Bob']), 6),
      'Bob → {"type":"IceCandidate","to":"ALICE","candidate":"x","request_id":"e"}',
      'Alice ← {"type":"IceCandidate","from":"BOB","candidate":"x","seq":7}',
      'Bob ← {"type":"Done","request_id":"e","seq":3}',
      'Bob → {"type":"Offer","to":"NOBODY","sdp":"x","request_id":"f"}',
      'Bob ← {"type":"Error","code":"ParticipantNotFound","message":"…","request_id":"f","seq":4}',
      'Bob → {"type":"CreateRoom","x":1,"request_id":"g"}',
      'Bob ← {"type":"Error","code":"InvalidPayload","message":"…","request_id":"g","seq":5}',
      'Alice → {"type":"LeaveRoom","request_id":"h"}',
      'Alice ← {"type":"Done","request_id":"h","seq":8}',
      'Bob ← {"type":"PeerDisconnected","participant_id":"ALICE","seq":6}',
      numbered(participants('Bob', ['Bob']), 7),
    ),
  },
  {
    name: 'Pong has the room of the client, null outside; the base protocol has no Ping',
    section: 'Requests',
    steps: lines(
      greets('Alice'),
      'Alice → {"type":"Ping","request_id":"a"}',
      'Alice ← {"type":"Pong","request_id":"a","room_id":null,"seq":1}',
      'Alice → {"type":"Ping"}',
      numbered(refused('Alice', 'InvalidPayload'), 2),
      'Alice → {"type":"CreateRoom"}',
      'Alice ← {"type":"RoomCreated","room_id":"ROOM","self_id":"ALICE","seq":3}',
      numbered(participants('Alice', ['Alice']), 4),
      'Alice → {"type":"Ping","request_id":"b"}',
      'Alice ← {"type":"Pong","request_id":"b","room_id":"ROOM","seq":5}',
      'Bob → {"type":"Ping","request_id":"a"}',
      refused('Bob', 'InvalidPayload'),
      'Bob → {"type":"CreateRoom","request_id":"a"}',
      'Bob ← {"type":"Error","code":"InvalidPayload","message":"…"}',
    ),
  },
  {
    name: 'RateLimited says which frame of the session was refused, its Hello not counted',
    section: 'Hello',
    obstacle: tooFewMessages,
    steps: ({ messages }) =>
      lines(
        greets('Alice'),
        `Alice → {"type":"LeaveRoom"} ×${messages + 1} at once`,
        `Alice ← {"type":"Error","code":"InvalidPayload","…":"…"} ×${messages - 1}`,
        ...[messages, messages + 1].map((frame) =>
          numbered(`Alice ← {"type":"Error","code":"RateLimited","message":"…","frame":${frame}}`, frame),
        ),
      ),
  },
  {
    name: 'a token that nobody was given opens a new session',
    section: 'Coming back',
    steps: lines(resumes('Alice', 'UNKNOWN', 3), greets('Alice').split('\n')[1] as string),
  },
  {
    name: 'a lost socket keeps its seat; what came meanwhile is heard once, in order, with its numbers',
    section: 'Coming back',
    steps: lines(
      ALICE_AND_BOB,
      'Alice breaks off',
      'Bob ← nothing',
      offers('Bob', 'Alice', 'one'),
      offers('Bob', 'Alice', 'two'),
      'Bob ← nothing',
      comesBack('Alice', 'TOKEN', 4, 'NEXT_TOKEN'),
      isOffered('Alice', 'Bob', 'one', 5),
      isOffered('Alice', 'Bob', 'two', 6),
      offers('Bob', 'Alice', 'three'),
      isOffered('Alice', 'Bob', 'three', 7),
      offers('Alice', 'Bob', 'back'),
      isOffered('Bob', 'Alice', 'back'),
    ),
  },
  {
    name: 'Ready says how many frames of the session were received, refused ones included, its Hellos not',
    section: 'Coming back',
    steps: lines(
      ALICE_AND_BOB,
      offers('Alice', 'Bob', 'x'),
      isOffered('Bob', 'Alice', 'x'),
      'Alice → {"type":"CreateRoom"}',
      numbered(refused('Alice', 'InvalidPayload'), 5),
      'Alice → no JSON',
      numbered(refused('Alice', 'InvalidPayload'), 6),
      'Alice breaks off',
      comesBack('Alice', 'TOKEN', 6, 'NEXT_TOKEN', 4),
      offers('Alice', 'Bob', 'y'),
      isOffered('Bob', 'Alice', 'y'),
      'Alice breaks off',
      comesBack('Alice', 'NEXT_TOKEN', 6, 'THIRD_TOKEN', 5),
    ),
  },
  {
    name: 'the other sessions hear PeerInterrupted and PeerResumed; the base protocol does not',
    section: 'Coming back',
    steps: lines(
      WITH_CAROL,
      'Alice breaks off',
      'Carol ← {"type":"PeerInterrupted","participant_id":"ALICE","seq":3}',
      comesBack('Alice', 'TOKEN', 6, 'NEXT_TOKEN'),
      'Carol ← {"type":"PeerResumed","participant_id":"ALICE","seq":4}',
      'Bob ← nothing',
      offers('Alice', 'Bob', 'back'),
      isOffered('Bob', 'Alice', 'back'),
    ),
  },
  {
    name: 'a token works once',
    section: 'Coming back',
    steps: lines(
      ALICE_AND_BOB,
      'Alice breaks off',
      comesBack('Alice', 'TOKEN', 4, 'NEXT_TOKEN'),
      'Alice → {"type":"Ping","request_id":"a"}',
      'Alice ← {"type":"Pong","request_id":"a","room_id":"ROOM","seq":5}',
      resumes('Thief', 'TOKEN', 4),
      greets('Thief', 'TOKEN_OF_THIEF').split('\n')[1] as string,
      'Alice breaks off',
      comesBack('Alice', 'NEXT_TOKEN', 5, 'THIRD_TOKEN'),
    ),
  },
  {
    name: 'a resume whose Ready was not heard can be repeated, until a frame of the client follows a Ready',
    section: 'Coming back',
    steps: lines(
      ALICE_AND_BOB,
      'Alice breaks off',
      comesBack('Alice', 'TOKEN', 4, 'UNHEARD_TOKEN'),
      'Alice breaks off',
      comesBack('Alice', 'TOKEN', 4, 'NEXT_TOKEN'),
    ),
  },
  {
    name: 'resuming a session that has its socket closes that one with 4409; nobody leaves',
    section: 'Coming back',
    steps: lines(
      ALICE_AND_BOB,
      'Second → {"type":"Hello","resume_token":"TOKEN","last_seq":4}',
      'Second ← {"type":"Ready","participant_id":"ALICE","resume_token":"NEXT_TOKEN","resumed":true,"…":"…"}',
      'Alice ← close 4409',
      offers('Bob', 'Alice', 'x'),
      isOffered('Second', 'Bob', 'x', 5),
    ),
  },
  ...(
    [
      ['LeaveRoom', 'Alice → {"type":"LeaveRoom"}'],
      ['a close with 1000', 'Alice closes with 1000'],
      ['a close with 1001', 'Alice closes with 1001'],
      ['a binary frame', 'Alice sends a binary frame\nAlice ← close 1003'],
    ] as const
  ).map(([what, deed]) => ({
    name: `${what} ends the seat of a session at once`,
    section: 'Leaving' as const,
    steps: lines(ALICE_AND_BOB, deed, isGone('Alice', ['Bob'])),
  })),
  {
    name: 'a close without a code is no goodbye: the seat is kept',
    section: 'Leaving',
    steps: lines(
      ALICE_AND_BOB,
      'Alice closes',
      'Bob ← nothing',
      comesBack('Alice', 'TOKEN', 4, 'NEXT_TOKEN'),
    ),
  },
  {
    name: 'a close 4001, of a page that is left or reloaded, keeps the seat',
    section: 'Leaving',
    steps: lines(
      ALICE_AND_BOB,
      'Alice closes with 4001',
      'Bob ← nothing',
      comesBack('Alice', 'TOKEN', 4, 'NEXT_TOKEN'),
    ),
  },
  {
    name: 'a close with 4000 is no goodbye: the client goes on elsewhere, and the seat is kept',
    section: 'Leaving',
    steps: lines(
      WITH_CAROL,
      'Alice closes with 4000',
      'Carol ← {"type":"PeerInterrupted","participant_id":"ALICE","seq":3}',
      'Bob ← nothing',
      comesBack('Alice', 'TOKEN', 6, 'NEXT_TOKEN'),
      'Carol ← {"type":"PeerResumed","participant_id":"ALICE","seq":4}',
    ),
  },
  {
    name: 'who does not come back within the grace has left, and its token is worth nothing',
    section: 'Coming back',
    isSlow: true,
    steps: ({ resumeGraceMs }) =>
      lines(
        ALICE_AND_BOB,
        'Alice breaks off',
        'Bob ← nothing',
        `wait ${Math.ceil(resumeGraceMs * 1.1) + 1000} ms`,
        isGone('Alice', ['Bob']),
        'Late → {"type":"Hello","resume_token":"TOKEN","last_seq":4}',
        greets('Late', 'TOKEN_OF_LATE').split('\n')[1] as string,
      ),
  },
  {
    name: 'create_if_missing opens the room with the id it names, and joins it when it is there',
    section: 'Meeting again',
    steps: lines(
      greets('Alice'),
      'Alice → {"type":"JoinRoom","room_id":"ROOM","create_if_missing":false}',
      numbered(refused('Alice', 'RoomNotFound'), 1),
      'Alice → {"type":"JoinRoom","room_id":"ROOM","create_if_missing":true}',
      'Alice ← {"type":"PeerConnected","participant_id":"ALICE","seq":2}',
      numbered(participants('Alice', ['Alice']), 3),
      greets('Bob', 'TOKEN_OF_BOB'),
      'Bob → {"type":"JoinRoom","room_id":"ROOM","create_if_missing":true}',
      'Bob ← {"type":"PeerConnected","participant_id":"BOB","seq":1}',
      numbered(participants('Bob', ['Alice', 'Bob']), 2),
      'Alice ← {"type":"PeerConnected","participant_id":"BOB","seq":4}',
      numbered(participants('Alice', ['Alice', 'Bob']), 5),
    ),
  },
  {
    name: 'create_if_missing takes none but a version 4 UUID',
    section: 'Meeting again',
    steps: lines(
      greets('Alice'),
      ...['9b2f6c1e-3d4a-1f5b-8c6d-7e8f9a0b1c2d', '9b2f6c1e-3d4a-4f5b-ac6d-7e8f9a0b1c2'].map((room, index) =>
        lines(
          `Alice → {"type":"JoinRoom","room_id":"${room}","create_if_missing":true}`,
          numbered(refused('Alice', 'InvalidPayload'), index + 1),
        ),
      ),
    ),
  },
  {
    name: 'the base protocol does not know create_if_missing, with a session in the room or not',
    section: 'Meeting again',
    steps: lines(
      greets('Alice'),
      createsInSession('Alice'),
      'Bob → {"type":"JoinRoom","room_id":"ROOM","create_if_missing":true}',
      refused('Bob', 'InvalidPayload'),
    ),
  },
];

export const SESSIONS: readonly Check[] = CHECKS.map((check) => ({ ...check, isOfSessions: true }));
