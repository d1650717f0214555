import type { Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Codec } from '../../codec/codec.ts';
import type { Outgoing } from '../../codec/outgoing.ts';
import { CLOSE_CODES, type CloseReason } from '../../protocol/codes.ts';
import type { Queue, QueueBudget } from '../../socket/queue-budget.ts';
import type { Held, Turn } from '../../socket/turn.ts';
import type { Transport, WriteResult } from '../transport.ts';
import { type Frame, outsideHeap, textFrame } from './frame.ts';

/**
 * Bytes of a socket that may wait as strings in V8's heap. It is a small part of the machine's memory, and the process
 * ends when it is full: what a slow reader leaves waiting beyond this waits outside.
 */
const MAX_HEAP_BYTES = 32 * 1024;

/** What the senders of a server have in common. */
export interface SenderSettings {
  readonly turn: Turn;
  /** What may wait for one socket. */
  readonly maxQueueBytes: number;
  /** What may wait for all of them. */
  readonly queueBudget: QueueBudget;
  /** False: texts are sent by `WebSocket.send`, and the stream below is left alone. */
  readonly framesTexts: boolean;
}

/**
 * A transport over one WebSocket. Its queue ends: a client that reads too slowly is closed with 1013. Frames go to the
 * stream below the WebSocket, which stays corked until the turn of the event loop is over where that pays; ws writes its
 * pings and close frames to that stream too, so the order is kept, and `bufferedAmount` counts them all.
 */
export class Sender implements Transport, Held, Queue {
  readonly #socket: WebSocket;
  readonly #stream: Writable;
  readonly #settings: SenderSettings;
  readonly codec: Codec;
  #isHolding = false;

  /** `stream` is what `socket` writes to. */
  constructor(socket: WebSocket, stream: Writable, codec: Codec, settings: SenderSettings) {
    this.codec = codec;
    this.#socket = socket;
    this.#stream = stream;
    this.#settings = settings;
  }

  write(outgoing: Outgoing): WriteResult {
    return this.#write(
      this.#settings.framesTexts ? outgoing.framedBy(this.codec, textFrame) : outgoing.textBy(this.codec),
    );
  }

  /** Writes one text frame. */
  writeText(text: string): WriteResult {
    return this.#write(this.#settings.framesTexts ? textFrame(text) : text);
  }

  /** Lets go of what this turn wrote. */
  flush(): void {
    if (!this.#isHolding) return;
    this.#isHolding = false;
    this.#stream.uncork();
  }

  /** Closes the socket with the reason's code. Idempotent. */
  close(reason: CloseReason): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.close(CLOSE_CODES[reason].code, CLOSE_CODES[reason].meaning);
  }

  ping(payload: string): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping(payload);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  get waitingBytes(): number {
    return this.#socket.readyState === this.#socket.CLOSED ? 0 : this.#socket.bufferedAmount;
  }

  letGo(): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.close('TryAgainLater');
    else this.#socket.terminate();
  }

  /** The socket is closed, and nothing waits for it any more. */
  closed(): void {
    this.#settings.queueBudget.forget(this);
  }

  /** Writes a frame, or its text when ws frames it. */
  #write(frame: Frame): WriteResult {
    if (this.#socket.readyState !== this.#socket.OPEN) return 'closed';
    const { maxQueueBytes, framesTexts, queueBudget } = this.#settings;
    let waiting = this.#socket.bufferedAmount;
    if (waiting > 0 && !this.#isHolding) {
      queueBudget.note(this, waiting);
      if (this.#socket.readyState !== this.#socket.OPEN) return 'full'; // it was the one to be let go of
    }
    if (waiting > maxQueueBytes) {
      this.flush(); // what only waits for the end of the turn is no queue
      waiting = this.#socket.bufferedAmount;
    }
    if (waiting > maxQueueBytes) {
      this.close('TryAgainLater');
      return 'full';
    }
    if (framesTexts) this.#send(waiting > MAX_HEAP_BYTES ? outsideHeap(frame) : frame);
    else this.#socket.send(frame as string);
    return 'sent';
  }

  #send(frame: Frame): void {
    const { turn } = this.#settings;
    if (this.#isHolding) turn.joined();
    else if (turn.holds(this)) {
      this.#isHolding = true;
      this.#stream.cork();
    }
    if (typeof frame === 'string') this.#stream.write(frame, 'latin1');
    else this.#writePieces(frame);
  }

  #writePieces(pieces: readonly Buffer[]): void {
    this.#stream.cork(); // they leave together
    for (const piece of pieces) this.#stream.write(piece);
    this.#stream.uncork();
  }
}
