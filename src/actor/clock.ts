import type { ActorOptions, AnyActorLogic } from 'xstate';

/** XState's clock interface: what actors set their delays with. */
export type Clock = NonNullable<ActorOptions<AnyActorLogic>['clock']>;

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
  first: Timer | undefined;
  #last: Timer | undefined;
  #wake: NodeJS.Timeout | NodeJS.Immediate | undefined;

  append(run: () => void, delay: number): Timer {
    const timer: Timer = {
      due: performance.now() + delay,
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
    const end = performance.now() + SLICE_MS;
    let now = performance.now();
    try {
      while (this.first !== undefined && this.first.due <= now && now < end) {
        const timer = this.first;
        this.remove(timer);
        timer.run();
        now = performance.now();
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
 * loop its turn every 8 ms. Setting and clearing a timer costs the same however many there are.
 */
export class SlicedClock implements Clock {
  readonly #queues = new Map<number, Queue>();

  /** `delay` in milliseconds. */
  setTimeout(run: () => void, delay: number): Timer {
    let queue = this.#queues.get(delay);
    if (queue === undefined) {
      queue = new Queue();
      this.#queues.set(delay, queue);
    }
    return queue.append(run, delay);
  }

  clearTimeout(timer: Timer): void {
    timer.queue.remove(timer);
  }

  /** Forgets every timer. */
  stop(): void {
    for (const queue of this.#queues.values()) queue.stop();
    this.#queues.clear();
  }
}
