import {
  type Attributes,
  type AttributeValue,
  type Exception,
  type HrTime,
  type Link,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  type SpanStatus,
  SpanStatusCode,
  type TimeInput,
  TraceFlags,
} from '@opentelemetry/api';

/** The specification's default limit on a span's events: the oldest give way. */
const MAX_EVENTS = 128;

export interface SpanEvent {
  readonly name: string;
  /** Milliseconds, by `performance.now()`. */
  readonly at: number;
  readonly attributes: Attributes | undefined;
}

/**
 * A span that is being recorded: what is exported and no more, as it was given. It does what the SDK's does under
 * its default limits, and costs a fifth.
 */
export class RecordedSpan implements Span {
  name: string;
  readonly kind: SpanKind;
  readonly parent: SpanContext | undefined;
  readonly attributes: Attributes;
  links: readonly Link[];
  events: SpanEvent[] = NO_EVENTS;
  droppedEvents = 0;
  status: SpanStatus = UNSET;
  /** Milliseconds, by `performance.now()`. */
  readonly startedAt: number;
  endedAt = 0;
  readonly #whenEnded: (span: RecordedSpan) => void;
  #traceId: readonly number[] | undefined;
  #spanId: readonly number[] | undefined;
  #context: SpanContext | undefined;
  #isOver = false;

  constructor(
    name: string,
    { kind = SpanKind.INTERNAL, attributes, links = NONE, startTime }: SpanOptions,
    parent: SpanContext | undefined,
    whenEnded: (span: RecordedSpan) => void,
  ) {
    this.name = name;
    this.kind = kind;
    this.parent = parent;
    this.attributes = { ...attributes };
    this.links = links;
    this.startedAt = sinceStart(startTime);
    this.#whenEnded = whenEnded;
  }

  /** Words of 32 bits, made when they are needed: ids are written as bytes, some spans at a time, and seldom as text. */
  get traceId(): readonly number[] {
    this.#traceId ??=
      this.parent === undefined
        ? [random32(), random32(), random32(), random32()]
        : wordsOf(this.parent.traceId);
    return this.#traceId;
  }

  get spanId(): readonly number[] {
    this.#spanId ??= [random32(), random32()];
    return this.#spanId;
  }

  spanContext(): SpanContext {
    this.#context ??= {
      traceId: hexOf(this.traceId),
      spanId: hexOf(this.spanId),
      traceFlags: TraceFlags.SAMPLED,
      ...(this.parent?.traceState && { traceState: this.parent.traceState }),
    };
    return this.#context;
  }

  isRecording(): boolean {
    return !this.#isOver;
  }

  setAttribute(key: string, value: AttributeValue): this {
    if (!this.#isOver && value !== undefined) this.attributes[key] = value;
    return this;
  }

  setAttributes(attributes: Attributes): this {
    for (const [key, value] of Object.entries(attributes)) this.setAttribute(key, value as AttributeValue);
    return this;
  }

  addEvent(name: string, attributes?: Attributes | TimeInput, time?: TimeInput): this {
    if (this.#isOver) return this;
    const event = isTime(attributes)
      ? { name, at: sinceStart(time ?? attributes), attributes: undefined }
      : { name, at: sinceStart(time), attributes };
    if (this.events === NO_EVENTS) {
      this.events = [event]; // most spans have no more
    } else this.#addFurther(event);
    return this;
  }

  #addFurther(event: SpanEvent): void {
    if (this.events.length === MAX_EVENTS) {
      this.events.shift();
      this.droppedEvents += 1;
    }
    this.events.push(event);
  }

  addLink(link: Link): this {
    if (!this.#isOver) this.links = [...this.links, link];
    return this;
  }

  addLinks(links: Link[]): this {
    if (!this.#isOver) this.links = [...this.links, ...links];
    return this;
  }

  setStatus(status: SpanStatus): this {
    const isKept = status.code === SpanStatusCode.UNSET || this.status.code === SpanStatusCode.OK;
    if (!this.#isOver && !isKept) {
      const { code, message } = status;
      this.status = code === SpanStatusCode.ERROR && message !== undefined ? { code, message } : { code };
    }
    return this;
  }

  updateName(name: string): this {
    if (!this.#isOver) this.name = name;
    return this;
  }

  recordException(exception: Exception, time?: TimeInput): void {
    const { code, name, message, stack } =
      typeof exception === 'string'
        ? { message: exception }
        : (exception as Partial<Error & { code: unknown }>);
    const type = code ? String(code) : name;
    const attributes: Attributes = {
      ...(type && { 'exception.type': type }),
      ...(message && { 'exception.message': message }),
      ...(stack && { 'exception.stacktrace': stack }),
    };
    if (type || message) this.addEvent('exception', attributes, time);
  }

  end(endTime?: TimeInput): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.endedAt = Math.max(this.startedAt, sinceStart(endTime));
    this.#whenEnded(this);
  }
}

const UNSET: SpanStatus = { code: SpanStatusCode.UNSET };
const NONE: Link[] = [];
const NO_EVENTS: SpanEvent[] = [];

/** Times before this are by `performance.now()`, later ones since 1970: OpenTelemetry's own rule. */
const EPOCH_TIMES = performance.timeOrigin / 2;

/** Milliseconds by `performance.now()`. */
function sinceStart(time: TimeInput | undefined): number {
  if (time === undefined) return performance.now();
  if (typeof time === 'number' && time < EPOCH_TIMES) return time;
  return millisOf(time) - Date.now() + performance.now();
}

/** Milliseconds since 1970. */
function millisOf(time: TimeInput): number {
  if (typeof time === 'number') return time;
  return Array.isArray(time) ? time[0] * 1e3 + time[1] / 1e6 : time.getTime();
}

function isTime(value: Attributes | TimeInput | undefined): value is TimeInput {
  return typeof value === 'number' || value instanceof Date || isHrTime(value);
}

function isHrTime(value: unknown): value is HrTime {
  return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'number');
}

function random32(): number {
  return (Math.random() * 2 ** 32) | 0;
}

function wordsOf(hex: string): number[] {
  return (hex.match(/.{8}/g) ?? []).map((word) => Number.parseInt(word, 16) | 0);
}

function hexOf(words: readonly number[]): string {
  return words.map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}
