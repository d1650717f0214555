/** Asks a service that fails no more for a while, so that its failures cost no waiting. */
export class CircuitBreaker {
  readonly #maxFailures: number;
  readonly #pauseMs: number;
  readonly #now: () => number;
  #failures = 0;
  #closedUntil = Number.NEGATIVE_INFINITY;

  /** After `maxFailures` in a row nothing is asked for `pauseMs`; then one question decides. */
  constructor(maxFailures: number, pauseMs: number, now: () => number = () => performance.now()) {
    this.#maxFailures = maxFailures;
    this.#pauseMs = pauseMs;
    this.#now = now;
  }

  /** Whether the service may be asked now. A caller that gets true tells how it went. */
  mayAsk(): boolean {
    if (this.#failures < this.#maxFailures) return true;
    if (this.#now() < this.#closedUntil) return false;
    // The others wait for the answer to this question.
    this.#closedUntil = this.#now() + this.#pauseMs;
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  failed(): void {
    this.#failures += 1;
    if (this.#failures >= this.#maxFailures) this.#closedUntil = this.#now() + this.#pauseMs;
  }
}
