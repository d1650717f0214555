import type * as v from 'valibot';
import * as client from '../../src/protocol/client.ts';
import * as server from '../../src/protocol/server.ts';

/** What docs/ say of each message and field, beside what the schemas say. The types see to it that none is missing. */

interface Entry<S extends v.GenericSchema> {
  /** For a message to the server, what it asks for; for one from the server, who hears it and when. */
  readonly summary: string;
  readonly example: v.InferInput<S>;
}
type Catalogue<S extends Record<string, v.GenericSchema>> = { readonly [T in keyof S]: Entry<S[T]> };

const ALICE = '5a1c0e6e-3c0b-4d52-9a51-1f6d1f0a4b11';
const BOB = '0f8b7c5d-92a4-4c1e-8b0d-6f1e2d3c4b22';
const ROOM = 'c3d9a1b7-6e5f-4a8b-b1c2-7d8e9f0a1b33';
const CANDIDATE = 'candidate:1 1 udp 2122260223 192.0.2.1 54321 typ host';
const TOKEN = 'q83v_EjRVniavN7wEjRWeJq83vASNFZ4';

const relays = {
  Offer: { sdp: 'v=0\r\n…' },
  Answer: { sdp: 'v=0\r\n…' },
  IceCandidate: { candidate: CANDIDATE, sdpMid: '0', sdpMLineIndex: 0 },
};

export const CLIENT_SCHEMAS = { ...client.BASE, Hello: client.Hello };

export const CLIENT: Catalogue<typeof CLIENT_SCHEMAS> = {
  CreateRoom: { summary: 'Opens a room and enters it.', example: { type: 'CreateRoom' } },
  JoinRoom: { summary: 'Enters a room that is there.', example: { type: 'JoinRoom', room_id: ROOM } },
  LeaveRoom: { summary: 'Leaves the room; unanswered.', example: { type: 'LeaveRoom' } },
  Offer: {
    summary: 'Hands an SDP offer to a member of the room.',
    example: { type: 'Offer', to: BOB, ...relays.Offer },
  },
  Answer: {
    summary: 'Hands an SDP answer to a member of the room.',
    example: { type: 'Answer', to: BOB, ...relays.Answer },
  },
  IceCandidate: {
    summary: 'Hands an ICE candidate to a member of the room.',
    example: { type: 'IceCandidate', to: BOB, ...relays.IceCandidate },
  },
  Hello: {
    summary:
      'Opens a session, as the first message of a connection and once. With `resume_token` and `last_seq`, which go together, takes an earlier one up again.',
    example: { type: 'Hello', resume_token: TOKEN, last_seq: 7 },
  },
};

/** What messages of the base protocol may say besides, in a session. */
export const CLIENT_IN_SESSION: Pick<Catalogue<typeof client.SESSION>, 'JoinRoom'> = {
  JoinRoom: {
    summary:
      'Enters a room; with `create_if_missing` opens it, when there is none, under this id, which must be a version 4 UUID.',
    example: { type: 'JoinRoom', room_id: ROOM, create_if_missing: true },
  },
};

export const SERVER_SCHEMAS = { ...server.BASE, Ready: server.Ready, ...server.SESSION };

