import { describe, expect, test } from '@jest/globals';
import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { SpanBatches } from '../../../src/telemetry/spans/batches.ts';
import { SpanWriter } from '../../../src/telemetry/spans/otlp.ts';
import { SpanProvider } from '../../../src/telemetry/spans/provider.ts';

/** What is exported is what the SDK would have exported of the same calls, read by protobuf's own decoder. */

// biome-ignore lint/suspicious/noExplicitAny: decoded protobuf
type Decoded = any;

const REQUEST = protobuf
  .loadSync(new URL('../../support/otlp/otlp.proto', import.meta.url).pathname)
  .lookupType('opentelemetry.proto.ExportTraceServiceRequest');
const RESOURCE: Attributes = { 'service.name': 'test', 'host.cpus': 2, long: 'x'.repeat(300) };
const SCOPE = ['scope', '1.2.3', { schemaUrl: 'https://example.test/schema' }] as const;

/** The parent that is no span of these tests, as base64. */
const REMOTE = Buffer.from('b7ad6b7169203331', 'hex').toString('base64');

/** A span's ids are random, and its times, though given, are placed by a clock read anew: what else there is. */
function told(bytes: Uint8Array): Decoded {
  const request = REQUEST.toObject(REQUEST.decode(bytes), {
    bytes: String,
    longs: String,
    defaults: true,
    arrays: true,
  }) as Decoded;
  for (const { scopeSpans } of request.resourceSpans) {
    for (const span of scopeSpans.flatMap(({ spans }: Decoded) => spans)) {
      expect(Buffer.from(span.traceId, 'base64')).toHaveLength(16);
      expect(Buffer.from(span.spanId, 'base64')).toHaveLength(8);
      if (span.parentSpanId !== REMOTE) span.traceId = 'random';
      if (![REMOTE, ''].includes(span.parentSpanId)) span.parentSpanId = 'random';
      span.spanId = '';
      const start = BigInt(span.startTimeUnixNano);
      const since = (nanos: string) => Math.round(Number(BigInt(nanos) - start) / 1000);
      span.endTimeUnixNano = since(span.endTimeUnixNano);
      for (const event of span.events) event.timeUnixNano = since(event.timeUnixNano);
      span.startTimeUnixNano = 0;
    }
  }
  return request;
}

/** Sends each batch of so many spans at once. */
function provider(send: (bytes: Buffer) => void, batchSpans = 1000): SpanProvider {
  const limits = {
    queueSpans: 1000,
    queueBytes: 1e9,
    batchSpans,
    earlySpans: Infinity,
    earlyMs: 0,
    delayMs: 1e6,
  };
  return new SpanProvider(
    (scope) => new SpanBatches(limits, new SpanWriter(RESOURCE, scope), async ({ bytes }) => send(bytes)),
  );
}

async function recorded(use: (tracer: Tracer) => void): Promise<Decoded> {
  const requests: Buffer[] = [];
  const recording = provider((bytes) => requests.push(bytes));
  use(recording.getTracer(...SCOPE));
  await recording.shutdown();
  return requests.map(told);
}

function recordedBySdk(use: (tracer: Tracer) => void): Decoded {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({
    resource: resourceFromAttributes(RESOURCE),
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
  });
  use(provider.getTracer(...SCOPE));
  const spans = exporter.getFinishedSpans();
  if (spans.length === 0) return [];
  return [told(ProtobufTraceSerializer.serializeRequest(spans) as Uint8Array)];
}

async function expectSame(use: (tracer: Tracer) => void): Promise<void> {
  expect(await recorded(use)).toEqual(recordedBySdk(use));
}

