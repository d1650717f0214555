/**
 * Loaded into every server measured (--import, with --expose-gc), and idle until asked over the channel it was forked
 * with: what memory is in use after a full collection, and the longest the event loop has stalled since the last time.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface Probe {
  /** Bytes: V8's heap in use, memory outside it (buffers), and what is resident, kernel buffers not included. */
  readonly heapUsed: number;
  readonly external: number;
  readonly resident: number;
  /** Milliseconds beyond its turn that a timer of 5 ms was late at most. */
  readonly longestStallMs: number;
}

const RESOLUTION_MS = 5;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

process.on('message', (message) => {
  if (message === 'watch') {
    delay.enable();
    delay.reset();
    return;
  }
  if (message !== 'probe') return;
  const longestStallMs = Math.max(0, delay.max / 1e6 - RESOLUTION_MS);
  delay.disable();
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  process.send?.({ probe: { heapUsed, external, resident: rss, longestStallMs } satisfies Probe });
});
process.channel?.unref();
