import type { RelayRequest } from './client.ts';
import type { ErrorCode } from './codes.ts';

/** A version 4 UUID the server gave to one connection at its handshake. */
export type ParticipantId = string;
/** A version 4 UUID that is also the capability to join: unguessable, shared as an invitation. */
export type RoomId = string;

/** A relay as the addressee receives it: the payload as sent, `from` in the place of `to`. */
export type Relayed = RelayRequest extends infer R
  ? R extends RelayRequest
    ? { readonly from: ParticipantId } & Readonly<Omit<R, 'to'>>
    : never
  : never;

/** An entry of RTCConfiguration.iceServers (WebRTC section 4.2.4), for clients to use as it is. */
export interface IceServer {
  readonly urls: string | readonly string[];
  readonly username?: string | undefined;
  readonly credential?: string | undefined;
}

/** The answer to Hello. Every later message of the session carries `seq`, rising by one from 1. */
export interface Ready {
  readonly type: 'Ready';
  readonly participant_id: ParticipantId;
  /** Takes this session up again on another socket; once. */
  readonly resume_token: string;
  /** Whether an earlier session goes on: same participant, same room, what was missed follows. */
  readonly resumed: boolean;
  /** Only when resumed, and something was missed that is gone; RoomParticipants follows. */
  readonly lost?: true;
  readonly heartbeat_ms: number;
  readonly resume_grace_ms: number;
  readonly limits: {
    readonly messages: number;
    readonly window_ms: number;
    readonly max_payload_bytes: number;
    readonly room_capacity: number;
  };
  readonly ice_servers: readonly IceServer[];
}

/** Heard by Hello sessions alone. */
export type SessionMessage =
  | Ready
  | { readonly type: 'PeerInterrupted'; readonly participant_id: ParticipantId }
  | { readonly type: 'PeerResumed'; readonly participant_id: ParticipantId }
  | { readonly type: 'ServerDraining'; readonly deadline_ms: number; readonly jitter_ms: number };

export type ServerMessage =
  | SessionMessage
  | { readonly type: 'RoomCreated'; readonly room_id: RoomId; readonly self_id: ParticipantId }
  | { readonly type: 'PeerConnected'; readonly participant_id: ParticipantId }
  | { readonly type: 'PeerDisconnected'; readonly participant_id: ParticipantId }
  | {
      readonly type: 'RoomParticipants';
      readonly room_id: RoomId;
      readonly participants: readonly ParticipantId[];
    }
  | Relayed
  | { readonly type: 'Error'; readonly code: ErrorCode; readonly message: string };
