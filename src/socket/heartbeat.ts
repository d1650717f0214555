/** What a heartbeat needs of a socket. */
export interface Pulse {
  ping(): void;
  /** Called once, when the socket is dead. */
  drop(): void;
  /** The heartbeat's own: pings in a row without an answer. */
  unanswered: number;
  /** The heartbeat's own: which group it is in. */
  group: number;
}

/** Pings that may go unanswered; at the next the socket is dead. */
const MAX_UNANSWERED = 2;
/** Sockets are pinged in so many groups, evenly over the interval, so that what is relayed does not wait for many pings. */
const MAX_GROUPS = 1000;
const MIN_TICK_MS = 10;
/** Waking up has a price of its own, so that several groups go together while they are small: so many sockets or so. */
const TOGETHER = 10;
const MOST_TICKS_AT_REST = 100;
/**
 * Groups pinged in one go at most, and what part of all: timers are late. A stall of more than that puts off all that
 * follow, so that there are always nearly two intervals to answer.
 */
const LATE_GROUPS = 20;
const LATE_SHARE = 0.1;

/** Pings every socket once an interval, and drops those that leave two pings unanswered. */
export class Heartbeat {
  readonly #groups: Set<Pulse>[];
  readonly #intervalMs: number;
  /** From one group to the next. */
  readonly #groupMs: number;
  /** Groups that are pinged in one go at most. */
  readonly #mostAtOnce: number;
  #timer: NodeJS.Timeout;
  #size = 0;
  /** When the first round began; later by what stalls put off. */
  #startedAt = performance.now();
  /** Groups pinged since then, each as often as it was. */
  #pinged = 0;
  #added = 0;

  /** `intervalMs`: between two pings of one socket. */
  constructor(intervalMs: number) {
    const groups = Math.max(1, Math.min(MAX_GROUPS, Math.floor(intervalMs / MIN_TICK_MS)));
    this.#groups = Array.from({ length: groups }, () => new Set());
    this.#intervalMs = intervalMs;
    this.#groupMs = intervalMs / groups;
    this.#mostAtOnce = Math.max(1, Math.min(LATE_GROUPS, Math.floor(groups * LATE_SHARE)));
    this.#timer = this.#wait();
  }

  add(pulse: Pulse): void {
    pulse.group = this.#added % this.#groups.length;
    pulse.unanswered = 0;
    this.#added += 1;
    this.#size += 1;
    this.#groupOf(pulse).add(pulse);
  }

  /** The socket answered. Returns whether it was asked. */
  heard(pulse: Pulse): boolean {
    const wasAsked = pulse.unanswered > 0;
    pulse.unanswered = 0;
    return wasAsked;
  }

  remove(pulse: Pulse): void {
    if (this.#groupOf(pulse).delete(pulse)) this.#size -= 1;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #groupOf({ group }: Pulse): Set<Pulse> {
    return this.#groups[group] as Set<Pulse>;
  }

  #wait(): NodeJS.Timeout {
    const atRest = this.#intervalMs / MOST_TICKS_AT_REST;
    const wanted = Math.min(atRest, (this.#intervalMs * TOGETHER) / this.#size);
    // The sockets keep the process alive, not their pings.
    return setTimeout(() => this.#tick(), Math.max(this.#groupMs, wanted)).unref();
  }

  /** Pings the groups that are due by the clock. */
  #tick(): void {
    this.#timer = this.#wait();
    const due = Math.floor((performance.now() - this.#startedAt) / this.#groupMs) - this.#pinged;
    const count = Math.min(due, this.#mostAtOnce);
    this.#startedAt += (due - count) * this.#groupMs;
    for (let i = 0; i < count; i += 1, this.#pinged += 1)
      this.#ping(this.#groups[this.#pinged % this.#groups.length] as Set<Pulse>);
  }

  #ping(group: Set<Pulse>): void {
    for (const pulse of group) {
      if (pulse.unanswered >= MAX_UNANSWERED) {
        this.remove(pulse);
        pulse.drop();
      } else {
        pulse.unanswered += 1;
        pulse.ping();
      }
    }
  }
}
