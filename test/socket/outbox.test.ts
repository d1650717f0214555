import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Outgoing } from '../../src/codec/outgoing.ts';
import { Outbox, type OutboxLimits } from '../../src/socket/outbox.ts';
import type { WriteResult } from '../../src/transport/transport.ts';
import { codec } from '../support/codec.ts';

const PLENTY: OutboxLimits = { messages: 1000, bytes: 1_000_000, ageMs: 1_000_000 };

/** A message whose text, number included, is told apart by `sdp`. */
const message = (sdp = '') => new Outgoing({ type: 'Offer', from: 'a', sdp });
const textOf = (seq: number, sdp = '') => `{"type":"Offer","from":"a","sdp":"${sdp}","seq":${seq}}`;

function openOutbox(limits: Partial<OutboxLimits> = {}) {
  let now = 0;
  const outbox = new Outbox({ ...PLENTY, ...limits }, codec, undefined, () => now);
  return {
    outbox,
    wait(ms: number) {
      now += ms;
    },
    write(count: number, sdp?: string) {
      for (let i = 0; i < count; i++) outbox.write(message(sdp));
    },
    /** The numbers of what is missed, and whether that is all. */
    missed(lastSeq: number) {
      const { texts, lost } = outbox.missedSince(lastSeq, codec);
      return { seqs: texts.map((text) => JSON.parse(text).seq as number), lost };
    },
  };
}

/** A sink that answers as it is told, and keeps what it is given. */
function openSink(answer: WriteResult = 'sent') {
  const texts: string[] = [];
  return {
    texts,
    codec,
    writeText(text: string): WriteResult {
      texts.push(text);
      return answer;
    },
  };
}

describe('writing', () => {
  test('numbers messages from 1, as a last field', () => {
    const { outbox } = openOutbox();
    expect(outbox.seq).toBe(0);
    outbox.write(message('x'));
    outbox.write(message('y'));
    expect(outbox.seq).toBe(2);
    expect(outbox.missedSince(0, codec).texts).toEqual([textOf(1, 'x'), textOf(2, 'y')]);
  });

  test('what waits is lost for a client that comes back in another dialect', () => {
    const { outbox, write } = openOutbox();
    write(2);
    const other = { shares: {}, decode: codec.decode, encode: () => '' };
    expect(outbox.missedSince(0, other)).toEqual({ texts: [], lost: true });
    expect(outbox.missedSince(2, other)).toEqual({ texts: [], lost: false });
  });

  test('leaves the message as it is: others are sent it with numbers of their own', () => {
    const [one, two] = [openOutbox(), openOutbox()];
    one.write(4);
    const outgoing = message();
    one.outbox.write(outgoing);
    two.outbox.write(outgoing);
    expect(outgoing.textBy(codec)).toBe('{"type":"Offer","from":"a","sdp":""}');
    expect(one.outbox.missedSince(4, codec).texts).toEqual([textOf(5)]);
    expect(two.outbox.missedSince(0, codec).texts).toEqual([textOf(1)]);
  });

  test('without a sink waits', () => {
    const { outbox } = openOutbox();
    expect(outbox.write(message())).toBe('queued');
    outbox.attach(openSink());
    outbox.attach(undefined);
    expect(outbox.write(message())).toBe('queued');
  });

  test.each(['sent', 'full', 'closed'] as const)('with a sink answers what it does: %s', (answer) => {
    const { outbox } = openOutbox();
    const sink = openSink(answer);
    outbox.attach(sink);
    expect(outbox.write(message('x'))).toBe(answer);
    expect(sink.texts).toEqual([textOf(1, 'x')]);
    expect(outbox.missedSince(0, codec)).toEqual({ texts: [textOf(1, 'x')], lost: false });
  });

  test('goes to the latest sink alone, and attaching repeats nothing', () => {
    const { outbox } = openOutbox();
    const [first, second] = [openSink(), openSink()];
    outbox.attach(first);
    outbox.write(message());
    outbox.attach(second);
    outbox.write(message());
    expect([first.texts, second.texts]).toEqual([[textOf(1)], [textOf(2)]]);
  });

  test('a sink that detaches itself while it is written to loses nothing', () => {
    const { outbox, missed } = openOutbox();
    outbox.attach({
      codec,
      writeText() {
        outbox.attach(undefined);
        return 'full';
      },
    });
    expect(outbox.write(message())).toBe('full');
    expect(outbox.write(message())).toBe('queued');
    expect(missed(0)).toEqual({ seqs: [1, 2], lost: false });
  });
});

