import * as v from 'valibot';
import { type Acceptor, acceptorOf } from './acceptance.ts';
import { rememberLiteral } from './literal.ts';

/**
 * What a client may send: one JSON object per text frame, exactly these fields. An unknown type, an unknown
 * field or a missing one is refused whole. UUIDs are read case-insensitively (RFC 9562 section 4).
 */

const UUID_V4 = /^.{14}4.{4}[89ab]/;
const uuid = v.pipe(v.string(), v.uuid(), v.toLowerCase());

const CreateRoom = v.strictObject({ type: v.literal('CreateRoom') });
const JoinRoom = v.strictObject({ type: v.literal('JoinRoom'), room_id: uuid });
/** What opens a room under an id of the client's choice: only ids that are as unguessable as the server's own. */
const JoinOrCreateRoom = v.pipe(
  v.strictObject({ ...JoinRoom.entries, create_if_missing: v.optional(v.boolean()) }),
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
const LeaveRoom = v.strictObject({ type: v.literal('LeaveRoom') });
const Offer = v.strictObject({ type: v.literal('Offer'), to: uuid, sdp: v.string() });
const Answer = v.strictObject({ type: v.literal('Answer'), to: uuid, sdp: v.string() });

/** RTCIceCandidateInit (WebRTC section 4.8.1.1) beside `type` and `to`; `candidate: ""` ends the candidates. */
const IceCandidate = v.strictObject({
  type: v.literal('IceCandidate'),
  to: uuid,
  candidate: v.string(),
  sdpMid: v.optional(v.nullable(v.string())),
  sdpMLineIndex: v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65535)))),
  usernameFragment: v.optional(v.nullable(v.string())),
});

/** Opens a session; with the token of an earlier one, and the last `seq` heard in it, takes that one up again. */
export const Hello = v.pipe(
  v.strictObject({
    type: v.literal('Hello'),
    resume_token: v.optional(v.pipe(v.string(), v.maxLength(128))),
    last_seq: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
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

/** The schema of each message, by its type. */
export const BASE = { CreateRoom, JoinRoom, LeaveRoom, Offer, Answer, IceCandidate };
export const SESSION = { ...BASE, JoinRoom: JoinOrCreateRoom };

/** What a connection speaks: the base protocol for ever, or what a Hello session adds to it. */
export type Dialect = 'base' | 'session';

type Schema = (typeof SESSION)[keyof typeof SESSION] | (typeof BASE)[keyof typeof BASE] | typeof Hello;

/** How the messages of one type are read. */
interface Reading {
  readonly schema: Schema;
  /** Valid as it is. */
  readonly accepts: Acceptor;
}

const readings = (of: Readonly<Record<string, Schema>>) =>
  new Map<unknown, Reading>(
    Object.entries({ ...of, Hello }).map(([type, schema]) => [type, { schema, accepts: acceptorOf(schema) }]),
  );
const READINGS = { base: readings(BASE), session: readings(SESSION) };

export type ClientMessage = v.InferOutput<(typeof SESSION)[keyof typeof SESSION] | typeof Hello>;
export type ClientMessageType = ClientMessage['type'];
/** Every message but Hello, which is about the connection. */
export type ParticipantMessage = Exclude<ClientMessage, { type: 'Hello' }>;

/** The three messages that carry one participant's WebRTC negotiation to another. */
export type RelayRequest = Extract<ClientMessage, { to: string }>;

export type Parsed =
  | { readonly ok: true; readonly message: ClientMessage }
  | { readonly ok: false; readonly reason: string };

const EXPECTED = Object.keys(BASE).join(', ');
const SHOWN = 100;

/**
 * Reads one text frame. Never throws: what is wrong comes back as a sentence for the client's developer.
 * Hello is read in either dialect; whether it may come now is the connection's decision. Unless `isFast`, valibot reads
 * every message.
 */
export function parseClientMessage(text: string, dialect: Dialect = 'base', isFast = true): Parsed {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse('The frame is not JSON.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse('The frame is not a JSON object.');
  }
  const { type } = value as { type?: unknown };
  if (type === undefined) return refuse(`The field "type" is missing; expected one of ${EXPECTED}.`);
  const reading = READINGS[dialect].get(type);
  if (reading === undefined) return refuse(`Unknown type ${shown(type)}; expected one of ${EXPECTED}.`);
  if (isFast && reading.accepts(value)) return accept(value as ClientMessage, text);
  const result = v.safeParse(reading.schema, value, { abortEarly: true });
  return result.success ? accept(result.output, text) : refuse(explain(String(type), result.issues[0]));
}

function accept(message: ClientMessage, text: string): Parsed {
  if ('sdp' in message) rememberLiteral(text, 'sdp', message.sdp);
  return { ok: true, message };
}

function refuse(reason: string): Parsed {
  return { ok: false, reason };
}

/** `JoinRoom.room_id: Invalid UUID: Received "abc"`, cut short where the client sent something long. */
function explain(type: string, issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue);
  return cut(`${type}${path === null ? '' : `.${cut(path)}`}: ${cut(issue.message)}`, 3 * SHOWN);
}

/** A string as it is; of anything else only what it is, since it may be nested too deep to write out. */
function shown(value: unknown): string {
  if (typeof value === 'string') return cut(JSON.stringify(cut(value)));
  return value === null ? 'null' : `of type ${Array.isArray(value) ? 'array' : typeof value}`;
}

function cut(text: string, length = SHOWN): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}
