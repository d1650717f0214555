import { and, assign, emit, not, or, setup, stateIn } from 'xstate';

/**
 * One pair of participants: perfect negotiation (W3C WebRTC section 10.7), its healing, and what is known of the
 * other end. Three independent parts, so three parallel regions: the descriptions, the transport, and the other
 * end's presence in signalling. It does nothing itself: it emits decisions, and src/client/peer.ts performs them, one
 * at a time, answering `done` or `failed` to those that take time (makeOffer, acceptOffer, acceptAnswer, rollBack,
 * withdraw), or `tooLarge` when an offer cannot be sent.
 *
 * Both ends know which of them is polite; the other is called impolite. The impolite end offers first, wins when
 * offers cross, and restarts ICE first.
 */

/** How long it waits, in milliseconds. */
export interface Timing {
  /** The polite end offers itself when the other's first offer does not come for so long. */
  readonly firstOfferMs: number;
  /** An offer without an answer is sent again after so long; the wait doubles, up to eight times as long. */
  readonly answerMs: number;
  /** The pause after an operation that failed; it doubles with each failure in a row, up to `failedMs`. */
  readonly retryMs: number;
  /** An operation that WebRTC does not end within so long makes this end start over with another connection. */
  readonly operationMs: number;
  /** While no path is found, the reason is looked for after so long. */
  readonly explainMs: number;
  /**
   * Candidates are tried for so long, without success or failure, before this end starts over with another connection;
   * the polite end waits twice as long. Browsers give up by themselves sooner, which ICE restarts mend.
   */
  readonly checkMs: number;
  /** A disconnected transport may come back by itself for so long. */
  readonly disconnectedMs: number;
  /** The polite end leaves the first ICE restart to the other for so long. */
  readonly politeMs: number;
  /** An ICE restart has so long to connect, then comes the next. */
  readonly restartMs: number;
  /** After restarts in vain, the next comes every so often. */
  readonly failedMs: number;
  /** A claimed id has so long to prove that this connection is its own. */
  readonly proofMs: number;
}

export const TIMING: Timing = {
  firstOfferMs: 5_000,
  answerMs: 5_000,
  retryMs: 1_000,
  operationMs: 60_000,
  explainMs: 5_000,
  checkMs: 45_000,
  disconnectedMs: 4_000,
  politeMs: 3_000,
  restartMs: 10_000,
  failedMs: 60_000,
  proofMs: 10_000,
};

/** ICE restarts in a row that may fail; then the connection counts as failed, and is tried more rarely. */
export const MAX_RESTARTS = 5;
/** Operations in a row that may fail; then this end starts over with another connection. */
export const MAX_FAILURES = 4;
/** An offer that was sent so often without an answer is told as `NoAnswer`. */
export const UNANSWERED = 4;
/** An offer on a connection that has negotiated before is sent so often; then this end starts over. */
export const MAX_SENT = 8;
const MAX_DOUBLINGS = 3;

export interface NegotiationInput {
  readonly polite: boolean;
  readonly timing: Timing;
  /** How often this pair has started over lately; each time the pauses after failures are twice as long. */
  readonly attempt?: number | undefined;
}

/** An offer of the other end; `tag` names it for its answer, if that end is a Mesh. */
export interface RemoteOffer {
  readonly sdp: string;
  readonly tag: string | undefined;
}

export interface NegotiationContext extends NegotiationInput {
  /** The number of our latest offer; its answer names it. */
  readonly offer: number;
  /** How often that offer was sent again. */
  readonly resent: number;
  /** An offer is due as soon as it can be made. */
  readonly isDue: boolean;
  /** The other end's offer, until its turn comes. */
  readonly held: RemoteOffer | null;
  /** The tag of the offer that is or was answered last. */
  readonly answered: string | undefined;
  /** ICE restarts since there was a connection. */
  readonly restarts: number;
  /** Operations that failed in a row. */
  readonly failures: number;
  /** Whether a negotiation has succeeded, so the other end is known to answer. */
  readonly hasAgreed: boolean;
}

