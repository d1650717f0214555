import type { RelayRequest } from '../protocol/client.ts';
import type { ErrorCode } from '../protocol/codes.ts';
import type { ParticipantId, RoomId, ServerMessage } from '../protocol/server.ts';
import type { Trace } from '../telemetry/tracing.ts';

/** One server process. */
export type NodeId = string;

/**
 * A participant as its room sees it: a reference that can be sent over a wire. What the room answers is addressed to it.
 */
export interface MemberRef {
  readonly participant_id: ParticipantId;
  /** Where the participant is. */
  readonly node_id: NodeId;
  /** Whether it has a session, and so hears of interruptions. */
  readonly isSession: boolean;
  /** Counts the seats that it asked for. A reply to an earlier seat is late: the participant drops it. */
  readonly seat: number;
}

/** What a participant asks of a room. */
export type RoomCommand =
  /** Opens a room with this id and enters it. */
  | { readonly type: 'create' }
  /** With `createIfMissing` the room is opened if it does not exist. */
  | { readonly type: 'join'; readonly createIfMissing: boolean }
  | { readonly type: 'leave' }
  /** The session lost its transport; messages to it wait. */
  | { readonly type: 'interrupt' }
  /** The session has a transport again; `lost` when it must be told the participants. */
  | { readonly type: 'resume'; readonly lost: boolean }
  | { readonly type: 'relay'; readonly message: RelayRequest };

/** What a room tells a participant. */
export type RoomReply =
  /** It is a member of the room. */
  | { readonly type: 'entered' }
  /** Its create or join had no effect. */
  | { readonly type: 'refused'; readonly code: ErrorCode; readonly message: string }
  /** The room is over for a reason of the server's own, told in `message`. */
  | { readonly type: 'closed'; readonly message: string }
  | { readonly type: 'deliver'; readonly message: ServerMessage }
  /** The router's own: one command of the participant that was `pending` is done. */
  | { readonly type: 'done' };

/**
 * `done`: everything that the command caused has been said. `pending`: a reply `done` to the sender says so later, never
 * within the call.
 */
export type SendResult = 'done' | 'pending';

/**
 * How a participant reaches a room, in this process or in another one. Commands and replies are data. A create or join
 * is answered by exactly one `entered` or `refused`, which may come within the call or later. Commands of one
 * participant to one room take effect in the order of the calls, and replies to one participant arrive in the order they
 * were sent. A `done` comes behind everything else that its command says to the sender.
 *
 * A router that loses the node of a room answers for the room: `refused` to those who wait for it, `closed` to its
 * members, then the `done` of each command that is pending. A participant does not rely on that: it waits a bounded time.
 *
 * `trace` is the message that caused the command; undefined where a timer of the server did. A router that answers later
 * holds it until the command is done.
 */
export interface Router {
  send(room: RoomId, from: MemberRef, command: RoomCommand, trace: Trace | undefined): SendResult;
}

/** How a room reaches its members, wherever they are. A member that is gone is left out. */
export interface Replies {
  send(room: RoomId, to: readonly MemberRef[], reply: RoomReply, trace: Trace | undefined): void;
}

/** A live room in this process. */
export interface Room {
  handle(from: MemberRef, command: RoomCommand, trace: Trace | undefined): void;
  /** Ends the room at once; every member hears `closed` with this message. Idempotent. */
  close(message: string): void;
}

/** The rooms of this process. */
export interface Rooms {
  /** A new empty room with this id; undefined when the server is at its limit. */
  open(roomId: RoomId, trace: Trace | undefined): Room | undefined;
  find(roomId: RoomId): Room | undefined;
}
