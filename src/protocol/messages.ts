import * as v from 'valibot';
import { ERROR_CODES, type ErrorCode } from './codes.ts';
import {
  atLeastOne,
  atLeastZero,
  iceCandidate,
  iceServer,
  milliseconds,
  participant_id,
  request_id,
  room_id,
  uuid,
} from './fields.ts';
import { client, server } from './registry.ts';

/**
 * The messages of the protocol, each described once: one JSON object per text frame, exactly these fields. A message is an
 * entry here, a transition in machines/participant.ts and a handler in src/participant.ts; all else derives from them.
 */

const ALICE = '5a1c0e6e-3c0b-4d52-9a51-1f6d1f0a4b11';
const BOB = '0f8b7c5d-92a4-4c1e-8b0d-6f1e2d3c4b22';
const ROOM = 'c3d9a1b7-6e5f-4a8b-b1c2-7d8e9f0a1b33';
const TOKEN = 'q83v_EjRVniavN7wEjRWeJq83vASNFZ4';

/** Payloads of examples. */
const SDP = { sdp: 'v=0\r\n…' };
const CANDIDATE = {
  candidate: 'candidate:1 1 udp 2122260223 192.0.2.1 54321 typ host',
  sdpMid: '0',
  sdpMLineIndex: 0,
};

const UUID_V4 = /^.{14}4.{4}[89ab]/;