const key = fc.constantFrom('a', 'participant_id', 'ключ', 'x'.repeat(130));
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('x'.repeat(127), 'x'.repeat(128), 'ß'.repeat(9000)),
);
const simple = fc.oneof(
  text,
  fc.boolean(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true }),
  fc.array(text, { maxLength: 3 }),
  fc.array(fc.integer(), { maxLength: 3 }),
);
const attributes = fc.dictionary(key, simple, { noNullPrototype: true }) as fc.Arbitrary<Attributes>;
const anything = fc.dictionary(
  key,
  fc.oneof(
    simple,
    fc.uint8Array({ maxLength: 200 }),
    fc.record({ nested: simple, map: fc.record({ deep: text }) }),
  ),
  { noNullPrototype: true },
) as fc.Arbitrary<Attributes>;
const at = fc.integer({ min: 1, max: 900 }).map((ms) => ms / 7);
const parent = fc.record({
  traceId: fc.constant('0af7651916cd43dd8448eb211c80319c'),
  spanId: fc.constant('b7ad6b7169203331'),
  traceFlags: fc.constantFrom(TraceFlags.NONE, TraceFlags.SAMPLED),
  isRemote: fc.boolean(),
});

/** Calls on a span, as functions that make the same call on another. */
const call: fc.Arbitrary<(span: Span) => void> = fc.oneof(
  fc.tuple(key, simple).map(
    ([name, value]) =>
      (span: Span) =>
        span.setAttribute(name, value),
  ),
  anything.map((all) => (span: Span) => span.setAttributes(all)),
  fc.tuple(text, attributes, at).map(
    ([name, all, time]) =>
      (span: Span) =>
        span.addEvent(name, all, time),
  ),
  fc.tuple(text, at).map(
    ([name, time]) =>
      (span: Span) =>
        span.addEvent(name, time),
  ),
  fc.tuple(parent, attributes).map(
    ([context, all]) =>
      (span: Span) =>
        span.addLink({ context, attributes: all }),
  ),
  fc
    .record({ code: fc.constantFrom(0, 1, 2) as fc.Arbitrary<SpanStatusCode>, message: text })
    .map((status) => (span: Span) => span.setStatus(status)),
  text.map((name) => (span: Span) => span.updateName(name)),
  fc.tuple(text, at).map(([message, time]) => {
    const error = Object.assign(new TypeError(message), { stack: 'at some line' });
    return (span: Span) => span.recordException(error, time);
  }),
);

const spans = fc.record({
  name: text,
  options: fc.record(
    {
      kind: fc.constantFrom(SpanKind.INTERNAL, SpanKind.SERVER, SpanKind.CONSUMER),
      attributes: anything,
      startTime: at,
      links: fc.array(fc.record({ context: parent }), { maxLength: 2 }),
    },
    { requiredKeys: ['startTime'] },
  ),
  context: fc.option(parent, { nil: undefined }),
  calls: fc.array(call, { maxLength: 8 }),
  endTime: at,
});

test('of any calls', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(spans, { maxLength: 4 }), (all) =>
      expectSame((tracer) => {
        for (const { name, options, context, calls, endTime } of all) {
          const within: Context = context ? trace.setSpanContext(ROOT_CONTEXT, context) : ROOT_CONTEXT;
          const span = tracer.startSpan(name, options, within);
          for (const make of calls) make(span);
          span.end(endTime);
          span.setAttribute('late', true);
          span.end();
        }
      }),
    ),
    { numRuns: 400 },
  );
});

