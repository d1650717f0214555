import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createActor, SimulatedClock } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import {
  MAX_FAILURES,
  MAX_RESTARTS,
  MAX_SENT,
  type NegotiationDecision,
  type NegotiationEvent,
  negotiationMachine,
  TIMING,
} from '../../../src/client/machines/negotiation.ts';
import { startDecider } from '../../support/decider.ts';

/** `explain` comes whenever there is no path for a while: `decide` and `wait` leave it out, and `waitFor` does not. */
function start(polite: boolean, clock?: SimulatedClock, attempt?: number) {
  const decider = startDecider(negotiationMachine, { polite, timing: TIMING, attempt }, clock);
  const isAction = ({ type }: NegotiationDecision) => type !== 'explain';
  return {
    ...decider,
    decide: (...events: NegotiationEvent[]) => decider.decide(...events).filter(isAction),
    wait: (ms: number) => decider.wait(ms).filter(isAction),
    waitFor: (ms: number) => decider.wait(ms),
    region(name: 'descriptions' | 'transport' | 'presence'): string {
      const { value } = decider.actor.getSnapshot();
      return value === 'closed' ? value : value.open[name];
    },
  };
}

const needed: NegotiationEvent = { type: 'needed' };
const done: NegotiationEvent = { type: 'done' };
const failed: NegotiationEvent = { type: 'failed' };
const tooLarge: NegotiationEvent = { type: 'tooLarge' };
const offer = (tag?: string): NegotiationEvent => ({ type: 'remote.offer', sdp: `offer ${tag}`, tag });
const answer = (number?: number): NegotiationEvent => ({
  type: 'remote.answer',
  sdp: 'answer',
  offer: number,
});
const types = (decisions: readonly NegotiationDecision[]) => decisions.map(({ type }) => type);

