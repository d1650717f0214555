import { afterEach, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { type Frame, Pacer } from '../../src/client/pacer.ts';

/** In which order frames leave, and how fast; the rate is tried on the real server, too. */

const LIMITS = { messages: 1_000_000, window_ms: 1000 };

interface Given {
  readonly to?: string;
  readonly isDescription: boolean;
}

/** The numbers of the frames, in the order they leave a queue they all waited in. */
function order(frames: readonly Given[]): number[] {
  const left: number[] = [];
  const pacer = new Pacer({ send: (text) => void left.push(Number(text)) }, () => true);
  pacer.open(LIMITS);
  pacer.close();
  for (const [i, frame] of frames.entries()) pacer.push({ ...frame, text: String(i) });
  pacer.open(LIMITS);
  return left;
}

afterEach(() => {
  jest.useRealTimers();
});

/** When the frames of a queue leave that came at these times, in milliseconds. */
function departures(limits: typeof LIMITS, arrivals: readonly number[]): number[] {
  jest.useFakeTimers();
  const start = performance.now();
  const left = [start]; // Hello
  const pacer = new Pacer({ send: () => void left.push(performance.now()) }, () => true);
  pacer.open(limits);
  for (const at of arrivals) setTimeout(() => pacer.push({ text: '' }), at);
  while (left.length <= arrivals.length) jest.advanceTimersToNextTimer();
  jest.useRealTimers();
  return left.map((at) => at - start);
}

test('however frames come, and though the network holds some back for half a window, the limit is kept', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 5, max: 60 }),
      fc.array(fc.nat(8000), { minLength: 1, maxLength: 120 }),
      fc.infiniteStream(fc.double({ min: 0, max: 0.49, noNaN: true })),
      (messages, arrivals, jitter) => {
        const limits = { messages, window_ms: 1000 };
        let last = 0;
        const heard = departures(limits, arrivals).map((at) => {
          last = Math.max(last, at + jitter.next().value * limits.window_ms);
          return last;
        });
        // The server refuses one when as many as it takes came within the window before.
        for (const [i, at] of heard.entries())
          expect(at - (heard[i - messages] ?? Number.NEGATIVE_INFINITY)).toBeGreaterThan(limits.window_ms);
      },
    ),
  );
});

test('a queue leaves at the rate: at once what fits, the rest evenly', () => {
  const left = departures(
    { messages: 20, window_ms: 1000 },
    Array.from({ length: 16 }, () => 0),
  );
  expect(left.slice(0, 8)).toEqual(Array.from({ length: 8 }, () => 0));
  expect(left.slice(8)).toEqual(Array.from({ length: 9 }, (_, i) => (i + 1) * 125));
});

const candidate = (to: string): Given => ({ to, isDescription: false });
const offer = (to: string): Given => ({ to, isDescription: true });
const own: Given = { isDescription: false };

test('frames for the server first, then descriptions, then candidates', () => {
  expect(order([candidate('a'), offer('b'), candidate('b'), own, offer('c')])).toEqual([3, 1, 4, 0, 2]);
});

test('a description takes along the candidates that came before it to the same addressee', () => {
  expect(order([candidate('a'), candidate('b'), offer('b'), candidate('b')])).toEqual([1, 2, 0, 3]);
});

test('whatever is given: all of it leaves, to each addressee in order, and no candidate without need', () => {
  const frame = fc.record({ to: fc.constantFrom('a', 'b', 'c'), isDescription: fc.boolean() });
  fc.assert(
    fc.property(fc.array(fc.oneof(frame, fc.constant(own)), { maxLength: 30 }), (frames) => {
      const left = order(frames);
      expect([...left].sort((a, b) => a - b)).toEqual(frames.map((_, i) => i));
      for (const to of ['a', 'b', 'c', undefined]) {
        const mine = left.filter((i) => frames[i]?.to === to);
        expect(mine).toEqual([...mine].sort((a, b) => a - b));
      }
      // What leaves while a description waits is a description, goes with one, or is for the server.
      for (const [place, i] of left.entries()) {
        const later = left.slice(place).map((each) => frames[each] as Given);
        const { to } = frames[i] as Given;
        if (later.some(({ isDescription }) => isDescription) && to !== undefined) {
          expect(later.some((each) => each.isDescription && each.to === to)).toBe(true);
        }
      }
    }),
  );
});

