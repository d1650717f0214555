import type { InspectionEvent } from 'xstate';
import type { ParticipantId } from '../protocol/server.ts';
import type { SignalingError } from './errors.ts';
import type { RoomState } from './room.ts';
import type { SessionOption } from './session-store.ts';

export interface SignalingOptions {
  /** What makes sockets. Default: the global `WebSocket`. */
  readonly WebSocket?: typeof WebSocket | undefined;
  /**
   * Who this client is, for a server with authentication: a token, or what fetches one. A function is asked before each
   * connection, so that it can give a new token. The server is told by a subprotocol, never by the URL. Default: none.
   */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /**
   * How a lost connection is made again: before each attempt a random part of a time that doubles, from `baseMs`
   * (default 500) to `capMs` (default 15000), for `maxAttempts` in a row (default Infinity). False: it is not.
   * Times are in milliseconds.
   */
  readonly reconnect?:
    | {
        readonly baseMs?: number | undefined;
        readonly capMs?: number | undefined;
        readonly maxAttempts?: number | undefined;
      }
    | false
    | undefined;
  /**
   * Keeps the session over a reload or a crash of its page: give `sessionStorage`. A client made later with the same
   * URL and storage goes on as the same participant in the same room when it connects. `key` is the key in the
   * storage, default `bloom-session`; each client of a page needs its own. What is stored has a secret in it, with
   * which any script of the origin can take the seat. Default: the session ends with its page.
   */
  readonly session?: SessionOption | undefined;
  /** XState's: sees the actors, every event and every snapshot. */
  readonly inspect?: ((event: InspectionEvent) => void) | undefined;
}

export interface CallOptions {
  /** Ends the call: it rejects with the signal's reason. What the server did of it meanwhile is undone. */
  readonly signal?: AbortSignal | undefined;
}

export interface JoinOptions extends CallOptions {
  /** Opens a room with this id, a version 4 UUID, if there is none. Default false. */
  readonly createIfMissing?: boolean | undefined;
}

export interface SignalingState {
  /**
   * `idle`: not connected, and no call waits: none was made yet, or the server closed a connection in no room.
   * `connecting`: a socket is being opened. `connected`: messages go both ways. `waiting`: lost, tries again at `retryAt`. `offline`: lost, and the browser has no network; tries as soon as it has.
   * `closed`: over for good, by `close()` or for `reason`.
   */
  readonly status: 'idle' | 'connecting' | 'connected' | 'waiting' | 'offline' | 'closed';
  /** Attempts in a row to connect again; 0 while connected. */
  readonly attempt: number;
  /** While waiting: when it tries again, in milliseconds since the epoch. */
  readonly retryAt?: number;
  /** A sentence for people: why it is not connected. */
  readonly reason?: string;
  /** For a developer, while the server was never reached: the URL that was tried, and the likely cause. */
  readonly url?: string;
  readonly hint?: string;
  /** The WebSocket close code, if the server sent one; docs/protocol.md lists them. */
  readonly code?: number;
}

export interface SignalingEvents {
  /** After every change of `state`. */
  state: SignalingState;
  /** After every change of membership, own joins and leaves included; undefined: in no room. */
  room: RoomState | undefined;
  /** Somebody came, after `room`. Those who were there before the own join are in `room` alone. */
  peerConnected: { readonly participantId: ParticipantId };
  /** Somebody left, after `room`. */
  peerDisconnected: { readonly participantId: ParticipantId };
  /** Somebody lost their socket, and may come back. */
  peerInterrupted: { readonly participantId: ParticipantId };
  /** Somebody came back, maybe with another network. */
  peerResumed: { readonly participantId: ParticipantId };
  offer: { readonly from: ParticipantId; readonly sdp: string };
  answer: { readonly from: ParticipantId; readonly sdp: string };
  /** A candidate of null ends the candidates. */
  candidate: { readonly from: ParticipantId; readonly candidate: RTCIceCandidateInit | null };
  /**
   * The session goes on, on another socket, with the same `selfId`, and everything missed follows; `lost` when part
   * of that is gone, which `room` then makes up for. A relay of one's own that was just sent may not have arrived.
   */
  resumed: { readonly lost: boolean };
  /**
   * The session was gone (a server restart, or away for longer than the server waits): another identity. The room is
   * joined again by itself, opened if need be, and `room` follows.
   */
  restarted: { readonly previousId: ParticipantId; readonly selfId: ParticipantId };
  /** The server will stop after `deadlineMs`; this client moves by itself, after a random part of `jitterMs`. */
  draining: { readonly deadlineMs: number; readonly jitterMs: number };
  /** An Error that answers no call: a relay was refused on its way, or the room was closed or could not be rejoined. */
  error: SignalingError;
}
