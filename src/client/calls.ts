import type { SeatEvent } from './machines/seat.ts';
import type { RoomState } from './room.ts';
import type { CallOptions } from './types.ts';

export type SeatCall = Extract<SeatEvent, { type: 'enter' | 'leave' }>;

/** A call that waits for its turn, or for its answer. */
interface Call {
  readonly event: SeatCall;
  resolve(room: RoomState | undefined): void;
  reject(reason: unknown): void;
}

export interface CallsHost {
  /** Its turn has come. */
  begin(event: SeatCall): void;
  /** Whoever made the call under way does not want it any more. */
  withdraw(): void;
}

/** Calls to create, join and leave, in the order they were made: one is under way at a time. */
export class Calls {
  readonly #host: CallsHost;
  #waiting: Call[] = [];
  #current: Call | undefined;

  constructor(host: CallsHost) {
    this.#host = host;
  }

  /** Whether there are some whose turn has not come. */
  get areWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Settles when the call is over, or rejects with the reason of its signal when that aborts. */
  async add(event: SeatCall, { signal }: CallOptions): Promise<RoomState | undefined> {
    const settled = new AbortController();
    try {
      return await new Promise((resolve, reject) => {
        const call: Call = { event, resolve, reject };
        signal?.addEventListener(
          'abort',
          () => {
            reject(signal.reason);
            this.#withdraw(call);
          },
          settled,
        );
        this.#waiting.push(call);
      });
    } finally {
      settled.abort();
    }
  }

  /** Begins the next, unless one is under way. */
  advance(): void {
    if (this.#current !== undefined) return;
    this.#current = this.#waiting.shift();
    if (this.#current !== undefined) this.#host.begin(this.#current.event);
  }

  /** The call under way, if anybody waits for it still, has succeeded. */
  settle(room: RoomState | undefined): void {
    this.#take()?.resolve(room);
  }

  /** It has failed. */
  reject(error: Error): void {
    this.#take()?.reject(error);
  }

  /** No call can succeed any more. */
  end(error: Error): void {
    this.reject(error);
    for (const call of this.#waiting.splice(0)) call.reject(error);
  }

  #withdraw(call: Call): void {
    this.#waiting = this.#waiting.filter((each) => each !== call);
    if (this.#current !== call) return;
    this.#current = undefined;
    this.#host.withdraw();
  }

  #take(): Call | undefined {
    const call = this.#current;
    this.#current = undefined;
    return call;
  }
}
