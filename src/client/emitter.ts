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
  readonly #listeners = new Map<keyof M, Set<(event: never) => void>>();

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
    if (signal?.aborted) return stop;
    listeners.add(entry);
    signal?.addEventListener('abort', stop, { once: true });
    return stop;
  }

  /** A listener that throws costs the others nothing: its error is reported as one nobody caught. */
  emit<K extends keyof M>(type: K, event: M[K]): void {
    const listeners = this.#listeners.get(type);
    for (const listener of [...(listeners ?? [])]) {
      if (!listeners?.has(listener)) continue; // stopped by one before it
      try {
        listener(event as never);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
