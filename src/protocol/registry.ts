import * as v from 'valibot';
import { request_id } from './fields.ts';

/** What a message is: the entries of messages.ts, from which reading, spans, refusals and documents derive. */

/** When a client may send a message. */
export type When = keyof typeof WHEN;

interface WhenEntry {
  /** For the tables of docs/protocol.md. */
  readonly meaning: string;
  /** The text of the InvalidPayload that refuses it at another time. */
  readonly refusal: string;
}

export const WHEN = {
  first: { meaning: 'first', refusal: 'Hello comes first, and once.' },
  outside: { meaning: 'outside a room', refusal: 'You are in a room already: leave it first.' },
  inside: { meaning: 'in a room', refusal: 'You are outside a room: create or join one first.' },
  anywhere: { meaning: 'at any time', refusal: 'This message cannot be taken now.' },
} as const satisfies Readonly<Record<string, WhenEntry>>;

/** Who knows a message: the base protocol and sessions, or sessions alone. */
export type KnownTo = 'base' | 'session';

/** What documents say of a message, beside what its schema says. */
export interface Words<S extends v.GenericSchema> {
  /** For a message to the server, what it asks for; for one from the server, who hears it and when. */
  readonly summary: string;
  readonly example: v.InferInput<S>;
}

/** A message of clients. `T` is its schema in a session. */
export interface ClientEntry<S extends MessageSchema, K extends KnownTo, T extends MessageSchema>
  extends Words<S> {
  readonly schema: S;
  readonly knownTo: K;
  /** The session has to have asked for this feature in its Hello; otherwise the message is InvalidPayload. */
  readonly feature?: string | undefined;
  readonly when: When;
  /** The name of the message's span. */
  readonly span: string;
  /** Only where a session may say more than the base protocol. */
  readonly inSession?: ({ readonly schema: T } & Words<T>) | undefined;
}

/** A message of the server. In a session it has a number, too, unless it `startsNumbers`. */
export interface ServerEntry<S extends MessageSchema, K extends KnownTo, T extends MessageSchema>
  extends Words<S> {
  readonly schema: S;
  readonly knownTo: K;
  readonly feature?: string | undefined;
  /** Without a number: it says where the numbers start, or go on. */
  readonly startsNumbers?: true | undefined;
  readonly inSession?: { readonly schema: T } | undefined;
}

/** A schema of an object with a type: `entries` are its fields. */
export type MessageSchema = v.GenericSchema & { readonly entries: v.ObjectEntries };

export function client<S extends MessageSchema, const K extends KnownTo, T extends MessageSchema = S>(
  entry: ClientEntry<S, K, T>,
): ClientEntry<S, K, T> {
  return entry;
}

export function server<S extends MessageSchema, const K extends KnownTo, T extends MessageSchema = S>(
  entry: ServerEntry<S, K, T>,
): ServerEntry<S, K, T> {
  return entry;
}

// biome-ignore lint/suspicious/noExplicitAny: an entry of any message
type Any = any;
type Entries = Readonly<Record<string, ClientEntry<Any, Any, Any> | ServerEntry<Any, Any, Any>>>;

/** The schemas of the base protocol, by type. */
export type BaseSchemas<E extends Entries> = {
  readonly [T in keyof E as E[T]['knownTo'] extends 'base' ? T : never]: E[T]['schema'];
};

/** The schemas of a session, by type: those of the base protocol included. */
export type SessionSchemas<E extends Entries> = {
  readonly [T in keyof E]: NonNullable<E[T]['inSession']>['schema'];
};

/** The schemas of what clients send in a session: each message may have a request id. */
export type RequestSchemas<E extends Entries> = {
  readonly [T in keyof E]: RequestSchema<NonNullable<E[T]['inSession']>['schema']>;
};

type RequestId = { request_id?: string | undefined };
type RequestSchema<S extends v.GenericSchema> = v.GenericSchema<
  v.InferInput<S> & RequestId,
  v.InferOutput<S> & RequestId
> & { readonly entries: v.ObjectEntries };

export function baseSchemas<E extends Entries>(entries: E): BaseSchemas<E> {
  const known = Object.entries(entries).filter(([, { knownTo }]) => knownTo === 'base');
  return Object.fromEntries(known.map(([type, { schema }]) => [type, schema])) as BaseSchemas<E>;
}

export function sessionSchemas<E extends Entries>(entries: E): SessionSchemas<E> {
  const all = Object.entries(entries);
  return Object.fromEntries(
    all.map(([type, { schema, inSession }]) => [type, inSession?.schema ?? schema]),
  ) as SessionSchemas<E>;
}

export function requestSchemas<E extends Entries>(entries: E): RequestSchemas<E> {
  const schemas = Object.entries(sessionSchemas(entries));
  return Object.fromEntries(
    schemas.map(([type, schema]) => [type, withRequestId(schema)]),
  ) as RequestSchemas<E>;
}

/** The schema with a request id. A schema with checks has its own: here it would lose them. */
function withRequestId(schema: Any): Any {
  const { entries } = schema;
  if ('request_id' in entries) return schema;
  return v.strictObject({ ...entries, request_id: v.optional(request_id) });
}
