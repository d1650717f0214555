import { getHeapStatistics } from 'node:v8';

/** No common budget is larger unless it is set: beyond this more memory serves clients that have a fault. */
const MOST_BYTES = 256 * 1024 * 1024;

/**
 * How much memory all outboxes may take: they live in V8's heap, whose limit ends the process. A small part of that limit,
 * since it counts the memory for young objects as well, and other objects and garbage need most of the rest.
 */
export function defaultOutboxesBytes(): number {
  return partOfHeap(8);
}

/** How much may wait for all slow readers: of each up to 32 KiB in V8's heap, the rest outside. */
export function defaultQueuesBytes(): number {
  return partOfHeap(16);
}

function partOfHeap(divisor: number): number {
  return Math.min(MOST_BYTES, Math.floor(getHeapStatistics().heap_size_limit / divisor));
}
