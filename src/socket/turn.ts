/** What holds writes back until it is flushed. */
export interface Held {
  flush(): void;
}

/**
 * The turn of the event loop that is going on. What is written to a socket within it is held back and leaves
 * together when the turn is over: under load one system call then carries many frames.
 */
export class Turn {
  #held: Held[] = [];

  /** `held` is flushed when the turn is over. */
  add(held: Held): void {
    if (this.#held.length === 0) setImmediate(this.#end);
    this.#held.push(held);
  }

  readonly #end = (): void => {
    const ending = this.#held;
    this.#held = [];
    for (const held of ending) held.flush();
  };
}