describe('descriptions', () => {
  test('the impolite end offers first, and applies the answer', () => {
    const end = start(false);
    expect(end.decide(needed)).toEqual([{ type: 'makeOffer' }]);
    expect(end.decide(done)).toEqual([{ type: 'sendOffer', offer: 1 }]);
    expect(end.region('descriptions')).toBe('awaiting');
    expect(end.decide(answer(1))).toEqual([{ type: 'acceptAnswer', sdp: 'answer' }]);
    expect(end.decide(done)).toEqual([]);
    expect(end.region('descriptions')).toBe('stable');
  });

  test('the polite end waits for the first offer, and answers it', () => {
    const end = start(true);
    expect(end.decide(needed)).toEqual([]);
    expect(end.decide(offer('x.1'))).toEqual([{ type: 'acceptOffer', sdp: 'offer x.1', tag: 'x.1' }]);
    expect(end.decide(done)).toEqual([{ type: 'sendAnswer', tag: 'x.1' }]);
    expect(end.wait(60_000)).toEqual([]);
    expect(end.region('descriptions')).toBe('stable');
  });

  test('the polite end offers itself when no offer comes', () => {
    const end = start(true);
    end.decide(needed);
    expect(end.wait(TIMING.firstOfferMs - 1)).toEqual([]);
    expect(types(end.wait(1))).toEqual(['makeOffer']);
  });

  test.each([
    ['offering', [needed]],
    ['awaiting', [needed, done]],
  ] as const)('%s, the impolite end ignores an offer that crosses its own', (state, events) => {
    const end = start(false);
    end.decide(...events);
    expect(end.region('descriptions')).toBe(state);
    expect(types(end.decide(offer('x.1')))).toEqual(['ignoreOffer']);
    expect(end.region('descriptions')).toBe(state);
  });

  test('the polite end gives up its own offer for one that crosses it', () => {
    const end = start(true);
    end.decide(offer('x.1'), done, needed, done);
    expect(end.region('descriptions')).toBe('awaiting');
    expect(types(end.decide(offer('x.2')))).toEqual(['acceptOffer']);
    expect(end.decide(done)).toEqual([{ type: 'sendAnswer', tag: 'x.2' }]);
    expect(end.decide(answer(1))).toEqual([]); // too late
    expect(end.region('descriptions')).toBe('stable');
  });

  test('the polite end does not even send an offer it has made when another came meanwhile', () => {
    const end = start(true);
    end.decide(offer('x.1'), done, needed);
    expect(end.decide(offer('x.2'))).toEqual([]);
    expect(types(end.decide(done))).toEqual(['acceptOffer']);
  });

  test('an offer that comes while the answer is applied has its turn afterwards (isSettingRemoteAnswerPending)', () => {
    const end = start(false);
    expect(types(end.decide(needed, done, answer(1), offer('x.1')))).toEqual([
      'makeOffer',
      'sendOffer',
      'acceptAnswer',
    ]);
    expect(types(end.decide(done))).toEqual(['acceptOffer']);
  });

  test('an answer to an earlier offer is no answer to this one; one without a number is', () => {
    const end = start(false);
    end.decide(needed, done, answer(1), done, needed, done);
    expect(end.decide(answer(1))).toEqual([]);
    expect(end.region('descriptions')).toBe('awaiting');
    expect(types(end.decide(answer()))).toEqual(['acceptAnswer']);
  });

  test('an offer that was answered is answered again, in the same words', () => {
    const end = start(true);
    end.decide(offer('x.1'), done);
    expect(end.decide(offer('x.1'))).toEqual([{ type: 'sendAnswer', tag: 'x.1' }]);
    end.decide(needed, done);
    expect(end.decide(offer('x.1'))).toEqual([{ type: 'sendAnswer', tag: 'x.1' }]);
    expect(end.region('descriptions')).toBe('awaiting');
  });

  test('stuck in have-local-offer, it sends the offer again, less and less often', () => {
    const end = start(false);
    end.decide(needed, done);
    for (const factor of [1, 2, 4, 8, 8, 8]) {
      expect(end.wait(factor * TIMING.answerMs - 1)).toEqual([]);
      expect(end.wait(1)).toEqual([{ type: 'sendOffer', offer: 1 }]);
    }
    expect(types(end.decide(answer(1)))).toEqual(['acceptAnswer']);
  });

  test('not while the other end has no socket: then it sends it as soon as that resumes', () => {
    const end = start(false);
    end.decide(needed, done, { type: 'peer.interrupted' });
    expect(end.wait(100_000)).toEqual([]);
    expect(types(end.decide({ type: 'peer.resumed' }))).toEqual(['sendOffer']);
  });

  test('what is needed meanwhile is offered afterwards, once', () => {
    const end = start(false);
    end.decide(needed, done, needed, needed, answer(1));
    expect(types(end.decide(done))).toEqual(['makeOffer']);
    expect(types(end.decide(done, answer(2), done))).toEqual(['sendOffer', 'acceptAnswer']);
  });

  test.each([
    ['its own offer', false, [needed]],
    ['an answer', false, [needed, done, answer(1)]],
    ['an offer', true, [offer('x.1')]],
  ] as const)('when WebRTC refuses %s it rolls back, and tries again after a pause', (_, polite, events) => {
    const end = start(polite);
    end.decide(...events);
    expect(types(end.decide(failed))).toEqual(['rollBack']);
    expect(end.decide(done)).toEqual([]);
    expect(end.wait(TIMING.retryMs - 1)).toEqual([]);
    expect(types(end.wait(1))).toEqual(['makeOffer']);
  });

  test('a new offer ends that pause', () => {
    const end = start(true);
    end.decide(offer('x.1'), failed);
    expect(end.decide(offer('x.1'))).toEqual([]);
    expect(types(end.decide(done))).toEqual(['acceptOffer']);
  });

  test('failures in a row double the pause, then it starts over', () => {
    const end = start(false);
    end.decide(needed);
    for (let i = 0; i < MAX_FAILURES - 1; i += 1) {
      expect(types(end.decide(failed, done))).toEqual(['rollBack']);
      expect(end.wait(TIMING.retryMs * 2 ** i - 1)).toEqual([]);
      expect(types(end.wait(1))).toEqual(['makeOffer']);
    }
    expect(types(end.decide(failed, failed))).toEqual(['rollBack', 'startOver']); // the rollback fails, too
  });

  test('a success in between forgets the failures before it', () => {
    const end = start(true);
    for (let i = 0; i < 2 * MAX_FAILURES; i += 1) {
      expect(types(end.decide(offer(`x.${i}`), failed, done))).toEqual(['acceptOffer', 'rollBack']);
      expect(types(end.decide(offer(`x.${i}`), done))).toEqual(['acceptOffer', 'sendAnswer']);
    }
  });

  test('after it has started over the pauses are longer, up to a bound', () => {
    for (const [attempt, ms] of [
      [1, 2 * TIMING.retryMs],
      [3, 8 * TIMING.retryMs],
      [20, TIMING.failedMs],
    ] as const) {
      const end = start(false, undefined, attempt);
      end.decide(needed, failed, done);
      expect(end.wait(ms - 1)).toEqual([]);
      expect(types(end.wait(1))).toEqual(['makeOffer']);
    }
  });

  test('an operation that never ends makes it start over', () => {
    for (const [polite, events] of [
      [false, [needed]],
      [false, [needed, done, answer(1)]],
      [true, [offer('x.1')]],
      [false, [needed, tooLarge]],
      [false, [needed, failed]],
    ] as const) {
      const end = start(polite);
      end.decide(...events);
      expect(end.wait(TIMING.operationMs - 1)).toEqual([]);
      expect(types(end.wait(1))).toEqual(['startOver']);
    }
  });

  test('an offer that is too large is taken back with what was added last, and the pair goes on', () => {
    const end = start(false);
    end.decide(needed, done, answer(1), done);
    expect(types(end.decide(needed, tooLarge))).toEqual(['makeOffer', 'withdraw']);
    expect(end.region('descriptions')).toBe('withdrawing');
    expect(end.decide(done)).toEqual([]);
    expect(end.region('descriptions')).toBe('stable');
    expect(types(end.decide(offer('x.1'), done))).toEqual(['acceptOffer', 'sendAnswer']);
    expect(types(end.decide(needed, done, tooLarge))).toEqual(['makeOffer', 'sendOffer', 'withdraw']);
  });

  test('an offer that comes while it takes back its own is answered afterwards', () => {
    for (const polite of [false, true]) {
      const end = start(polite);
      end.decide(offer('x.1'), done, needed, tooLarge);
      expect(end.decide(offer('x.2'))).toEqual([]);
      expect(types(end.decide(done))).toEqual(['acceptOffer']);
    }
  });

  test('when nothing can be taken back, that is a failure', () => {
    const end = start(false);
    expect(types(end.decide(needed, tooLarge, failed, done))).toEqual(['makeOffer', 'withdraw', 'rollBack']);
    expect(types(end.wait(TIMING.retryMs))).toEqual(['makeOffer']);
  });

  test('an offer that the other end never answers makes it start over, if the two have agreed before', () => {
    const end = start(false);
    end.decide(needed, done, answer(1), done, { type: 'transport.connected' }, needed, done);
    const fresh = start(false);
    fresh.decide(needed, done, { type: 'transport.connected' });
    for (let sent = 1; sent < MAX_SENT; sent += 1) {
      expect(types(end.wait(8 * TIMING.answerMs))).toEqual(['sendOffer']);
      fresh.wait(8 * TIMING.answerMs);
    }
    expect(types(end.wait(8 * TIMING.answerMs))).toEqual(['startOver']);
    expect(types(fresh.wait(8 * TIMING.answerMs))).toEqual(['sendOffer']);
  });

  test('an offer to an end without a socket is not counted as unanswered', () => {
    const end = start(false);
    end.decide(needed, done, answer(1), done, { type: 'transport.connected' }, needed, done);
    end.decide({ type: 'peer.interrupted' });
    for (let i = 0; i < 2 * MAX_SENT; i += 1) expect(end.wait(8 * TIMING.answerMs)).toEqual([]);
  });
});

