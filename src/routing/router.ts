import type { RelayRequest } from '../protocol/client.ts';
import type { ErrorCode } from '../protocol/codes.ts';
import type { Outgoing } from '../protocol/outgoing.ts';
import type { ParticipantId, RoomId } from '../protocol/server.ts';

/**
 * What became of a message given to a sink: `full` closes the sink's connection with 1013, `queued` waits for a
 * session to get another socket.
 */
export type WriteResult = 'sent' | 'queued' | 'full' | 'closed';

/** Where messages for one participant go. */
export interface Sink {
  write(outgoing: Outgoing): WriteResult;
}

/** A connection as a room sees it. */
export interface Member extends Sink {
  readonly participantId: ParticipantId;
  /** Whether it opened a session with Hello, and so hears of interruptions. */
  readonly isSession: boolean;
  /** It has a seat in the room. */
  entered(roomId: RoomId): void;
  /** It did not get what it asked for; nothing else changed. */
  refused(code: ErrorCode, message: string): void;
  /** The room is over for a reason of the server's own, told in `message`. */
  roomClosed(message: string): void;
}

/**
 * How a connection reaches a room, in this process or in another one. `create` and `join` are answered by
 * exactly one `entered` or `refused`, perhaps before they return. Calls of one member take effect in order.
 */
export interface Router {
  create(member: Member): void;
  /** With `createIfMissing`, the room with this id is opened if there is none. */
  join(roomId: RoomId, member: Member, createIfMissing: boolean): void;
  leave(roomId: RoomId, participantId: ParticipantId): void;
  /** The member's session lost its socket; what it is sent waits. */
  interrupt(roomId: RoomId, participantId: ParticipantId): void;
  /** The member's session has a socket again; `lost` when it is to be told the participants. */
  resume(roomId: RoomId, participantId: ParticipantId, lost: boolean): void;
  relay(roomId: RoomId, from: Member, message: RelayRequest): void;
}

/** A live room in this process. */
export interface Room {
  create(member: Member): void;
  join(member: Member): void;
  leave(participantId: ParticipantId): void;
  interrupt(participantId: ParticipantId): void;
  resume(participantId: ParticipantId, lost: boolean): void;
  relay(from: ParticipantId, message: RelayRequest): void;
  /** Ends the room at once; every member hears `roomClosed(message)`. Idempotent. */
  close(message: string): void;
}

/** The rooms of this process. */
export interface Rooms {
  /** A new empty room, with an id of its own or this one; undefined when there is place for no more. */
  open(roomId?: RoomId): Room | undefined;
  find(roomId: RoomId): Room | undefined;
}
