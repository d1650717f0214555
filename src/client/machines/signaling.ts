import { type Backoff, backoffMs } from '../backoff.ts';
import { MAX_TIMER_MS } from '../timer.ts';
import { assign, emit, setup } from '../xstate/chart.ts';

/**
 * A client's connection: when to open a socket, when to wait, when to give up. It does nothing itself: it emits
 * decisions, and signaling.ts carries them out.
 */

/** A moment by two clocks, in milliseconds. */
export interface Moment {
  /** By a clock that cannot be set. It may stand while the machine sleeps. */
  readonly steady: number;
  /** Since the epoch, by the clock of the system: it goes on during sleep, and can be set. */
  readonly epoch: number;
}

export interface SignalingInput {
  /** False: a lost connection is not made again. */
  readonly backoff: Backoff | false;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly now: () => Moment;
  /** When the server was last heard. */
  readonly heardAt: () => Moment;
  /** Whether a call waits for the connection, or this client is in a room. */
  readonly isWanted: () => boolean;
  /** Whether the server will answer: a question is open, or one can be put. */
  readonly canProbe: () => boolean;
  readonly isOnline: boolean;
}

/** Why there is no socket. */
export interface Loss {
  /** The close code, if the server sent one. */
  readonly code?: number | undefined;
  /** A sentence. */
  readonly reason: string;
  /** Least wait before another attempt, in milliseconds; false: none is to be made. */
  readonly afterMs: number | false;
  /** The first wait is a random part of this, where it is more than the back-off's, in milliseconds. */
  readonly withinMs?: number | undefined;
}

export interface SignalingContext extends SignalingInput {
  /** Attempts in a row. */
  readonly attempt: number;
  readonly waitMs: number;
  /** When the next attempt is due, and before when none may be made, by the steady clock. */
  readonly dueAt: number;
  readonly notBefore: number;
  /** When the next attempt is due, in milliseconds since the epoch: for people. */
  readonly retryAt: number | undefined;
  /** The server in use will stop: the next attempt is a move. */
  readonly isDraining: boolean;
  /** Of the last loss. */
  readonly code: number | undefined;
  readonly reason: string | undefined;
  readonly silenceMs: number;
}

export type SignalingEvent =
  | { readonly type: 'connect' }
  /** Nobody waits for the connection any more, which was never made. */
  | { readonly type: 'abandon' }
  | { readonly type: 'close' }
  /** The socket is open, and Hello is on its way. */
  | { readonly type: 'opened' }
  /** The server said Ready, and that it pings this often, in milliseconds. */
  | { readonly type: 'ready'; readonly heartbeatMs: number }
  /** The server said something. */
  | { readonly type: 'heard' }
  | ({ readonly type: 'lost' } & Loss)
  /** The socket to move to was lost; the one in use is still there. */
  | ({ readonly type: 'failed' } & Loss)
  | { readonly type: 'draining'; readonly jitterMs: number }
  | { readonly type: 'online' }
  | { readonly type: 'offline' }
  /** Somebody looks at the page again, or the machine has woken. */
  | { readonly type: 'wake' };

export type SignalingDecision =
  /** Open a socket and say Hello, unless one is being opened. */
  | { readonly type: 'open' }
  /** Give every socket up, without a goodbye. */
  | { readonly type: 'drop' }
  /** The server does not answer: the sockets are lost. */
  | { readonly type: 'timeOut' }
  /** The socket being opened beside the one in use gets no answer: it has failed. */
  | { readonly type: 'timeOutNext' }
  /** Make the server say something. */
  | { readonly type: 'probe' }
  /** Over, for good: say goodbye. */
  | { readonly type: 'end' };

/** The server closes a connection that is outside a room for too long. */
const SILENT = 4408;
/** How long a socket may take to open, and then the server to say Ready. */
const OPEN_TIMEOUT_MS = 10_000;
/** How long the server may take to answer a probe. */
const PROBE_TIMEOUT_MS = 5000;
/** Silence is not taken for suspicious sooner, whatever heartbeat the server tells. */
const LEAST_SILENCE_MS = 100;
/** How often it tries where the browser says that there is no network: it may be wrong, or the server be near. */
const OFFLINE_RETRY_MS = 30_000;
/** How often the time of the next attempt is corrected for a clock that was set, and by how much at least. */
const CORRECTION_MS = 1000;
const LEAST_CORRECTION_MS = 250;