describe('transport', () => {
  test.each([
    [false, TIMING.checkMs],
    [true, 2 * TIMING.checkMs],
  ])('polite %s: candidates that are tried for %i ms to no end start it over', (polite, ms) => {
    const end = start(polite);
    end.decide(needed, offer('x.1'), done); // it waits for no operation
    expect(types(end.wait(ms - 1))).not.toContain('startOver'); // there was nothing to try yet
    end.decide({ type: 'transport.connecting' });
    expect(types(end.wait(ms - 1))).not.toContain('startOver');
    expect(types(end.wait(1))).toContain('startOver');
  });

  test.each(['connected', 'failed'] as const)('%s in time does not start it over', (state) => {
    const end = start(false);
    end.decide({ type: 'transport.connecting' }, { type: `transport.${state}` });
    expect(types(end.wait(10 * TIMING.checkMs))).not.toContain('startOver');
  });

  test('candidates that are never tried, though both ends agree, start it over', () => {
    const end = start(false);
    end.decide(needed, done, answer(1), done);
    expect(end.wait(TIMING.checkMs - 1)).toEqual([]);
    expect(types(end.wait(1))).toEqual(['startOver']);
  });

  test('the reason is looked for while there is no path, and when ICE has failed', () => {
    const end = start(false);
    const explained = (decisions: readonly NegotiationDecision[]) => types(decisions).includes('explain');
    end.decide(needed, done);
    expect(explained(end.waitFor(TIMING.explainMs - 1))).toBe(false);
    expect(explained(end.waitFor(1))).toBe(true);
    end.decide({ type: 'transport.connecting' });
    expect(explained(end.waitFor(TIMING.explainMs))).toBe(true);
    end.decide({ type: 'transport.connected' });
    expect(explained(end.waitFor(100 * TIMING.explainMs))).toBe(false);
    end.decide({ type: 'transport.disconnected' });
    expect(explained(end.waitFor(TIMING.disconnectedMs))).toBe(true);
    expect(explained(end.waitFor(TIMING.restartMs))).toBe(true);
  });

  const restarts = (decisions: readonly NegotiationDecision[]) =>
    types(decisions).filter((type) => type === 'restartIce').length;

  test('a short disconnection mends itself', () => {
    const end = start(false);
    end.decide({ type: 'transport.connected' }, { type: 'transport.disconnected' });
    expect(restarts(end.wait(TIMING.disconnectedMs - 1))).toBe(0);
    end.decide({ type: 'transport.connected' });
    expect(restarts(end.wait(100_000))).toBe(0);
  });

  test.each([
    [false, 0],
    [true, TIMING.politeMs],
  ])('polite %s: a longer one, or a failure, restarts ICE after %i ms more', (polite, politeMs) => {
    for (const [type, ms] of [
      ['transport.disconnected', TIMING.disconnectedMs],
      ['transport.failed', 0],
    ] as const) {
      const end = start(polite);
      end.decide({ type: 'transport.connected' });
      const total = restarts(end.decide({ type })) + restarts(end.wait(ms));
      expect(total + restarts(end.wait(politeMs))).toBe(1);
      expect(total).toBe(polite ? 0 : 1);
      expect(end.region('transport')).toBe('reconnecting');
    }
  });

  test('has failed after so many restarts; tries again now and then, and when signalling resumes', () => {
    const end = start(false);
    let count = restarts(end.decide({ type: 'transport.connected' }, { type: 'transport.failed' }));
    for (let i = 0; i < MAX_RESTARTS; i += 1) count += restarts(end.wait(TIMING.restartMs));
    expect(count).toBe(MAX_RESTARTS);
    expect(end.region('transport')).toBe('failed');
    for (const _ of [1, 2]) {
      expect(restarts(end.wait(TIMING.failedMs - 1))).toBe(0);
      expect(restarts(end.wait(1))).toBe(1);
      expect(end.region('transport')).toBe('failed');
    }
    expect(restarts(end.decide({ type: 'self.resumed' }))).toBe(1);
    end.decide({ type: 'transport.connected' });
    expect(end.region('transport')).toBe('connected');
    expect(end.actor.getSnapshot().context.restarts).toBe(0);
  });

  test('restarts ICE when its own signalling resumes: the network may be another', () => {
    const end = start(true);
    end.decide({ type: 'transport.connected' });
    expect(restarts(end.decide({ type: 'self.resumed' }))).toBe(1);
    expect(end.region('transport')).toBe('connected');
  });

  test('leaves that to the other end when the other’s resumes, and does it if that end does not', () => {
    const end = start(false);
    end.decide({ type: 'transport.connected' });
    expect(restarts(end.decide({ type: 'peer.interrupted' }, { type: 'peer.resumed' }))).toBe(0);
    end.decide({ type: 'transport.disconnected' });
    expect(restarts(end.decide({ type: 'peer.interrupted' }, { type: 'peer.resumed' }))).toBe(0);
    expect(restarts(end.wait(TIMING.politeMs))).toBe(1);
  });
});

