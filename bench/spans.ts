/**
 * What writing a span takes: by Bloom's writer (src/telemetry/spans/), and by the serializer of OpenTelemetry's SDK from
 * the same recorded spans. Both write requests of the same size, in turns, in one process.
 *
 *     npm run bench -- spans [--rounds 41] [--spans 4096]
 */
import { parseArgs } from 'node:util';
import { type HrTime, SpanKind, TraceFlags } from '@opentelemetry/api';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { SpanWriter } from '../src/telemetry/spans/otlp.ts';
import { RecordedSpan } from '../src/telemetry/spans/span.ts';
import { median, printTable, quartiles } from './support/statistics.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '41' }, spans: { type: 'string', default: '4096' } },
});
const [rounds, count] = [Number(values.rounds), Number(values.spans)];
/** Rounds before the first that counts. */
const WARM_UP = 10;

const attributes = { 'service.name': 'bloom', 'service.version': '0.1.0' };
const scope = { name: 'bloom-signaling', version: undefined, schemaUrl: undefined };
const resource = resourceFromAttributes(attributes);
const handshake = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: TraceFlags.SAMPLED,
};
const ID = '9b2f6c1e-3d4a-4f5b-8c6d-7e8f9a0b1c2d';

/** The span of a relayed Offer. */
function record(): RecordedSpan {
  const span = new RecordedSpan(
    'relay Offer',
    {
      kind: SpanKind.SERVER,
      root: true,
      links: [{ context: handshake }],
      startTime: performance.now(),
      attributes: { participant_id: ID, message_type: 'Offer', outcome: 'ok', room_id: ID },
    },
    undefined,
    () => {},
  );
  span.addEvent('delivered', { participant_id: ID, message_type: 'Offer' }, performance.now());
  span.end(performance.now());
  return span;
}

/** What the SDK's serializer reads of a span. */
function readable(span: RecordedSpan): ReadableSpan {
  return {
    name: span.name,
    kind: span.kind,
    spanContext: () => span.spanContext(),
    startTime: timeOf(span.startedAt),
    endTime: timeOf(span.endedAt),
    status: span.status,
    attributes: span.attributes,
    links: [...span.links],
    events: span.events.map(({ name, at, attributes: own }) => ({
      name,
      time: timeOf(at),
      ...(own && { attributes: own }),
    })),
    duration: timeOf(span.endedAt - span.startedAt),
    ended: true,
    resource,
    instrumentationScope: { name: scope.name },
    droppedAttributesCount: 0,
    droppedEventsCount: span.droppedEvents,
    droppedLinksCount: 0,
  };
}

const origin = performance.timeOrigin;

function timeOf(at: number): HrTime {
  const ms = origin + at;
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

const writer = new SpanWriter(attributes, scope);
/** Bytes written, so that nothing is left out. */
let written = 0;

/** Each writes a request; what it `prepares` is not measured. */
interface Contestant {
  readonly name: string;
  prepare(spans: RecordedSpan[]): unknown;
  write(prepared: never): void;
}

const serialize = (spans: ReadableSpan[]) => {
  written += ProtobufTraceSerializer.serializeRequest(spans)?.length ?? 0;
};

const CONTESTANTS: readonly Contestant[] = [
  {
    name: 'Bloom’s writer',
    prepare: (spans) => spans,
    write(spans: RecordedSpan[]) {
      writer.readClock();
      for (const span of spans) writer.add(span);
      written += writer.finish().bytes.length;
    },
  },
  {
    name: 'the SDK’s serializer, with the conversion',
    prepare: (spans) => spans,
    write: (spans: RecordedSpan[]) => serialize(spans.map(readable)),
  },
  {
    name: 'the SDK’s serializer alone',
    prepare: (spans) =>
      spans.map((span) => {
        span.spanContext(); // its ids as text, as the SDK's spans have them
        return readable(span);
      }),
    write: serialize,
  },
];

const micros = new Map(CONTESTANTS.map(({ name }) => [name, [] as number[]]));
for (let round = -WARM_UP; round < rounds; round += 1) {
  for (const { name, prepare, write } of CONTESTANTS) {
    const prepared = prepare(Array.from({ length: count }, record)) as never;
    const startedAt = performance.now();
    write(prepared);
    const took = ((performance.now() - startedAt) * 1000) / count;
    if (round >= 0) micros.get(name)?.push(took);
  }
}

console.log(`${rounds} rounds of ${count} spans, in turns; ${written} bytes written\n`);
printTable(
  ['what writes', 'µs a span, median', 'middle half'],
  [...micros].map(([name, each]) => {
    const [from, to] = quartiles(each);
    return [name, median(each).toFixed(2), `${from.toFixed(2)} to ${to.toFixed(2)}`];
  }),
);
