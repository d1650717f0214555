import { and, assign, emit, not, raise, setup, stateIn } from 'xstate';
import type { RelayRequest } from '../src/protocol/client.ts';
import type { CloseReason, ErrorCode } from '../src/protocol/codes.ts';
import type { ParticipantId, RoomId } from '../src/protocol/server.ts';
import { add, clear, isFull, type RollingWindow, rollingWindow } from './rolling-window.ts';

/**
 * One client: how fast it may speak, whether it outlives its socket, and where it sits. The three are
 * independent, so they are three parallel regions. It does nothing itself: it emits decisions, and
 * src/connection.ts carries them out.
 */

export interface ConnectionInput {
  readonly participant_id: ParticipantId;
  /** Frames allowed within any `windowMs`; at least 1. */
  readonly limit: number;
  /** Length of the rolling window, and of the penalty, in milliseconds. */
  readonly windowMs: number;
  /** How long a socket may stay silent before its first message, in milliseconds. */
  readonly firstMessageTimeoutMs: number;
  /** How long a client may be in no room, from when it was last in one or asked for one, in milliseconds. */
  readonly outsideTimeoutMs: number;
  /** How long a session outlives its socket, in milliseconds. */
  readonly resumeGraceMs: number;
  /** The same after its page was left or reloaded. */
  readonly reloadGraceMs: number;
}

export interface ConnectionContext {
  readonly participant_id: ParticipantId;
  /** The room this client is in; null outside. */
  readonly room_id: RoomId | null;
  /** Written in place, for speed; see RollingWindow. */
  readonly window: RollingWindow;
  readonly firstMessageTimeoutMs: number;
  readonly outsideTimeoutMs: number;
  readonly resumeGraceMs: number;
  readonly reloadGraceMs: number;
  /** Of the interruption that goes on: one of the two. */
  readonly graceMs: number;
  /** Its page is left or reloaded. */
  readonly isAway: boolean;
  /** The server will stop, and takes no new sockets: a session that loses its socket goes on elsewhere. */
  readonly isDraining: boolean;
}

/** A frame from the client; `at` is when it arrived, in monotonic milliseconds. Each counts for the rate. */
export type ClientEvent =
  | { readonly type: 'client.hello'; readonly at: number; readonly resume: Resumption | null }
  | { readonly type: 'client.create'; readonly at: number }
  | {
      readonly type: 'client.join';
      readonly at: number;
      readonly room_id: RoomId;
      readonly createIfMissing: boolean;
    }
  | { readonly type: 'client.leave'; readonly at: number }
  | { readonly type: 'client.relay'; readonly at: number; readonly message: RelayRequest }
  | { readonly type: 'client.invalid'; readonly at: number; readonly reason: string }
  | { readonly type: 'client.unread'; readonly at: number };

/** What a Hello brings to take up an earlier session. */
export interface Resumption {
  readonly token: string;
  readonly lastSeq: number;
}

export type ConnectionEvent =
  | ClientEvent
  | { readonly type: 'room.entered'; readonly room_id: RoomId }
  | { readonly type: 'room.refused'; readonly code: ErrorCode; readonly message: string }
  | { readonly type: 'room.closed'; readonly message: string }
  | { readonly type: 'session.found' }
  | { readonly type: 'session.unknown' }
  /** Another socket brought this session's token; `lost` when part of what it missed is gone. */
  | { readonly type: 'socket.attached'; readonly lost: boolean }
  /** The socket is gone, and not by the client's wish. */
  | { readonly type: 'socket.lost' }
  /** The socket is gone with its page, which may be on its way back: a reload. */
  | { readonly type: 'socket.away' }
  /** The client is gone. */
  | { readonly type: 'socket.closed' }
  /** The server will stop; it takes no new sockets. */
  | { readonly type: 'server.draining' };

export type ConnectionDecision =
  | { readonly type: 'greet' }
  | { readonly type: 'resume'; readonly token: string; readonly lastSeq: number }
  | { readonly type: 'create' }
  | { readonly type: 'join'; readonly room_id: RoomId; readonly createIfMissing: boolean }
  | { readonly type: 'leave'; readonly room_id: RoomId }
  | { readonly type: 'relay'; readonly room_id: RoomId; readonly message: RelayRequest }
  | { readonly type: 'interrupted'; readonly room_id: RoomId | null }
  | { readonly type: 'resumed'; readonly room_id: RoomId | null; readonly lost: boolean }
  | { readonly type: 'refuse'; readonly code: ErrorCode; readonly message: string }
  | { readonly type: 'rateLimited' }
  | { readonly type: 'hangUp'; readonly reason: CloseReason }
  | { readonly type: 'closed' };

interface Refusal {
  code: ErrorCode;
  message: string;
}

const OUTSIDE: Refusal = { code: 'InvalidPayload', message: 'You are in no room: create or join one first.' };
const INSIDE: Refusal = { code: 'InvalidPayload', message: 'You are in a room already: leave it first.' };
const ENTERING: Refusal = { code: 'InvalidPayload', message: 'Wait until your room has answered.' };
const NOT_FIRST: Refusal = { code: 'InvalidPayload', message: 'Hello comes first, and once.' };

