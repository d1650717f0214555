import { assign, emit, not, raise, setup } from 'xstate';
import type { RelayRequest } from '../src/protocol/client.ts';
import type { CloseReason, ErrorCode } from '../src/protocol/codes.ts';
import type { ParticipantId, RoomId } from '../src/protocol/server.ts';

/**
 * One identity in the server, as others see it: its session, which may outlive its transports, and its seat in a room.
 * The two are independent, so they are two parallel regions. It does nothing itself: it emits decisions, and
 * src/participant.ts performs them.
 */

export interface ParticipantInput {
  readonly participant_id: ParticipantId;
  /** It said Hello: it may outlive its transport. */
  readonly isSession: boolean;
  /** How long a session outlives its transport, in milliseconds. */
  readonly resumeGraceMs: number;
  /** The same after its page was left or reloaded. */
  readonly reloadGraceMs: number;
  /** How long it may be in no room, from when it was last in one or asked for one, in milliseconds. */
  readonly outsideTimeoutMs: number;
}

export interface ParticipantContext extends ParticipantInput {
  /** Of the interruption that goes on: one of the two. */
  readonly graceMs: number;
  /** Its page is left or reloaded. */
  readonly isAway: boolean;
  /** The server will stop, and takes no new transports: a session that loses its transport goes on elsewhere. */
  readonly isDraining: boolean;
  /** The room this participant is in; null outside. */
  readonly room_id: RoomId | null;
}

/** The client's name for its request, which the answer repeats. */
interface Asked {
  readonly requestId?: string | undefined;
}

/** What refuses a message where it may not come: the words of its entry in src/protocol/messages.ts. */
interface Refusable extends Asked {
  readonly refusal: string;
}

/** A message of the client. */
export type MessageEvent =
  | ({ readonly type: 'message.create' } & Refusable)
  | ({
      readonly type: 'message.join';
      readonly room_id: RoomId;
      readonly createIfMissing: boolean;
    } & Refusable)
  | ({ readonly type: 'message.leave' } & Refusable)
  | ({ readonly type: 'message.relay'; readonly message: RelayRequest } & Refusable)
  | ({ readonly type: 'message.ping'; readonly requestId: string } & Refusable)
  /** Not a message, or not one that may come now. */
  | ({ readonly type: 'message.invalid' } & Refusable);

export type ParticipantEvent =
  | MessageEvent
  /** The room's answers. */
  | { readonly type: 'room.entered'; readonly room_id: RoomId }
  | ({ readonly type: 'room.refused'; readonly code: ErrorCode; readonly message: string } & Asked)
  | { readonly type: 'room.closed'; readonly room_id: RoomId; readonly message: string }
  /** The room has not done in time what it was asked for. */
  | ({ readonly type: 'room.silent' } & Asked)
  /** It has a transport again, or another; `lost` when part of what it missed is gone. */
  | { readonly type: 'transport.attached'; readonly lost: boolean }
  /** Its transport is gone, and not by the client's wish. */
  | { readonly type: 'transport.lost' }
  /** Its transport is gone with its page, which may come back: a reload. */
  | { readonly type: 'transport.away' }
  /** The client is gone for good. */
  | { readonly type: 'transport.closed' }
  /** The server will stop; it takes no new transports. */
  | { readonly type: 'server.draining' };

export type ParticipantDecision =
  | ({ readonly type: 'create' } & Asked)
  | ({ readonly type: 'join'; readonly room_id: RoomId; readonly createIfMissing: boolean } & Asked)
  | ({ readonly type: 'leave'; readonly room_id: RoomId } & Asked)
  | { readonly type: 'pong'; readonly requestId: string; readonly room_id: RoomId | null }
  | { readonly type: 'relay'; readonly room_id: RoomId; readonly message: RelayRequest }
  /** Leave the room that was asked for, whatever it answers later. */
  | { readonly type: 'withdraw' }
  | { readonly type: 'interrupted'; readonly room_id: RoomId | null }
  | { readonly type: 'resumed'; readonly room_id: RoomId | null; readonly lost: boolean }
  | ({ readonly type: 'refuse' } & Refusal)
  /** Close the connection, if there is one. */
  | { readonly type: 'close'; readonly reason: CloseReason }
  | { readonly type: 'ended' };

interface Refusal extends Asked {
  readonly code: ErrorCode;
  readonly message: string;
}

interface Join extends Asked {
  readonly room_id: RoomId;
  readonly createIfMissing: boolean;
}

const SILENT_AT_ENTRY: Refusal = {
  code: 'Internal',
  message: 'The room did not answer in time: try again later.',
};
const SILENT: Refusal = {
  code: 'Internal',
  message: 'The room does not answer and was left: create or join another.',
};

