/** A frame on its way out. */
export interface Frame {
  /** Who it is for; undefined for a frame that is for the server itself, which goes before all others. */
  readonly to?: string | undefined;
  /** An offer or an answer: it goes ahead of candidates. */
  readonly isDescription?: boolean;
  readonly text: string;
  /** It was handed to the socket. */
  sent(): void;
}

/**
 * Holds frames back so that no more than `limit` leave within any `windowMs`. Frames for the server go first, then
 * descriptions, then candidates; to one addressee all go in the order they came, so that a candidate never overtakes
 * the description it belongs to, nor a description the candidates of the one before.
 */
export class Pacer {
  readonly #queue: Frame[] = [];
  readonly #send: (text: string) => void;
  #limit = 1;
  #windowMs = 0;
  /** When the last frames left, by `performance.now()`. */
  #departures: number[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOpen = false;

  constructor(send: (text: string) => void) {
    this.#send = send;
  }

  get size(): number {
    return this.#queue.length;
  }

  push(frame: Frame): void {
    this.#queue.push(frame);
    this.#flush();
  }

  /** Takes back every frame that `isUnwanted`, and returns them. */
  remove(isUnwanted: (frame: Frame) => boolean): Frame[] {
    const removed = this.#queue.filter(isUnwanted);
    for (const frame of removed) this.#queue.splice(this.#queue.indexOf(frame), 1);
    return removed;
  }

  /** A new socket is ready, over which `spent` frames went so far; it takes `limit` within `windowMs`. */
  open(limit: number, windowMs: number, spent: number): void {
    this.#limit = limit;
    this.#windowMs = windowMs;
    this.#departures = Array.from({ length: spent }, () => performance.now());
    this.#isOpen = true;
    this.#flush();
  }

  /** Nothing leaves until `open`. */
  close(): void {
    this.#isOpen = false;
    clearTimeout(this.#timer);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    while (this.#isOpen && this.#queue.length > 0) {
      const now = performance.now();
      const oldest = this.#departures[this.#departures.length - this.#limit];
      const waitMs = oldest === undefined ? 0 : oldest + this.#windowMs - now;
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#flush(), Math.ceil(waitMs));
        return;
      }
      const [frame] = this.#queue.splice(this.#next(), 1) as [Frame];
      this.#departures = [...this.#departures.slice(1 - this.#limit), now];
      this.#send(frame.text);
      frame.sent();
    }
  }

  /** The place in the queue of the frame that goes next. */
  #next(): number {
    const own = this.#queue.findIndex(({ to }) => to === undefined);
    if (own >= 0) return own;
    const description = this.#queue.find(({ isDescription }) => isDescription);
    return description === undefined ? 0 : this.#queue.findIndex(({ to }) => to === description.to);
  }
}
