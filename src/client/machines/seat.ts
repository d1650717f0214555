import type { ErrorCode } from '../../protocol/codes.ts';
import type { RoomId } from '../../protocol/server.ts';
import type { RoomState } from '../room.ts';
import { assign, emit, setup } from '../xstate/chart.ts';

/**
 * Which room a client is in, from what it asks and what it hears. One request is asked at a time, and an answer is known by
 * its request id. A request that a broken socket may have swallowed is not repeated blindly: the server is asked first
 * (`checking`). It does nothing itself: it emits decisions, and
 * src/client/seat.ts carries them out.
 */

/** What one call wants of the server. */
export interface Request {
  /** Undefined: a new room. */
  readonly roomId?: RoomId | undefined;
  readonly createIfMissing?: boolean | undefined;
  /** Joins again, by itself, the room this client was in under its former identity. */
  readonly isReturn?: boolean | undefined;
}

export interface SeatContext {
  /** The room, as last heard. */
  readonly room: RoomState | undefined;
  /** The one create or join that is not answered yet. */
  readonly request: Request | undefined;
  /** Whoever asked does not want it any more. */
  readonly isUnwanted: boolean;
  /** The request was handed to the socket. */
  readonly isSent: boolean;
  /** The room whose LeaveRoom was handed to the socket, while nothing heard since proves that it arrived. */
  readonly left: RoomId | undefined;
  /** The room heard of while checking. */
  readonly seen: RoomState | undefined;
}

export type SeatEvent =
  | { readonly type: 'enter'; readonly request: Request }
  | { readonly type: 'leave' }
  /** What was asked last was handed to the socket. */
  | { readonly type: 'sent' }
  /** Who asked changed their mind: before it was handed to the socket, or after. */
  | { readonly type: 'withdrawn' }
  | { readonly type: 'unwanted' }
  /** RoomCreated, or the own PeerConnected, for the request under way or one that is forgotten: RoomParticipants follows. */
  | { readonly type: 'admitted' }
  | { readonly type: 'participants'; readonly room: RoomState }
  /** An Error that answers the request under way. */
  | ({ readonly type: 'refused' } & Refusal)
  /** An Error that answers no request, such as one that tells that the room was closed. */
  | ({ readonly type: 'troubled' } & Refusal)
  /** The server says that this client is in a room, or in none. */
  | { readonly type: 'foundInside' }
  | { readonly type: 'foundOutside' }
  /** The session of an earlier page goes on, and was in this room; `resumed` follows. */
  | { readonly type: 'restored'; readonly room: RoomState }
  /** The session of an earlier page, which was in this room, is gone. */
  | { readonly type: 'returned'; readonly roomId: RoomId }
  /** A session goes on, on another socket; `lost` when part of what was said meanwhile is gone. */
  | { readonly type: 'resumed'; readonly lost: boolean }
  /** Another session began: another identity, outside a room. */
  | { readonly type: 'restarted' }
  | { readonly type: 'closed' };

export type SeatDecision =
  | { readonly type: 'ask'; readonly request: Request }
  | { readonly type: 'askLeave' }
  /** Send LeaveRoom for one who is gone already in the eyes of the caller. */
  | { readonly type: 'leaveAgain' }
  /** Ask which room this client is in. */
  | { readonly type: 'probe' }
  /** The call succeeded. */
  | { readonly type: 'settle' }
  | ({ readonly type: 'reject'; readonly request: Request | undefined } & Refusal)
  /** Nobody awaits this Error. */
  | ({ readonly type: 'report' } & Refusal);

interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
}

const INSIDE: Refusal = {
  code: 'InvalidPayload',
  message: 'You are already in another room: leave it first.',
};

