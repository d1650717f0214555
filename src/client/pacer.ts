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

/** Where frames leave. */
export interface Outlet {
  send(text: string): void;
}

/**
 * Of what the server takes within its window: so much may leave at once, and so much more within each window. What
 * leaves within a window and a half is then within the limit, so that a network may hold frames back for half a
 * window and let them go together.
 */
const SHARE = 0.4;
/** In windows: how long to be silent after a refusal. The penalty lasts one, from when the server sees it. */
const SILENCE = 1.25;
/**
 * Frames kept that may have to go again, at least: more than leave until a dead network is found out, at the rate a
 * server comes with. Of a server that takes many it is two windows' worth.
 */
const KEPT = 1000;

/** A frame that left, by its number within the session: 1, and one more each, as the server counts them. */
interface Sent {
  readonly number: number;
  readonly frame: Frame;
}

/**
 * Holds frames back so that the server's rate limit is not met: a token bucket. Frames for the server itself go
 * first, then descriptions, then candidates. To one addressee all go in the order they came: a candidate never
 * overtakes the description it belongs to, nor a description the candidates of the one before, which go with it.
 */
export class Pacer {
  readonly #outlet: Outlet;
  readonly #mayRelay: () => boolean;
  #queue: Frame[] = [];
  /** Handed to the session's sockets, the latest last. */
  #sent: Sent[] = [];
  #handed = 0;
  /** Frames the server takes within `#windowMs`; 0 while there is no socket. */
  #limit = 0;
  #windowMs = 0;
  /** Tokens in the bucket, each good for a frame, as they were at `#countedAt`. */
  #tokens = 0;
  #countedAt = 0;
  /** The numbers of those that were refused, and are to go again. */
  readonly #refused = new Set<number>();
  #isSilent = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Frames with an addressee wait while `mayRelay` says no. */
  constructor(outlet: Outlet, mayRelay: () => boolean) {
    this.#outlet = outlet;
    this.#mayRelay = mayRelay;
  }

  /** How many frames of this session were handed to its sockets, and have arrived or may yet. */
  get handed(): number {
    return this.#handed;
  }

  get size(): number {
    return this.#queue.length;
  }

  /** Whether there is a socket that takes frames. */
  get isOpen(): boolean {
    return this.#limit > 0;
  }

  push(frame: Frame): void {
    this.#queue.push(frame);
    this.flush();
  }

  /**
   * Drops the waiting frames that are `unwanted`, and says whether there was one. Relays that left already do not go
   * again; what was for the server does, since whoever asked it waits for its answer.
   */
  drop(isUnwanted: (frame: Frame) => boolean, reason?: unknown): boolean {
    this.#sent = this.#sent.filter(({ frame }) => frame.to === undefined || !isUnwanted(frame));
    const dropped = this.#queue.filter(isUnwanted);
    this.#queue = this.#queue.filter((frame) => !isUnwanted(frame));
    for (const frame of dropped) frame.dropped?.(reason);
    return dropped.length > 0;
  }

  /** A socket is ready that takes `messages` within `windowMs`; one went over it already. */
  open({ messages, window_ms }: { readonly messages: number; readonly window_ms: number }): void {
    this.#limit = messages;
    this.#windowMs = window_ms;
    this.#isSilent = false;
    this.#fill(this.#bucket - 1);
    this.flush();
  }

  /** The socket is gone: frames for the server itself are forgotten, the others wait for the next `open`. */
  close(): void {
    clearTimeout(this.#timer);
    this.#limit = 0;
    this.#forgetOwn();
  }

  /** The session goes on: of its frames so many have arrived. What came after them waits again, and what was refused. */
  resume(received = this.#handed): void {
    this.#takeBack(received);
    this.#handed = received;
    this.#forgetOwn();
  }

  /** Another session begins, on whose sockets nothing was sent. */
  restart(): void {
    this.#sent = [];
    this.#handed = 0;
    this.#refused.clear();
  }

  /**
   * The server refused the frame of this number for coming too fast. It refuses all that follow until its penalty is
   * over, each with an answer of its own: once these have ceased, what was refused goes again, and what waits after it.
   */
  refused(number: number | undefined): void {
    if (number !== undefined) this.#refused.add(number);
    this.#isSilent = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#isSilent = false;
      this.#takeBack();
      this.#fill(this.#bucket);
      this.flush();
    }, this.#windowMs * SILENCE);
  }

  /** Sends what may go now, and comes back for the rest. */
  flush(): void {
    if (this.#isSilent) return;
    clearTimeout(this.#timer);
    while (this.#limit > 0) {
      const at = this.#next();
      if (at < 0) return;
      const perMs = this.#bucket / this.#windowMs;
      this.#fill(this.#tokens + (performance.now() - this.#countedAt) * perMs);
      if (this.#tokens < 1) {
        this.#timer = setTimeout(() => this.flush(), Math.ceil((1 - this.#tokens) / perMs));
        return;
      }
      this.#tokens -= 1;
      const [frame] = this.#queue.splice(at, 1) as [Frame];
      this.#keep(frame);
      this.#outlet.send(frame.text);
      frame.sent?.();
    }
  }

  #keep(frame: Frame): void {
    this.#handed += 1;
    this.#sent.push({ number: this.#handed, frame });
    const kept = Math.max(KEPT, 2 * this.#limit);
    if (this.#sent.length >= 2 * kept) this.#sent.splice(0, this.#sent.length - kept);
  }

  /** What was for the server itself belonged to the socket it was sent over. */
  #forgetOwn(): void {
    this.#queue = this.#queue.filter(({ to }) => to !== undefined);
  }

  /** How many tokens there are at most. */
  get #bucket(): number {
    return Math.max(1, Math.floor(this.#limit * SHARE));
  }

  /** There are so many tokens now, as far as they fit. */
  #fill(tokens: number): void {
    this.#tokens = Math.min(this.#bucket, tokens);
    this.#countedAt = performance.now();
  }

  /** What was refused is to be sent again, and what came after those `received`, before all that waits. */
  #takeBack(received = this.#handed): void {
    const isBack = ({ number }: Sent) => this.#refused.has(number) || number > received;
    const back = this.#sent.filter(isBack).map(({ frame }) => frame);
    this.#sent = this.#sent.filter((sent) => !isBack(sent));
    this.#queue = [...back, ...this.#queue];
    this.#refused.clear();
  }

  /** The place in the queue of the frame that goes next; -1 when none may. */
  #next(): number {
    const own = this.#queue.findIndex(({ to }) => to === undefined);
    if (own >= 0 || !this.#mayRelay()) return own;
    const first = this.#queue.find(({ isDescription }) => isDescription) ?? this.#queue[0];
    return this.#queue.findIndex(({ to }) => to === first?.to);
  }
}
