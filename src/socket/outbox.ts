import type { Codec } from '../codec/codec.ts';
import type { Outgoing } from '../codec/outgoing.ts';
import type { WriteResult } from '../transport/transport.ts';
import { OutboxBudget, type OutboxShare } from './outbox-budget.ts';

/** Where an outbox writes while its session has a socket. */
export interface TextSink {
  readonly codec: Codec;
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

interface Kept {
  readonly seq: number;
  /** Of UTF-8: what the limit counts. */
  readonly bytes: number;
  /** Memory that it takes, in bytes. */
  readonly held: number;
  readonly text: string;
  readonly at: number;
}

/** What a message takes in V8's heap besides its characters, in bytes: measured at 110 to 160. */
const OVERHEAD_BYTES = 160;

/**
 * What a session is sent: numbered, written while there is a socket, and kept until the client is known to
 * have it, so that another socket can be told exactly what the last one did not deliver. What is kept is
 * bounded in number, size and age; the oldest goes first, and `missedSince` tells.
 */
export class Outbox implements OutboxShare {
  readonly #limits: OutboxLimits;
  readonly #budget: OutboxBudget;
  readonly #now: () => number;
  #kept: Kept[] = [];
  #bytes = 0;
  #heldBytes = 0;
  #seq = 0;
  #isOver = false;
  #sink: TextSink | undefined;
  /** Of the latest sink: what waits is written as its client reads it. */
  #codec: Codec;

  /** `codec` is that of the first sink. `now` is monotonic, in milliseconds. */
  constructor(
    limits: OutboxLimits,
    codec: Codec,
    budget: OutboxBudget = new OutboxBudget(Number.POSITIVE_INFINITY),
    now: () => number = () => performance.now(),
  ) {
    this.#limits = limits;
    this.#codec = codec;
    this.#budget = budget;
    this.#now = now;
  }

  /** The number of the latest message; 0 before the first. */
  get seq(): number {
    return this.#seq;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  get oldestAt(): number {
    return this.#kept[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  write(outgoing: Outgoing): WriteResult {
    if (this.#isOver) return 'closed';
    this.#seq += 1;
    const text = outgoing.numberedBy(this.#codec, this.#seq);
    this.#keep(text);
    this.trim();
    this.#budget.enforce();
    return this.#sink === undefined ? 'queued' : this.#sink.writeText(text);
  }

  /** Writes go to `sink` from now on; to nobody while undefined. */
  attach(sink: TextSink | undefined): void {
    this.#sink = sink;
    if (sink !== undefined) this.#codec = sink.codec;
  }

  /** The client has everything up to `seq`: the answer to a ping sent behind it came back. */
  acknowledge(seq: number): void {
    while (this.#kept.length > 0 && (this.#kept[0] as Kept).seq <= seq) this.#drop();
  }

  letGo(): void {
    this.acknowledge(this.#seq);
  }

  /** The session is over: what it is sent from now on is kept no more. A room may still write to it on its way out. */
  close(): void {
    this.letGo();
    this.#isOver = true;
  }

  /** What waits for a client that reads by `codec`. In another dialect it cannot be read, so it is lost. */
  missedSince(lastSeq: number, codec: Codec): Missed {
    this.trim();
    const isReadable = codec.shares !== undefined && codec.shares === this.#codec.shares;
    if (!isReadable) this.letGo();
    const oldest = this.#kept[0]?.seq ?? this.#seq + 1;
    return {
      texts: this.#kept.filter(({ seq }) => seq > lastSeq).map(({ text }) => text),
      lost: lastSeq + 1 < oldest || lastSeq > this.#seq,
    };
  }

  /** Forgets what is beyond its limits. Age passes without a write, so this is called at each ping as well. */
  trim(): void {
    const { messages, bytes, ageMs } = this.#limits;
    const expired = this.#now() - ageMs;
    while (this.#kept.length > 0) {
      const isTooOld = (this.#kept[0] as Kept).at < expired;
      if (this.#kept.length <= messages && this.#bytes <= bytes && !isTooOld) return;
      this.#drop();
    }
  }

  #keep(text: string): void {
    const bytes = Buffer.byteLength(text);
    // V8 has one byte for each character, or two for each as soon as one needs it.
    const held = OVERHEAD_BYTES + (bytes === text.length ? bytes : 2 * text.length);
    this.#kept.push({ seq: this.#seq, text, bytes, held, at: this.#now() });
    this.#count(bytes, held);
  }

  #drop(): void {
    const { bytes, held } = this.#kept.shift() as Kept;
    this.#count(-bytes, -held);
  }

  #count(bytes: number, held: number): void {
    this.#bytes += bytes;
    this.#heldBytes += held;
    this.#budget.changed(this, held);
  }
}
