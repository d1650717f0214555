import { type Attributes, type Link, type SpanStatus, TraceFlags } from '@opentelemetry/api';
import { ProtobufWriter } from './protobuf.ts';
import type { RecordedSpan, SpanEvent } from './span.ts';

/**
 * The messages of opentelemetry/proto/trace/v1/trace.proto and common.proto, as far as spans need them; the numbers
 * are those of their fields (https://github.com/open-telemetry/opentelemetry-proto).
 */
const REQUEST = { resourceSpans: 1 };
const RESOURCE_SPANS = { resource: 1, scopeSpans: 2 };
const RESOURCE = { attributes: 1 };
const SCOPE_SPANS = { scope: 1, spans: 2, schemaUrl: 3 };
const SCOPE = { name: 1, version: 2 };
const SPAN = {
  traceId: 1,
  spanId: 2,
  traceState: 3,
  parentSpanId: 4,
  name: 5,
  kind: 6,
  start: 7,
  end: 8,
  attributes: 9,
  events: 11,
  droppedEvents: 12,
  links: 13,
  status: 15,
  flags: 16,
};
const EVENT = { time: 1, name: 2, attributes: 3 };
const LINK = { traceId: 1, spanId: 2, traceState: 3, attributes: 4, flags: 6 };
const STATUS = { message: 2, code: 3 };
const KEY_VALUE = { key: 1, value: 2 };
const ANY_VALUE = { string: 1, bool: 2, int: 3, double: 4, array: 5, map: 6, bytes: 7 };
const LIST = { values: 1 };

/** Bits of `flags` beside the W3C trace flags. */
const HAS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

const TWO_TO_32 = 2 ** 32;
const INT64_END = 2 ** 63;
/** Bytes a writer begins with: of what is small, and of some hundred spans. */
const SMALL = 256;
const FIRST_BYTES = 64 * 1024;

export interface Scope {
  readonly name: string;
  readonly version: string | undefined;
  readonly schemaUrl: string | undefined;
}

/** An ExportTraceServiceRequest, encoded. */
export interface SpanRequest {
  /** Spans in it. */
  readonly count: number;
  /** In memory of their own, which another thread can be given. */
  readonly bytes: Buffer<ArrayBuffer>;
}

/**
 * Writes spans of one resource and one scope into requests, one after the other in the same memory: what each batch
 * took anew and left to the garbage collector made V8 collect the whole heap every few batches, for 50 ms of a core.
 * Spans are written soon after they end: keeping thousands of them costs more, in memory too.
 */
export class SpanWriter {
  readonly #spans = new ProtobufWriter(FIRST_BYTES);
  /** What of the request is about the resource, and what of the scope comes before and after its spans. */
  readonly #resource: Buffer;
  readonly #scope: Buffer;
  readonly #scopeEnd: Buffer;
  /** Nanoseconds since 1970 at `performance.now() === 0`, in two halves: a request's times are of one clock. */
  #originHigh = 0;
  #originLow = 0;
  #count = 0;