describe('missedSince', () => {
  test('of an empty outbox is nothing', () => {
    expect(openOutbox().missed(0)).toEqual({ seqs: [], lost: false });
  });

  test('is what comes after, in order, as often as asked', () => {
    const { write, missed } = openOutbox();
    write(5);
    expect(missed(0)).toEqual({ seqs: [1, 2, 3, 4, 5], lost: false });
    expect(missed(3)).toEqual({ seqs: [4, 5], lost: false });
    expect(missed(5)).toEqual({ seqs: [], lost: false });
    expect(missed(3)).toEqual({ seqs: [4, 5], lost: false });
  });

  test('a number that was never given is of another world: lost', () => {
    const { write, missed } = openOutbox();
    expect(missed(1)).toEqual({ seqs: [], lost: true });
    write(3);
    expect(missed(4)).toEqual({ seqs: [], lost: true });
    expect(missed(Number.MAX_SAFE_INTEGER)).toEqual({ seqs: [], lost: true });
  });
});

describe('bounds', () => {
  test('in number: the oldest goes first, and what remains is told with `lost`', () => {
    const { write, missed } = openOutbox({ messages: 3 });
    write(3);
    expect(missed(0)).toEqual({ seqs: [1, 2, 3], lost: false });
    write(1);
    expect(missed(0)).toEqual({ seqs: [2, 3, 4], lost: true });
    expect(missed(1)).toEqual({ seqs: [2, 3, 4], lost: false });
  });

  test('in size: exactly the limit stays, one more goes', () => {
    const size = textOf(1).length;
    const { write, missed } = openOutbox({ bytes: 3 * size });
    write(3);
    expect(missed(0)).toEqual({ seqs: [1, 2, 3], lost: false });
    write(1);
    expect(missed(0)).toEqual({ seqs: [2, 3, 4], lost: true });
  });

  test('in size: a large message pushes out as many as it must', () => {
    const size = textOf(1).length;
    const { write, missed } = openOutbox({ bytes: 5 * size });
    write(5);
    write(1, 'x'.repeat(2 * size));
    expect(missed(0)).toEqual({ seqs: [4, 5, 6], lost: true });
  });

  test('a message over the size by itself is gone at once, and told', () => {
    const { outbox, write, missed } = openOutbox({ bytes: 100 });
    const sink = openSink();
    outbox.attach(sink);
    write(1, 'x'.repeat(200));
    expect(sink.texts).toHaveLength(1);
    expect(missed(0)).toEqual({ seqs: [], lost: true });
    expect(missed(1)).toEqual({ seqs: [], lost: false });
    write(1);
    expect(missed(1)).toEqual({ seqs: [2], lost: false });
  });

  test('in age: what is as old as the limit stays, what is older goes, with no need of a write', () => {
    const { write, missed, wait } = openOutbox({ ageMs: 100 });
    write(1);
    wait(60);
    write(1);
    wait(40);
    expect(missed(0)).toEqual({ seqs: [1, 2], lost: false });
    wait(1);
    expect(missed(0)).toEqual({ seqs: [2], lost: true });
    wait(60);
    expect(missed(0)).toEqual({ seqs: [], lost: true });
    expect(missed(2)).toEqual({ seqs: [], lost: false });
  });

  test('hold while there is a sink, too', () => {
    const { outbox, write, missed } = openOutbox({ messages: 2 });
    outbox.attach(openSink());
    write(10);
    expect(missed(0)).toEqual({ seqs: [9, 10], lost: true });
  });
});

describe('acknowledge', () => {
  test('forgets what the client has, and makes room', () => {
    const { outbox, write, missed } = openOutbox({ messages: 4 });
    write(4);
    outbox.acknowledge(3);
    write(3);
    expect(missed(3)).toEqual({ seqs: [4, 5, 6, 7], lost: false });
    expect(missed(2)).toEqual({ seqs: [4, 5, 6, 7], lost: true });
  });

  test('gives back the size of what it forgets', () => {
    const [one, ten] = [textOf(1).length, textOf(10).length];
    const { outbox, write, missed } = openOutbox({ bytes: one + 3 * ten });
    for (let round = 0; round < 3; round++) {
      write(3);
      outbox.acknowledge(outbox.seq - 1);
    }
    write(3);
    expect(missed(8)).toEqual({ seqs: [9, 10, 11, 12], lost: false });
    write(1);
    expect(missed(8)).toEqual({ seqs: [11, 12, 13], lost: true });
  });

  test.each([0, -1, Number.NaN])('of %s is nothing', (seq) => {
    const { outbox, write, missed } = openOutbox();
    write(2);
    outbox.acknowledge(seq);
    expect(missed(0)).toEqual({ seqs: [1, 2], lost: false });
  });

  test('may come late, or twice', () => {
    const { outbox, write, missed } = openOutbox();
    write(3);
    for (const seq of [2, 1, 2]) outbox.acknowledge(seq);
    expect(missed(2)).toEqual({ seqs: [3], lost: false });
  });

  test('of the future takes nothing from what is written later', () => {
    const { outbox, write, missed } = openOutbox();
    write(1);
    outbox.acknowledge(Number.POSITIVE_INFINITY);
    write(2);
    expect(missed(1)).toEqual({ seqs: [2, 3], lost: false });
  });
});

