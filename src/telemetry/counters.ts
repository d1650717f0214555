import type { Histogram } from '@opentelemetry/api';

/** A number that is raised in place, where a map would be searched again to be set. */
export interface Count {
  value: number;
}

/**
 * Counts kept in plain maps and read when metrics are collected: counting a message costs two look-ups,
 * where a counter of the SDK would hash its attributes each time. Shared by all of one server's parts.
 */
export class Counters {
  /** By message type, then outcome: `ok` or an error code. */
  readonly messages = new Map<string, Map<string, Count>>();
  /** By error code. */
  readonly refusals = new Map<string, number>();
  /** By the HTTP status answered; 101 is success. */
  readonly handshakes = new Map<number, number>();
  /** Rooms by how many participants are in them; empty rooms are not counted. */
  readonly roomsBySize = new Map<number, number>();
  roomRestarts = 0;
  /** Sessions taken up again: with everything they missed, and without. */
  readonly resumes = { complete: 0, lost: 0 };
  /** Seconds from a relay's receipt to its write; undefined while metrics are not collected. */
  relayDuration: Histogram | undefined;

  message(type: string, outcome: string): void {
    let outcomes = this.messages.get(type);
    if (outcomes === undefined) {
      outcomes = new Map();
      this.messages.set(type, outcomes);
    }
    const count = outcomes.get(outcome);
    if (count === undefined) outcomes.set(outcome, { value: 1 });
    else count.value += 1;
  }

  refusal(code: string): void {
    increment(this.refusals, code);
  }

  handshake(status: number): void {
    increment(this.handshakes, status);
  }

  resumed(lost: boolean): void {
    this.resumes[lost ? 'lost' : 'complete'] += 1;
  }

  /** A room went from `before` participants to `after`. */
  roomResized(before: number, after: number): void {
    if (before > 0) increment(this.roomsBySize, before, -1);
    if (after > 0) increment(this.roomsBySize, after);
  }
}

function increment<K>(counts: Map<K, number>, key: K, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
