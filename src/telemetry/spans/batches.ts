import { diag } from '@opentelemetry/api';
import { SpanRequest } from './otlp.ts';
import type { RecordedSpan } from './span.ts';

/** How many spans are kept, and for how long. */
export interface BatchLimits {
  /** Spans that wait at most, those of the request under way not counted; beyond it they are dropped. */
  readonly queueSpans: number;
  /** Bytes that wait at most. */
  readonly queueBytes: number;
  /** Spans in a request at most. */
  readonly batchSpans: number;
  /** Milliseconds from a batch's first span to its export, at most. */
  readonly delayMs: number;
}

/** Sends a request on its way; rejects when it was not taken. */
export type SendRequest = (request: SpanRequest) => Promise<void>;

/** Spans that are written in one go: the first of them fetches the code and its data into the processor's caches. */
const RUN_SPANS = 32;
/** Bytes a span takes, roughly: a batch's buffer begins with room for as many as the last one had. */
const SPAN_BYTES = 512;
const FIRST_SPANS = 64;

/**
 * Gathers spans into requests and sends these one after the other. What waits is bounded, so that a collector that
 * is down costs spans and a line in the log, and no more memory than that.
 */
export class SpanBatches {
  readonly #limits: BatchLimits;
  readonly #send: SendRequest;
  readonly #waiting: SpanRequest[] = [];
  #waitingSpans = 0;
  #waitingBytes = 0;
  #filling: SpanRequest | undefined;
  /** Ended, and not written yet. */
  readonly #ended: RecordedSpan[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #lastCount = FIRST_SPANS;
  #dropped = 0;
  #isShut = false;

  constructor(limits: BatchLimits, send: SendRequest) {
    this.#limits = limits;
    this.#send = send;
  }

  readonly add = (span: RecordedSpan): void => {
    if (this.#isShut) return;
    if (this.#isFull()) {
      this.#dropped += 1;
      return;
    }
    this.#filling ??= this.#begin();
    this.#ended.push(span);
    if (this.#ended.length >= RUN_SPANS) this.#write(this.#filling);
    if (this.#fillingSpans() >= this.#limits.batchSpans) this.#close();
  };

  /** Settles when everything recorded so far was sent, or could not be. */
  async flush(): Promise<void> {
    this.#close();
    await this.#sending;
  }

  async shutdown(): Promise<void> {
    this.#isShut = true;
    await this.flush();
  }

  #isFull(): boolean {
    const { queueSpans, queueBytes } = this.#limits;
    const spans = this.#waitingSpans + this.#fillingSpans();
    const bytes = this.#waitingBytes + (this.#filling?.size ?? 0);
    return this.#waitingSpans > 0 && (spans >= queueSpans || bytes >= queueBytes);
  }

  #fillingSpans(): number {
    return (this.#filling?.count ?? 0) + this.#ended.length;
  }

  #write(request: SpanRequest): void {
    for (const span of this.#ended.splice(0)) request.add(span);
  }

  #begin(): SpanRequest {
    this.#timer = setTimeout(() => this.#close(), this.#limits.delayMs).unref();
    return new SpanRequest(this.#lastCount * SPAN_BYTES);
  }

  /** Nothing is added to the batch any more. */
  #close(): void {
    clearTimeout(this.#timer);
    if (this.#filling === undefined) return;
    this.#write(this.#filling);
    this.#lastCount = this.#filling.count;
    this.#waiting.push(this.#filling);
    this.#count(this.#filling, 1);
    this.#filling = undefined;
    this.#sending ??= this.#sendAll();
  }

  #count({ count, size }: SpanRequest, sign: 1 | -1): void {
    this.#waitingSpans += sign * count;
    this.#waitingBytes += sign * size;
  }

  async #sendAll(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      this.#count(next, -1);
      await this.#send(next).catch((error) => diag.error(`${error.name}: ${error.message}`));
      if (this.#dropped > 0) diag.warn(`Dropped ${this.#dropped} spans: the queue was full`);
      this.#dropped = 0;
    }
    this.#sending = undefined;
  }
}
