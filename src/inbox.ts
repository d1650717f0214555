import type { Clock } from './actor/clock.ts';
import type { Trace } from './telemetry/tracing.ts';

/** A client that sends more than this while its room is silent is closed. */
const MAX_WAITING = 256;

/** Something of a client that waits for its turn. */
export interface Waiting {
  /** A relay may follow others to the same room before these are done. */
  readonly isRelay: boolean;
  readonly trace: Trace | undefined;
  handle(): void;
}

/**
 * What comes from a client while commands of it are pending, so that its answers keep the order of its requests. An inbox
 * lives only that long: where rooms answer within the call, no participant ever has one.
 */
export class Inbox {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #silent: () => void;
  #pending = 0;
  #waiting: Waiting[] = [];
  #timer: ReturnType<Clock['setTimeout']> | undefined;

  /** `silent` is called when no command has been done for `timeoutMs` although one is pending. */
  constructor(clock: Clock, timeoutMs: number, silent: () => void) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#silent = silent;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  get isFull(): boolean {
    return this.#waiting.length >= MAX_WAITING;
  }

  /** Nothing waits, and no command is pending. */
  get isSettled(): boolean {
    return this.#pending === 0 && this.isEmpty;
  }

  commandPending(): void {
    this.#pending += 1;
    if (this.#timer === undefined) this.#startTimer();
  }

  commandDone(): void {
    if (this.#pending === 0) return;
    this.#pending -= 1;
    this.#stopTimer();
    if (this.#pending > 0) this.#startTimer();
  }

  /** No pending command is waited for any more. */
  giveUp(): void {
    this.#pending = 0;
    this.#stopTimer();
  }

  add(waiting: Waiting): void {
    waiting.trace?.hold();
    this.#waiting.push(waiting);
  }

  /** Handles what waits, in order, as far as it may be handled now. */
  handleWaiting(isInside: () => boolean): void {
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined || !(this.#pending === 0 || (next.isRelay && isInside()))) return;
      this.#waiting.shift();
      next.handle();
      next.trace?.end();
    }
  }

  /** The participant is over: nothing that waits is handled any more. */
  close(): void {
    this.giveUp();
    for (const { trace } of this.#waiting.splice(0)) trace?.end();
  }

  #startTimer(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      this.#silent();
    }, this.#timeoutMs);
  }

  #stopTimer(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
