/** What holds writes back until it is flushed. */
export interface Held {
  flush(): void;
}

/** Where holding writes back does not pay, so many go out at once before it is tried again. */
const UNTIL_NEXT_TRY = 32;
/** Where it pays it is kept to until so many turns in a row have saved nothing. */
const UNPAID_TURNS = 4;

/**
 * The turn of the event loop that is going on. What is written to a socket within it can be held back, to leave
 * together when the turn is over: under load one system call then carries many frames. Where each socket is written
 * to once a turn nothing is saved, and the wait costs a lone message about what its two actors do; so it is tried now
 * and then, and kept to for as long as it pays.
 */
export class Turn {
  #held: Held[] = [];
  #untilNextTry = 0;
  /** Turns that may yet save nothing, counting one that has paid; 0 while nothing has in a try. */
  #credit = 0;

  /** Whether `held` holds back what it has just written, until the turn is over and it is flushed. */
  holds(held: Held): boolean {
    if (this.#untilNextTry > 0) {
      this.#untilNextTry -= 1;
      return false;
    }
    if (this.#held.length === 0) setImmediate(this.#end);
    this.#held.push(held);
    return true;
  }

  /** Something was written to what holds back already: the two leave together. */
  joined(): void {
    this.#credit = UNPAID_TURNS + 1;
  }

  readonly #end = (): void => {
    const ending = this.#held;
    this.#held = [];
    if (this.#credit > 0) this.#credit -= 1;
    if (this.#credit === 0) this.#untilNextTry = UNTIL_NEXT_TRY;
    for (const held of ending) held.flush();
  };
}
