import type { Outgoing } from '../protocol/outgoing.ts';
import type { WriteResult } from '../routing/router.ts';

/** Where an outbox writes while its session has a socket. */
export interface TextSink {
  writeText(text: string): WriteResult;
}

export interface OutboxLimits {
  readonly messages: number;
  readonly bytes: number;
  readonly ageMs: number;
}

/** What a client that heard everything up to some `seq` has missed. */
export interface Missed {
  /** What is still here of it, in order. */
  readonly texts: readonly string[];
  /** Whether some of it is gone. */
  readonly lost: boolean;
}

/** What the outboxes of a process keep together: beyond its limit each that writes lets go of its own. */
export interface OutboxBudget {
  readonly limitBytes: number;
  usedBytes: number;
}

interface Kept {
  readonly seq: number;
  readonly bytes: number;
  readonly text: string;
  readonly at: number;
}

/**
 * What a session is sent: numbered, written while there is a socket, and kept until the client is known to
 * have it, so that another socket can be told exactly what the last one did not deliver. What is kept is
 * bounded in number, size and age; the oldest goes first, and `missedSince` tells.
 */
export class Outbox {
  readonly #limits: OutboxLimits;
  readonly #budget: OutboxBudget;
  readonly #now: () => number;
  #kept: Kept[] = [];
  #bytes = 0;
  #seq = 0;
  #sink: TextSink | undefined;

  /** `now` is monotonic, in milliseconds. */
  constructor(
    limits: OutboxLimits,
    budget: OutboxBudget = { limitBytes: Number.POSITIVE_INFINITY, usedBytes: 0 },
    now: () => number = () => performance.now(),
  ) {
    this.#limits = limits;
    this.#budget = budget;
    this.#now = now;
  }

  /** The number of the latest message; 0 before the first. */
  get seq(): number {
    return this.#seq;
  }

  write(outgoing: Outgoing): WriteResult {
    this.#seq += 1;
    const text = outgoing.textWithSeq(this.#seq);
    const bytes = Buffer.byteLength(text);
    this.#kept.push({ seq: this.#seq, text, bytes, at: this.#now() });
    this.#count(bytes);
    this.#trim();
    return this.#sink === undefined ? 'queued' : this.#sink.writeText(text);
  }

  /** Writes go to `sink` from now on; to nobody while undefined. */
  attach(sink: TextSink | undefined): void {
    this.#sink = sink;
  }

  /** The client has everything up to `seq`: the answer to a ping sent behind it came back. */
  acknowledge(seq: number): void {
    while (this.#kept.length > 0 && (this.#kept[0] as Kept).seq <= seq) this.#drop();
  }

  /** Lets go of everything: the session is over. */
  clear(): void {
    this.acknowledge(this.#seq);
  }

  missedSince(lastSeq: number): Missed {
    this.#trim();
    const oldest = this.#kept[0]?.seq ?? this.#seq + 1;
    return {
      texts: this.#kept.filter(({ seq }) => seq > lastSeq).map(({ text }) => text),
      lost: lastSeq + 1 < oldest || lastSeq > this.#seq,
    };
  }

  #trim(): void {
    const { messages, bytes, ageMs } = this.#limits;
    const expired = this.#now() - ageMs;
    while (this.#kept.length > 0) {
      const isTooOld = (this.#kept[0] as Kept).at < expired;
      const fits = this.#bytes <= bytes && this.#budget.usedBytes <= this.#budget.limitBytes;
      if (this.#kept.length <= messages && fits && !isTooOld) return;
      this.#drop();
    }
  }

  #drop(): void {
    this.#count(-(this.#kept.shift() as Kept).bytes);
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#budget.usedBytes += bytes;
  }
}
