import { readFileSync, unwatchFile, watchFile } from 'node:fs';

export interface WatchedFileLog {
  info(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

/** How often the file's time of change is looked at. Kubernetes replaces a link, which no other way of watching sees. */
const INTERVAL_MS = 5000;

/**
 * What a file says, read again when it changes. A file that is wrong changes nothing: what was read last stays in use, and the
 * log says why.
 */
export class WatchedFile<T> {
  readonly #path: string;
  readonly #setting: string;
  readonly #read: (text: string) => T;
  readonly #log: WatchedFileLog;
  #value: T;
  readonly #listener = () => this.reload();

  /** Throws an error that names the setting, the path and the problem when the file cannot be used at the start. */
  constructor(
    setting: string,
    path: string,
    read: (text: string) => T,
    log: WatchedFileLog,
    intervalMs: number = INTERVAL_MS,
  ) {
    this.#path = path;
    this.#setting = setting;
    this.#read = read;
    this.#log = log;
    try {
      this.#value = this.#load();
    } catch (error) {
      throw new Error(`${setting} ${path}: ${(error as Error).message}.`);
    }
    watchFile(path, { interval: intervalMs, persistent: false }, this.#listener);
  }

  get value(): T {
    return this.#value;
  }

  /** Reads the file now, as SIGHUP asks. */
  reload(): void {
    try {
      this.#value = this.#load();
      this.#log.info({ setting: this.#setting }, 'file of a setting is read again');
    } catch (error) {
      const reason = (error as Error).message;
      this.#log.error(
        { setting: this.#setting, reason },
        'file of a setting is wrong: what was read before stays',
      );
    }
  }

  stop(): void {
    unwatchFile(this.#path, this.#listener);
  }

  #load(): T {
    return this.#read(readFileSync(this.#path, 'utf8'));
  }
}
