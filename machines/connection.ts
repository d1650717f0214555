import { and, emit, not, setup, stateIn } from 'xstate';
import type { ParticipantMessage } from '../src/protocol/client.ts';
import type { CloseReason, ErrorCode } from '../src/protocol/codes.ts';
import type { Greeting } from '../src/protocol/features.ts';
import { add, clear, isFull, type RollingWindow, rollingWindow } from './rolling-window.ts';

/**
 * One transport: how fast its client may send, and which participant speaks over it. It dies with its transport; what
 * outlives that is the participant. It does nothing itself: it emits decisions, and src/connection.ts performs them.
 */

export interface ConnectionInput {
  /** What the inspector calls it; undefined while there is no inspector. */
  readonly connection_id?: string | undefined;
  /** Frames allowed within any `windowMs`; at least 1. */
  readonly limit: number;
  /** Length of the rolling window, and of the penalty, in milliseconds. */
  readonly windowMs: number;
  /** How long a transport may stay silent before its first message, in milliseconds. */
  readonly firstMessageTimeoutMs: number;
}

export interface ConnectionContext {
  readonly connection_id: string | undefined;
  /** Written in place, for speed; see RollingWindow. */
  readonly window: RollingWindow;
  readonly firstMessageTimeoutMs: number;
}

/** What a Hello brings to take up an earlier session. */
export interface Resumption {
  readonly token: string;
  readonly lastSeq: number;
}

/** Opens a session, or takes one up. */
interface Opening {
  readonly greeting: Greeting;
}

/** Answered InvalidPayload. */
interface Rejection {
  readonly reason: string;
  readonly requestId?: string | undefined;
}

/** How the transport ended; see src/transport/transport.ts. */
type TransportEnd = 'closed' | 'away' | 'lost';

/** A frame from the client; `at` is when it arrived, in monotonic milliseconds. Each counts for the rate. */
export type FrameEvent =
  | {
      readonly type: 'frame.hello';
      readonly at: number;
      readonly resume: Resumption | null;
      readonly greeting: Greeting;
      /** What refuses it when it does not come first. */
      readonly refusal: string;
    }
  | { readonly type: 'frame.message'; readonly at: number; readonly message: ParticipantMessage }
  | ({ readonly type: 'frame.invalid'; readonly at: number } & Rejection)
  /** A Hello that is invalid: it may be said again, while nothing else was. */
  | ({ readonly type: 'frame.invalidHello'; readonly at: number } & Rejection)
  /** Dropped without reading it, during a penalty. */
  | { readonly type: 'frame.unread'; readonly at: number };

export type ConnectionEvent =
  | FrameEvent
  /** The answer to `resume`: the session is here, and has this transport now. */
  | { readonly type: 'session.found' }
  | ({ readonly type: 'session.unknown' } & Opening)
  | { readonly type: 'transport.ended'; readonly end: TransportEnd };

export type ConnectionDecision =
  /** Make a new participant: with a greeting a session, else one of the base protocol. */
  | { readonly type: 'register'; readonly greeting: Greeting | undefined }
  /** Take up the session of this token; answered by `session.found` or `session.unknown`. */
  | ({ readonly type: 'resume' } & Resumption & Opening)
  /** Give the message to the participant. */
  | { readonly type: 'pass'; readonly message: ParticipantMessage }
  /** Have the participant answer that the frame is not a message that may come now; its answers stay in order. */
  | ({ readonly type: 'reject' } & Rejection)
  | {
      readonly type: 'refuse';
      readonly code: ErrorCode;
      readonly message: string;
      readonly requestId?: string | undefined;
    }
  /** A penalty begins. */
  | { readonly type: 'rateLimited' }
  | { readonly type: 'close'; readonly reason: CloseReason }
  /** Tell the participant that this transport has ended. */
  | { readonly type: 'detach'; readonly end: TransportEnd };

