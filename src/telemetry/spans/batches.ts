import { setTimeout as pause } from 'node:timers/promises';
import { diag } from '@opentelemetry/api';
import type { SpanRequest, SpanWriter } from './otlp.ts';
import type { RecordedSpan } from './span.ts';

/** How many spans are kept, and for how long. */
export interface BatchLimits {
  /** Spans that wait at most, those of the request under way not counted; beyond it they are dropped. */
  readonly queueSpans: number;
  /** Bytes that wait at most, but for those of the batch that is filling when they are reached. */
  readonly queueBytes: number;
  /** Spans in a request at most. */
  readonly batchSpans: number;
  /** Spans with which a request leaves before it is full, if the first is so many milliseconds old when some are written. */
  readonly earlySpans: number;
  readonly earlyMs: number;
  /** Milliseconds from a batch's first span to its export, at most. */
  readonly delayMs: number;
}

/** Sends a request on its way; rejects when it was not taken. */
export type SendRequest = (request: SpanRequest) => Promise<void>;

/**
 * Spans are written in runs of so many and more, when a turn of the event loop has brought none: the first of a run
 * fetches the code and its data into the processor's caches, and messages come in bursts, of which none shall wait for that.
 * Nor shall what was ended be kept: with a long run it is done at the end of the turn.
 */
const RUN_SPANS = 32;
const LONG_RUN_SPANS = 256;

/**
 * Gathers spans into requests and sends these one after the other. A request has a price of its own, and a large one
 * holds up what else the server and its machine do: under load they are full, and at leisure they leave earlier, unless
 * the collector takes its time. What waits is bounded, so that a collector that is down costs spans and a line in the
 * log, and no more memory than that.
 */
export class SpanBatches {
  readonly #limits: BatchLimits;
  readonly #writer: SpanWriter;
  readonly #send: SendRequest;
  readonly #waiting: SpanRequest[] = [];
  #waitingSpans = 0;
  #waitingBytes = 0;
  /** Ended, and not written yet. */
  readonly #ended: RecordedSpan[] = [];
  #run: NodeJS.Immediate | undefined;
  #beganAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #dropped = 0;
  #isShut = false;

  constructor(limits: BatchLimits, writer: SpanWriter, send: SendRequest) {
    this.#limits = limits;
    this.#writer = writer;
    this.#send = send;
  }

  readonly add = (span: RecordedSpan): void => {
    if (this.#isShut) return;
    if (this.#isFull()) {
      this.#dropped += 1;
      return;
    }
    if (this.#timer === undefined) this.#begin(span.endedAt);
    const ended = this.#ended.push(span);
    if (this.#fillingSpans() >= this.#limits.batchSpans) this.#close();
    else if (ended === RUN_SPANS) this.#run = setImmediate(this.#writeWhenQuiet, 0);
    else if (ended === LONG_RUN_SPANS) {
      clearImmediate(this.#run);
      this.#run = setImmediate(this.#writeRun);
    }
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
    if (this.#waitingSpans === 0) return false;
    const { queueSpans, queueBytes } = this.#limits;
    const spans = this.#waitingSpans + this.#fillingSpans();
    const bytes = this.#waitingBytes + this.#writer.size;
    return spans >= queueSpans || bytes >= queueBytes;
  }

  #fillingSpans(): number {
    return this.#writer.count + this.#ended.length;
  }

  #begin(at: number): void {
    this.#beganAt = at;
    this.#writer.readClock();
    this.#timer = setTimeout(() => this.#close(), this.#limits.delayMs).unref();
  }

  #closeEarly(): void {
    const { earlySpans, earlyMs } = this.#limits;
    if (this.#sending !== undefined || this.#fillingSpans() < earlySpans) return;
    if (performance.now() - this.#beganAt >= earlyMs) this.#close();
  }

  /** `before`: spans there were when it was last called; 0 at first, so that a run waits for one turn more. */
  readonly #writeWhenQuiet = (before: number): void => {
    const { length } = this.#ended;
    if (length > before) this.#run = setImmediate(this.#writeWhenQuiet, length);
    else this.#writeRun();
  };

  readonly #writeRun = (): void => {
    this.#write();
    this.#closeEarly();
  };

  #write(): void {
    clearImmediate(this.#run);
    for (const span of this.#ended.splice(0)) {
      try {
        this.#writer.add(span);
      } catch (error) {
        diag.error(`The span ${JSON.stringify(span.name)} could not be written: ${error}`);
      }
    }
  }

  /** Nothing is added to the batch any more. */
  #close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#write();
    if (this.#writer.count === 0) return;
    const request = this.#writer.finish();
    this.#waiting.push(request);
    this.#count(request, 1);
    this.#sending ??= this.#sendAll();
  }

  #count({ count, bytes }: SpanRequest, sign: 1 | -1): void {
    this.#waitingSpans += sign * count;
    this.#waitingBytes += sign * bytes.length;
  }

  async #sendAll(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      this.#count(next, -1);
      await pause(0); // timers come after the relays that are held back to the end of a turn (socket/turn.ts)
      try {
        await this.#send(next);
      } catch (error) {
        diag.error(String(error));
      }
      if (this.#dropped > 0) diag.warn(`Dropped ${this.#dropped} spans: the queue was full`);
      this.#dropped = 0;
    }
    this.#sending = undefined;
    this.#closeEarly();
  }
}
