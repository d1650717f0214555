import { literalOf } from './literal.ts';
import type { ServerMessage } from './server.ts';

/** A message on its way out: encoded at most once, however many sinks it goes to. */
export class Outgoing {
  readonly message: ServerMessage;
  #text: string | undefined;
  #framed: unknown;

  constructor(message: ServerMessage) {
    this.message = message;
  }

  /** The JSON text of the frame. */
  get text(): string {
    this.#text ??= encode(this.message);
    return this.#text;
  }

  /** The text as one transport frames it: framed once, since there is one transport. */
  framedBy<TFrame>(frame: (text: string) => TFrame): TFrame {
    this.#framed ??= frame(this.text);
    return this.#framed as TFrame;
  }

  /** The text with a session's sequence number: the message is still encoded once for all. */
  textWithSeq(seq: number): string {
    return `${this.text.slice(0, -1)},"seq":${seq}}`;
  }
}

function encode(message: ServerMessage): string {
  if (!('sdp' in message)) return JSON.stringify(message);
  const { type, from, sdp } = message; // the first two are names of ours, with nothing to escape
  return `{"type":"${type}","from":"${from}","sdp":${literalOf(sdp)}}`;
}