export const connectionMachine = setup({
  types: {
    input: {} as ConnectionInput,
    context: {} as ConnectionContext,
    events: {} as ConnectionEvent,
    emitted: {} as ConnectionDecision,
    tags: {} as 'unread' | 'session',
  },
  actions: {
    countFrame: ({ context }, { at }: { at: number }) => add(context.window, at),
    forgetFrames: ({ context }) => clear(context.window),
    takeSeat: assign({ room_id: (_, { room_id }: { room_id: RoomId }) => room_id }),
    giveUpSeat: assign({ room_id: null }),
    grantGrace: assign({ graceMs: ({ context }) => context.resumeGraceMs, isAway: false }),
    grantReloadGrace: assign({ graceMs: ({ context }) => context.reloadGraceMs, isAway: true }),
    greet: emit({ type: 'greet' }),
    resume: emit((_, { token, lastSeq }: Resumption) => ({ type: 'resume', token, lastSeq })),
    tellInterrupted: emit(({ context: { room_id } }) => ({ type: 'interrupted', room_id })),
    tellResumed: emit(({ context: { room_id } }, { lost }: { lost: boolean }) => ({
      type: 'resumed',
      room_id,
      lost,
    })),
    endSession: raise({ type: 'socket.closed' }),
    noteDraining: assign({ isDraining: true }),
    create: emit({ type: 'create' }),
    join: emit((_, { room_id, createIfMissing }: { room_id: RoomId; createIfMissing: boolean }) => ({
      type: 'join',
      room_id,
      createIfMissing,
    })),
    leave: emit(({ context }) => ({ type: 'leave', room_id: context.room_id as RoomId })),
    relay: emit(({ context }, { message }: { message: RelayRequest }) => ({
      type: 'relay',
      room_id: context.room_id as RoomId,
      message,
    })),
    refuse: emit((_, { code, message }: Refusal) => ({ type: 'refuse', code, message })),
    refuseRateLimited: emit({
      type: 'refuse',
      code: 'RateLimited',
      message: 'Too many frames: this one was dropped. Pause for a second.',
    }),
    tellRateLimited: emit({ type: 'rateLimited' }),
    hangUpSilent: emit({ type: 'hangUp', reason: 'Silent' }),
    hangUpOutside: emit({ type: 'hangUp', reason: 'Silent' }),
    tellClosed: emit({ type: 'closed' }),
  },
  guards: {
    isOverLimit: ({ context, event }) => 'at' in event && isFull(context.window, event.at),
    isAdmitted: and([not(stateIn({ rate: 'penalised' })), not('isOverLimit')]),
    /** Not with its page gone: its media is gone, too. */
    goesOnElsewhere: ({ context }) => context.isDraining && !context.isAway,
    bringsToken: ({ event }) => event.type === 'client.hello' && event.resume !== null,
  },
  delays: {
    penalty: ({ context }) => context.window.windowMs,
    firstMessageTimeout: ({ context }) => context.firstMessageTimeoutMs,
    outsideTimeout: ({ context }) => context.outsideTimeoutMs,
    grace: ({ context }) => context.graceMs,
  },
}).createMachine({
  id: 'connection',
  context: ({ input }) => ({
    participant_id: input.participant_id,
    room_id: null,
    window: rollingWindow(input.limit, input.windowMs),
    firstMessageTimeoutMs: input.firstMessageTimeoutMs,
    outsideTimeoutMs: input.outsideTimeoutMs,
    resumeGraceMs: input.resumeGraceMs,
    reloadGraceMs: input.reloadGraceMs,
    graceMs: input.resumeGraceMs,
    isAway: false,
    isDraining: false,
  }),
  type: 'parallel',
  states: {
    rate: {
      initial: 'open',
      states: {
        open: {
          description: 'Counts frames, valid or not, over the rolling window.',
          on: {
            'client.*': [
              {
                guard: 'isOverLimit',
                target: 'penalised',
                actions: ['refuseRateLimited', 'tellRateLimited'],
              },
              { actions: { type: 'countFrame', params: ({ event }) => event } },
            ],
            'socket.attached': { actions: 'forgetFrames' },
          },
        },
        penalised: {
          description:
            'Too fast: every frame is dropped, unread, and answered RateLimited until the penalty ends.',
          tags: 'unread',
          exit: 'forgetFrames',
          after: { penalty: { target: 'open' } },
          on: {
            'client.*': { actions: 'refuseRateLimited' },
            'socket.attached': { target: 'open' },
          },
        },
      },
    },
    session: {
      initial: 'silent',
      states: {
        silent: {
          description: 'Has said nothing yet; hung up on after a while.',
          after: { firstMessageTimeout: { actions: 'hangUpSilent' } },
          on: {
            'client.hello': [
              {
                guard: 'bringsToken',
                target: 'resuming',
                actions: { type: 'resume', params: ({ event }) => event.resume as Resumption },
              },
              { target: 'attached', actions: 'greet' },
            ],
            'client.*': { target: 'base' },
          },
        },
        base: {
          description: 'Speaks the base protocol: it ends with its socket.',
          on: { 'client.hello': { guard: 'isAdmitted', actions: { type: 'refuse', params: NOT_FIRST } } },
        },
        resuming: {
          description: 'Brought the token of an earlier session.',
          on: {
            'session.found': { target: 'handedOver' },
            'session.unknown': { target: 'attached', actions: 'greet' },
          },
        },
        attached: {
          description: 'A session with its socket.',
          tags: 'session',
          on: {
            'client.hello': { guard: 'isAdmitted', actions: { type: 'refuse', params: NOT_FIRST } },
            'socket.attached': { actions: { type: 'tellResumed', params: ({ event }) => event } },
            'socket.lost': { target: 'interrupted', actions: ['grantGrace', 'tellInterrupted'] },
            'socket.away': { target: 'interrupted', actions: ['grantReloadGrace', 'tellInterrupted'] },
          },
        },
        interrupted: {
          description:
            'A session without a socket: its seat is kept for the grace, in a drain until the server stops.',
          tags: 'session',
          // While the server drains the client has moved to another one. To the members that follow it has not left.
          after: { grace: { guard: not('goesOnElsewhere'), actions: 'endSession' } },
          on: {
            'socket.attached': {
              target: 'attached',
              actions: { type: 'tellResumed', params: ({ event }) => event },
            },
            'socket.lost': {}, // of a socket given up before: the grace is running already
            'socket.away': {},
          },
        },
        handedOver: {
          description: 'Its socket went to the session it resumed.',
          entry: 'endSession',
        },
      },
      on: {
        'socket.lost': { actions: 'endSession' },
        'socket.away': { actions: 'endSession' },
        'server.draining': { actions: 'noteDraining' },
      },
    },
    seat: {
      initial: 'outside',
      states: {
        outside: {
          description: 'In no room; hung up on after a long while.',
          // A session without a socket cannot be hung up on: it is asked again when it may have one.
          after: { outsideTimeout: { target: 'outside', reenter: true, actions: 'hangUpOutside' } },
          on: {
            'client.create': { guard: 'isAdmitted', target: 'entering', actions: 'create' },
            'client.join': {
              guard: 'isAdmitted',
              target: 'entering',
              actions: { type: 'join', params: ({ event }) => event },
            },
            'client.leave': { guard: 'isAdmitted', actions: { type: 'refuse', params: OUTSIDE } },
            'client.relay': { guard: 'isAdmitted', actions: { type: 'refuse', params: OUTSIDE } },
            'socket.closed': { target: 'closed' },
          },
        },
        entering: {
          description: 'Asked for a room; waits for its answer.',
          on: {
            'client.create': { guard: 'isAdmitted', actions: { type: 'refuse', params: ENTERING } },
            'client.join': { guard: 'isAdmitted', actions: { type: 'refuse', params: ENTERING } },
            'client.leave': { guard: 'isAdmitted', actions: { type: 'refuse', params: ENTERING } },
            'client.relay': { guard: 'isAdmitted', actions: { type: 'refuse', params: ENTERING } },
            'room.entered': { target: 'inside', actions: { type: 'takeSeat', params: ({ event }) => event } },
            'room.refused': { target: 'outside', actions: { type: 'refuse', params: ({ event }) => event } },
            'socket.closed': { target: 'abandoning' },
          },
        },
        inside: {
          description: 'A member of one room.',
          on: {
            'client.relay': {
              guard: 'isAdmitted',
              actions: { type: 'relay', params: ({ event }) => event },
            },
            'client.leave': {
              guard: 'isAdmitted',
              target: 'outside',
              actions: ['leave', 'giveUpSeat'],
            },
            'client.create': { guard: 'isAdmitted', actions: { type: 'refuse', params: INSIDE } },
            'client.join': { guard: 'isAdmitted', actions: { type: 'refuse', params: INSIDE } },
            'room.closed': {
              target: 'outside',
              actions: [
                'giveUpSeat',
                { type: 'refuse', params: ({ event }) => ({ code: 'Internal', message: event.message }) },
              ],
            },
            'socket.closed': { target: 'closed', actions: ['leave', 'giveUpSeat'] },
          },
        },
        abandoning: {
          description: 'The client went before the room answered; leaves as soon as it is let in.',
          on: {
            'room.entered': {
              target: 'closed',
              actions: [{ type: 'takeSeat', params: ({ event }) => event }, 'leave', 'giveUpSeat'],
            },
            'room.refused': { target: 'closed' },
          },
        },
        closed: {
          description: 'Over: the client is gone and no room holds a seat.',
          type: 'final',
          entry: 'tellClosed',
        },
      },
      on: {
        'client.invalid': {
          guard: 'isAdmitted',
          actions: {
            type: 'refuse',
            params: ({ event }) => ({ code: 'InvalidPayload', message: event.reason }),
          },
        },
      },
    },
  },
});
