import type { Outgoing } from './codec/outgoing.ts';
import type { ParticipantMessage } from './protocol/client.ts';
import type { CloseReason } from './protocol/codes.ts';
import type { Greeting } from './protocol/features.ts';
import type { ParticipantId, RoomId } from './protocol/server.ts';
import type { Trace } from './telemetry/tracing.ts';
import type { Transport, TransportEnd } from './transport/transport.ts';

/** How a connection and its participant know each other: neither imports the other's file. */

/** How a session is taken up. */
export interface Resumed {
  /** The session's next token. */
  readonly token: string;
  /** The last number that the client has heard. */
  readonly lastSeq: number;
  readonly greeting: Greeting;
}

/** A connection, as its participant sees it. */
export interface AttachedConnection {
  /** The id that a new participant of this connection gets. */
  readonly participantId: ParticipantId;
  readonly transport: Transport;
  close(reason: CloseReason): void;
  /** Counts an attempt of its address: a room asked for, or a join in vain. Returns whether these are too many. */
  attempted(): boolean;
}

/** A participant, as its connection sees it. */
export interface AttachedParticipant {
  readonly id: ParticipantId;
  readonly isSession: boolean;
  /** The room it is in; null outside. */
  readonly roomId: RoomId | null;
  /** The number of the session's latest message; 0 in the base protocol. */
  readonly seq: number;
  /** Text frames of the client since the session began, over all its transports. */
  readonly received: number;
  /** A text frame has come. The first one after a resume shows that the client has heard the Ready. */
  countFrame(): void;
  receive(message: ParticipantMessage, trace: Trace | undefined): void;
  /** Answers InvalidPayload with this reason, behind the answers to earlier messages. */
  reject(reason: string, requestId: string | undefined, trace: Trace | undefined): void;
  /** Writes an answer of the connection's own, behind the answers to earlier messages. */
  answer(outgoing: Outgoing, trace: Trace | undefined): void;
  /** Forgets messages that are too old to be kept for a resume: called before each ping. */
  trimOutbox(): void;
  /**
   * The client's side has received every message up to this number. No effect between a resume and the next text frame:
   * a browser answers pings for a page that has given the socket up.
   */
  acknowledge(seq: number): void;
  isAttachedTo(connection: AttachedConnection): boolean;
  /**
   * The session goes on over this connection: Ready with the token, then every message after `lastSeq`. Its former connection is
   * closed.
   */
  attach(connection: AttachedConnection, opening: Resumed, trace: Trace | undefined): void;
  /** The connection's transport has ended. No effect when the participant has another connection already. */
  detach(connection: AttachedConnection, end: TransportEnd, trace: Trace | undefined): void;
}

/** Where connections get their participants. */
export interface Registrar {
  /** A new participant, which speaks over this connection: with a greeting a session. */
  register(connection: AttachedConnection, greeting: Greeting | undefined): AttachedParticipant;
  /** The session that this token opens, and the token that takes its place; undefined when it opens none. */
  claim(token: string): { readonly participant: AttachedParticipant; readonly token: string } | undefined;
}
