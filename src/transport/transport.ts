import type { Codec } from '../codec/codec.ts';
import type { Outgoing } from '../codec/outgoing.ts';
import type { CloseReason } from '../protocol/codes.ts';

/**
 * What became of a message: `sent` to the transport, `queued` until a session has a transport again, `full` when the
 * transport could not take it and is closed with 1013, or `closed`.
 */
export type WriteResult = 'sent' | 'queued' | 'full' | 'closed';

/**
 * How a transport ended: by the client's wish or fault (`closed`), with its page, which may come back (`away`), or
 * neither (`lost`).
 */
export type TransportEnd = 'closed' | 'away' | 'lost';

/** One way to a client: bytes in, bytes out. It dies with its socket. */
export interface Transport {
  /** What reads its texts, and writes them. */
  readonly codec: Codec;
  write(outgoing: Outgoing): WriteResult;
  /** Writes one text frame. */
  writeText(text: string): WriteResult;
  /** Asks the client's side for an answer with this payload. */
  ping(payload: string): void;
  /** Closes with the reason's code. Idempotent. */
  close(reason: CloseReason): void;
  /** Ends at once, without a close frame. */
  terminate(): void;
}

/** What hears from a transport. */
export interface TransportListener {
  /** One text frame, as UTF-8. Returns false when it was dropped without reading it. */
  frame(text: Buffer): boolean;
  /** A pong came. Returns whether it answers a ping. */
  pong(payload: string): boolean;
  /** The transport is gone. Only the first call has an effect. */
  ended(end: TransportEnd): void;
}
