/**
 * Why there is no microphone, camera or screen. denied: its user, or the system, does not allow it. missing: there is
 * no such device. ended: it was captured, and is no more: unplugged, or not allowed any more. busy: another program has it. insecure: browsers give none to pages from plain http. failed: else.
 */
export type Trouble = 'denied' | 'missing' | 'ended' | 'busy' | 'insecure' | 'failed';

/** Thrown where the browser offers no way to capture at all. */
export class InsecureError extends Error {}

/** Undefined: its user thought better of it, which is no trouble. */
export function troubleOf(error: unknown): Trouble | undefined {
  if (error instanceof InsecureError) return 'insecure';
  switch ((error as DOMException | undefined)?.name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'denied';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'missing';
    case 'NotReadableError':
      return 'busy';
    case 'AbortError':
      return undefined;
    default:
      return 'failed';
  }
}
