import type { ClientMessage } from '../protocol/client.ts';
import { literalOf } from '../protocol/literal.ts';
import { parseClientMessage } from '../protocol/reading.ts';
import type { ServerMessage } from '../protocol/server.ts';
import type { Codec, Dialect, Invalid } from './codec.ts';

/** All of Bloom's own codecs encode alike. */
const SHARED = {};

/** Bloom's own dialect: the base protocol until a session is opened, and then what Hello adds. */
class BloomCodec implements Codec {
  readonly shares = SHARED;
  readonly #isFast: boolean;
  /** Undefined in the base protocol. */
  #features: ReadonlySet<string> | undefined;

  constructor(isFast: boolean) {
    this.#isFast = isFast;
  }

  decode(frame: string): ClientMessage | Invalid {
    const dialect = this.#features === undefined ? 'base' : 'session';
    const parsed = parseClientMessage(frame, dialect, this.#isFast, this.#features);
    if (parsed.ok) return parsed.message;
    const { reason, requestId, isHello } = parsed;
    return { type: 'invalid', reason, requestId, isHello };
  }

  encode(message: ServerMessage, seq?: number): string {
    const text = encode(message);
    return seq === undefined ? text : this.number(text, seq);
  }

  number(text: string, seq: number): string {
    return `${text.slice(0, -1)},"seq":${seq}}`;
  }

  sessionOpened(features: ReadonlySet<string>): void {
    this.#features = features;
  }
}

function encode(message: ServerMessage): string {
  if (!('sdp' in message)) return JSON.stringify(message);
  const { type, from, sdp } = message; // the first two are names of ours, with nothing to escape
  return `{"type":"${type}","from":"${from}","sdp":${literalOf(sdp)}}`;
}

/** Unless `isFast`, valibot reads every message. */
export function bloomDialect(isFast = true): Dialect {
  return { subprotocol: 'bloom', open: () => new BloomCodec(isFast) };
}