export const seatMachine = setup({
  types: {
    context: {} as SeatContext,
    events: {} as SeatEvent,
    emitted: {} as SeatDecision,
  },
  actions: {
    noteRequest: assign((_, { request }: { request: Request }) => ({ request, isUnwanted: false })),
    noteReturn: assign(({ context: { room } }) => ({
      request: { roomId: room?.roomId, createIfMissing: true, isReturn: true },
      isUnwanted: false,
    })),
    noteReturnTo: assign((_, { roomId }: { roomId: RoomId }) => ({
      request: { roomId, createIfMissing: true, isReturn: true },
      isUnwanted: false,
    })),
    noteUnsent: assign({ isSent: false }),
    noteSent: assign({ isSent: true }),
    noteUnwanted: assign({ isUnwanted: true }),
    noteLeft: assign(({ context: { room, left, seen, request } }) => ({
      left: seen?.roomId ?? room?.roomId ?? left ?? request?.roomId ?? '',
      room: undefined,
      request: undefined,
      seen: undefined,
    })),
    forgetLeft: assign({ left: undefined }),
    noteSeen: assign({ seen: (_, { room }: { room: RoomState }) => room }),
    forgetSeen: assign({ seen: undefined }),
    forgetRequest: assign({ request: undefined }),
    meet: assign({ room: (_, { room }: { room: RoomState }) => room }),
    meetSeen: assign({ room: ({ context: { seen, room } }) => seen ?? room }),
    giveUp: assign({ room: undefined, request: undefined }),
    ask: emit(({ context }) => ({ type: 'ask', request: context.request as Request })),
    askLeave: emit({ type: 'askLeave' }),
    leaveAgain: emit({ type: 'leaveAgain' }),
    probe: emit({ type: 'probe' }),
    settle: emit({ type: 'settle' }),
    reject: emit(({ context: { request } }, { code, message }: Refusal) => ({
      type: 'reject',
      request,
      code,
      message,
    })),
    report: emit((_, { code, message }: Refusal) => ({ type: 'report', code, message })),
  },
  guards: {
    isUnwanted: ({ context: { request, isUnwanted } }) => request !== undefined && isUnwanted,
    hasRequest: ({ context }) => context.request !== undefined,
    hasRoom: ({ context }) => context.room !== undefined,
    mayHaveArrived: ({ context: { isSent, left } }) => isSent || left !== undefined,
    mayBeElsewhere: ({ context }, { lost }: { lost: boolean }) => lost || context.left !== undefined,
    wasLost: (_, { lost }: { lost: boolean }) => lost,
    isFulfilled: ({ context: { request, seen, left } }) =>
      request !== undefined &&
      seen !== undefined &&
      (request.roomId === undefined ? seen.roomId !== left : seen.roomId === request.roomId),
    isThisRoom: ({ context: { room } }, { request }: { request: Request }) => request.roomId === room?.roomId,
    mayBeClosed: (_, { code }: Refusal) => code === 'Internal',
  },
}).createMachine({
  id: 'seat',
  context: {
    room: undefined,
    request: undefined,
    isUnwanted: false,
    isSent: false,
    left: undefined,
    seen: undefined,
  },
  initial: 'outside',
  states: {
    outside: {
      description: 'Outside a room.',
      on: {
        enter: { target: 'entering', actions: { type: 'noteRequest', params: ({ event }) => event } },
        leave: { actions: 'settle' },
        restored: { target: 'inside', actions: { type: 'meet', params: ({ event }) => event } },
        returned: { target: 'entering', actions: { type: 'noteReturnTo', params: ({ event }) => event } },
        admitted: { actions: ['noteLeft', 'leaveAgain'] }, // by a request that nobody knows of any more
        resumed: {
          guard: { type: 'mayBeElsewhere', params: ({ event }) => event },
          target: 'checking',
        },
        restarted: { actions: 'forgetLeft' },
      },
    },
    entering: {
      description: 'Waits for the answer.',
      entry: ['noteUnsent', 'ask'],
      on: {
        sent: { actions: 'noteSent' },
        withdrawn: { target: 'outside', actions: 'giveUp' },
        unwanted: { actions: 'noteUnwanted' },
        admitted: { target: 'admitted' },
        refused: {
          target: 'outside',
          actions: [{ type: 'reject', params: ({ event }) => event }, 'giveUp', 'forgetLeft'],
        },
        resumed: [
          { guard: 'mayHaveArrived', target: 'checking' },
          { guard: 'isUnwanted', target: 'outside', actions: 'giveUp' },
          { target: 'entering', reenter: true },
        ],
        restarted: [
          { guard: 'isUnwanted', target: 'outside', actions: ['giveUp', 'forgetLeft'] },
          { target: 'entering', reenter: true, actions: 'forgetLeft' },
        ],
      },
    },
    admitted: {
      description: 'Let in, waits for the members.',
      entry: 'forgetLeft',
      on: {
        participants: [
          {
            guard: 'isUnwanted',
            target: 'outside',
            actions: [{ type: 'noteSeen', params: ({ event }) => event }, 'noteLeft', 'leaveAgain'],
          },
          {
            target: 'inside',
            actions: [{ type: 'meet', params: ({ event }) => event }, 'forgetRequest', 'settle'],
          },
        ],
        unwanted: { actions: 'noteUnwanted' },
        restarted: [{ guard: 'isUnwanted', target: 'outside', actions: 'giveUp' }, { target: 'entering' }],
      },
    },
    inside: {
      description: 'In a room.',
      on: {
        participants: { actions: { type: 'meet', params: ({ event }) => event } },
        enter: [
          { guard: { type: 'isThisRoom', params: ({ event }) => event }, actions: 'settle' },
          { actions: { type: 'reject', params: INSIDE } },
        ],
        leave: { target: 'leaving' },
        troubled: [
          {
            guard: { type: 'mayBeClosed', params: ({ event }) => event },
            target: 'checking',
            actions: { type: 'report', params: ({ event }) => event },
          },
          { actions: { type: 'report', params: ({ event }) => event } },
        ],
        resumed: { guard: { type: 'wasLost', params: ({ event }) => event }, target: 'checking' },
        restarted: { target: 'entering', actions: 'noteReturn' },
      },
    },
    leaving: {
      description: 'Sends LeaveRoom.',
      entry: 'askLeave',
      on: {
        participants: { actions: { type: 'meet', params: ({ event }) => event } },
        sent: { target: 'outside', actions: ['noteLeft', 'settle'] },
        withdrawn: { target: 'inside' },
        unwanted: { target: 'inside' },
        resumed: { target: 'leaving', reenter: true },
        restarted: { target: 'outside', actions: ['giveUp', 'settle'] },
      },
    },
    checking: {
      description: 'Asks the server for its room.',
      entry: ['forgetSeen', 'probe'],
      on: {
        participants: { actions: { type: 'noteSeen', params: ({ event }) => event } },
        admitted: { guard: 'hasRequest', target: 'admitted' },
        unwanted: { actions: 'noteUnwanted' },
        foundInside: [
          { guard: 'isUnwanted', target: 'outside', actions: ['noteLeft', 'leaveAgain'] },
          {
            guard: 'isFulfilled',
            target: 'inside',
            actions: ['meetSeen', 'forgetRequest', 'forgetLeft', 'settle'],
          },
          { guard: 'hasRequest', target: 'entering', actions: 'leaveAgain' },
          { guard: 'hasRoom', target: 'inside', actions: 'meetSeen' },
          { target: 'outside', actions: ['noteLeft', 'leaveAgain'] },
        ],
        foundOutside: [
          {
            guard: 'isUnwanted',
            target: 'outside',
            actions: ['giveUp', 'forgetLeft'],
          },
          { guard: 'hasRequest', target: 'entering', actions: 'forgetLeft' },
          { target: 'outside', actions: ['giveUp', 'forgetLeft'] },
        ],
        refused: {
          guard: 'hasRequest',
          actions: [{ type: 'reject', params: ({ event }) => event }, 'forgetRequest'],
        },
        resumed: { target: 'checking', reenter: true },
        restarted: [
          { guard: 'isUnwanted', target: 'outside', actions: ['giveUp', 'forgetLeft'] },
          { guard: 'hasRequest', target: 'entering', actions: 'forgetLeft' },
          { guard: 'hasRoom', target: 'entering', actions: 'noteReturn' },
          { target: 'outside', actions: 'forgetLeft' },
        ],
      },
    },
  },
  on: {
    troubled: { actions: { type: 'report', params: ({ event }) => event } },
    closed: { target: '.outside', actions: ['giveUp', 'forgetLeft'] },
  },
});
