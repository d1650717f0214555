/** How the operating system asks the process to stop or to reload. */

/** The same signal within this time counts once: a terminal's Ctrl-C reaches npm and the server, and npm passes it on. */
const SAME_SIGNAL_MS = 200;
/** How often the parent process is looked for, in milliseconds. */
const PARENT_INTERVAL_MS = 250;

/** Why the process stops: a signal, or the end of the process that started it. */
export type StopCause = NodeJS.Signals | 'parent has ended';

export interface SignalActions {
  /** Stop. With `drain`, clients have time to go elsewhere. */
  stop(cause: StopCause, drain: boolean): void;
  /** A second cause: do not wait for the drain, but close every socket. */
  stopNow(cause: StopCause): void;
  /** A third cause: exit, whatever is under way. */
  exit(): void;
  /** Read the files again that can change while the server runs. */
  reload(): void;
}

/** Decides what each signal means. */
export class SignalReader {
  readonly #actions: SignalActions;
  readonly #hasTerminal: boolean;
  readonly #now: () => number;
  readonly #lastAt = new Map<StopCause, number>();
  #stops = 0;

  /** `hasTerminal`: whether standard input was a terminal at the start; when it hangs up it is none any more. */
  constructor(actions: SignalActions, hasTerminal: boolean, now: () => number = () => performance.now()) {
    this.#actions = actions;
    this.#hasTerminal = hasTerminal;
    this.#now = now;
  }

  read(cause: StopCause): void {
    const at = this.#now();
    if (at - (this.#lastAt.get(cause) ?? -Infinity) < SAME_SIGNAL_MS) return;
    this.#lastAt.set(cause, at);
    if (cause === 'SIGHUP' && !this.#hasTerminal) return this.#actions.reload();
    if (cause === 'parent has ended' && this.#stops > 0) return; // the signal that stops this one ended it, too
    this.#stops += 1;
    if (this.#stops > 2) return this.#actions.exit();
    if (this.#stops === 2) return this.#actions.stopNow(cause);
    this.#actions.stop(cause, cause === 'SIGTERM' || cause === 'parent has ended');
  }
}

/** SIGBREAK is Ctrl-Break on Windows. */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGBREAK'] as const;

export function listenForSignals(reader: SignalReader): void {
  for (const signal of STOP_SIGNALS) process.on(signal, () => reader.read(signal));
  watchParent(() => reader.read('parent has ended'));
}

const firstParent = process.ppid;

/**
 * A package manager runs a script by a shell. A signal ends that shell, and dash, for one, does not pass it on. So a server
 * that a script started stops when its parent has ended. Windows does not tell, and leaves the process id as it was.
 */
function watchParent(ended: () => void): void {
  if (process.env.npm_lifecycle_event === undefined) return;
  const timer = setInterval(() => {
    if (process.ppid === firstParent) return;
    clearInterval(timer);
    ended();
  }, PARENT_INTERVAL_MS).unref();
}
