/** What reads a socket. */
export interface Reader {
  pause(): void;
  resume(): void;
}

/** Tells the time, in monotonic milliseconds, and waits. */
export interface ThrottleClock {
  now(): number;
  setTimeout(run: () => void, ms: number): unknown;
}

const REAL: ThrottleClock = { now: () => performance.now(), setTimeout };

/** How many times as long as its data took a flooding client rests: it gets a tenth of the processor at most. */
const REST = 9;
/** No rest is longer, in milliseconds: what took so long may have been a pause of the whole process. */
const MAX_REST_MS = 500;

/**
 * Keeps one client from keeping the event loop. libuv reads up to 32 pieces of 64 KiB from a socket in one go:
 * thousands of frames, which would all be handled before anybody else had a turn. Of a reader that is paused meanwhile at
 * most one more piece is read; what the client sends waits in the kernel, and then at the client.
 */
export class Throttle {
  readonly #paused = new Set<Reader>();
  readonly #clock: ThrottleClock;

  constructor(clock: ThrottleClock = REAL) {
    this.#clock = clock;
  }

  /** Others have their turn before `reader` goes on. */
  giveWay(reader: Reader): void {
    if (this.#pause(reader)) setImmediate(this.#resume, reader);
  }

  /** `reader` goes on when it has rested, in proportion to how long what it is reading takes. */
  rest(reader: Reader): void {
    if (!this.#pause(reader)) return;
    const startedAt = this.#clock.now();
    // A tick runs when the whole piece of data is handled.
    process.nextTick(() => {
      const restMs = Math.min(MAX_REST_MS, REST * (this.#clock.now() - startedAt));
      this.#clock.setTimeout(() => this.#resume(reader), restMs);
    });
  }

  #pause(reader: Reader): boolean {
    if (this.#paused.has(reader)) return false;
    this.#paused.add(reader);
    reader.pause();
    return true;
  }

  readonly #resume = (reader: Reader): void => {
    this.#paused.delete(reader);
    reader.resume();
  };
}
