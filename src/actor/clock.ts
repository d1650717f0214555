import type { ActorOptions, AnyActorLogic } from 'xstate';

/** XState's clock interface: what actors set their delays with. */
export type Clock = NonNullable<ActorOptions<AnyActorLogic>['clock']>;

/** The clock looks at the time at least this often while the process runs, in milliseconds. */
const BEAT_MS = 500;
/** Without a look for so long the process did not run: it was stopped, or its event loop was blocked. */
const STALL_MS = 2000;

/**
 * Monotonic time, in milliseconds, without the time in which the process did not run. A session whose grace ends during a
 * stall could not have come back: after it there is as much time left as before.
 */
class RunningTime {
  #lookedAt = performance.now();
  #stalledMs = 0;
  readonly #beat = setInterval(() => this.now(), BEAT_MS).unref();

  now(): number {
    const now = performance.now();
    const gapMs = now - this.#lookedAt;
    this.#lookedAt = now;
    if (gapMs > STALL_MS) this.#stalledMs += gapMs - BEAT_MS;
    return now - this.#stalledMs;
  }

  stop(): void {
    clearInterval(this.#beat);
  }
}

/** How long timers may run before the event loop gets its turn, in milliseconds. */
const SLICE_MS = 8;

interface Timer {
  readonly due: number;
  readonly run: () => void;
  readonly queue: Queue;
  previous: Timer | undefined;
  next: Timer | undefined;
}

/** The timers of one delay, a doubly linked list: they fall due in the order they were set. */
class Queue {
  readonly #time: RunningTime;
  first: Timer | undefined;
  #last: Timer | undefined;
  #wake: NodeJS.Timeout | NodeJS.Immediate | undefined;

  constructor(time: RunningTime) {
    this.#time = time;
  }

  append(run: () => void, delay: number): Timer {
    const timer: Timer = {
      due: this.#time.now() + delay,
      run,
      queue: this,
      previous: this.#last,
      next: undefined,
    };
    if (this.#last === undefined) this.first = timer;
    else this.#last.next = timer;
    this.#last = timer;
    if (this.#wake === undefined) this.#wake = setTimeout(this.#drain, delay);
    return timer;
  }

  remove(timer: Timer): void {
    const { previous, next } = timer;
    if (previous === undefined && this.first !== timer) return; // it ran, or was removed before
    if (previous === undefined) this.first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    timer.previous = undefined;
    timer.next = undefined;
  }

  stop(): void {
    clearTimeout(this.#wake as NodeJS.Timeout);
    clearImmediate(this.#wake as NodeJS.Immediate);
    this.first = undefined;
    this.#last = undefined;
  }

  readonly #drain = (): void => {
    this.#wake = undefined;
    let now = this.#time.now();
    const end = now + SLICE_MS;
    try {
      while (this.first !== undefined && this.first.due <= now && now < end) {
        const timer = this.first;
        this.remove(timer);
        timer.run();
        now = this.#time.now();
      }
    } finally {
      if (this.first !== undefined && this.#wake === undefined) {
        const wait = this.first.due - now;
        this.#wake = wait > 0 ? setTimeout(this.#drain, Math.ceil(wait)) : setImmediate(this.#drain);
      }
    }
  };
}

/**
 * A clock for very many timers of few different delays. Node runs all timers that are due together in one
 * go, so 100,000 rooms that expire together would stall the event loop for seconds; this clock gives the
 * loop its turn every 8 ms. Setting and clearing a timer costs the same however many there are. Time in which the process
 * did not run does not count.
 */
export class SlicedClock implements Clock {
  readonly #queues = new Map<number, Queue>();
  readonly #time = new RunningTime();

  /** `delay` in milliseconds. */
  setTimeout(run: () => void, delay: number): Timer {
    let queue = this.#queues.get(delay);
    if (queue === undefined) {
      queue = new Queue(this.#time);
      this.#queues.set(delay, queue);
    }
    return queue.append(run, delay);
  }

  clearTimeout(timer: Timer): void {
    timer.queue.remove(timer);
  }

  /** Forgets every timer. */
  stop(): void {
    this.#time.stop();
    for (const queue of this.#queues.values()) queue.stop();
    this.#queues.clear();
  }
}
