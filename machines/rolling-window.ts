/**
 * When the last `limit` frames arrived: a ring of timestamps, written in place. The connection machine keeps
 * one in its context; a new context for every frame would cost more than all its other work on that frame.
 */
export interface RollingWindow {
  readonly arrivals: Float64Array;
  readonly windowMs: number;
  next: number;
}

/** An empty window that is full at `limit` frames within `windowMs` milliseconds. */
export function rollingWindow(limit: number, windowMs: number): RollingWindow {
  return { arrivals: new Float64Array(limit).fill(-Infinity), windowMs, next: 0 };
}

/** Whether `limit` frames already arrived in the window that ends at `at` (milliseconds, monotonic). */
export function isFull({ arrivals, windowMs, next }: RollingWindow, at: number): boolean {
  return (arrivals[next] as number) > at - windowMs;
}

/** Takes note of one frame; the oldest is forgotten. */
export function add(window: RollingWindow, at: number): void {
  window.arrivals[window.next] = at;
  window.next = (window.next + 1) % window.arrivals.length;
}

/** Forgets every frame. */
export function clear(window: RollingWindow): void {
  window.arrivals.fill(-Infinity);
}
