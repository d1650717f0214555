import * as v from 'valibot';
import { BASE as CLIENT } from './client.ts';
import { ERROR_CODES, type ErrorCode } from './codes.ts';

/**
 * What a server sends: one JSON object per text frame, exactly these fields. The server does not check its own
 * messages by these schemas; their types hold it to them, and tests and the conformance kit do.
 */

const UUID_V4_LOWER_CASE = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;
const id = v.pipe(v.string(), v.uuid(), v.regex(UUID_V4_LOWER_CASE));
const atLeastZero = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const milliseconds = atLeastZero;
const atLeastOne = v.pipe(v.number(), v.safeInteger(), v.minValue(1));

/** A version 4 UUID the server gave to one connection at its handshake. */
const participant_id = id;
/** A version 4 UUID that is also the capability to join: unguessable, shared as an invitation. */
const room_id = id;

const RoomCreated = v.strictObject({ type: v.literal('RoomCreated'), room_id, self_id: participant_id });
const PeerConnected = v.strictObject({ type: v.literal('PeerConnected'), participant_id });
const PeerDisconnected = v.strictObject({ type: v.literal('PeerDisconnected'), participant_id });
const RoomParticipants = v.strictObject({
  type: v.literal('RoomParticipants'),
  room_id,
  participants: v.pipe(v.array(participant_id), v.minLength(1), v.readonly()),
});

/** A relay as the addressee receives it: the payload as sent, `from` in the place of `to`. */
const from = participant_id;
const Offer = v.strictObject({
  type: v.literal('Offer'),
  from,
  ...v.omit(CLIENT.Offer, ['type', 'to']).entries,
});
const Answer = v.strictObject({
  type: v.literal('Answer'),
  from,
  ...v.omit(CLIENT.Answer, ['type', 'to']).entries,
});
const IceCandidate = v.strictObject({
  type: v.literal('IceCandidate'),
  from,
  ...v.omit(CLIENT.IceCandidate, ['type', 'to']).entries,
});

const Failure = v.strictObject({
  type: v.literal('Error'),
  code: v.picklist(Object.keys(ERROR_CODES) as ErrorCode[]),
  /** For a developer to read; programs decide by `code`. */
  message: v.pipe(v.string(), v.nonEmpty()),
});
const FailureInSession = v.strictObject({
  ...Failure.entries,
  /** Only of RateLimited: which of the session's frames was refused, counted as `Ready.received` counts. */
  frame: v.exactOptional(atLeastOne),
});

const iceUrl = v.pipe(v.string(), v.regex(/^(stuns?|turns?):\S+$/));

/** An entry of RTCConfiguration.iceServers (WebRTC section 4.2.4), for clients to use as it is. */
export const iceServer = v.pipe(
  v.strictObject({
    urls: v.union([iceUrl, v.pipe(v.array(iceUrl), v.minLength(1), v.readonly())]),
    username: v.optional(v.string()),
    credential: v.optional(v.string()),
  }),
  v.title('RTCIceServer'),
  v.readonly(),
);

/** The answer to Hello. Every later message of the session carries `seq`, rising by one from 1. */
export const Ready = v.strictObject({
  type: v.literal('Ready'),
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
});

const PeerInterrupted = v.strictObject({ type: v.literal('PeerInterrupted'), participant_id });
const PeerResumed = v.strictObject({ type: v.literal('PeerResumed'), participant_id });
const ServerDraining = v.strictObject({
  type: v.literal('ServerDraining'),
  deadline_ms: milliseconds,
  jitter_ms: milliseconds,
});

/** The schema of each message, by its type; in a session it also has `seq`. */
export const BASE = {
  RoomCreated,
  PeerConnected,
  PeerDisconnected,
  RoomParticipants,
  Offer,
  Answer,
  IceCandidate,
  Error: Failure,
};
/** What Hello sessions alone hear, besides Ready, and what they hear in another form. */
export const SESSION = { Error: FailureInSession, PeerInterrupted, PeerResumed, ServerDraining };

/** The number of a message within its session: 1, and one more each. */
export const seq = atLeastOne;

type Sent<S extends v.GenericSchema> = S extends S ? Readonly<v.InferOutput<S>> : never;

export type ParticipantId = v.InferOutput<typeof participant_id>;
export type RoomId = v.InferOutput<typeof room_id>;
export type IceServer = v.InferOutput<typeof iceServer>;
export type Ready = Sent<typeof Ready>;
export type ServerDraining = Sent<typeof ServerDraining>;
export type Relayed = Sent<typeof Offer | typeof Answer | typeof IceCandidate>;

/** As in SESSION, and Ready. */
export type SessionMessage = Ready | Sent<(typeof SESSION)[keyof typeof SESSION]>;
export type ServerMessage = SessionMessage | Sent<(typeof BASE)[Exclude<keyof typeof BASE, 'Error'>]>;
export type ServerMessageType = ServerMessage['type'];

/** A message as a session hears it: all but Ready have their number. */
export type NumberedMessage = Exclude<ServerMessage, Ready> & { readonly seq: v.InferOutput<typeof seq> };
