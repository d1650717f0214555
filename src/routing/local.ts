import type { RelayRequest } from '../protocol/client.ts';
import type { ParticipantId, RoomId } from '../protocol/server.ts';
import type { Member, Rooms, Router } from './router.ts';

const AT_LIMIT = 'The server is at its room limit; try later.';

/** Routes to the rooms of this process, synchronously. Rooms live here only: one process, one world. */
export class LocalRouter implements Router {
  readonly #rooms: Rooms;

  constructor(rooms: Rooms) {
    this.#rooms = rooms;
  }

  create(member: Member): void {
    const room = this.#rooms.open();
    if (room === undefined) return member.refused('Internal', AT_LIMIT);
    room.create(member);
  }

  join(roomId: RoomId, member: Member, createIfMissing: boolean): void {
    const found = this.#rooms.find(roomId);
    if (found === undefined && !createIfMissing) {
      return member.refused('RoomNotFound', `No room ${roomId}: it never was, or it expired.`);
    }
    const room = found ?? this.#rooms.open(roomId);
    if (room === undefined) return member.refused('Internal', AT_LIMIT);
    room.join(member);
  }

  interrupt(roomId: RoomId, participantId: ParticipantId): void {
    this.#rooms.find(roomId)?.interrupt(participantId);
  }

  resume(roomId: RoomId, participantId: ParticipantId, lost: boolean): void {
    this.#rooms.find(roomId)?.resume(participantId, lost);
  }

  leave(roomId: RoomId, participantId: ParticipantId): void {
    this.#rooms.find(roomId)?.leave(participantId);
  }

  relay(roomId: RoomId, from: Member, message: RelayRequest): void {
    this.#rooms.find(roomId)?.relay(from.participantId, message);
  }
}
