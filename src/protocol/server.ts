import type * as v from 'valibot';
import type { iceServer, participant_id, room_id, seq } from './fields.ts';
import { SERVER_MESSAGES } from './messages.ts';
import { baseSchemas, sessionSchemas } from './registry.ts';

/** What a server sends, as schemas and types that follow from messages.ts. */

/** The schema of each message, by its type; in a session all but those that start its numbers have `seq`, too. */
export const BASE = baseSchemas(SERVER_MESSAGES);
export const SESSION = sessionSchemas(SERVER_MESSAGES);

type Sent<S extends v.GenericSchema> = S extends S ? Readonly<v.InferOutput<S>> : never;
type Messages = { readonly [T in keyof typeof SESSION]: Sent<(typeof SESSION)[T]> };

export type ParticipantId = v.InferOutput<typeof participant_id>;
export type RoomId = v.InferOutput<typeof room_id>;
export type IceServer = v.InferOutput<typeof iceServer>;
export type Ready = Messages['Ready'];
export type ServerDraining = Messages['ServerDraining'];
export type Relayed = Messages['Offer' | 'Answer' | 'IceCandidate'];

export type ServerMessage = Messages[keyof Messages];
export type ServerMessageType = ServerMessage['type'];
/** What sessions alone hear, or hear in another form. */
export type SessionMessage = Messages[Exclude<keyof Messages, keyof typeof BASE> | 'Error'];

/** A message as a session hears it: all but Ready have their number. */
export type NumberedMessage = Exclude<ServerMessage, Ready> & { readonly seq: v.InferOutput<typeof seq> };