/**
 * The model has a memory of everything, and says at each write and each question which messages may still be
 * there: the longest tail within every bound, of what is neither acknowledged nor gone before.
 */
class Model {
  readonly #limits: OutboxLimits;
  readonly #all: { seq: number; text: string; at: number }[] = [];
  /** The latest that is acknowledged or gone. */
  #gone = 0;

  constructor(limits: OutboxLimits) {
    this.#limits = limits;
  }

  write(sdp: string, now: number): string {
    const seq = this.#all.length + 1;
    const text = textOf(seq, sdp);
    this.#all.push({ seq, text, at: now });
    this.#forget(now);
    return text;
  }

  acknowledge(seq: number): void {
    this.#gone = Math.max(this.#gone, Math.min(seq, this.#all.length));
  }

  missedSince(lastSeq: number, now: number): { texts: string[]; lost: boolean } {
    this.#forget(now);
    const missed = this.#all.filter(({ seq }) => seq > lastSeq);
    return {
      texts: missed.filter(({ seq }) => seq > this.#gone).map(({ text }) => text),
      lost: missed.some(({ seq }) => seq <= this.#gone) || lastSeq > this.#all.length,
    };
  }

  #forget(now: number): void {
    const { messages, bytes, ageMs } = this.#limits;
    for (; ; this.#gone++) {
      const tail = this.#all.slice(this.#gone);
      const size = tail.reduce((sum, { text }) => sum + text.length, 0);
      if (tail.length <= messages && size <= bytes && tail.every(({ at }) => now - at <= ageMs)) return;
    }
  }
}

type Step =
  | { do: 'write'; sdp: string }
  | { do: 'wait'; ms: number }
  | { do: 'attach' | 'detach' }
  | { do: 'acknowledge' | 'ask'; seq: number };

test('is what a naive model says, whatever happens', () => {
  const seq = fc.nat({ max: 40 });
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('write'), sdp: fc.stringMatching(/^x{0,60}$/) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('wait'), ms: fc.nat({ max: 60 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('attach', 'detach') }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('acknowledge', 'ask'), seq }) },
  ) as fc.Arbitrary<Step>;
  const limits = fc.record({
    messages: fc.integer({ min: 1, max: 8 }),
    bytes: fc.integer({ min: 40, max: 600 }),
    ageMs: fc.integer({ min: 0, max: 200 }),
  });
  fc.assert(
    fc.property(limits, fc.array(step, { maxLength: 60 }), (limits, steps) => {
      let now = 0;
      const outbox = new Outbox(limits, codec, undefined, () => now);
      const model = new Model(limits);
      const sink = openSink();
      const expected: string[] = [];
      let isAttached = false;
      for (const step of steps) {
        switch (step.do) {
          case 'write': {
            const text = model.write(step.sdp, now);
            if (isAttached) expected.push(text);
            expect(outbox.write(message(step.sdp))).toBe(isAttached ? 'sent' : 'queued');
            break;
          }
          case 'wait':
            now += step.ms;
            break;
          case 'attach':
          case 'detach':
            isAttached = step.do === 'attach';
            outbox.attach(isAttached ? sink : undefined);
            break;
          case 'acknowledge':
            model.acknowledge(step.seq);
            outbox.acknowledge(step.seq);
            break;
          case 'ask':
            expect(outbox.missedSince(step.seq, codec)).toEqual(model.missedSince(step.seq, now));
            break;
        }
      }
      for (let seq = 0; seq <= outbox.seq + 2; seq++) {
        expect(outbox.missedSince(seq, codec)).toEqual(model.missedSince(seq, now));
      }
      expect(sink.texts).toEqual(expected);
    }),
    { numRuns: 1000 },
  );
});
