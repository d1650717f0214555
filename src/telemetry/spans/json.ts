/**
 * An ExportTraceServiceRequest from protobuf to OTLP's JSON: field names in lowerCamelCase, ids in hexadecimal, integers of
 * 64 bits as text (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding). For the thread that sends spans.
 */

type Scalar = 'string' | 'hex' | 'base64' | 'bool' | 'uint32' | 'int64' | 'fixed32' | 'fixed64' | 'double';

interface Field {
  readonly name: string;
  readonly type: Scalar | (() => Message);
  readonly isList?: true;
}

/** Fields by their numbers, as in otlp.ts. */
type Message = Readonly<Record<number, Field>>;

const one = (name: string, type: Field['type']): Field => ({ name, type });
const list = (name: string, type: Field['type']): Field => ({ name, type, isList: true });

const ARRAY: Message = { 1: list('values', () => ANY_VALUE) };
const MAP: Message = { 1: list('values', () => KEY_VALUE) };
const ANY_VALUE: Message = {
  1: one('stringValue', 'string'),
  2: one('boolValue', 'bool'),
  3: one('intValue', 'int64'),
  4: one('doubleValue', 'double'),
  5: one('arrayValue', () => ARRAY),
  6: one('kvlistValue', () => MAP),
  7: one('bytesValue', 'base64'),
};
const KEY_VALUE: Message = { 1: one('key', 'string'), 2: one('value', () => ANY_VALUE) };
const ATTRIBUTES = (): Message => KEY_VALUE;
const EVENT: Message = {
  1: one('timeUnixNano', 'fixed64'),
  2: one('name', 'string'),
  3: list('attributes', ATTRIBUTES),
};
const LINK: Message = {
  1: one('traceId', 'hex'),
  2: one('spanId', 'hex'),
  3: one('traceState', 'string'),
  4: list('attributes', ATTRIBUTES),
  6: one('flags', 'fixed32'),
};
const STATUS: Message = { 2: one('message', 'string'), 3: one('code', 'uint32') };
const SPAN: Message = {
  1: one('traceId', 'hex'),
  2: one('spanId', 'hex'),
  3: one('traceState', 'string'),
  4: one('parentSpanId', 'hex'),
  5: one('name', 'string'),
  6: one('kind', 'uint32'),
  7: one('startTimeUnixNano', 'fixed64'),
  8: one('endTimeUnixNano', 'fixed64'),
  9: list('attributes', ATTRIBUTES),
  11: list('events', () => EVENT),
  12: one('droppedEventsCount', 'uint32'),
  13: list('links', () => LINK),
  15: one('status', () => STATUS),
  16: one('flags', 'fixed32'),
};
const SCOPE: Message = { 1: one('name', 'string'), 2: one('version', 'string') };
const SCOPE_SPANS: Message = {
  1: one('scope', () => SCOPE),
  2: list('spans', () => SPAN),
  3: one('schemaUrl', 'string'),
};
const RESOURCE: Message = { 1: list('attributes', ATTRIBUTES) };
const RESOURCE_SPANS: Message = {
  1: one('resource', () => RESOURCE),
  2: list('scopeSpans', () => SCOPE_SPANS),
};
const REQUEST: Message = { 1: list('resourceSpans', () => RESOURCE_SPANS) };

/** Throws for a field that `SpanWriter` does not write. */
export function jsonOf(request: Buffer): Buffer {
  return Buffer.from(JSON.stringify(new Reader(request).message(REQUEST, request.length)));
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  message(fields: Message, end: number): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    for (const { name, isList } of Object.values(fields)) if (isList) result[name] = [];
    while (this.#at < end) {
      const number = Number(this.#varint() >> 3n);
      const field = fields[number];
      if (field === undefined) throw new Error(`unknown field ${number}`);
      const value = this.#value(field.type);
      if (field.isList) (result[field.name] as unknown[]).push(value);
      else result[field.name] = value;
    }
    return result;
  }

  #value(type: Field['type']): unknown {
    if (typeof type === 'function') {
      const length = Number(this.#varint());
      return this.message(type(), this.#at + length);
    }
    switch (type) {
      case 'string':
        return this.#text('utf8');
      case 'hex':
        return this.#text('hex');
      case 'base64':
        return this.#text('base64');
      case 'bool':
        return this.#varint() !== 0n;
      case 'uint32':
        return Number(this.#varint());
      case 'int64':
        return String(BigInt.asIntN(64, this.#varint()));
      case 'fixed32':
        return this.#bytes.readUInt32LE(this.#skip(4));
      case 'fixed64':
        return String(this.#bytes.readBigUInt64LE(this.#skip(8)));
      case 'double':
        return numberOrName(this.#bytes.readDoubleLE(this.#skip(8)));
    }
  }

  #text(encoding: BufferEncoding): string {
    const length = Number(this.#varint());
    const start = this.#skip(length);
    return this.#bytes.toString(encoding, start, this.#at);
  }

  /** Returns where the skipped bytes begin. */
  #skip(length: number): number {
    const start = this.#at;
    this.#at += length;
    return start;
  }

  #varint(): bigint {
    const first = this.#bytes[this.#at++] as number;
    if (first < 128) return BigInt(first);
    let result = BigInt(first & 127);
    for (let shift = 7n; ; shift += 7n) {
      const byte = this.#bytes[this.#at++] as number;
      result |= BigInt(byte & 127) << shift;
      if (byte < 128) return result;
    }
  }
}

/** JSON has no number for these: protobuf's JSON names them. */
function numberOrName(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}
