import type { ServerMessage } from '../protocol/server.ts';
import type { Codec } from './codec.ts';

/** A message as one dialect writes it. */
interface Encoded {
  readonly shares: object | undefined;
  readonly text: string;
  /** As the transports frame it. */
  frame: unknown;
}

/** A message on its way out: encoded at most once for each dialect, however many recipients it has. */
export class Outgoing {
  readonly message: ServerMessage;
  /** Of the dialect that was asked for first: most messages have no other. */
  #first: Encoded | undefined;
  #others: Encoded[] | undefined;

  constructor(message: ServerMessage) {
    this.message = message;
  }

  /** The text of the frame, without a number. */
  textBy(codec: Codec): string {
    return this.#encodedBy(codec).text;
  }

  /** The text with a session's sequence number. */
  numberedBy(codec: Codec, seq: number): string {
    return codec.number === undefined
      ? codec.encode(this.message, seq)
      : codec.number(this.textBy(codec), seq);
  }

  /** The text as a transport frames it: framed once for each dialect, since all transports frame alike. */
  framedBy<TFrame>(codec: Codec, frame: (text: string) => TFrame): TFrame {
    const encoded = this.#encodedBy(codec);
    encoded.frame ??= frame(encoded.text);
    return encoded.frame as TFrame;
  }

  #encodedBy(codec: Codec): Encoded {
    const { shares } = codec;
    if (shares === undefined) return this.#encode(codec);
    this.#first ??= this.#encode(codec);
    if (this.#first.shares === shares) return this.#first;
    this.#others ??= [];
    let encoded = this.#others.find((other) => other.shares === shares);
    if (encoded === undefined) {
      encoded = this.#encode(codec);
      this.#others.push(encoded);
    }
    return encoded;
  }

  #encode(codec: Codec): Encoded {
    return { shares: codec.shares, text: codec.encode(this.message), frame: undefined };
  }
}