describe('ids that went with the server', () => {
  test('nothing is offered before a new id is claimed; proven, all is as before', () => {
    const end = start(false);
    end.decide(needed, done, answer(1), done, { type: 'transport.connected' });
    expect(end.decide({ type: 'ids.lost' }, needed)).toEqual([]);
    expect(types(end.decide({ type: 'id.claimed' }, done))).toEqual(['makeOffer', 'sendOffer']);
    expect(end.region('presence')).toBe('claimed');
    expect(types(end.decide({ type: 'id.proven' }, answer(2)))).toEqual(['acceptAnswer']);
    expect(end.region('presence')).toBe('present');
  });

  test('an offer that was out is sent to whoever claims the connection', () => {
    const end = start(false);
    end.decide(needed, done, { type: 'ids.lost' });
    expect(end.wait(100_000)).toEqual([]);
    expect(types(end.decide({ type: 'id.claimed' }))).toEqual(['sendOffer']);
  });

  test('a claim that is not proven in time counts no more', () => {
    const end = start(false);
    end.decide({ type: 'ids.lost' }, { type: 'id.claimed' });
    end.wait(TIMING.proofMs);
    expect(end.region('presence')).toBe('unknownId');
  });
});

test('closed is closed', () => {
  const end = start(false);
  expect(end.decide({ type: 'close' })).toEqual([{ type: 'closed' }]);
  expect(end.decide(needed, offer(), answer(), done)).toEqual([]);
});

