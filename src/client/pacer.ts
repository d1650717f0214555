/** A frame on its way out. */
export interface Frame {
  /** Who it is for; undefined for one that is for the server itself. */
  readonly to?: string | undefined;
  /** An offer or an answer: it goes ahead of candidates. */
  readonly isDescription?: boolean;
  readonly text: string;
  /** It was handed to the socket; called again when it is handed over again. */
  sent?(): void;
  /** It will not be sent. */
  dropped?(reason: unknown): void;
}

/** Of the server's limit, one frame in so many is left unused, and its window is taken for so much longer: */
const SPARE = 10;
/** ... since frames that left evenly may arrive close together. */
const STRETCH = 1.25;

/**
 * Holds frames back so that the server's rate limit is never met. Frames for the server itself go first, then
 * descriptions, then candidates. To one addressee all go in the order they came: a candidate never overtakes the
 * description it belongs to, nor a description the candidates of the one before, which go ahead with it.
 */
export class Pacer {
  readonly #send: (text: string) => void;
  readonly #mayRelay: () => boolean;
  #queue: Frame[] = [];
  /** Handed to this socket, the latest last; as many as the server may yet refuse. */
  #sent: Frame[] = [];
  /** When the last frames left, by `performance.now()`. */
  #departures: number[] = [];
  #limit = 0;
  #windowMs = 0;
  #refused = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Frames with an addressee wait while `mayRelay` says no. */
  constructor(send: (text: string) => void, mayRelay: () => boolean) {
    this.#send = send;
    this.#mayRelay = mayRelay;
  }

  get size(): number {
    return this.#queue.length;
  }

  push(frame: Frame): void {
    this.#queue.push(frame);
    this.flush();
  }

  /** Drops the frames that are `unwanted`, and says whether there was one. */
  drop(isUnwanted: (frame: Frame) => boolean, reason?: unknown): boolean {
    const dropped = this.#queue.filter(isUnwanted);
    this.#queue = this.#queue.filter((frame) => !isUnwanted(frame));
    for (const frame of dropped) frame.dropped?.(reason);
    return dropped.length > 0;
  }

  /** A socket is ready that takes `messages` within `windowMs`; one went over it already. */
  open({ messages, window_ms }: { readonly messages: number; readonly window_ms: number }): void {
    this.#limit = Math.max(1, messages - Math.ceil(messages / SPARE));
    this.#windowMs = window_ms * STRETCH;
    this.#departures = [performance.now()];
    this.#sent = [];
    this.flush();
  }

  /** The socket is gone: frames for the server itself are forgotten, the others wait for the next `open`. */
  close(): void {
    clearTimeout(this.#timer);
    this.#limit = 0;
    this.#takeBack();
    this.#queue = this.#queue.filter(({ to }) => to !== undefined);
  }

  /**
   * The server refused a frame for coming too fast. It refuses all that follow until its window is over, each with
   * an answer of its own: so once it is silent, as many of the last frames go again.
   */
  refused(): void {
    this.#refused += 1;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#takeBack();
      this.#departures = [];
      this.flush();
    }, this.#windowMs);
  }

  /** Sends what may go now, and comes back for the rest. */
  flush(): void {
    if (this.#refused > 0) return;
    clearTimeout(this.#timer);
    while (this.#limit > 0) {
      const at = this.#next();
      if (at < 0) return;
      const now = performance.now();
      const oldest = this.#departures[this.#departures.length - this.#limit] ?? Number.NEGATIVE_INFINITY;
      const waitMs = oldest + this.#windowMs - now;
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.flush(), Math.ceil(waitMs));
        return;
      }
      const [frame] = this.#queue.splice(at, 1) as [Frame];
      this.#departures = [...this.#departures, now].slice(-this.#limit);
      this.#sent = [...this.#sent, frame].slice(-2 * this.#limit);
      this.#send(frame.text);
      frame.sent?.();
    }
  }

  /** What was refused is to be sent again, before all that came later. */
  #takeBack(): void {
    if (this.#refused > 0) this.#queue.unshift(...this.#sent.splice(-this.#refused));
    this.#refused = 0;
  }

  /** The place in the queue of the frame that goes next; -1 when none may. */
  #next(): number {
    const own = this.#queue.findIndex(({ to }) => to === undefined);
    if (own >= 0 || !this.#mayRelay()) return own;
    const first = this.#queue.find(({ isDescription }) => isDescription) ?? this.#queue[0];
    return this.#queue.findIndex(({ to }) => to === first?.to);
  }
}
