import type { ParticipantId, RoomId } from '../protocol/server.ts';

export interface RoomState {
  readonly roomId: RoomId;
  /** In the order they joined, self included. Who is interrupted is still here. */
  readonly participants: readonly ParticipantId[];
}