describe.each([
  ['polite', true],
  ['impolite', false],
])('every reachable state of the %s end', (_, polite) => {
  const events: NegotiationEvent[] = [
    ...[needed, done, failed, tooLarge, offer('x.1'), offer('x.2'), offer(), answer(1), answer()],
    ...(
      ['peer.interrupted', 'peer.resumed', 'self.resumed', 'ids.lost', 'id.claimed', 'id.proven'] as const
    ).map((type) => ({ type })),
    { type: 'xstate.after.firstOffer.negotiation.open.descriptions.fresh' } as unknown as NegotiationEvent,
    { type: 'xstate.after.answer.negotiation.open.descriptions.awaiting' } as unknown as NegotiationEvent,
    { type: 'xstate.after.retry.negotiation.open.descriptions.pausing' } as unknown as NegotiationEvent,
    { type: 'xstate.after.proof.negotiation.open.presence.claimed' } as unknown as NegotiationEvent,
  ];
  // Counters would make the states infinitely many: what only counts is left out.
  const paths = getShortestPaths(negotiationMachine, {
    input: { polite, timing: TIMING },
    events,
    serializeState: ({ value, context: { isDue, held, answered } }) =>
      JSON.stringify([value, isDue, held, answered]),
  });
  const regionsOf = (value: string | object) =>
    (typeof value === 'string' ? {} : (value as { open: object }).open) as {
      descriptions?: string;
      presence?: string;
    };

  test('each state of the two regions is reached', () => {
    const reached = paths.flatMap(({ state }) => Object.values(regionsOf(state.value)));
    for (const region of ['descriptions', 'presence']) {
      const all = Object.keys(negotiationMachine.root.states.open?.states[region]?.states ?? {});
      expect(all.length).toBeGreaterThan(3);
      expect(reached).toEqual(expect.arrayContaining(all));
    }
  });

  test('has one operation at a time, one offer out at a time, and yields or ignores as it is polite or not', () => {
    const busy = ['offering', 'settling', 'answering', 'withdrawing', 'failing'];
    const operations = ['makeOffer', 'acceptOffer', 'acceptAnswer', 'withdraw', 'rollBack'];
    const violations: unknown[] = [];
    for (const { state } of paths) {
      for (const event of events) {
        const clock = new SimulatedClock();
        const actor = createActor(negotiationMachine, {
          snapshot: state,
          input: { polite, timing: TIMING },
          clock,
        });
        const decisions: string[] = [];
        actor.on('*', ({ type }) => decisions.push(type));
        actor.start();
        actor.send(event);
        const [before, after] = [regionsOf(state.value), regionsOf(actor.getSnapshot().value)];
        const wasBusy = busy.includes(before.descriptions ?? '');
        const isBusy = busy.includes(after.descriptions ?? '');
        const begun = decisions.filter((type) => operations.includes(type)).length;
        const mayBegin = !wasBusy || ['done', 'failed', 'tooLarge'].includes(event.type);
        const isRight =
          begun <= (mayBegin && isBusy ? 1 : 0) &&
          !(before.descriptions === 'awaiting' && decisions.includes('makeOffer')) &&
          !(polite && decisions.includes('ignoreOffer')) &&
          !(
            before.presence === 'unknownId' &&
            event.type !== 'id.claimed' &&
            decisions.includes('sendOffer')
          );
        if (!isRight) violations.push([before, event, decisions, after]);
      }
    }
    expect(violations).toEqual([]);
  });
});

/**
 * One end with a model of its RTCPeerConnection: operations take their time, offers are rolled back, and
 * negotiationneeded comes again until what it wanted was agreed. An operation in a state in which WebRTC would refuse
 * it throws.
 */
class End {
  readonly name: string;
  readonly #end: ReturnType<typeof start>;
  readonly #outbox: Message[];
  #operation: (() => void) | undefined;
  #pending: { readonly tag: string; readonly changes: number } | undefined;
  #changes = 0;
  #agreed = 0;
  /** The tag of the offer that both ends agree on, as far as this one knows. */
  current = '';