/** What opens a room under an id of the client's choice: only ids that are as unguessable as the server's own. */
const JoinOrCreateRoom = v.pipe(
  v.strictObject({
    type: v.literal('JoinRoom'),
    room_id: uuid,
    create_if_missing: v.optional(v.boolean()),
    request_id: v.optional(request_id),
  }),
  v.check(
    ({ room_id, create_if_missing }) => create_if_missing !== true || UUID_V4.test(room_id),
    'create_if_missing takes a version 4 UUID',
  ),
  // The same for the JSON Schema: what a check does cannot be read from it.
  v.metadata({
    if: { properties: { create_if_missing: { const: true } }, required: ['create_if_missing'] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { properties: { room_id: { type: 'string', pattern: '^.{14}4.{4}[89ABab]' } } },
  }),
);

/** Opens a session; with the token of an earlier one, and the last `seq` heard in it, takes that one up again. */
const Hello = v.pipe(
  v.strictObject({
    type: v.literal('Hello'),
    version: v.optional(atLeastOne),
    features: v.optional(v.pipe(v.array(v.pipe(v.string(), v.maxLength(64))), v.maxLength(64))),
    resume_token: v.optional(v.pipe(v.string(), v.maxLength(128))),
    last_seq: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
    request_id: v.optional(request_id),
  }),
  v.check(
    ({ resume_token, last_seq }) => (resume_token === undefined) === (last_seq === undefined),
    'resume_token and last_seq go together',
  ),
  v.metadata({
    if: { anyOf: [{ required: ['resume_token'] }, { required: ['last_seq'] }] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { required: ['resume_token', 'last_seq'] },
  }),
);

/** What a session can ask for in its Hello, each with what it adds. Messages name their feature. */
export const FEATURES: Readonly<Record<string, string>> = {
  // None yet.
};

/** What clients send. An unknown type, an unknown field or a missing one is refused whole. */
export const CLIENT_MESSAGES = {
  Hello: client({
    schema: Hello,
    knownTo: 'session',
    when: 'first',
    span: 'open session',
    summary:
      'Opens a session, before any other message and once. `version` is the latest that the client speaks. With `resume_token` and `last_seq`, which go together, takes an earlier session up again.',
    example: { type: 'Hello', version: 1, features: [], resume_token: TOKEN, last_seq: 7 },
  }),
  CreateRoom: client({
    schema: v.strictObject({ type: v.literal('CreateRoom') }),
    knownTo: 'base',
    when: 'outside',
    span: 'create room',
    summary: 'Opens a room and enters it.',
    example: { type: 'CreateRoom' },
  }),
  JoinRoom: client({
    schema: v.strictObject({ type: v.literal('JoinRoom'), room_id: uuid }),
    knownTo: 'base',
    when: 'outside',
    span: 'join room',
    summary: 'Enters a room that is there.',
    example: { type: 'JoinRoom', room_id: ROOM },
    inSession: {
      schema: JoinOrCreateRoom,
      summary:
        'Enters a room. With `create_if_missing` a missing room is opened under this id, which must be a version 4 UUID.',
      example: { type: 'JoinRoom', room_id: ROOM, create_if_missing: true },
    },
  }),
  LeaveRoom: client({
    schema: v.strictObject({ type: v.literal('LeaveRoom') }),
    knownTo: 'base',
    when: 'inside',
    span: 'leave room',
    summary: 'Leaves the room; unanswered, unless it has a `request_id`.',
    example: { type: 'LeaveRoom' },
  }),
  Offer: client({
    schema: v.strictObject({ type: v.literal('Offer'), to: uuid, sdp: v.string() }),
    knownTo: 'base',
    when: 'inside',
    span: 'relay Offer',
    summary: 'Hands an SDP offer to a member of the room.',
    example: { type: 'Offer', to: BOB, ...SDP },
  }),
  Answer: client({
    schema: v.strictObject({ type: v.literal('Answer'), to: uuid, sdp: v.string() }),
    knownTo: 'base',
    when: 'inside',
    span: 'relay Answer',
    summary: 'Hands an SDP answer to a member of the room.',
    example: { type: 'Answer', to: BOB, ...SDP },
  }),
  IceCandidate: client({
    schema: v.strictObject({ type: v.literal('IceCandidate'), to: uuid, ...iceCandidate }),
    knownTo: 'base',
    when: 'inside',
    span: 'relay IceCandidate',
    summary: 'Hands an ICE candidate to a member of the room.',
    example: { type: 'IceCandidate', to: BOB, ...CANDIDATE },
  }),
  Ping: client({
    schema: v.strictObject({ type: v.literal('Ping'), request_id }),
    knownTo: 'session',
    when: 'anywhere',
    span: 'ping',
    summary: 'Asks whether the server is there, and which room the client is in.',
    example: { type: 'Ping', request_id: '7' },
  }),
};

/** Of what answers a request: its id, if it had one. */
const answer = { request_id: v.exactOptional(request_id) };

/** A relay as the addressee receives it: the payload as sent, `from` in the place of `to`. */
const from = participant_id;

const Failure = {
  type: v.literal('Error'),
  code: v.picklist(Object.keys(ERROR_CODES) as ErrorCode[]),
  /** For a developer to read; programs decide by `code`. */
  message: v.pipe(v.string(), v.nonEmpty()),
};

/**
 * What the server sends. It does not check its own messages by these schemas; their types hold it to them, and tests and
 * the conformance kit do.
 */
export const SERVER_MESSAGES = {
  Ready: server({
    schema: v.strictObject({
      type: v.literal('Ready'),
      /** Which version is spoken: the client's, or the server's latest. */
      version: atLeastOne,
      /** Those of Hello that the server knows. */
      features: v.pipe(v.array(v.string()), v.readonly()),
      participant_id,
      /** Takes this session up again on another socket; once. */
      resume_token: v.pipe(v.string(), v.nonEmpty(), v.maxLength(128)),
      /** Whether an earlier session goes on: same participant, same room, what was missed follows. */
      resumed: v.boolean(),
      /** Only when resumed, and something was missed that is gone; RoomParticipants follows. */
      lost: v.exactOptional(v.literal(true)),
      /**
       * Only when resumed: how many of the session's frames have arrived at the server over all its sockets, refused ones
       * included, the Hello each socket began with not. No more of them will: what its client sent after those is gone.
       */
      received: v.exactOptional(atLeastZero),
      heartbeat_ms: milliseconds,
      resume_grace_ms: milliseconds,
      limits: v.pipe(
        v.strictObject({
          /** Text frames of one socket within `window_ms`. */
          messages: atLeastOne,
          window_ms: atLeastOne,
          max_payload_bytes: atLeastOne,
          room_capacity: atLeastOne,
        }),
        v.readonly(),
      ),
      ice_servers: v.pipe(v.array(iceServer), v.readonly()),
      ...answer,
    }),
    knownTo: 'session',
    startsNumbers: true,
    summary: 'The answer to `Hello`.',
    example: {
      type: 'Ready',
      version: 1,
      features: [],
      participant_id: ALICE,
      resume_token: TOKEN,
      resumed: false,
      heartbeat_ms: 15_000,
      resume_grace_ms: 15_000,
      limits: { messages: 20, window_ms: 1000, max_payload_bytes: 65_536, room_capacity: 8 },
      ice_servers: [{ urls: 'stun:stun.example.org' }],
    },
  }),
  RoomCreated: server({
    schema: v.strictObject({ type: v.literal('RoomCreated'), room_id, self_id: participant_id }),
    knownTo: 'base',
    summary: 'To the creator, followed by `RoomParticipants`.',
    example: { type: 'RoomCreated', room_id: ROOM, self_id: ALICE },
    inSession: {
      schema: v.strictObject({
        type: v.literal('RoomCreated'),
        room_id,
        self_id: participant_id,
        ...answer,
      }),
    },
  }),
  PeerConnected: server({
    schema: v.strictObject({ type: v.literal('PeerConnected'), participant_id }),
    knownTo: 'base',
    summary:
      'To every member, the newcomer included, before `RoomParticipants`: a newcomer hears its own id first.',
    example: { type: 'PeerConnected', participant_id: BOB },
    inSession: {
      /** The newcomer's own has the request id of its JoinRoom. */
      schema: v.strictObject({ type: v.literal('PeerConnected'), participant_id, ...answer }),
    },
  }),
  PeerDisconnected: server({
    schema: v.strictObject({ type: v.literal('PeerDisconnected'), participant_id }),
    knownTo: 'base',
    summary: 'To every remaining member, before `RoomParticipants`.',
    example: { type: 'PeerDisconnected', participant_id: BOB },
  }),
  RoomParticipants: server({
    schema: v.strictObject({
      type: v.literal('RoomParticipants'),
      room_id,
      participants: v.pipe(v.array(participant_id), v.minLength(1), v.readonly()),
    }),
    knownTo: 'base',
    summary: 'To every member after each change, in join order.',
    example: { type: 'RoomParticipants', room_id: ROOM, participants: [ALICE, BOB] },
  }),
  Offer: server({
    schema: v.strictObject({ type: v.literal('Offer'), from, sdp: v.string() }),
    knownTo: 'base',
    summary: 'To the addressee alone, as it was sent.',
    example: { type: 'Offer', from: ALICE, ...SDP },
  }),
  Answer: server({
    schema: v.strictObject({ type: v.literal('Answer'), from, sdp: v.string() }),
    knownTo: 'base',
    summary: 'To the addressee alone, as it was sent.',
    example: { type: 'Answer', from: ALICE, ...SDP },
  }),
  IceCandidate: server({
    schema: v.strictObject({ type: v.literal('IceCandidate'), from, ...iceCandidate }),
    knownTo: 'base',
    summary: 'To the addressee alone, as it was sent.',
    example: { type: 'IceCandidate', from: ALICE, ...CANDIDATE },
  }),
  Error: server({
    schema: v.strictObject(Failure),
    knownTo: 'base',
    summary: 'To the sender of what was refused; nothing else has changed.',
    example: {
      type: 'Error',
      code: 'RoomFull',
      message: 'The room has its 8 participants; try later.',
    },
    inSession: {
      schema: v.strictObject({
        ...Failure,
        /** Only of RateLimited: which of the session's frames was refused, counted as `Ready.received` counts. */
        frame: v.exactOptional(atLeastOne),
        ...answer,
      }),
    },
  }),
  Done: server({
    schema: v.strictObject({ type: v.literal('Done'), request_id }),
    knownTo: 'session',
    summary: 'What the request asked for is done. To the sender of a request that has no answer of its own.',
    example: { type: 'Done', request_id: '7' },
  }),
  Pong: server({
    schema: v.strictObject({ type: v.literal('Pong'), request_id, room_id: v.nullable(room_id) }),
    knownTo: 'session',
    summary: 'The answer to `Ping`, with the room that the client is in; null outside.',
    example: { type: 'Pong', request_id: '7', room_id: ROOM },
  }),
  PeerInterrupted: server({
    schema: v.strictObject({ type: v.literal('PeerInterrupted'), participant_id }),
    knownTo: 'session',
    summary: 'A member’s session lost its socket; to the other sessions in the room.',
    example: { type: 'PeerInterrupted', participant_id: BOB },
  }),
  PeerResumed: server({
    schema: v.strictObject({ type: v.literal('PeerResumed'), participant_id }),
    knownTo: 'session',
    summary:
      'It has a socket again, and its client may have another network; to the other sessions in the room.',
    example: { type: 'PeerResumed', participant_id: BOB },
  }),
  ServerDraining: server({
    schema: v.strictObject({
      type: v.literal('ServerDraining'),
      deadline_ms: milliseconds,
      jitter_ms: milliseconds,
    }),
    knownTo: 'session',
    summary:
      'The server will close with 1012 after `deadline_ms`; connect again, elsewhere if you can, after a random part of `jitter_ms`.',
    example: { type: 'ServerDraining', deadline_ms: 10_000, jitter_ms: 5000 },
  }),
};

/** What documents say of a field. It means the same wherever it occurs. */
export const FIELDS = {
  room_id: 'A room. A client that knows the id may join.',
  create_if_missing: 'Open a missing room under this id, a version 4 UUID.',
  to: 'The participant it is for, a member of the same room.',
  from: 'The participant that sent it.',
  sdp: 'A session description, passed on as it is.',
  candidate: 'As in RTCIceCandidateInit; the empty string ends the candidates.',
  sdpMid: 'As in RTCIceCandidateInit.',
  sdpMLineIndex: 'As in RTCIceCandidateInit.',
  usernameFragment: 'As in RTCIceCandidateInit.',
  request_id:
    'What the client calls its request. The answer repeats it; so does Error, but not for RateLimited.',
  version: 'Of the protocol: 1.',
  features:
    'In Hello, what the client asks for; names that the server does not know are ignored. In Ready, what it got.',
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
