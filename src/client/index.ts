/** The client SDK: `Signaling`, and `Mesh` over it. Runs in browsers and in Node 22 and later. */

export type { ErrorCode, ParticipantId, RoomId } from '../protocol/index.ts';
export type { Events } from './emitter.ts';
export { SignalingError } from './errors.ts';
export type { Timing } from './machines/negotiation.ts';
export { Mesh, type MeshEvents, type MeshOptions } from './mesh.ts';
export type { MeshPeer } from './peer.ts';
export type { MeshPeerState } from './peer-state.ts';
export type { PeerReason, PeerReasonCode } from './reason.ts';
export type { RoomState } from './room.ts';
export type { SessionOption, SessionStorage, StoredSession } from './session-store.ts';
export { Signaling } from './signaling.ts';
export type { CandidateType, InboundSummary, PeerSummary } from './summary.ts';
export type { MeshTiming } from './timing.ts';
export type { StreamedTrack } from './tracks.ts';
export type {
  CallOptions,
  JoinOptions,
  SignalingEvents,
  SignalingOptions,
  SignalingState,
} from './types.ts';
