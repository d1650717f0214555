import { assign, emit } from 'xstate';
import { type Backoff, backoffMs } from '../backoff.ts';
import { setup } from '../setup.ts';

/**
 * A client's connection: when to open a socket, when to wait, when to give up. It does nothing itself: it emits
 * decisions, and signaling.ts carries them out.
 */

export interface SignalingInput {
  /** False: a lost connection is not made again. */
  readonly backoff: Backoff | false;
  /** How long a socket may take from the start to Ready, in milliseconds. */
  readonly openTimeoutMs: number;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Why there is no socket. */
export interface Loss {
  /** The close code, if the server sent one. */
  readonly code?: number | undefined;
  /** A sentence. */
  readonly reason: string;
  /** Least wait before another attempt, in milliseconds; false: none is to be made. */
  readonly afterMs: number | false;
}

export interface SignalingContext extends SignalingInput {
  /** Attempts since the connection was lost; 0 while connected. */
  readonly attempt: number;
  readonly waitMs: number;
  readonly retryAt: number | undefined;
  readonly code: number | undefined;
  readonly reason: string | undefined;
  readonly isOnline: boolean;
}

export type SignalingEvent =
  | { readonly type: 'connect' }
  /** Nobody waits for the connection any more. */
  | { readonly type: 'abandon' }
  | { readonly type: 'close' }
  | { readonly type: 'ready' }
  | ({ readonly type: 'lost' } & Loss)
  | { readonly type: 'online' }
  | { readonly type: 'offline' }
  /** The page is looked at again. */
  | { readonly type: 'wake' };

export type SignalingDecision =
  /** Open a socket and say Hello. */
  | { readonly type: 'open' }
  /** Give the socket up, without a goodbye. */
  | { readonly type: 'drop' }
  /** For good; with a goodbye, if there is a socket. */
  | { readonly type: 'end' };

const TIMED_OUT: Loss = { reason: 'The server did not answer in time.', afterMs: 0 };
const CLOSED: Loss = { reason: 'Closed by this side.', afterMs: false };

export const signalingMachine = setup({
  types: {
    input: {} as SignalingInput,
    context: {} as SignalingContext,
    events: {} as SignalingEvent,
    emitted: {} as SignalingDecision,
  },
  actions: {
    open: emit({ type: 'open' }),
    drop: emit({ type: 'drop' }),
    end: emit({ type: 'end' }),
    noteLoss: assign((_, { code, reason }: Loss) => ({ code, reason })),
    countAttempt: assign({ attempt: ({ context }) => context.attempt + 1 }),
    planRetry: assign(({ context }, { afterMs }: Loss) => {
      const { backoff, attempt, random, now } = context;
      const waitMs = (afterMs || 0) + (backoff ? backoffMs(backoff, attempt, random()) : 0);
      return { waitMs, retryAt: now() + waitMs };
    }),
    forgetRetry: assign({ retryAt: undefined }),
    settle: assign({ attempt: 0, code: undefined, reason: undefined }),
    goOnline: assign({ isOnline: true }),
    goOffline: assign({ isOnline: false }),
  },
  guards: {
    isHopeless: ({ context: { backoff, attempt } }, { afterMs }: Loss) =>
      afterMs === false || backoff === false || attempt >= backoff.maxAttempts,
    isOffline: ({ context }) => !context.isOnline,
  },
  delays: {
    openTimeout: ({ context }) => context.openTimeoutMs,
    retry: ({ context }) => context.waitMs,
  },
}).createMachine({
  id: 'signaling',
  context: ({ input }) => ({
    ...input,
    attempt: 0,
    waitMs: 0,
    retryAt: undefined,
    code: undefined,
    reason: undefined,
    isOnline: true,
  }),
  initial: 'idle',
  states: {
    idle: {
      description: 'Not connected, and nobody asked for it.',
      on: { connect: { target: 'connecting' } },
    },
    connecting: {
      description: 'Opens a socket and says Hello; waits for Ready.',
      entry: 'open',
      after: {
        openTimeout: [
          {
            guard: { type: 'isHopeless', params: TIMED_OUT },
            target: 'closed',
            actions: { type: 'noteLoss', params: TIMED_OUT },
          },
          {
            target: 'waiting',
            actions: [
              'drop',
              { type: 'noteLoss', params: TIMED_OUT },
              { type: 'planRetry', params: TIMED_OUT },
            ],
          },
        ],
      },
      on: {
        ready: { target: 'connected' },
        abandon: { target: 'idle', actions: 'drop' },
      },
    },
    connected: {
      description: 'Ready: messages go both ways.',
      entry: 'settle',
    },
    waiting: {
      description: 'Lost; tries again after a random while, or as soon as there is reason to hope.',
      exit: 'forgetRetry',
      after: { retry: { target: 'connecting', actions: 'countAttempt' } },
      on: {
        online: { target: 'connecting', actions: ['goOnline', 'countAttempt'] },
        offline: { target: 'offline', actions: 'goOffline' },
        wake: { target: 'connecting', actions: 'countAttempt' },
        abandon: { target: 'idle' },
      },
    },
    offline: {
      description: 'Lost, and the browser has no network: tries again when it has.',
      on: {
        online: { target: 'connecting', actions: ['goOnline', 'countAttempt'] },
        abandon: { target: 'idle' },
      },
    },
    closed: {
      description: 'Over, for good.',
      type: 'final',
      entry: 'end',
    },
  },
  on: {
    close: { target: '.closed', actions: { type: 'noteLoss', params: CLOSED } },
    lost: [
      {
        guard: { type: 'isHopeless', params: ({ event }) => event },
        target: '.closed',
        actions: { type: 'noteLoss', params: ({ event }) => event },
      },
      {
        guard: 'isOffline',
        target: '.offline',
        actions: { type: 'noteLoss', params: ({ event }) => event },
      },
      {
        target: '.waiting',
        actions: [
          { type: 'noteLoss', params: ({ event }) => event },
          { type: 'planRetry', params: ({ event }) => event },
        ],
      },
    ],
    online: { actions: 'goOnline' },
    offline: { actions: 'goOffline' },
  },
});
