/**
 * Loaded into every server measured (--import, with --expose-gc), and idle until asked over the channel it was forked
 * with: what memory is in use after a full collection, and the longest the event loop has stalled since the last time.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { writeHeapSnapshot } from 'node:v8';

export interface Probe {
  /** Bytes: V8's heap in use, memory outside it (buffers), and what is resident, kernel buffers not included. */
  readonly heapUsed: number;
  readonly external: number;
  readonly resident: number;
  /** Milliseconds beyond its turn that a timer of 5 ms was late at most. */
  readonly longestStallMs: number;
}

/** What the bench asks for: to watch the event loop from now on, or to answer with a Probe. */
export interface ProbeOrder {
  readonly watch?: true;
  readonly probe?: true;
  readonly snapshotFolder?: string;
}

const RESOLUTION_MS = 5;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

process.on('message', (order: ProbeOrder) => {
  if (order.watch) {
    delay.enable();
    delay.reset();
  }
  if (!order.probe) return;
  const longestStallMs = Math.max(0, delay.max / 1e6 - RESOLUTION_MS);
  delay.disable();
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  if (order.snapshotFolder !== undefined)
    writeHeapSnapshot(`${order.snapshotFolder}/${process.pid}.heapsnapshot`);
  process.send?.({ probe: { heapUsed, external, resident: rss, longestStallMs } satisfies Probe });
});
process.channel?.unref();