export type NegotiationEvent =
  /** The connection has something to negotiate. */
  | { readonly type: 'needed' }
  | ({ readonly type: 'remote.offer' } & RemoteOffer)
  /** `offer` is the number of the offer it answers, if the other end is a Mesh. */
  | { readonly type: 'remote.answer'; readonly sdp: string; readonly offer: number | undefined }
  | { readonly type: 'done' }
  | { readonly type: 'failed' }
  /** The offer is larger than the server takes. The other end has not seen it. */
  | { readonly type: 'tooLarge' }
  | { readonly type: `transport.${'connecting' | 'connected' | 'disconnected' | 'failed'}` }
  /** Signalling goes on: our own (other networks may have to be tried), or the other end's. */
  | { readonly type: 'self.resumed' }
  | { readonly type: 'peer.interrupted' }
  | { readonly type: 'peer.resumed' }
  /** Ids went with the server: whose connection this is must be found out anew. */
  | { readonly type: 'ids.lost' }
  | { readonly type: 'id.claimed' }
  | { readonly type: 'id.proven' }
  | { readonly type: 'close' };

export type NegotiationDecision =
  | { readonly type: 'makeOffer' }
  | { readonly type: 'sendOffer'; readonly offer: number }
  | ({ readonly type: 'acceptOffer' } & RemoteOffer)
  | { readonly type: 'sendAnswer'; readonly tag: string | undefined }
  | { readonly type: 'acceptAnswer'; readonly sdp: string }
  | { readonly type: 'ignoreOffer' }
  | { readonly type: 'rollBack' }
  /** Rolls back an offer that is too large to be sent, and answers `failed` if nothing of it can be taken back. */
  | { readonly type: 'withdraw' }
  /** Finds out why there is no path. */
  | { readonly type: 'explain' }
  | { readonly type: 'restartIce' }
  | { readonly type: 'startOver' }
  | { readonly type: 'closed' };

interface Tagged {
  tag: string | undefined;
}