describe('in particular', () => {
  test('a request begins empty, whatever the one before had', async () => {
    const requests: Buffer[] = [];
    const recording = provider((bytes) => requests.push(bytes), 2);
    const tracer = recording.getTracer(...SCOPE);
    const names = ['a', 'x'.repeat(3_000_000), 'b', 'c', 'd'];
    for (const name of names) tracer.startSpan(name, { startTime: 1 }, ROOT_CONTEXT).end(2);
    await recording.shutdown();
    const told = requests.map((bytes) => (REQUEST.decode(bytes) as Decoded).resourceSpans[0].scopeSpans[0]);
    expect(told.map(({ spans }) => spans.map(({ name }: Decoded) => name))).toEqual([
      names.slice(0, 2),
      names.slice(2, 4),
      names.slice(4),
    ]);
    for (const { scope } of told) expect(scope).toMatchObject({ name: 'scope', version: '1.2.3' });
  });

  test('more events than the limit: the oldest give way, and are counted', () =>
    expectSame((tracer) => {
      const span = tracer.startSpan('many', { startTime: 1 }, ROOT_CONTEXT);
      for (let i = 0; i < 300; i++) span.addEvent(`event ${i}`, { i }, 2);
      span.end(3);
    }));

  test('a trace state is handed on', () =>
    expectSame((tracer) => {
      const traceState = { serialize: () => 'vendor=1' } as never;
      const context = {
        traceId: '0af7651916cd43dd8448eb211c80319c',
        spanId: 'b7ad6b7169203331',
        traceFlags: 1,
        traceState,
      };
      const within = trace.setSpanContext(ROOT_CONTEXT, context);
      const span = tracer.startSpan('child', { startTime: 1, links: [{ context }] }, within);
      expect(span.spanContext()).toMatchObject({ traceId: context.traceId, traceFlags: 1, traceState });
      span.end(2);
    }));

  test('times: of the process, since 1970, as a Date and as an HrTime; none given is now', async () => {
    const use = (tracer: Tracer) => {
      const now = Date.now();
      const hrTime: [number, number] = [Math.floor(now / 1000), (now % 1000) * 1e6];
      for (const startTime of [performance.now(), now, new Date(now), hrTime, undefined]) {
        tracer.startSpan('a', startTime === undefined ? {} : { startTime }, ROOT_CONTEXT).end();
      }
    };
    const before = BigInt(Date.now() - 60_000) * 1_000_000n;
    const starts: bigint[] = [];
    const recording = provider((bytes) => {
      const { resourceSpans } = REQUEST.toObject(REQUEST.decode(bytes), { longs: String }) as Decoded;
      for (const span of resourceSpans[0].scopeSpans[0].spans) {
        starts.push(BigInt(span.startTimeUnixNano));
        expect(BigInt(span.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(span.startTimeUnixNano));
      }
    });
    use(recording.getTracer('a'));
    await recording.flush();
    expect(starts).toHaveLength(5);
    for (const start of starts) expect(start > before && start < before + 120_000_000_000n).toBe(true);
  });

  test('ids are as many as spans', async () => {
    const ids = new Set<string>();
    await recorded((tracer) => {
      for (let i = 0; i < 1000; i++) {
        const { traceId, spanId } = tracer.startSpan('a', {}, ROOT_CONTEXT).spanContext();
        expect([traceId, spanId]).toEqual([
          expect.stringMatching(/^[0-9a-f]{32}$/),
          expect.stringMatching(/^[0-9a-f]{16}$/),
        ]);
        ids.add(traceId).add(spanId);
      }
    });
    expect(ids.size).toBe(2000);
  });

  test('the id a span says is the id it is exported under', async () => {
    let said = '';
    let exported = '';
    const recording = provider((bytes) => {
      const { resourceSpans } = REQUEST.decode(bytes) as Decoded;
      const { traceId, spanId } = resourceSpans[0].scopeSpans[0].spans[0];
      exported = Buffer.from(traceId).toString('hex') + Buffer.from(spanId).toString('hex');
    });
    const span = recording.getTracer('a').startSpan('a', {}, ROOT_CONTEXT);
    said = span.spanContext().traceId + span.spanContext().spanId;
    span.end();
    await recording.flush();
    expect(exported).toBe(said);
  });

  test('an active span is the parent of what starts within it, where a context manager keeps it', () =>
    expectSame((tracer) => {
      const result = tracer.startActiveSpan('outer', { startTime: 1 }, ROOT_CONTEXT, (span) => {
        tracer
          .startSpan('inner', { startTime: 2 }, trace.setSpan(ROOT_CONTEXT, span))
          .setStatus({ code: SpanStatusCode.OK })
          .end(3);
        span.end(4);
        return 'result';
      });
      expect(result).toBe('result');
    }));
});
