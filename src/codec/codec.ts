import type { ClientMessage } from '../protocol/client.ts';
import type { Fault } from '../protocol/reading.ts';
import type { ServerMessage } from '../protocol/server.ts';

/** A frame that is no message: it is answered InvalidPayload, with `reason` for the client's developer. */
export interface Invalid extends Fault {
  readonly type: 'invalid';
}

/** Reads and writes the texts of one transport. It may keep state: each transport has its own. */
export interface Codec {
  /**
   * The same object for all codecs that encode a message alike: it is then encoded once for all of them. Undefined when the
   * frames of this transport are its own.
   */
  readonly shares: object | undefined;
  /** Reads one text frame. Never throws. */
  decode(frame: string): ClientMessage | Invalid;
  /** The text of a message; `seq` is its number within a session. */
  encode(message: ServerMessage, seq?: number): string;
  /** Adds the number to a text that `encode` made without one. Without it a numbered message is encoded anew. */
  number?(text: string, seq: number): string;
  /** A session speaks over this transport from now on, with these features. */
  sessionOpened?(features: ReadonlySet<string>): void;
}

/** A way to speak with the server: how it is asked for, and what reads and writes it. */
export interface Dialect {
  /** Where the path is another than that of the WebSocket, below BASE_PATH: `/peerjs`. */
  readonly path?: string | undefined;
  /** The subprotocol (RFC 6455 section 1.9) that asks for it, and that is agreed on. */
  readonly subprotocol?: string | undefined;
  /** A codec for one transport. */
  open(): Codec;
}