export const connectionMachine = setup({
  types: {
    input: {} as ConnectionInput,
    context: {} as ConnectionContext,
    events: {} as ConnectionEvent,
    emitted: {} as ConnectionDecision,
    tags: {} as 'unread',
  },
  actions: {
    countFrame: ({ context }, { at }: { at: number }) => add(context.window, at),
    forgetFrames: ({ context }) => clear(context.window),
    registerBase: emit({ type: 'register', greeting: undefined }),
    registerSession: emit((_, { greeting }: Opening) => ({ type: 'register', greeting })),
    resume: emit((_, { token, lastSeq, greeting }: Resumption & Opening) => ({
      type: 'resume',
      token,
      lastSeq,
      greeting,
    })),
    pass: emit((_, { message }: { message: ParticipantMessage }) => ({ type: 'pass', message })),
    reject: emit((_, { reason, requestId }: Rejection) => ({ type: 'reject', reason, requestId })),
    refuseInvalid: emit((_, { reason, requestId }: Rejection) => ({
      type: 'refuse',
      code: 'InvalidPayload',
      message: reason,
      requestId,
    })),
    refuseRateLimited: emit({
      type: 'refuse',
      code: 'RateLimited',
      message: 'Too many frames: this one was dropped. Pause for a second.',
    }),
    tellRateLimited: emit({ type: 'rateLimited' }),
    closeSilent: emit({ type: 'close', reason: 'Silent' }),
    detach: emit((_, { end }: { end: TransportEnd }) => ({ type: 'detach', end })),
  },
  guards: {
    isOverLimit: ({ context, event }) => 'at' in event && isFull(context.window, event.at),
    bringsToken: ({ event }) => event.type === 'frame.hello' && event.resume !== null,
    isAdmitted: and([not(stateIn({ rate: 'penalised' })), not('isOverLimit')]),
    mayResume: and(['isAdmitted', 'bringsToken']),
  },
  delays: {
    penalty: ({ context }) => context.window.windowMs,
    firstMessageTimeout: ({ context }) => context.firstMessageTimeoutMs,
  },
}).createMachine({
  id: 'connection',
  context: ({ input }) => ({
    connection_id: input.connection_id,
    window: rollingWindow(input.limit, input.windowMs),
    firstMessageTimeoutMs: input.firstMessageTimeoutMs,
  }),
  type: 'parallel',
  states: {
    rate: {
      initial: 'open',
      states: {
        open: {
          description: 'Counts frames, valid or not, over the rolling window.',
          on: {
            'frame.*': [
              {
                guard: 'isOverLimit',
                target: 'penalised',
                actions: ['refuseRateLimited', 'tellRateLimited'],
              },
              { actions: { type: 'countFrame', params: ({ event }) => event } },
            ],
          },
        },
        penalised: {
          description:
            'Too fast: answers every frame RateLimited, without reading it, until the penalty ends.',
          tags: 'unread',
          exit: 'forgetFrames',
          after: { penalty: { target: 'open' } },
          on: { 'frame.*': { actions: 'refuseRateLimited' } },
        },
      },
    },
    greeting: {
      initial: 'silent',
      states: {
        silent: {
          description:
            'Has sent nothing yet, or no valid Hello, which may be said again; closed when that lasts too long.',
          after: { firstMessageTimeout: { actions: 'closeSilent' } },
          on: {
            'frame.hello': [
              {
                guard: 'mayResume',
                target: 'resuming',
                actions: {
                  type: 'resume',
                  params: ({ event: { resume, greeting } }) => ({ ...(resume as Resumption), greeting }),
                },
              },
              {
                guard: 'isAdmitted',
                target: 'greeted',
                actions: { type: 'registerSession', params: ({ event }) => event },
              },
            ],
            'frame.invalidHello': {
              guard: 'isAdmitted',
              actions: { type: 'refuseInvalid', params: ({ event }) => event },
            },
            'frame.message': {
              guard: 'isAdmitted',
              target: 'greeted',
              actions: ['registerBase', { type: 'pass', params: ({ event }) => event }],
            },
            'frame.invalid': {
              guard: 'isAdmitted',
              target: 'greeted',
              actions: ['registerBase', { type: 'reject', params: ({ event }) => event }],
            },
            'transport.ended': { target: 'ended', actions: { type: 'detach', params: ({ event }) => event } },
          },
        },
        resuming: {
          description: 'Brought the token of an earlier session; waits to hear whether that is here.',
          on: {
            'session.found': { target: 'greeted' },
            'session.unknown': {
              target: 'greeted',
              actions: { type: 'registerSession', params: ({ event }) => event },
            },
            'transport.ended': { target: 'ended', actions: { type: 'detach', params: ({ event }) => event } },
          },
        },
        greeted: {
          description: 'A participant speaks over this transport: in the base protocol or in a session.',
          on: {
            'frame.message': {
              guard: 'isAdmitted',
              actions: { type: 'pass', params: ({ event }) => event },
            },
            'frame.hello': {
              guard: 'isAdmitted',
              actions: {
                type: 'reject',
                params: ({ event }) => ({ reason: event.refusal, requestId: event.greeting.requestId }),
              },
            },
            'frame.invalid': {
              guard: 'isAdmitted',
              actions: { type: 'reject', params: ({ event }) => event },
            },
            'frame.invalidHello': {
              guard: 'isAdmitted',
              actions: { type: 'reject', params: ({ event }) => event },
            },
            'transport.ended': { target: 'ended', actions: { type: 'detach', params: ({ event }) => event } },
          },
        },
        ended: {
          description: 'The transport is gone. The participant may go on over another.',
          type: 'final',
        },
      },
    },
  },
});
