import type * as v from 'valibot';
import { CLIENT_MESSAGES } from './messages.ts';
import { baseSchemas, requestSchemas } from './registry.ts';

/** What clients send, as schemas and types that follow from messages.ts. */

/** What a connection speaks: the base protocol for ever, or what a Hello session adds to it. */
export type Dialect = 'base' | 'session';

/** The schema of each message, by its type. */
export const BASE = baseSchemas(CLIENT_MESSAGES);
export const SESSION = requestSchemas(CLIENT_MESSAGES);

export type ClientMessage = v.InferOutput<(typeof SESSION)[keyof typeof SESSION]>;
export type ClientMessageType = ClientMessage['type'];
/** Every message but Hello, which is about the connection. */
export type ParticipantMessage = Exclude<ClientMessage, { type: 'Hello' }>;

/** The three messages that carry one participant's WebRTC negotiation to another. */
export type RelayRequest = Extract<ClientMessage, { to: string }>;
