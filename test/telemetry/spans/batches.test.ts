import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DiagLogLevel, diag, ROOT_CONTEXT } from '@opentelemetry/api';
import { type BatchLimits, SpanBatches } from '../../../src/telemetry/spans/batches.ts';
import { type SpanRequest, SpanWriter } from '../../../src/telemetry/spans/otlp.ts';
import { SpanProvider } from '../../../src/telemetry/spans/provider.ts';
import { turnIsOver } from '../../support/wait.ts';

const PLENTY: BatchLimits = {
  queueSpans: 1000,
  queueBytes: 1e9,
  batchSpans: 1000,
  earlySpans: 1000,
  earlyMs: 0,
  delayMs: 1e6,
};

let said: string[];
beforeEach(() => {
  said = [];
  const say = (message: string) => void said.push(message);
  const ignore = () => {};
  diag.setLogger(
    { error: say, warn: say, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
});
afterEach(() => diag.disable());

/** A collector that answers when told. */
function openBatches(limits: Partial<BatchLimits>) {
  const batches: number[] = [];
  const answers: { resolve(): void; reject(error: Error): void }[] = [];
  let heard = () => {};
  const send = ({ count }: SpanRequest) =>
    new Promise<void>((resolve, reject) => {
      batches.push(count);
      answers.push({ resolve, reject });
      heard();
    });
  const writer = new SpanWriter({}, { name: 'test', version: undefined, schemaUrl: undefined });
  const provider = new SpanProvider(() => new SpanBatches({ ...PLENTY, ...limits }, writer, send));
  const tracer = provider.getTracer('test');
  return {
    provider,
    batches,
    tracer,
    /** Spans that are written, and not sent yet. */
    written: () => writer.count,
    record(count: number) {
      for (let i = 0; i < count; i++) tracer.startSpan('span', {}, ROOT_CONTEXT).end();
    },
    /** One that has ended so many milliseconds ago. */
    recordAgo(ms: number) {
      const at = performance.now() - ms;
      tracer.startSpan('span', { startTime: at }, ROOT_CONTEXT).end(at);
    },
    /** Answers what is under way. Returns whether anything was. */
    async answer(error?: Error): Promise<boolean> {
      await requestsBegun();
      const next = answers.shift();
      if (error) next?.reject(error);
      else next?.resolve();
      await requestsBegun();
      return next !== undefined;
    },
    request: () =>
      new Promise<void>((resolve) => {
        heard = resolve;
      }),
  };
}

/** Spans are written when a turn has brought no more of them, and requests begun a millisecond after that. */
async function requestsBegun(): Promise<void> {
  for (let i = 0; i < 3; i++) await turnIsOver();
  await setTimeout(5);
}

describe('a batch', () => {
  test('goes when it has as many spans as it may', async () => {
    const { batches, record } = openBatches({ batchSpans: 3 });
    record(2);
    await requestsBegun();
    expect(batches).toEqual([]);
    record(1);
    await requestsBegun();
    expect(batches).toEqual([3]);
  });

  test.each([
    ['full', { batchSpans: 40 }],
    ['old enough', { earlySpans: 32 }],
  ])('that is %s goes when the turn of the event loop is over', async (_, limits) => {
    const { batches, record } = openBatches(limits);
    record(40);
    await null;
    expect(batches).toEqual([]);
    await requestsBegun();
    expect(batches).toEqual([40]);
  });

  test('goes after the delay with fewer', async () => {
    const { batches, record, request } = openBatches({ delayMs: 1 });
    record(2);
    await request();
    expect(batches).toEqual([2]);
  });

  test('waits until the one before is answered', async () => {
    const { batches, record, answer } = openBatches({ batchSpans: 4 });
    record(4 + 4 + 3);
    await requestsBegun();
    expect(batches).toEqual([4]);
    await answer();
    await answer();
    expect(batches).toEqual([4, 4]);
  });

  test.each([
    ['goes when its first span is old enough', 60_001, [64]],
    ['stays while it is not', 1000, []],
  ])('with fewer, but enough, %s', async (_, age, sent) => {
    const { batches, record, recordAgo } = openBatches({ earlySpans: 64, earlyMs: 60_000 });
    recordAgo(age);
    record(31);
    await requestsBegun();
    expect(batches).toEqual([]);
    record(32);
    await requestsBegun();
    expect(batches).toEqual(sent);
  });

  test('that is old enough goes when the one before is answered, with what has come meanwhile', async () => {
    const { batches, record, recordAgo, answer } = openBatches({ earlySpans: 32, earlyMs: 60_000 });
    for (const sent of [[32], [32]]) {
      recordAgo(60_001);
      record(31);
      await requestsBegun();
      expect(batches).toEqual(sent);
    }
    record(8);
    await answer();
    expect(batches).toEqual([32, 40]);
  });

  test('has a delay of its own, however the one before has left', async () => {
    const { batches, record, answer, request } = openBatches({ batchSpans: 2, delayMs: 20 });
    record(2);
    await answer();
    for (const sent of [
      [2, 1],
      [2, 1, 1],
    ]) {
      record(1);
      await request();
      expect(batches).toEqual(sent);
      await answer();
    }
  });
});

test('a request that fails costs its spans, and is told of; the next is sent all the same', async () => {
  const { batches, record, answer } = openBatches({ batchSpans: 2 });
  record(4);
  await answer(new TypeError('refused'));
  expect(said).toEqual(['TypeError: refused']);
  expect(batches).toEqual([2, 2]);
});

test('spans are written 32 and more at a time, when a turn of the event loop brings no more', async () => {
  const { record, written } = openBatches({});
  record(31);
  for (let i = 0; i < 3; i++) await turnIsOver();
  expect(written()).toBe(0);
  for (let i = 0; i < 5; i++) {
    record(9);
    await turnIsOver();
    expect(written()).toBe(0);
  }
  await turnIsOver();
  expect(written()).toBe(31 + 45);
});

test('a run that has left with a batch is not written for again', async () => {
  const { provider, record, written } = openBatches({});
  record(40);
  void provider.flush();
  record(5);
  for (let i = 0; i < 3; i++) await turnIsOver();
  expect(written()).toBe(0);
});

test('spans are written when 256 of them wait, though every turn brings more', async () => {
  const { record, written } = openBatches({});
  for (let i = 0; i < 5; i++) {
    record(50);
    await turnIsOver();
    expect(written()).toBe(0);
  }
  record(50);
  expect(written()).toBe(0);
  await turnIsOver();
  expect(written()).toBe(300);
});

test('a span that cannot be written is told of, and costs no other', async () => {
  const { batches, record, tracer, written } = openBatches({});
  const itself: Record<string, unknown> = {};
  itself.itself = itself;
  record(20);
  tracer.startSpan('round', { attributes: { itself } as never }, ROOT_CONTEXT).end();
  record(20);
  await requestsBegun();
  expect(written()).toBe(40);
  expect(said).toEqual([expect.stringMatching(/^The span "round" could not be written: RangeError/)]);
  expect(batches).toEqual([]);
});

describe('while the collector does not answer', () => {
  test.each([
    ['spans', { queueSpans: 6 }],
    ['bytes', { queueBytes: 300 }],
  ])('what waits is bounded in %s; the rest is dropped, counted and told of once', async (_, limits) => {
    const { batches, record, answer } = openBatches({ batchSpans: 2, ...limits });
    record(500);
    await requestsBegun();
    expect(batches).toHaveLength(1);
    await answer();
    expect(said).toEqual([expect.stringMatching(/^Dropped \d+ spans: the queue was full$/)]);
    while (await answer());
    const sent = batches.reduce((sum, count) => sum + count, 0);
    expect(sent).toBeLessThan(20);
    expect(said).toEqual([`Dropped ${500 - sent} spans: the queue was full`]);
    for (let i = 0; i < 100; i++) {
      record(2);
      await answer();
    }
    expect(batches.reduce((sum, count) => sum + count, 0)).toBe(sent + 200);
    expect(said).toHaveLength(1);
  });
});

describe('flush and shutdown', () => {
  test.each(['flush', 'shutdown'] as const)('%s settles when everything recorded was sent', async (end) => {
    const { provider, batches, record, answer } = openBatches({ batchSpans: 2 });
    record(3);
    let isDone = false;
    const done = provider[end]().then(() => {
      isDone = true;
    });
    await answer();
    expect([batches, isDone]).toEqual([[2, 1], false]);
    await answer(new Error('no'));
    await done;
  });

  test('after shutdown nothing is recorded', async () => {
    const { provider, batches, record } = openBatches({});
    await provider.shutdown();
    record(3);
    await provider.flush();
    expect(batches).toEqual([]);
  });
});
