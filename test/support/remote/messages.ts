import type { RoomId } from '../../../src/protocol/server.ts';
import type { MemberRef, RoomCommand, RoomReply } from '../../../src/routing/router.ts';
import type { TraceContext } from '../../../src/telemetry/tracing.ts';

/** What a server and the thread that has its rooms send one another: JSON text. `server` names one of many servers. */

export interface RoomLimits {
  readonly maxRooms: number;
  readonly roomCapacity: number;
  readonly roomIdleTimeoutMs: number;
}

export type ToRooms = { readonly server: number } & (
  | { readonly type: 'open'; readonly limits: RoomLimits }
  | {
      readonly type: 'command';
      /** Of the command; replies that it causes name it. */
      readonly id: number;
      readonly room: RoomId;
      readonly from: MemberRef;
      readonly command: RoomCommand;
      readonly trace?: TraceContext | undefined;
    }
  | { readonly type: 'count'; readonly id: number }
  /** Stops the thread for ever. */
  | { readonly type: 'freeze' }
  | { readonly type: 'close' }
);

export type FromRooms = { readonly server: number } & (
  | {
      readonly type: 'reply';
      /** The command that caused it; undefined where a timer of the room did. */
      readonly id?: number | undefined;
      readonly room: RoomId;
      readonly to: readonly MemberRef[];
      readonly reply: RoomReply;
    }
  | { readonly type: 'done'; readonly id: number }
  | { readonly type: 'counted'; readonly id: number; readonly rooms: number }
  | { readonly type: 'logged'; readonly line: Record<string, unknown> }
);
