import type { RoomId } from '../protocol/server.ts';
import type { Trace } from '../telemetry/tracing.ts';
import type { MemberRef, Replies, Room, RoomCommand, Rooms, Router, SendResult } from './router.ts';

const AT_LIMIT = 'The server is at its room limit; try later.';

/** Routes to the rooms of this process: each command is done when `send` returns. */
export class LocalRouter implements Router {
  readonly #rooms: Rooms;
  readonly #replies: Replies;

  constructor(rooms: Rooms, replies: Replies) {
    this.#rooms = rooms;
    this.#replies = replies;
  }

  send(roomId: RoomId, from: MemberRef, command: RoomCommand, trace: Trace | undefined): SendResult {
    const room = this.#rooms.find(roomId);
    if (room !== undefined) room.handle(from, command, trace);
    else if (command.type === 'create' || command.type === 'join')
      this.#open(roomId, from, command, trace)?.handle(from, command, trace);
    // Every other command is about a seat, which ended with the room.
    return 'done';
  }

  #open(
    roomId: RoomId,
    from: MemberRef,
    command: Extract<RoomCommand, { type: 'create' | 'join' }>,
    trace: Trace | undefined,
  ): Room | undefined {
    if (command.type === 'join' && !command.createIfMissing) {
      const message = `No room ${roomId}: it never was, or it expired.`;
      this.#replies.send(roomId, [from], { type: 'refused', code: 'RoomNotFound', message }, trace);
      return undefined;
    }
    const room = this.#rooms.open(roomId, trace);
    if (room === undefined)
      this.#replies.send(roomId, [from], { type: 'refused', code: 'Internal', message: AT_LIMIT }, trace);
    return room;
  }
}