export const negotiationMachine = setup({
  types: {
    input: {} as NegotiationInput,
    context: {} as NegotiationContext,
    events: {} as NegotiationEvent,
    emitted: {} as NegotiationDecision,
  },
  actions: {
    noteDue: assign({ isDue: true }),
    numberOffer: assign(({ context }) => ({ offer: context.offer + 1, resent: 0, isDue: false })),
    countResent: assign({ resent: ({ context }) => context.resent + 1 }),
    forgetResent: assign({ resent: 0 }),
    hold: assign({ held: (_, { sdp, tag }: RemoteOffer) => ({ sdp, tag }) }),
    takeUp: assign(({ context }) => ({ answered: context.held?.tag, held: null, isDue: false })),
    forgetAnswered: assign({ answered: undefined }),
    countRestart: assign({ restarts: ({ context }) => context.restarts + 1 }),
    forgetRestarts: assign({ restarts: 0 }),
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    agree: assign({ failures: 0, hasAgreed: true }),
    makeOffer: emit({ type: 'makeOffer' }),
    sendOffer: emit(({ context }) => ({ type: 'sendOffer', offer: context.offer })),
    acceptOffer: emit(({ context }) => ({ type: 'acceptOffer', ...(context.held as RemoteOffer) })),
    sendAnswer: emit(({ context }) => ({ type: 'sendAnswer', tag: context.answered })),
    acceptAnswer: emit((_, { sdp }: { sdp: string }) => ({ type: 'acceptAnswer', sdp })),
    ignoreOffer: emit({ type: 'ignoreOffer' }),
    rollBack: emit({ type: 'rollBack' }),
    withdraw: emit({ type: 'withdraw' }),
    explain: emit({ type: 'explain' }),
    restartIce: emit({ type: 'restartIce' }),
    startOver: emit({ type: 'startOver' }),
    tellClosed: emit({ type: 'closed' }),
  },
  guards: {
    isPolite: ({ context }) => context.polite,
    isDue: ({ context }) => context.isDue,
    holdsOffer: ({ context }) => context.held !== null,
    isAnswered: ({ context }, { tag }: Tagged) => tag !== undefined && tag === context.answered,
    isToLatest: ({ context }, { offer }: { offer: number | undefined }) =>
      offer === undefined || offer === context.offer,
    hasUnknownId: stateIn({ open: { presence: 'unknownId' } }),
    isInterrupted: stateIn({ open: { presence: 'interrupted' } }),
    isReachable: not('hasUnknownId'),
    isListening: not(or(['hasUnknownId', 'isInterrupted'])),
    mayOffer: and(['isDue', 'isReachable']),
    hasAgreed: ({ context }) => context.hasAgreed,
    hasFailedOften: ({ context }) => context.failures >= MAX_FAILURES,
    isUnanswered: and(['isListening', 'hasAgreed', ({ context }) => context.resent + 1 >= MAX_SENT]),
    mayRestart: ({ context }) => context.restarts < MAX_RESTARTS,
  },
  delays: {
    firstOffer: ({ context }) => context.timing.firstOfferMs,
    answer: ({ context }) => context.timing.answerMs * 2 ** Math.min(context.resent, MAX_DOUBLINGS),
    retry: ({ context: { timing, failures, attempt = 0 } }) =>
      Math.min(timing.retryMs * 2 ** (Math.max(failures, 1) - 1 + attempt), timing.failedMs),
    operation: ({ context }) => context.timing.operationMs,
    explain: ({ context }) => context.timing.explainMs,
    check: ({ context: { timing, polite } }) => (polite ? 2 : 1) * timing.checkMs,
    disconnected: ({ context }) => context.timing.disconnectedMs,
    politeness: ({ context }) => context.timing.politeMs,
    restart: ({ context }) => context.timing.restartMs,
    failed: ({ context }) => context.timing.failedMs,
    proof: ({ context }) => context.timing.proofMs,
  },
}).createMachine({
  id: 'negotiation',
  context: ({ input }) => ({
    ...input,
    offer: 0,
    resent: 0,
    isDue: false,
    held: null,
    answered: undefined,
    restarts: 0,
    failures: 0,
    hasAgreed: false,
  }),
  initial: 'open',
  states: {
    open: {
      type: 'parallel',
      states: {
        descriptions: {
          initial: 'fresh',
          states: {
            fresh: {
              description:
                'Nothing negotiated; the impolite end offers first, the polite one if that takes long.',
              after: { firstOffer: { target: 'stable', actions: 'noteDue' } },
              on: {
                needed: [
                  { guard: 'isPolite', actions: 'noteDue' },
                  { target: 'stable', actions: 'noteDue' },
                ],
                'remote.offer': {
                  target: 'answering',
                  actions: { type: 'hold', params: ({ event }) => event },
                },
              },
            },
            stable: {
              description: 'No offer is outstanding.',
              always: [
                { guard: 'holdsOffer', target: 'answering' },
                { guard: 'mayOffer', target: 'offering' },
              ],
              on: {
                needed: { actions: 'noteDue' },
                'remote.offer': [
                  { guard: { type: 'isAnswered', params: ({ event }) => event }, actions: 'sendAnswer' },
                  { target: 'answering', actions: { type: 'hold', params: ({ event }) => event } },
                ],
              },
            },
            offering: {
              description: 'Makes an offer. The other’s, coming meanwhile, wins if this end is polite.',
              entry: ['numberOffer', 'makeOffer'],
              after: { operation: { actions: 'startOver' } },
              on: {
                needed: { actions: 'noteDue' },
                'remote.offer': [
                  { guard: { type: 'isAnswered', params: ({ event }) => event }, actions: 'sendAnswer' },
                  { guard: 'isPolite', actions: { type: 'hold', params: ({ event }) => event } },
                  { actions: 'ignoreOffer' },
                ],
                done: [
                  { guard: 'holdsOffer', target: 'answering' },
                  { guard: 'isReachable', target: 'awaiting', actions: 'sendOffer' },
                  { target: 'awaiting' },
                ],
                failed: { target: 'failing', actions: 'countFailure' },
                tooLarge: { target: 'withdrawing' },
              },
            },
            awaiting: {
              description: 'Its offer is out: have-local-offer. Sends it again when no answer comes.',
              after: {
                answer: [
                  { guard: 'isUnanswered', actions: 'startOver' },
                  {
                    guard: 'isListening',
                    target: 'awaiting',
                    reenter: true,
                    actions: ['countResent', 'sendOffer'],
                  },
                  { target: 'awaiting', reenter: true },
                ],
              },
              on: {
                needed: { actions: 'noteDue' },
                'remote.answer': {
                  guard: { type: 'isToLatest', params: ({ event }) => event },
                  target: 'settling',
                  actions: { type: 'acceptAnswer', params: ({ event }) => event },
                },
                'remote.offer': [
                  { guard: { type: 'isAnswered', params: ({ event }) => event }, actions: 'sendAnswer' },
                  {
                    guard: 'isPolite',
                    target: 'answering',
                    actions: { type: 'hold', params: ({ event }) => event },
                  },
                  { actions: 'ignoreOffer' },
                ],
                'self.resumed': {
                  target: 'awaiting',
                  reenter: true,
                  guard: 'isReachable',
                  actions: ['forgetResent', 'sendOffer'],
                },
                'peer.resumed': {
                  target: 'awaiting',
                  reenter: true,
                  guard: 'isReachable',
                  actions: ['forgetResent', 'sendOffer'],
                },
                'id.claimed': { target: 'awaiting', reenter: true, actions: ['forgetResent', 'sendOffer'] },
                tooLarge: { target: 'withdrawing' },
              },
            },
            settling: {
              description: 'Applies the answer to its offer.',
              after: { operation: { actions: 'startOver' } },
              on: {
                needed: { actions: 'noteDue' },
                'remote.offer': [
                  { guard: { type: 'isAnswered', params: ({ event }) => event }, actions: 'sendAnswer' },
                  { actions: { type: 'hold', params: ({ event }) => event } },
                ],
                done: { target: 'stable', actions: 'agree' },
                failed: { target: 'failing', actions: 'countFailure' },
              },
            },
            answering: {
              description: 'Applies the other’s offer, giving up its own if there is one, and answers.',
              entry: ['acceptOffer', 'takeUp'],
              after: { operation: { actions: 'startOver' } },
              on: {
                needed: { actions: 'noteDue' },
                'remote.offer': [
                  { guard: { type: 'isAnswered', params: ({ event }) => event } },
                  { actions: { type: 'hold', params: ({ event }) => event } },
                ],
                done: { target: 'stable', actions: ['agree', 'sendAnswer'] },
                failed: { target: 'failing', actions: ['forgetAnswered', 'countFailure'] },
              },
            },
            withdrawing: {
              description: 'Its offer is too large to be sent; goes back.',
              entry: 'withdraw',
              after: { operation: { actions: 'startOver' } },
              on: {
                needed: { actions: 'noteDue' },
                'remote.offer': { actions: { type: 'hold', params: ({ event }) => event } },
                done: { target: 'stable' },
                failed: { target: 'failing', actions: 'countFailure' },
              },
            },
            failing: {
              description: 'An operation failed; goes back to the last stable state.',
              entry: 'rollBack',
              after: { operation: { actions: 'startOver' } },
              on: {
                'remote.offer': { actions: { type: 'hold', params: ({ event }) => event } },
                done: [
                  { guard: 'hasFailedOften', target: 'pausing', actions: 'startOver' },
                  { target: 'pausing' },
                ],
                failed: [
                  { guard: 'hasFailedOften', target: 'pausing', actions: 'startOver' },
                  { target: 'pausing' },
                ],
              },
            },
            pausing: {
              description: 'Tries again after a while, or when the other end offers.',
              after: { retry: { target: 'stable', actions: 'noteDue' } },
              always: { guard: 'holdsOffer', target: 'stable' },
              on: {
                'remote.offer': {
                  target: 'answering',
                  actions: { type: 'hold', params: ({ event }) => event },
                },
              },
            },
          },
        },
        transport: {
          initial: 'connecting',
          states: {
            connecting: {
              description: 'Never connected yet, and nothing to try. If that never ends, starts over.',
              after: {
                explain: { actions: 'explain' },
                check: [
                  { guard: 'hasAgreed', actions: 'startOver' },
                  { target: 'connecting', reenter: true },
                ],
              },
              on: { 'transport.connecting': { target: 'checking' } },
            },
            checking: {
              description: 'Candidates are tried for the first time. If that never ends, starts over.',
              after: { explain: { actions: 'explain' }, check: { actions: 'startOver' } },
              on: { 'transport.connecting': {} },
            },
            connected: {
              description: 'Media and data pass.',
              entry: 'forgetRestarts',
              on: {
                'transport.disconnected': { target: 'disconnected' },
                'self.resumed': { actions: 'restartIce' },
              },
            },
            disconnected: {
              description: 'Nothing comes through; often that mends itself.',
              after: {
                disconnected: [
                  { guard: 'isPolite', target: 'yielding' },
                  { target: 'reconnecting', actions: ['countRestart', 'restartIce'] },
                ],
              },
              on: {
                'self.resumed': { target: 'reconnecting', actions: 'restartIce' },
                'peer.resumed': { target: 'yielding' },
              },
            },
            yielding: {
              description: 'Leaves the first ICE restart to the other end.',
              entry: 'explain',
              after: { politeness: { target: 'reconnecting', actions: ['countRestart', 'restartIce'] } },
              on: {
                'transport.failed': {},
                'self.resumed': { target: 'reconnecting', actions: 'restartIce' },
              },
            },
            reconnecting: {
              description: 'ICE was restarted; again if that does not help.',
              entry: 'explain',
              after: {
                restart: [
                  {
                    guard: 'mayRestart',
                    target: 'reconnecting',
                    reenter: true,
                    actions: ['countRestart', 'restartIce'],
                  },
                  { target: 'failed' },
                ],
              },
              on: {
                'transport.disconnected': {},
                'transport.failed': {},
                'self.resumed': { target: 'reconnecting', reenter: true, actions: 'restartIce' },
              },
            },
            failed: {
              description: 'Restarts were in vain; tries again now and then, and when signalling resumes.',
              entry: ['forgetRestarts', 'explain'],
              after: { failed: { target: 'failed', reenter: true, actions: 'restartIce' } },
              on: {
                'transport.connecting': { target: 'reconnecting' },
                'transport.disconnected': {},
                'transport.failed': {},
                'self.resumed': { target: 'reconnecting', actions: 'restartIce' },
                'peer.resumed': { target: 'yielding' },
              },
            },
          },
          on: {
            'transport.connected': { target: '.connected' },
            'transport.failed': [
              { guard: 'isPolite', target: '.yielding' },
              { target: '.reconnecting', actions: ['countRestart', 'restartIce'] },
            ],
          },
        },
        presence: {
          initial: 'present',
          states: {
            present: {
              description: 'The other end can be signalled.',
              on: { 'peer.interrupted': { target: 'interrupted' } },
            },
            interrupted: {
              description: 'The other end has lost its socket; the server keeps what it is sent.',
              on: { 'peer.resumed': { target: 'present' } },
            },
            unknownId: {
              description: 'Its id went with the server; media goes on, signalling waits for the new id.',
              on: {
                'id.claimed': { target: 'claimed', actions: 'noteDue' },
                'id.proven': { target: 'present' },
              },
            },
            claimed: {
              description: 'It named a new id; the answer to an offer must prove that id to be its own.',
              after: { proof: { target: 'unknownId' } },
              on: { 'id.proven': { target: 'present' } },
            },
          },
          on: { 'ids.lost': { target: '.unknownId' } },
        },
      },
      on: { close: { target: 'closed' } },
    },
    closed: {
      description: 'Over.',
      type: 'final',
      entry: 'tellClosed',
    },
  },
});