export const SERVER: Catalogue<typeof SERVER_SCHEMAS> = {
  RoomCreated: {
    summary: 'To the creator, followed by `RoomParticipants`.',
    example: { type: 'RoomCreated', room_id: ROOM, self_id: ALICE },
  },
  PeerConnected: {
    summary:
      'To every member, the newcomer included, before `RoomParticipants`: a newcomer hears its own id first.',
    example: { type: 'PeerConnected', participant_id: BOB },
  },
  PeerDisconnected: {
    summary: 'To every remaining member, before `RoomParticipants`.',
    example: { type: 'PeerDisconnected', participant_id: BOB },
  },
  RoomParticipants: {
    summary: 'To every member after each change, in join order.',
    example: { type: 'RoomParticipants', room_id: ROOM, participants: [ALICE, BOB] },
  },
  Offer: {
    summary: 'To the addressee alone, as it was sent.',
    example: { type: 'Offer', from: ALICE, ...relays.Offer },
  },
  Answer: {
    summary: 'To the addressee alone, as it was sent.',
    example: { type: 'Answer', from: ALICE, ...relays.Answer },
  },
  IceCandidate: {
    summary: 'To the addressee alone, as it was sent.',
    example: { type: 'IceCandidate', from: ALICE, ...relays.IceCandidate },
  },
  Error: {
    summary: 'To the sender of what was refused; nothing else has changed.',
    example: {
      type: 'Error',
      code: 'RoomFull',
      message: 'The room has its 8 participants; try later.',
    },
  },
  Ready: {
    summary: 'The answer to `Hello`.',
    example: {
      type: 'Ready',
      participant_id: ALICE,
      resume_token: TOKEN,
      resumed: false,
      heartbeat_ms: 15_000,
      resume_grace_ms: 15_000,
      limits: { messages: 20, window_ms: 1000, max_payload_bytes: 65_536, room_capacity: 8 },
      ice_servers: [{ urls: 'stun:stun.example.org' }],
    },
  },
  PeerInterrupted: {
    summary: 'A member’s session lost its socket; to the other sessions in the room.',
    example: { type: 'PeerInterrupted', participant_id: BOB },
  },
  PeerResumed: {
    summary:
      'It has a socket again, and its client may have another network; to the other sessions in the room.',
    example: { type: 'PeerResumed', participant_id: BOB },
  },
  ServerDraining: {
    summary:
      'The server will close with 1012 after `deadline_ms`; connect again, elsewhere if you can, after a random part of `jitter_ms`.',
    example: { type: 'ServerDraining', deadline_ms: 10_000, jitter_ms: 5000 },
  },
};

type Fields<S extends Record<string, v.GenericSchema>> = Exclude<KeysOf<v.InferInput<S[keyof S]>>, 'type'>;
type KeysOf<T> = T extends T ? keyof T : never;
type FieldName =
  | Fields<typeof CLIENT_SCHEMAS>
  | Fields<typeof client.SESSION>
  | Fields<typeof SERVER_SCHEMAS>
  | keyof server.Ready['limits']
  | keyof server.IceServer
  | 'seq';

/** A field means the same wherever it occurs. */
export const FIELDS: Readonly<Record<FieldName, string>> = {
  room_id: 'A room: whoever knows the id may join.',
  create_if_missing: 'Open the room under this id, a version 4 UUID, when there is none.',
  to: 'The participant it is for, a member of the same room.',
  from: 'The participant that sent it.',
  sdp: 'A session description, passed on as it is.',
  candidate: 'As in RTCIceCandidateInit; the empty string ends the candidates.',
  sdpMid: 'As in RTCIceCandidateInit.',
  sdpMLineIndex: 'As in RTCIceCandidateInit.',
  usernameFragment: 'As in RTCIceCandidateInit.',
  self_id: 'Who you are.',
  participant_id: 'The participant it is about; in Ready, who you are.',
  participants: 'The members, in join order.',
  code: 'What programs decide by.',
  message: 'What was wrong, for a developer to read.',
  frame:
    'Only of RateLimited: which of the session’s frames was refused, counted over its sockets from 1, each socket’s Hello not.',
  resume_token: 'Takes the session up again on another socket, once; every Ready brings a new one.',
  last_seq: 'The last number heard in the session that is taken up again.',
  resumed: 'Whether an earlier session goes on: same participant, same room; what was missed follows.',
  lost: 'Only when resumed: something that was missed is gone. RoomParticipants follows.',
  received:
    'Only when resumed: how many of the session’s frames arrived, less the Hello each socket began with; no more will.',
  heartbeat_ms: 'Time between the server’s pings.',
  resume_grace_ms: 'How long the seat is kept without a socket.',
  limits: 'What the server allows.',
  messages: 'Text frames of one socket within window_ms.',
  window_ms: 'Length of the rolling window, and of the penalty.',
  max_payload_bytes: 'Largest frame.',
  room_capacity: 'Participants in a room at most.',
  ice_servers: 'For RTCConfiguration.iceServers, as they are.',
  urls: 'As in RTCIceServer.',
  username: 'As in RTCIceServer.',
  credential: 'As in RTCIceServer.',
  deadline_ms: 'Time until the server closes.',
  jitter_ms: 'Wait a random part of this before connecting again.',
  seq: 'The number of the message within the session: 1, and one more each.',
};
