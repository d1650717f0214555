/** What a heartbeat needs of a socket. */
export interface Pulse {
  ping(): void;
  /** Called once, when the socket is dead. */
  drop(): void;
}

/** Pings that may go unanswered; at the next the socket is dead. */
const MAX_MISSED = 2;
/** Sockets are pinged in this many groups, evenly over the interval, so that many do not tick at once. */
const MAX_GROUPS = 100;
const MIN_TICK_MS = 50;

/** Pings every socket once an interval, and drops those that leave two pings unanswered. */
export class Heartbeat {
  readonly #groups: Map<Pulse, number>[];
  readonly #groupOf = new WeakMap<Pulse, Map<Pulse, number>>();
  readonly #timer: NodeJS.Timeout;
  #next = 0;
  #added = 0;

  /** `intervalMs`: between two pings of one socket. */
  constructor(intervalMs: number) {
    const groups = Math.max(1, Math.min(MAX_GROUPS, Math.floor(intervalMs / MIN_TICK_MS)));
    this.#groups = Array.from({ length: groups }, () => new Map());
    // The sockets keep the process alive, not their pings.
    this.#timer = setInterval(() => this.#tick(), intervalMs / groups).unref();
  }

  add(pulse: Pulse): void {
    const group = this.#groups[this.#added % this.#groups.length] as Map<Pulse, number>;
    this.#added += 1;
    group.set(pulse, 0);
    this.#groupOf.set(pulse, group);
  }

  /** The socket answered. Returns whether it was asked. */
  heard(pulse: Pulse): boolean {
    const group = this.#groupOf.get(pulse);
    const unanswered = group?.get(pulse) ?? 0;
    if (unanswered > 0) group?.set(pulse, 0);
    return unanswered > 0;
  }

  remove(pulse: Pulse): void {
    this.#groupOf.get(pulse)?.delete(pulse);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const group = this.#groups[this.#next] as Map<Pulse, number>;
    this.#next = (this.#next + 1) % this.#groups.length;
    for (const [pulse, missed] of group) {
      if (missed >= MAX_MISSED) {
        group.delete(pulse);
        pulse.drop();
      } else {
        group.set(pulse, missed + 1);
        pulse.ping();
      }
    }
  }
}
