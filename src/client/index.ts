/** The client SDK: `Signaling`. Runs in browsers and in Node 22 and later. */

export type { ErrorCode, ParticipantId, RoomId } from '../protocol/index.ts';
export type { Events } from './emitter.ts';
export { SignalingError } from './errors.ts';
export {
  type CallOptions,
  type RoomState,
  Signaling,
  type SignalingEvents,
  type SignalingOptions,
  type SignalingState,
} from './signaling.ts';
