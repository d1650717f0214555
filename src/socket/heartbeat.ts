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
/** Sockets are pinged in this many groups, evenly over the interval, so that many do not tick at once. */
const MAX_GROUPS = 100;
const MIN_TICK_MS = 50;

/** Pings every socket once an interval, and drops those that leave two pings unanswered. */
export class Heartbeat {
  readonly #groups: Set<Pulse>[];
  readonly #timer: NodeJS.Timeout;
  #next = 0;
  #added = 0;

  /** `intervalMs`: between two pings of one socket. */
  constructor(intervalMs: number) {
    const groups = Math.max(1, Math.min(MAX_GROUPS, Math.floor(intervalMs / MIN_TICK_MS)));
    this.#groups = Array.from({ length: groups }, () => new Set());
    // The sockets keep the process alive, not their pings.
    this.#timer = setInterval(() => this.#tick(), intervalMs / groups).unref();
  }

  add(pulse: Pulse): void {
    pulse.group = this.#added % this.#groups.length;
    pulse.unanswered = 0;
    this.#added += 1;
    this.#groupOf(pulse).add(pulse);
  }

  /** The socket answered. Returns whether it was asked. */
  heard(pulse: Pulse): boolean {
    const wasAsked = pulse.unanswered > 0;
    pulse.unanswered = 0;
    return wasAsked;
  }

  remove(pulse: Pulse): void {
    this.#groupOf(pulse).delete(pulse);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #groupOf({ group }: Pulse): Set<Pulse> {
    return this.#groups[group] as Set<Pulse>;
  }

  #tick(): void {
    const group = this.#groups[this.#next] as Set<Pulse>;
    this.#next = (this.#next + 1) % this.#groups.length;
    for (const pulse of group) {
      if (pulse.unanswered >= MAX_UNANSWERED) {
        group.delete(pulse);
        pulse.drop();
      } else {
        pulse.unanswered += 1;
        pulse.ping();
      }
    }
  }
}