test('frames with an addressee wait while none may be relayed; a lost socket forgets those for the server', () => {
  const left: string[] = [];
  let mayRelay = false;
  const pacer = new Pacer({ send: (text) => void left.push(text) }, () => mayRelay);
  pacer.open(LIMITS);
  pacer.push({ text: 'relay', to: 'a' });
  pacer.push({ text: 'own' });
  expect(left).toEqual(['own']);
  pacer.close();
  pacer.push({ text: 'forgotten' });
  pacer.close();
  mayRelay = true;
  pacer.open(LIMITS);
  expect(left).toEqual(['own', 'relay']);
});

test('what is dropped is told why, and never leaves', () => {
  const left: string[] = [];
  const told: unknown[] = [];
  const pacer = new Pacer({ send: (text) => void left.push(text) }, () => true);
  const frame: Frame = { text: 'relay', to: 'a', dropped: (reason) => told.push(reason) };
  pacer.push(frame);
  expect(pacer.drop((each) => each === frame, 'gone')).toBe(true);
  expect(pacer.drop((each) => each === frame, 'gone')).toBe(false);
  pacer.open(LIMITS);
  expect([left, told, pacer.size]).toEqual([[], ['gone'], 0]);
});

/** What has left a pacer that was given these, and the pacer. */
function sendTo(...tos: (string | undefined)[]) {
  const left: string[] = [];
  const pacer = new Pacer({ send: (text) => void left.push(text) }, () => true);
  pacer.open(LIMITS);
  for (const [i, to] of tos.entries()) pacer.push({ text: `${i}`, to });
  return { left, pacer };
}

describe('on another socket of the session', () => {
  /** What leaves once it goes on, with so many received. */
  function resumed({ left, pacer }: ReturnType<typeof sendTo>, received?: number): string[] {
    left.splice(0);
    pacer.close();
    pacer.resume(received);
    pacer.open(LIMITS);
    return left.splice(0);
  }

  test('what was not received leaves again before what waited, but for what was for the server', () => {
    const sent = sendTo('a', 'b', undefined, 'a');
    sent.pacer.close();
    sent.pacer.push({ text: 'waited', to: 'a', isDescription: true });
    expect(resumed(sent, 1)).toEqual(['3', 'waited', '1']); // a’s in order, and descriptions first
  });

  test('again and again, counted over all sockets', () => {
    const sent = sendTo('a', 'a', 'a');
    expect(resumed(sent, 1)).toEqual(['1', '2']);
    expect(resumed(sent, 2)).toEqual(['2']);
    sent.pacer.push({ text: '3', to: 'a' });
    expect(resumed(sent, 3)).toEqual(['3']);
    expect(resumed(sent, 4)).toEqual([]);
  });

  test('of a server that does not count, or counts more than was sent, nothing leaves again', () => {
    expect(resumed(sendTo('a', 'b'))).toEqual([]);
    const sent = sendTo('a', 'b');
    expect(resumed(sent, 7)).toEqual([]);
    sent.pacer.push({ text: '2', to: 'a' });
    expect(resumed(sent, 7)).toEqual(['2']);
  });

  test('what was received and refused leaves again, before what was not received', () => {
    jest.useFakeTimers();
    const sent = sendTo('a', 'a', 'a', 'a');
    sent.pacer.open({ messages: 5, window_ms: 1000 });
    for (const i of [4, 5, 6, 7]) sent.pacer.push({ text: `${i}`, to: 'a' });
    jest.advanceTimersByTime(5000);
    sent.pacer.refused(6);
    sent.pacer.refused(7);
    expect(resumed(sent, 7)).toEqual(['5', '6', '7']);
    expect(resumed(sent, 10)).toEqual([]);
  });

  test('a refusal that is heard only there is of the frame before, which goes again, and of no other', () => {
    jest.useFakeTimers();
    const sent = sendTo('a', 'a');
    resumed(sent, 2);
    sent.pacer.push({ text: '2', to: 'a' });
    sent.pacer.refused(2);
    sent.pacer.push({ text: '3', to: 'a' });
    jest.advanceTimersByTime(5000);
    expect(sent.left).toEqual(['2', '1', '3']);
  });

  test('what was dropped meanwhile does not leave again', () => {
    const sent = sendTo('a', 'b', 'a');
    expect(sent.pacer.drop(({ to }) => to === 'a')).toBe(false);
    expect(resumed(sent, 0)).toEqual(['1']);
  });

  test('nor after a refusal; but what was for the server does, whose answer is waited for', () => {
    jest.useFakeTimers();
    const { left, pacer } = sendTo('a', undefined);
    pacer.refused(1);
    pacer.refused(2);
    pacer.drop(() => true);
    jest.advanceTimersByTime(5000);
    expect(left).toEqual(['0', '1', '1']);
  });

  test('of another session: nothing', () => {
    const sent = sendTo('a', 'a');
    sent.pacer.close();
    sent.pacer.restart();
    sent.pacer.open(LIMITS);
    sent.pacer.push({ text: 'new', to: 'a' });
    expect(resumed(sent, 0)).toEqual(['new']);
  });

  test('of a server that takes many, as many are kept as it may yet refuse', () => {
    const tos = Array.from({ length: 9000 }, () => 'a');
    const sent = sendTo();
    sent.pacer.open({ messages: 25_000, window_ms: 1000 });
    for (const to of tos) sent.pacer.push({ text: '', to });
    expect(resumed(sent, 0)).toHaveLength(9000);
  });

  test('a thousand and more are kept, but not for ever', () => {
    jest.useFakeTimers();
    const sent = sendTo();
    sent.pacer.open({ messages: 500, window_ms: 1000 });
    for (let i = 0; i < 5000; i += 1) sent.pacer.push({ text: `${i}`, to: 'a' });
    jest.advanceTimersByTime(60_000);
    const again = resumed(sent, 0);
    expect(again.length).toBeGreaterThanOrEqual(1000);
    expect(again.length).toBeLessThan(2000);
    expect(again.at(-1)).toBe('4999');
  });
});

