import type { WebSocket } from 'ws';
import { CLOSE_CODES, type CloseReason } from '../protocol/codes.ts';
import type { Outgoing } from '../protocol/outgoing.ts';
import type { Sink, WriteResult } from '../routing/router.ts';

/** A sink over one WebSocket. Its queue ends: a client that reads too slowly is closed with 1013. */
export class Sender implements Sink {
  readonly #socket: WebSocket;
  readonly #maxQueueBytes: number;

  constructor(socket: WebSocket, maxQueueBytes: number) {
    this.#socket = socket;
    this.#maxQueueBytes = maxQueueBytes;
  }

  write(outgoing: Outgoing): WriteResult {
    return this.writeText(outgoing.text);
  }

  /** Writes one text frame. */
  writeText(text: string): WriteResult {
    if (this.#socket.readyState !== this.#socket.OPEN) return 'closed';
    if (this.#socket.bufferedAmount > this.#maxQueueBytes) {
      this.close('TryAgainLater');
      return 'full';
    }
    this.#socket.send(text);
    return 'sent';
  }

  /** Closes the socket with the reason's code. Idempotent. */
  close(reason: CloseReason): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.close(CLOSE_CODES[reason].code, CLOSE_CODES[reason].meaning);
  }
}
