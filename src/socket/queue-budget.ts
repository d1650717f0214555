/** What waits for one socket, as the common budget sees it. */
export interface Queue {
  /** Bytes that wait now. */
  readonly waitingBytes: number;
  /** Closes the socket, or destroys it when it is closing already: that alone frees what waits. */
  letGo(): void;
}

/** Beyond the limit sockets are closed until so much of it waits: then many writes pass until the next time. */
const REST = 7 / 8;
/** Where much was noted that has been read since, this part of the limit is written before it is counted again. */
const SLACK = 1 / 16;

/**
 * What may wait for all slow readers of a server together. Each queue has a limit of its own, but many connections
 * can each stay just below it. Beyond the common limit the largest queues are let go of, so that the slowest readers pay.
 */
export class QueueBudget {
  readonly #limitBytes: number;
  readonly #letGone: (queues: number, bytes: number) => void;
  /** The queues of slow readers, and what waited in each when it was last noted. */
  readonly #noted = new Map<Queue, number>();
  /** The sum of those. */
  #bytes = 0;
  #countAt: number;

  /** `letGone` hears of each time that queues had to go: how many, and how large they were. */
  constructor(limitBytes: number, letGone: (queues: number, bytes: number) => void = () => {}) {
    this.#limitBytes = limitBytes;
    this.#countAt = limitBytes;
    this.#letGone = letGone;
  }

  /** The reader of `queue` is slow: so many bytes were written in an earlier turn and wait still. May let go of any queue. */
  note(queue: Queue, bytes: number): void {
    this.#set(queue, bytes);
    if (this.#bytes > this.#countAt) this.#enforce();
  }

  /** The socket of `queue` is gone. */
  forget(queue: Queue): void {
    this.#set(queue, 0);
  }

  #set(queue: Queue, bytes: number): void {
    this.#bytes += bytes - (this.#noted.get(queue) ?? 0);
    if (bytes > 0) this.#noted.set(queue, bytes);
    else this.#noted.delete(queue);
  }

  #enforce(): void {
    for (const queue of this.#noted.keys()) this.#set(queue, queue.waitingBytes);
    this.#countAt = Math.max(this.#limitBytes, this.#bytes + this.#limitBytes * SLACK);
    if (this.#bytes > this.#limitBytes) this.#close();
  }

  #close(): void {
    this.#countAt = this.#limitBytes;
    const before = this.#bytes;
    const victims: Queue[] = [];
    for (const [queue, bytes] of [...this.#noted].sort(([, one], [, other]) => other - one)) {
      if (this.#bytes <= this.#limitBytes * REST) break;
      victims.push(queue);
      this.#bytes -= bytes;
      this.#noted.set(queue, 0); // should it still wait next time, it is destroyed
    }
    const bytes = before - this.#bytes;
    // Only now, since a closed socket makes its room write to others, and that is noted, too.
    for (const queue of victims) queue.letGo();
    this.#letGone(victims.length, bytes);
  }
}
