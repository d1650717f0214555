/** The client SDK: `Signaling`. Runs in browsers and in Node 22 and later. */

export type { ErrorCode, ParticipantId, RoomId } from '../protocol/index.ts';
export type { Events } from './emitter.ts';
export { SignalingError } from './errors.ts';
export type { RoomState } from './room.ts';
export { Signaling } from './signaling.ts';
export type {
  CallOptions,
  JoinOptions,
  SignalingEvents,
  SignalingOptions,
  SignalingState,
} from './types.ts';
