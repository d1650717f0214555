import { setTimeout } from 'node:timers/promises';

/** Waits for a promise, but not for ever: it must settle in time, generously chosen by the caller. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = globalThis.setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks again and again until the answer is yes; for what the server tells nobody. */
export async function until(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  ms = 10_000,
): Promise<void> {
  const end = performance.now() + ms;
  while (!(await isTrue())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${ms} ms`);
    await setTimeout(5);
  }
}

/** Settles when the turn of the event loop that is going on is over. */
export function turnIsOver(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