/**
 * How long the server has been silent. Where the clocks differ, the longer time counts: the steady one where the other was
 * set back, the other where the steady one stood during a sleep. A clock set forward looks like a sleep: it costs a probe.
 */
function silentFor({ now, heardAt }: SignalingInput): number {
  const [{ steady, epoch }, heard] = [now(), heardAt()];
  return Math.max(steady - heard.steady, epoch - heard.epoch);
}

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
    timeOut: emit({ type: 'timeOut' }),
    timeOutNext: emit({ type: 'timeOutNext' }),
    probe: emit({ type: 'probe' }),
    end: emit({ type: 'end' }),
    noteLoss: assign((_, { code, reason }: Loss) => ({ code, reason })),
    countAttempt: assign({ attempt: ({ context }) => context.attempt + 1 }),
    planRetry: assign(({ context }, { afterMs, withinMs = 0 }: Loss) => {
      const { backoff, attempt, random, now } = context;
      const jitterMs = backoff ? backoffMs(backoff, attempt, random()) : 0;
      const { steady, epoch } = now();
      const pauseMs = afterMs || 0;
      const restMs = Math.max(jitterMs, attempt === 0 ? random() * withinMs : 0);
      const waitMs = Math.min(pauseMs + restMs, MAX_TIMER_MS);
      return { waitMs, notBefore: steady + pauseMs, dueAt: steady + waitMs, retryAt: epoch + waitMs };
    }),
    correctRetryAt: assign(({ context: { now, dueAt, retryAt } }) => {
      const { steady, epoch } = now();
      const corrected = epoch + dueAt - steady;
      return Math.abs(corrected - (retryAt ?? 0)) < LEAST_CORRECTION_MS ? {} : { retryAt: corrected };
    }),
    planMove: assign(({ context }, { jitterMs }: { jitterMs: number }) => {
      const waitMs = Math.min(context.random() * jitterMs, MAX_TIMER_MS);
      return { waitMs, dueAt: context.now().steady + waitMs, isDraining: true };
    }),
    settle: assign((_, { heartbeatMs }: { heartbeatMs: number }) => ({
      attempt: 0,
      code: undefined,
      reason: undefined,
      isDraining: false,
      silenceMs: Math.min(Math.max(heartbeatMs, LEAST_SILENCE_MS), MAX_TIMER_MS),
    })),
    goOnline: assign({ isOnline: true }),
    goOffline: assign({ isOnline: false }),
  },
  guards: {
    isHopeless: ({ context: { backoff, attempt } }, { afterMs }: Loss) =>
      afterMs === false || backoff === false || attempt >= backoff.maxAttempts,
    isUnneeded: ({ context }, { code }: Loss) => code === SILENT && !context.isWanted(),
    isOffline: ({ context }) => !context.isOnline,
    isDraining: ({ context }) => context.isDraining,
    isDue: ({ context }) => context.now().steady >= context.dueAt,
    mayTry: ({ context }) => context.now().steady >= context.notBefore,
    mayMove: ({ context }) => context.isDraining && context.now().steady >= context.notBefore,
    isFresh: ({ context }) => silentFor(context) < context.silenceMs,
    isDoubtful: ({ context }) => silentFor(context) >= context.silenceMs && context.canProbe(),
    canProbe: ({ context }) => context.canProbe(),
  },
  delays: {
    openTimeout: OPEN_TIMEOUT_MS,
    probeTimeout: PROBE_TIMEOUT_MS,
    offlineRetry: OFFLINE_RETRY_MS,
    silence: ({ context }) => {
      const leftMs = context.silenceMs - silentFor(context);
      return leftMs > 0 ? leftMs : context.silenceMs;
    },
    move: ({ context: { now, dueAt } }) => Math.max(0, dueAt - now().steady),
    retry: ({ context: { now, dueAt } }) => Math.min(Math.max(0, dueAt - now().steady), CORRECTION_MS),
  },
}).createMachine({
  id: 'signaling',
  context: ({ input }) => ({
    ...input,
    attempt: 0,
    waitMs: 0,
    dueAt: 0,
    notBefore: 0,
    retryAt: undefined,
    isDraining: false,
    code: undefined,
    reason: undefined,
    silenceMs: 0,
  }),
  initial: 'idle',
  states: {
    idle: {
      description: 'Not connected, and no call waits for it.',
      on: { connect: { target: 'connecting' } },
    },
    connecting: {
      description: 'Opens a socket, waits for Ready.',
      entry: 'open',
      after: { openTimeout: { actions: 'timeOut' } },
      on: {
        opened: { target: 'connecting', reenter: true }, // the time for Ready begins
        ready: { target: 'connected', actions: { type: 'settle', params: ({ event }) => event } },
        abandon: { target: 'idle', actions: 'drop' },
      },
    },
    connected: {
      description: 'Ready: messages go both ways.',
      after: {
        silence: [
          { guard: 'isFresh', target: 'connected', reenter: true },
          { guard: 'canProbe', target: 'doubtful' },
          { target: 'connected', reenter: true },
        ],
      },
      on: {
        draining: { target: 'draining', actions: { type: 'planMove', params: ({ event }) => event } },
        wake: [
          { guard: 'isFresh' },
          { guard: 'canProbe', target: 'doubtful' },
          { target: 'connecting', actions: 'drop' },
        ],
        online: [
          { guard: 'canProbe', target: 'doubtful', actions: 'goOnline' },
          { target: 'connecting', actions: ['goOnline', 'drop'] },
        ],
        offline: { guard: 'canProbe', target: 'doubtful', actions: 'goOffline' },
      },
    },
    doubtful: {
      description: 'Waits for a sign of the server.',
      entry: 'probe',
      after: { probeTimeout: { actions: 'timeOut' } },
      on: {
        heard: [{ guard: 'isDraining', target: 'draining' }, { target: 'connected' }],
        wake: { guard: 'mayMove', target: 'moving' },
        online: { guard: 'mayMove', target: 'moving', actions: 'goOnline' },
        draining: { target: 'draining', actions: { type: 'planMove', params: ({ event }) => event } },
      },
    },
    draining: {
      description: 'The server stops soon.',
      after: {
        move: { target: 'moving' },
        silence: [
          { guard: 'isDoubtful', target: 'doubtful' },
          { target: 'draining', reenter: true },
        ],
      },
      on: {
        wake: [{ guard: 'isFresh' }, { guard: 'mayTry', target: 'moving' }],
        online: { guard: 'mayTry', target: 'moving', actions: 'goOnline' },
        offline: { guard: 'canProbe', target: 'doubtful', actions: 'goOffline' },
      },
    },
    moving: {
      description: 'Opens another socket while connected.',
      entry: 'open',
      after: { openTimeout: { actions: 'timeOutNext' } },
      on: {
        opened: { target: 'moving', reenter: true },
        ready: { target: 'connected', actions: { type: 'settle', params: ({ event }) => event } },
        failed: [
          {
            guard: 'isDoubtful', // the network may be gone, and the socket in use with it
            target: 'doubtful',
            actions: [{ type: 'planRetry', params: ({ event }) => event }, 'countAttempt'],
          },
          {
            target: 'draining',
            actions: [{ type: 'planRetry', params: ({ event }) => event }, 'countAttempt'],
          },
        ],
        lost: { target: 'connecting', actions: { type: 'noteLoss', params: ({ event }) => event } },
      },
    },
    waiting: {
      description: 'Lost, tries again after a back-off.',
      after: {
        retry: [
          { guard: 'isDue', target: 'connecting', actions: 'countAttempt' },
          { target: 'waiting', reenter: true, actions: 'correctRetryAt' },
        ],
      },
      on: {
        wake: { guard: 'mayTry', target: 'connecting', actions: 'countAttempt' },
        online: { guard: 'mayTry', target: 'connecting', actions: ['goOnline', 'countAttempt'] },
        offline: { target: 'offline', actions: 'goOffline' },
        abandon: { target: 'idle' },
      },
    },
    offline: {
      description: 'Lost, waits for a network.',
      after: { offlineRetry: { target: 'connecting', actions: 'countAttempt' } },
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
        guard: { type: 'isUnneeded', params: ({ event }) => event },
        target: '.idle',
        actions: { type: 'noteLoss', params: ({ event }) => event },
      },
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
