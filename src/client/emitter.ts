/** A typed event source. */
export interface Events<M> {
  /** Calls `listener` on every event of this type until the function returned is called, or `signal` aborts. */
  on<K extends keyof M>(
    type: K,
    listener: (event: M[K]) => void,
    options?: { readonly signal?: AbortSignal | undefined },
  ): () => void;
}

/** Keeps listeners and calls them, in the order they came. */
export class Emitter<M> implements Events<M> {
  readonly #isHandled: (error: unknown, type: keyof M) => boolean;
  #hasEnded = false;
  readonly #listeners = new Map<keyof M, Set<(event: never) => void>>();

  /** `isHandled` hears what a listener threw or rejected with, and says whether that needs no other report. */
  constructor(isHandled: (error: unknown, type: keyof M) => boolean = () => false) {
    this.#isHandled = isHandled;
  }

  on<K extends keyof M>(
    type: K,
    listener: (event: M[K]) => void,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): () => void {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners);
    const entry = (event: M[K]) => listener(event); // one entry a call, though the same function comes twice
    const stop = () => {
      listeners.delete(entry);
      signal?.removeEventListener('abort', stop);
    };
    if (signal?.aborted || this.#hasEnded) return stop;
    listeners.add(entry);
    signal?.addEventListener('abort', stop, { once: true });
    return stop;
  }

  /** A listener that throws, or rejects, costs the others nothing: its error is reported as uncaught. */
  emit<K extends keyof M>(type: K, event: M[K]): void {
    const listeners = this.#listeners.get(type);
    for (const listener of [...(listeners ?? [])]) {
      if (!listeners?.has(listener)) continue; // stopped by one before it
      try {
        const result = listener(event as never) as unknown;
        if (result instanceof Promise) result.catch((error) => this.#report(error, type));
      } catch (error) {
        this.#report(error, type);
      }
    }
  }

  /** No listener hears anything any more. */
  end(): void {
    this.#hasEnded = true;
    for (const listeners of this.#listeners.values()) listeners.clear();
  }

  #report(error: unknown, type: keyof M): void {
    if (this.#isHandled(error, type)) return;
    queueMicrotask(() => {
      throw error;
    });
  }
}
