import { useEffect, useEffectEvent, useSyncExternalStore } from 'react';

/** A value that tells when it changes; values are immutable. */
export class Store<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  readonly get = (): T => this.#value;

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener();
  }

  /** Returns the function that stops listening. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}

export function useStore<T>(store: Store<T>): T {
  return useSyncExternalStore(store.subscribe, store.get);
}

/** Calls `onChange` after every change, from then on that the component is there. */
export function useChanges<T>(store: Store<T>, onChange: (before: T, after: T) => void): void {
  const changed = useEffectEvent(onChange);
  useEffect(() => {
    let value = store.get();
    return store.subscribe(() => {
      const before = value;
      value = store.get();
      changed(before, value);
    });
  }, [store]);
}
