import { expect, test } from '@jest/globals';
import {
  type Attributes,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { SpanBatches } from '../../../src/telemetry/spans/batches.ts';
import { jsonOf } from '../../../src/telemetry/spans/json.ts';
import { SpanWriter } from '../../../src/telemetry/spans/otlp.ts';
import { SpanProvider } from '../../../src/telemetry/spans/provider.ts';

/** The JSON says what protobuf's own decoder reads from the same bytes. */

// biome-ignore lint/suspicious/noExplicitAny: decoded protobuf
type Decoded = any;

const REQUEST = protobuf
  .loadSync(new URL('../../support/otlp/otlp.proto', import.meta.url).pathname)
  .lookupType('opentelemetry.proto.ExportTraceServiceRequest');

/** JSON may leave out a default value, but not as the value of an attribute. */
function withoutDefaults(json: Decoded): Decoded {
  const isDefault = (key: string, value: unknown) => (value === '' && !key.endsWith('Value')) || value === 0;
  return JSON.parse(JSON.stringify(json), (key, value) => (isDefault(key, value) ? undefined : value));
}

/** By protobuf's decoder. OTLP's JSON differs from protobuf's in this: ids are hexadecimal. */
function decoded(bytes: Buffer): Decoded {
  const object = REQUEST.toObject(REQUEST.decode(bytes), {
    longs: String,
    bytes: String,
    json: true,
    arrays: true,
  });
  const ids = (key: string, value: unknown) =>
    ['traceId', 'spanId', 'parentSpanId'].includes(key) && value !== undefined
      ? Buffer.from(String(value), 'base64').toString('hex')
      : value;
  return JSON.parse(JSON.stringify(object, ids));
}

const values = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.boolean(),
  fc.double(),
  fc.maxSafeInteger(),
  fc.array(fc.oneof(fc.string(), fc.integer())),
  fc.uint8Array(),
  fc.constantFrom(Number.NaN, Infinity, -Infinity, -1, 2 ** 62, { nested: { deep: ['a', 1] } }),
);
const attributes = fc.dictionary(fc.string(), values) as fc.Arbitrary<Attributes>;

test('is what the protobuf says', async () => {
  const written: Buffer[] = [];
  const provider = new SpanProvider((scope) => {
    const limits = {
      queueSpans: 9e9,
      queueBytes: 9e9,
      batchSpans: 9e9,
      earlySpans: 9e9,
      earlyMs: 9e9,
      delayMs: 9e8,
    };
    return new SpanBatches(
      limits,
      new SpanWriter({ 'service.name': 'test', list: ['a'] }, scope),
      async (request) => {
        written.push(Buffer.from(request.bytes));
      },
    );
  });
  const tracer = provider.getTracer('scope', '1.2.3', { schemaUrl: 'https://example.test/schema' });
  const parent = trace.setSpanContext(ROOT_CONTEXT, {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
  });
  const spans = fc.record({ name: fc.string(), attributes, root: fc.boolean(), isError: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(spans, { minLength: 1, maxLength: 5 }), async (all) => {
      for (const { name, attributes, root, isError } of all) {
        const link = { context: { ...tracer.startSpan('other').spanContext() }, attributes };
        const span = tracer.startSpan(
          name,
          { kind: SpanKind.SERVER, attributes, root, links: [link] },
          parent,
        );
        span.addEvent('event', attributes);
        if (isError) span.setStatus({ code: SpanStatusCode.ERROR, message: 'Internal' });
        span.end();
      }
      await provider.flush();
      const [bytes] = written.splice(0) as [Buffer];
      const json = JSON.parse(jsonOf(bytes).toString());
      expect(withoutDefaults(json)).toEqual(withoutDefaults(decoded(bytes)));
    }),
  );
});

test('throws for bytes of another kind', () => {
  expect(() => jsonOf(Buffer.from([0x7a, 0]))).toThrow('unknown field 15');
});