export const participantMachine = setup({
  types: {
    input: {} as ParticipantInput,
    context: {} as ParticipantContext,
    events: {} as ParticipantEvent,
    emitted: {} as ParticipantDecision,
  },
  actions: {
    takeSeat: assign({ room_id: (_, { room_id }: { room_id: RoomId }) => room_id }),
    giveUpSeat: assign({ room_id: null }),
    grantGrace: assign({ graceMs: ({ context }) => context.resumeGraceMs, isAway: false }),
    grantReloadGrace: assign({ graceMs: ({ context }) => context.reloadGraceMs, isAway: true }),
    noteDraining: assign({ isDraining: true }),
    create: emit((_, { requestId }: Asked) => ({ type: 'create', requestId })),
    join: emit((_, { room_id, createIfMissing, requestId }: Join) => ({
      type: 'join',
      room_id,
      createIfMissing,
      requestId,
    })),
    leave: emit(({ context }, { requestId }: Asked) => ({
      type: 'leave',
      room_id: context.room_id as RoomId,
      requestId,
    })),
    pong: emit(({ context: { room_id } }, { requestId }: { requestId: string }) => ({
      type: 'pong',
      requestId,
      room_id,
    })),
    relay: emit(({ context }, { message }: { message: RelayRequest }) => ({
      type: 'relay',
      room_id: context.room_id as RoomId,
      message,
    })),
    withdraw: emit({ type: 'withdraw' }),
    refuse: emit((_, { code, message, requestId }: Refusal) => ({
      type: 'refuse',
      code,
      message,
      requestId,
    })),
    refuseNow: emit((_, { refusal, requestId }: Refusable) => ({
      type: 'refuse',
      code: 'InvalidPayload',
      message: refusal,
      requestId,
    })),
    tellInterrupted: emit(({ context: { room_id } }) => ({ type: 'interrupted', room_id })),
    tellResumed: emit(({ context: { room_id } }, { lost }: { lost: boolean }) => ({
      type: 'resumed',
      room_id,
      lost,
    })),
    end: raise({ type: 'transport.closed' }),
    closeSilent: emit({ type: 'close', reason: 'Silent' }),
    tellEnded: emit({ type: 'ended' }),
  },
  guards: {
    isSession: ({ context }) => context.isSession,
    /** Not with its page gone: its media is gone, too. */
    goesOnElsewhere: ({ context }) => context.isDraining && !context.isAway,
    isIn: ({ context }, { room_id }: { room_id: RoomId }) => context.room_id === room_id,
  },
  delays: {
    grace: ({ context }) => context.graceMs,
    outsideTimeout: ({ context }) => context.outsideTimeoutMs,
  },
}).createMachine({
  id: 'participant',
  context: ({ input }) => ({
    ...input,
    room_id: null,
    graceMs: input.resumeGraceMs,
    isAway: false,
    isDraining: false,
  }),
  type: 'parallel',
  states: {
    session: {
      initial: 'attached',
      states: {
        attached: {
          description: 'Has a transport. Without a session the participant ends with it.',
          on: {
            'transport.attached': { actions: { type: 'tellResumed', params: ({ event }) => event } },
            'transport.lost': [
              { guard: 'isSession', target: 'interrupted', actions: ['grantGrace', 'tellInterrupted'] },
              { actions: 'end' },
            ],
            'transport.away': [
              { guard: 'isSession', target: 'interrupted', actions: ['grantReloadGrace', 'tellInterrupted'] },
              { actions: 'end' },
            ],
          },
        },
        interrupted: {
          description:
            'A session without a transport. It keeps its seat for the grace, in a drain until the server stops.',
          // While the server drains the client has moved to another one. To the members that follow it has not left.
          after: { grace: { guard: not('goesOnElsewhere'), actions: 'end' } },
          on: {
            'transport.attached': {
              target: 'attached',
              actions: { type: 'tellResumed', params: ({ event }) => event },
            },
          },
        },
      },
      on: { 'server.draining': { actions: 'noteDraining' } },
    },
    seat: {
      initial: 'outside',
      states: {
        outside: {
          description: 'In no room; closed after a long while.',
          // A session without a transport cannot be closed: it is tried again later.
          after: { outsideTimeout: { target: 'outside', reenter: true, actions: 'closeSilent' } },
          on: {
            'message.create': {
              target: 'entering',
              actions: { type: 'create', params: ({ event }) => event },
            },
            'message.join': { target: 'entering', actions: { type: 'join', params: ({ event }) => event } },
            'message.ping': { actions: { type: 'pong', params: ({ event }) => event } },
            'message.*': { actions: { type: 'refuseNow', params: ({ event }) => event } },
            'transport.closed': { target: 'ended' },
          },
        },
        entering: {
          description:
            'Asked for a room and waits for its answer. What the client sends meanwhile waits in src/inbox.ts.',
          on: {
            'room.entered': { target: 'inside', actions: { type: 'takeSeat', params: ({ event }) => event } },
            'room.refused': { target: 'outside', actions: { type: 'refuse', params: ({ event }) => event } },
            'room.silent': {
              target: 'outside',
              actions: [
                'withdraw',
                {
                  type: 'refuse',
                  params: ({ event: { requestId } }) => ({ ...SILENT_AT_ENTRY, requestId }),
                },
              ],
            },
            'transport.closed': { target: 'ended', actions: 'withdraw' },
          },
        },
        inside: {
          description: 'A member of one room.',
          on: {
            'message.relay': { actions: { type: 'relay', params: ({ event }) => event } },
            'message.leave': {
              target: 'outside',
              actions: [{ type: 'leave', params: ({ event }) => event }, 'giveUpSeat'],
            },
            'message.ping': { actions: { type: 'pong', params: ({ event }) => event } },
            'message.*': { actions: { type: 'refuseNow', params: ({ event }) => event } },
            'room.closed': {
              guard: { type: 'isIn', params: ({ event }) => event },
              target: 'outside',
              actions: [
                'giveUpSeat',
                { type: 'refuse', params: ({ event }) => ({ code: 'Internal', message: event.message }) },
              ],
            },
            'room.silent': {
              target: 'outside',
              actions: [{ type: 'leave', params: {} }, 'giveUpSeat', { type: 'refuse', params: SILENT }],
            },
            'transport.closed': {
              target: 'ended',
              actions: [{ type: 'leave', params: {} }, 'giveUpSeat'],
            },
          },
        },
        ended: {
          description: 'Over: the client is gone and its seat is free.',
          type: 'final',
          entry: 'tellEnded',
        },
      },
    },
  },
});
