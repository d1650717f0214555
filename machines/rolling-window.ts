/**
 * When the last frames arrived: a ring of timestamps, written in place. The connection machine keeps one in its context; a
 * new context for every frame would cost more than all its other work on that frame.
 */
export interface RollingWindow {
  /** From `next` on, the oldest first. It grows when more frames arrive within a window than ever before. */
  arrivals: number[];
  next: number;
  readonly limit: number;
  readonly windowMs: number;
}

/** Most clients never send more at once. */
const FIRST_SIZE = 4;

const NEVER = Number.NEGATIVE_INFINITY;

/** An empty window that is full at `limit` frames within `windowMs` milliseconds. */
export function rollingWindow(limit: number, windowMs: number): RollingWindow {
  return { arrivals: nothing(Math.min(limit, FIRST_SIZE)), next: 0, limit, windowMs };
}

/** Whether `limit` frames already arrived in the window that ends at `at` (milliseconds, monotonic). */
export function isFull(window: RollingWindow, at: number): boolean {
  return window.arrivals.length === window.limit && isRemembered(window, at);
}

/** Takes note of one frame; the oldest is forgotten, unless there is place for both. */
export function add(window: RollingWindow, at: number): void {
  if (window.arrivals.length < window.limit && isRemembered(window, at)) grow(window);
  window.arrivals[window.next] = at;
  window.next = (window.next + 1) % window.arrivals.length;
}

/** Forgets every frame. */
export function clear(window: RollingWindow): void {
  window.arrivals.fill(NEVER);
}

/** Whether the oldest arrival lies within the window that ends at `at`. */
function isRemembered({ arrivals, next, windowMs }: RollingWindow, at: number): boolean {
  return (arrivals[next] as number) > at - windowMs;
}

function grow(window: RollingWindow): void {
  const { arrivals, next, limit } = window;
  const added = Math.min(arrivals.length, limit - arrivals.length);
  window.arrivals = [...arrivals.slice(0, next), ...nothing(added), ...arrivals.slice(next)];
}

function nothing(size: number): number[] {
  return new Array<number>(size).fill(NEVER);
}
