import { WebSocket } from 'ws';
import { now } from './clock.ts';

/**
 * A process full of session clients for bench/storm.ts, which forks it and tells it what to do. Each keeps coming
 * back to its room, with a full-jitter back-off: before try n it waits a random part of min(cap, base * 2^n).
 */

/** What the bench says. */
export type CrowdOrder =
  | {
      readonly type: 'come';
      readonly url: string;
      /** A client for each entry. */
      readonly seats: readonly Seat[];
      readonly backoffBaseMs: number;
      readonly backoffCapMs: number;
      /** First connections under way at once. */
      readonly concurrency: number;
    }
  /** Measures afresh: nobody counts as back until heard from again. */
  | { readonly type: 'measure' }
  | { readonly type: 'report' };

export interface Seat {
  readonly room_id: string;
  /** Members of the room when it is complete. */
  readonly size: number;
}

/** What the crowd says: whether all its clients are back and see their rooms complete, whenever that changes. */
export type CrowdNews =
  | { readonly type: 'complete' | 'incomplete' }
  | ({ readonly type: 'report' } & CrowdReport);

export interface CrowdReport {
  /** When each client was back in its room, and saw it complete, by `now()`; null: never. */
  readonly backAt: readonly (number | null)[];
  readonly completeAt: readonly (number | null)[];
  /** How often each thing happened: socket errors, close codes, Error codes, resumptions. */
  readonly counts: Readonly<Record<string, number>>;
}

const HANDSHAKE_TIMEOUT_MS = 10_000;
const ABNORMAL = 1006;

let backoff = { baseMs: 0, capMs: 0 };
let url = '';
let counts: Record<string, number> = {};
let clients: Client[] = [];
/** Clients that do not see their rooms complete. */
let pending = 0;

class Client {
  backAt: number | null = null;
  completeAt: number | null = null;
  readonly #seat: Seat;
  #socket: WebSocket | undefined;
  #tries = 0;
  #participantId = '';
  #token: string | undefined;
  #lastSeq = 0;
  #wasBack: () => void = () => {};

  constructor(seat: Seat) {
    this.#seat = seat;
  }

  /** Settles when it is in its room for the first time. */
  first(): Promise<void> {
    this.#connect();
    return new Promise((resolve) => {
      this.#wasBack = resolve;
    });
  }

  forget(): void {
    this.#completed(null);
    this.backAt = null;
  }

  #completed(at: number | null): void {
    if ((at === null) === (this.completeAt === null)) return;
    this.completeAt = at;
    if (pending === 0) tell({ type: 'incomplete' });
    pending += at === null ? 1 : -1;
    if (pending === 0) tell({ type: 'complete' });
  }

  #connect(): void {
    const socket = new WebSocket(url, {
      perMessageDeflate: false,
      skipUTF8Validation: true,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    });
    this.#socket = socket;
    let failed = false;
    socket.on('error', (error: NodeJS.ErrnoException) => {
      failed = true;
      count(error.code ?? error.message);
    });
    socket.on('open', () => {
      const resumption =
        this.#token === undefined ? {} : { resume_token: this.#token, last_seq: this.#lastSeq };
      this.#send({ type: 'Hello', ...resumption });
    });
    socket.on('message', (data) => this.#hear(JSON.parse(data.toString())));
    socket.on('close', (code) => {
      if (!failed) count(code === ABNORMAL ? 'connection lost' : `closed ${code}`);
      this.forget();
      this.#later(() => this.#connect());
    });
  }

  #hear(message: {
    type: string;
    seq?: number;
    code?: string;
    participants?: string[];
    [field: string]: unknown;
  }): void {
    if (message.seq !== undefined) this.#lastSeq = message.seq;
    switch (message.type) {
      case 'Ready':
        this.#participantId = message.participant_id as string;
        this.#token = message.resume_token as string;
        if (message.resumed) return count('resumed');
        this.#lastSeq = 0;
        return this.#join();
      case 'RoomParticipants':
        return this.#sees(message.participants as string[]);
      case 'Error':
        count(message.code as string);
        return this.#later(() => this.#join());
    }
  }

  #sees(participants: readonly string[]): void {
    if (!participants.includes(this.#participantId)) return;
    this.#tries = 0;
    this.backAt ??= now();
    this.#wasBack();
    this.#completed(participants.length === this.#seat.size ? now() : null);
  }

  #join(): void {
    this.#send({ type: 'JoinRoom', room_id: this.#seat.room_id, create_if_missing: true });
  }

  #send(message: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #later(act: () => void): void {
    setTimeout(act, Math.random() * Math.min(backoff.capMs, backoff.baseMs * 2 ** this.#tries));
    this.#tries += 1;
  }
}

function count(what: string): void {
  counts[what] = (counts[what] ?? 0) + 1;
}

function tell(news: CrowdNews): void {
  process.send?.(news);
}

async function come(order: CrowdOrder & { type: 'come' }): Promise<void> {
  ({ url } = order);
  backoff = { baseMs: order.backoffBaseMs, capMs: order.backoffCapMs };
  clients = order.seats.map((seat) => new Client(seat));
  pending = clients.length;
  const waiting = [...clients];
  const bring = async (): Promise<void> => {
    for (let client = waiting.pop(); client !== undefined; client = waiting.pop()) await client.first();
  };
  await Promise.all(Array.from({ length: order.concurrency }, bring));
}

process.on('message', (order: CrowdOrder) => {
  switch (order.type) {
    case 'come':
      return void come(order);
    case 'measure':
      for (const client of clients) client.forget();
      counts = {};
      return;
    case 'report':
      return tell({
        type: 'report',
        backAt: clients.map(({ backAt }) => backAt),
        completeAt: clients.map(({ completeAt }) => completeAt),
        counts,
      });
  }
});
process.on('disconnect', () => process.exit(0));
