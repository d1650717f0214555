import * as v from 'valibot';

/** The schemas of fields that messages have in common. */

/** A UUID as clients may write it: read case-insensitively (RFC 9562 section 4). */
export const uuid = v.pipe(v.string(), v.uuid(), v.toLowerCase());

const UUID_V4_LOWER_CASE = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;
const id = v.pipe(v.string(), v.uuid(), v.regex(UUID_V4_LOWER_CASE));

/** A version 4 UUID the server gave to one connection at its handshake. */
export const participant_id = id;
/** A version 4 UUID that is also the capability to join: unguessable, shared as an invitation. */
export const room_id = id;

export const atLeastZero = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
export const atLeastOne = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
export const milliseconds = atLeastZero;

/** The number of a message within its session: 1, and one more each. */
export const seq = atLeastOne;

/** What a client of a session calls a request: the answer repeats it. */
export const request_id = v.pipe(v.string(), v.maxLength(64));

/** The fields of RTCIceCandidateInit (WebRTC section 4.8.1.1); `candidate: ""` ends the candidates. */
export const iceCandidate = {
  candidate: v.string(),
  sdpMid: v.optional(v.nullable(v.string())),
  sdpMLineIndex: v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65535)))),
  usernameFragment: v.optional(v.nullable(v.string())),
};

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
