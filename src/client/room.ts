import type { ParticipantId, RoomId } from '../protocol/server.ts';

/** A room, as it was when the server last told of it. */
export interface RoomState {
  /** A capability: whoever knows it may join. */
  readonly roomId: RoomId;
  /** In the order they joined, self included. Who is interrupted is still here. */
  readonly participants: readonly ParticipantId[];
}

/** Who is in the one room and not in the other. */
export function missing(from: RoomState | undefined, of: RoomState | undefined): ParticipantId[] {
  return (of?.participants ?? []).filter((id) => !from?.participants.includes(id));
}