  constructor(resource: Attributes, { name, version, schemaUrl }: Scope) {
    this.#resource = written((to) => {
      const start = to.open(RESOURCE_SPANS.resource);
      writeAttributes(to, RESOURCE.attributes, resource);
      to.close(start);
    });
    this.#scope = written((to) => {
      const start = to.open(SCOPE_SPANS.scope);
      to.string(SCOPE.name, name);
      if (version) to.string(SCOPE.version, version);
      to.close(start);
    });
    this.#scopeEnd = written((to) => {
      if (schemaUrl) to.string(SCOPE_SPANS.schemaUrl, schemaUrl);
    });
  }

  /** Spans written since the last request. */
  get count(): number {
    return this.#count;
  }

  /** Bytes written since the last request. */
  get size(): number {
    return this.#spans.size;
  }

  /** The times of what is written from now on are placed by the clock as it is now. */
  readClock(): void {
    const origin = BigInt(Math.round((Date.now() - performance.now()) * 1000)) * 1000n;
    this.#originHigh = Number(origin >> 32n);
    this.#originLow = Number(origin & 0xffff_ffffn);
  }

  /** Throws, and has written nothing, when an attribute is none: an object within itself, say. */
  add(span: RecordedSpan): void {
    const { size } = this;
    try {
      this.#write(span);
      this.#count += 1;
    } catch (error) {
      this.#spans.truncate(size);
      throw error;
    }
  }

  #write(span: RecordedSpan): void {
    const to = this.#spans;
    const { parent } = span;
    const start = to.open(SCOPE_SPANS.spans);
    to.words(SPAN.traceId, span.traceId);
    to.words(SPAN.spanId, span.spanId);
    if (parent?.traceState) to.string(SPAN.traceState, parent.traceState.serialize());
    if (parent !== undefined) to.hex(SPAN.parentSpanId, parent.spanId);
    to.string(SPAN.name, span.name);
    to.uint32(SPAN.kind, span.kind + 1);
    this.#writeTime(SPAN.start, span.startedAt);
    this.#writeTime(SPAN.end, span.endedAt);
    writeAttributes(to, SPAN.attributes, span.attributes);
    for (const event of span.events) this.#writeEvent(event);
    if (span.droppedEvents > 0) to.uint32(SPAN.droppedEvents, span.droppedEvents);
    for (const link of span.links) writeLink(to, link);
    writeStatus(to, span.status);
    to.fixed32(SPAN.flags, flagsOf(TraceFlags.SAMPLED, parent?.isRemote));
    to.close(start);
  }

  /** What was written since the last request, as a request. */
  finish(): SpanRequest {
    const spans = this.#spans.bytes;
    const scopeBytes = this.#scope.length + spans.length + this.#scopeEnd.length;
    const scopeHeader = written((to) => to.header(RESOURCE_SPANS.scopeSpans, scopeBytes));
    const resourceBytes = this.#resource.length + scopeHeader.length + scopeBytes;
    const header = written((to) => to.header(REQUEST.resourceSpans, resourceBytes));
    const bytes = Buffer.allocUnsafeSlow(header.length + resourceBytes);
    let at = 0;
    for (const part of [header, this.#resource, scopeHeader, this.#scope, spans, this.#scopeEnd]) {
      at += part.copy(bytes, at);
    }
    const { count } = this;
    this.#spans.clear();
    this.#count = 0;
    return { count, bytes };
  }

  #writeEvent({ at, name, attributes }: SpanEvent): void {
    const start = this.#spans.open(SPAN.events);
    this.#writeTime(EVENT.time, at);
    this.#spans.string(EVENT.name, name);
    if (attributes !== undefined) writeAttributes(this.#spans, EVENT.attributes, attributes);
    this.#spans.close(start);
  }

  /** `at` in milliseconds, by `performance.now()`. */
  #writeTime(field: number, at: number): void {
    const nanos = this.#originLow + Math.round(at * 1e6);
    const carry = Math.floor(nanos / TWO_TO_32);
    this.#spans.fixed64(field, nanos - carry * TWO_TO_32, this.#originHigh + carry);
  }
}

function written(write: (to: ProtobufWriter) => void): Buffer {
  const writer = new ProtobufWriter(SMALL);
  write(writer);
  return writer.bytes;
}

function writeLink(to: ProtobufWriter, { context, attributes }: Link): void {
  const start = to.open(SPAN.links);
  to.hex(LINK.traceId, context.traceId);
  to.hex(LINK.spanId, context.spanId);
  if (context.traceState) to.string(LINK.traceState, context.traceState.serialize());
  if (attributes !== undefined) writeAttributes(to, LINK.attributes, attributes);
  to.fixed32(LINK.flags, flagsOf(context.traceFlags, context.isRemote));
  to.close(start);
}

function writeStatus(to: ProtobufWriter, { code, message }: SpanStatus): void {
  const start = to.open(SPAN.status);
  if (message) to.string(STATUS.message, message);
  to.uint32(STATUS.code, code);
  to.close(start);
}

function flagsOf(traceFlags: number, isRemote: boolean | undefined): number {
  return (traceFlags & 0xff) | HAS_IS_REMOTE | (isRemote ? IS_REMOTE : 0);
}

function writeAttributes(to: ProtobufWriter, field: number, attributes: Attributes): void {
  for (const key in attributes) {
    const value = attributes[key];
    if (value !== undefined) writeKeyValue(to, field, key, value);
  }
}

function writeKeyValue(to: ProtobufWriter, field: number, key: string, value: unknown): void {
  const start = to.open(field);
  to.string(KEY_VALUE.key, key);
  writeAnyValue(to, KEY_VALUE.value, value);
  to.close(start);
}

function writeAnyValue(to: ProtobufWriter, field: number, value: unknown): void {
  const start = to.open(field);
  if (typeof value === 'string') to.string(ANY_VALUE.string, value);
  else if (typeof value === 'boolean') to.uint32(ANY_VALUE.bool, Number(value));
  else if (typeof value === 'number') writeNumber(to, value);
  else if (value instanceof Uint8Array) to.raw(ANY_VALUE.bytes, value);
  else if (Array.isArray(value)) writeArray(to, value);
  else if (typeof value === 'object' && value !== null) writeMap(to, value as Attributes);
  to.close(start);
}

function writeNumber(to: ProtobufWriter, value: number): void {
  const isInt64 = Number.isInteger(value) && value >= -INT64_END && value < INT64_END;
  if (isInt64) to.int64(ANY_VALUE.int, value);
  else to.double(ANY_VALUE.double, value);
}

function writeArray(to: ProtobufWriter, values: readonly unknown[]): void {
  const start = to.open(ANY_VALUE.array);
  for (const value of values) writeAnyValue(to, LIST.values, value);
  to.close(start);
}

function writeMap(to: ProtobufWriter, map: Attributes): void {
  const start = to.open(ANY_VALUE.map);
  writeAttributes(to, LIST.values, map);
  to.close(start);
}
