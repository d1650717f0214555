import type { ParticipantId, RoomId } from '../protocol/server.ts';
import type { RoomState } from './room.ts';

/** Where a session is kept: `sessionStorage`, or anything else that has these three functions. */
export type SessionStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** The option `session`. */
export type SessionOption =
  | SessionStorage
  | { readonly storage: SessionStorage; readonly key?: string | undefined };

/** The session that an earlier page has left in the storage. */
export interface StoredSession {
  readonly selfId: ParticipantId;
  /** The room it was in. */
  readonly roomId: RoomId | undefined;
  /** When the earlier page last wrote it, in milliseconds since the epoch. */
  readonly at: number;
  /** Another page goes on with it: this tab is a duplicate. `connect` will begin a new session. */
  readonly isElsewhere: boolean;
}

/** What another page needs to go on with a session. */
export interface SessionRecord {
  readonly url: string;
  /** A secret: with it comes the seat. */
  readonly token: string;
  readonly lastSeq: number;
  readonly selfId: ParticipantId;
  readonly room: RoomState | undefined;
}

interface Stored extends SessionRecord {
  readonly at: number;
  /** The name of the Web Lock that the page which goes on with it holds. */
  readonly lock: string;
  /** Its page said that it goes. Without it the page crashed, or lives and this is a copy. */
  readonly isAway: boolean;
}

/** What was found in the storage, and whether another page goes on with it. */
type Claimed = (Stored & { readonly isElsewhere: boolean }) | undefined;

const KEY = 'bloom-session';
/** A page that said that it goes has released its lock, or is about to. */
const AWAY_WAIT_MS = 3000;
/** A lock that is held for longer is another page's. React's StrictMode, for one, replaces a client at once. */
const WAIT_MS = 300;

/**
 * Keeps a session over the end of its page. "Duplicate tab" copies `sessionStorage`: the page that goes on with a
 * session holds a Web Lock, so that the copy begins a session of its own. Without Web Locks (in Node, or a page over
 * plain http) the copy takes the session over.
 */
export class SessionStore {
  readonly #storage: SessionStorage;
  readonly #key: string;
  readonly #url: () => string;
  #claim: Promise<Claimed> | undefined;
  #lock = newLock();
  #written: string | undefined;
  #isClosed = false;
  #release: () => void = () => {};

  constructor(option: SessionOption, url: () => string) {
    const { storage, key = KEY } = 'storage' in option ? option : { storage: option };
    this.#storage = storage;
    this.#key = key;
    this.#url = url;
  }

  /** What an earlier page has left, and whether another page has it. From now on it is this client's, if it can be. */
  claim(): Promise<Claimed> {
    this.#claim ??= this.#take();
    return this.#claim;
  }

  save(record: SessionRecord): void {
    this.#write(record, false);
  }

  /** The page goes, and perhaps comes back, or the next one does. */
  leave(record: SessionRecord): void {
    this.#write(record, true);
    this.#claim = undefined;
    this.#release();
  }

  /** The session is over. Leaves alone what another client has written meanwhile. */
  clear(): void {
    if (this.#written !== undefined && this.#read() === this.#written)
      this.#try(() => this.#storage.removeItem(this.#key));
    this.close();
  }

  /** This client is over, but its session may go on in another page. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#release();
  }

  async #take(): Promise<Claimed> {
    const stored = this.#try(() => parse(this.#read(), this.#url()));
    if (stored !== undefined) this.#lock = stored.lock;
    const isOurs = await this.#acquire(stored?.isAway ? AWAY_WAIT_MS : WAIT_MS);
    if (!isOurs) {
      this.#lock = newLock();
      await this.#acquire(WAIT_MS);
    }
    return stored && { ...stored, isElsewhere: !isOurs };
  }

  /** Whether the lock is free within `ms`; then it is held until `#release`. */
  #acquire(ms: number): Promise<boolean> {
    const { navigator } = globalThis as Partial<typeof globalThis>;
    const locks = navigator?.locks;
    if (locks === undefined) return Promise.resolve(true);
    return new Promise((resolve) => {
      const wait = new AbortController();
      const timer = setTimeout(() => wait.abort(), ms);
      const hold = () => {
        clearTimeout(timer);
        resolve(true);
        if (this.#isClosed) return;
        return new Promise<void>((release) => {
          this.#release = release;
        });
      };
      locks.request(this.#lock, wait, hold).catch(() => {
        clearTimeout(timer);
        resolve(!wait.signal.aborted); // where locks are refused altogether it goes without
      });
    });
  }

  #write(record: SessionRecord, isAway: boolean): void {
    if (this.#isClosed) return;
    this.#written = serialize(record, isAway, this.#lock);
    this.#try(() => this.#storage.setItem(this.#key, this.#written as string));
  }

  #read(): string | null {
    return this.#try(() => this.#storage.getItem(this.#key)) ?? null;
  }

  /** A storage may be full, or forbidden: then the session ends with its page, and nothing else is the worse. */
  #try<T>(use: () => T): T | undefined {
    try {
      return use();
    } catch {
      return undefined;
    }
  }
}

/** The text under the storage's key. */
export function serialize(record: SessionRecord, isAway = true, lock = newLock()): string {
  return JSON.stringify({ ...record, at: Date.now(), lock, isAway } satisfies Stored);
}

function parse(text: string | null, url: string): Stored | undefined {
  try {
    const stored = JSON.parse(text ?? '') as Stored;
    const { token, lastSeq, selfId, lock, at, room } = stored;
    const isValid =
      stored.url === url &&
      [token, selfId, lock].every((each) => typeof each === 'string') &&
      [lastSeq, at].every((each) => typeof each === 'number') &&
      (room === undefined || (typeof room.roomId === 'string' && Array.isArray(room.participants)));
    return isValid ? stored : undefined;
  } catch {
    return undefined;
  }
}

function newLock(): string {
  return `${KEY}-${Math.random().toString(36).slice(2)}`;
}