  constructor(name: string, polite: boolean, clock: SimulatedClock, outbox: Message[]) {
    this.name = name;
    this.#end = start(polite, clock);
    this.#outbox = outbox;
    this.#end.actor.on('*', (decision) => this.#perform(decision));
  }

  get isSettled(): boolean {
    return (
      this.#end.region('descriptions') === 'stable' &&
      this.#pending === undefined &&
      this.#agreed === this.#changes
    );
  }

  change(): void {
    this.#changes += 1;
    this.#need();
  }

  receive({ type, tag }: Message): void {
    if (type === 'offer') this.#end.actor.send({ type: 'remote.offer', sdp: tag, tag });
    else this.#end.actor.send({ type: 'remote.answer', sdp: tag, offer: Number(tag.slice(1)) });
  }

  /** The operation that is under way, if any, comes to its end. */
  complete(): void {
    const operation = this.#operation;
    this.#operation = undefined;
    if (operation === undefined) return;
    operation();
    this.#end.actor.send(done);
    this.#need();
  }

  /** As browsers do: in the stable state only, and when no operation is under way. */
  #need(): void {
    const isIdle = this.#operation === undefined && this.#pending === undefined;
    if (isIdle && this.#agreed < this.#changes) this.#end.actor.send(needed);
  }

  #perform(decision: NegotiationDecision): void {
    switch (decision.type) {
      case 'makeOffer':
        return this.#begin(() => {
          const { offer: number } = this.#end.actor.getSnapshot().context;
          this.#pending = { tag: `${this.name}${number}`, changes: this.#changes };
        });
      case 'acceptOffer':
        return this.#begin(() => {
          this.#pending = undefined; // rolled back
          this.current = decision.sdp;
        });
      case 'acceptAnswer':
        return this.#begin(() => {
          if (this.#pending?.tag !== decision.sdp) throw new Error('InvalidStateError');
          this.current = this.#pending.tag;
          this.#agreed = this.#pending.changes;
          this.#pending = undefined;
        });
      case 'sendOffer':
        return void this.#outbox.push({ type: 'offer', tag: `${this.name}${decision.offer}` });
      case 'sendAnswer':
        return void this.#outbox.push({ type: 'answer', tag: decision.tag as string });
    }
  }

  #begin(operation: () => void): void {
    if (this.#operation !== undefined) throw new Error('an operation is under way');
    this.#operation = operation;
  }
}

interface Message {
  readonly type: 'offer' | 'answer';
  readonly tag: string;
}

test('two ends agree in the end, whatever crosses and whatever is lost', () => {
  // Mostly the talk goes on; now and then something happens to it.
  const what = fc.oneof(
    { arbitrary: fc.constantFrom('deliver' as const, 'complete' as const), weight: 8 },
    { arbitrary: fc.constantFrom('change' as const, 'wait' as const, 'lose' as const), weight: 3 },
  );
  const step = fc.tuple(what, fc.constantFrom(0 as const, 1 as const));
  fc.assert(
    fc.property(fc.array(step, { minLength: 30, maxLength: 120 }), (steps) => {
      const clock = new SimulatedClock();
      const lines: [Message[], Message[]] = [[], []];
      const ends = [new End('a', true, clock, lines[0]), new End('b', false, clock, lines[1])] as const;
      const deliver = (from: 0 | 1) => {
        const message = lines[from].shift();
        if (message !== undefined) ends[(1 - from) as 0 | 1].receive(message);
      };
      for (const [what, side] of steps) {
        if (what === 'change') ends[side].change();
        if (what === 'complete') ends[side].complete();
        if (what === 'deliver') deliver(side);
        if (what === 'lose') lines[side].shift();
        if (what === 'wait') clock.increment(TIMING.answerMs);
      }
      // From here on nothing is lost any more.
      for (const end of ends) end.change();
      for (let round = 0; round < 40; round += 1) {
        for (const side of [0, 1] as const) {
          ends[side].complete();
          deliver(side);
        }
        if (round % 10 === 9) clock.increment(8 * TIMING.answerMs);
      }
      expect(ends.map(({ isSettled }) => isSettled)).toEqual([true, true]);
      expect(ends[0].current).toBe(ends[1].current);
      expect(ends[0].current).not.toBe('');
    }),
    { numRuns: 500 },
  );
});