test('of a server that does not say which frame it refused, nothing goes again, and what waits goes on after a while', () => {
  jest.useFakeTimers();
  const { left, pacer } = sendTo('a');
  pacer.refused(undefined);
  pacer.push({ text: '1', to: 'a' });
  expect(left).toEqual(['0']);
  jest.advanceTimersByTime(2000);
  expect(left).toEqual(['0', '1']);
});

test('whatever is refused, whenever that is heard, and wherever the socket breaks: each frame is taken once', () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant('push' as const), count: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ type: fc.constant('arrive' as const), isRefused: fc.array(fc.boolean(), { maxLength: 5 }) }),
    fc.record({ type: fc.constant('hear' as const), count: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ type: fc.constant('wait' as const), ms: fc.nat(2000) }),
    fc.record({ type: fc.constant('reconnect' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      jest.useFakeTimers();
      let pushed = 0;
      let received = 0;
      const { left: flying, pacer } = sendTo();
      const refusals: number[] = [];
      const taken: string[] = [];
      const arrive = (isRefused: readonly boolean[]) => {
        for (const [i, text] of flying.splice(0, isRefused.length).entries()) {
          received += 1;
          if (isRefused[i]) refusals.push(received);
          else taken.push(text);
        }
      };
      const hear = (count: number) => {
        for (const number of refusals.splice(0, count)) pacer.refused(number);
      };
      for (const each of steps) {
        if (each.type === 'push')
          for (let i = 0; i < each.count; i += 1) pacer.push({ text: String(pushed++), to: 'a' });
        else if (each.type === 'arrive') arrive(each.isRefused);
        else if (each.type === 'hear') hear(each.count);
        else if (each.type === 'wait') jest.advanceTimersByTime(each.ms);
        else {
          flying.splice(0);
          pacer.close();
          pacer.resume(received);
          pacer.open(LIMITS);
        }
      }
      hear(refusals.length);
      jest.advanceTimersByTime(10_000);
      arrive(flying.map(() => false));
      expect(taken.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: pushed }, (_, i) => i));
    }),
  );
});
