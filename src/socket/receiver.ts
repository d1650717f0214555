import { type ClientMessage, type Dialect, parseClientMessage } from '../protocol/client.ts';

/** Who hears what a frame was; `at` is when it was received, by `performance.now()`. */
export interface Listener {
  /** False while frames are dropped unread. */
  readonly isReading: boolean;
  readonly dialect: Dialect;
  message(message: ClientMessage, at: number): void;
  /** `reason` says what is wrong, for the client's developer. */
  invalid(reason: string, at: number): void;
  unread(at: number): void;
}

/**
 * Reads one text frame, whole and within the size limit (ws closes 1009 above it, 1007 when it is no UTF-8),
 * and tells the listener exactly one thing. Returns false for a frame dropped unread. Never throws. With `isFast`,
 * valibot reads only what acceptance.ts does not accept.
 */
export function receive(frame: Buffer, listener: Listener, isFast = true): boolean {
  const at = performance.now();
  if (!listener.isReading) {
    listener.unread(at);
    return false;
  }
  const parsed = parseClientMessage(frame.toString(), listener.dialect, isFast);
  if (parsed.ok) listener.message(parsed.message, at);
  else listener.invalid(parsed.reason, at);
  return true;
}
