import type { Codec, Dialect, Invalid } from '../../src/codec/codec.ts';
import type { ClientMessage } from '../../src/protocol/client.ts';
import type { ServerMessage } from '../../src/protocol/server.ts';

/**
 * A second dialect: arrays of a name and fields, `["join", {"room": ID, "ref": 7}]`. Each transport's codec keeps the latest
 * `ref`. With `withRefs` every frame has it, so that no two transports have the same frame.
 */
export interface ArraysOptions {
  readonly withRefs?: boolean;
  /** How often a message was encoded. */
  readonly encoded?: { count: number };
}

const NAMES = { CreateRoom: 'create', JoinRoom: 'join', LeaveRoom: 'leave' } as const;

class ArraysCodec implements Codec {
  readonly shares: object | undefined;
  readonly #options: ArraysOptions;
  #ref: unknown = null;

  constructor(shares: object | undefined, options: ArraysOptions) {
    this.shares = shares;
    this.#options = options;
  }

  decode(frame: string): ClientMessage | Invalid {
    let value: unknown;
    try {
      value = JSON.parse(frame);
    } catch {
      return { type: 'invalid', reason: 'no JSON' };
    }
    if (!Array.isArray(value)) return { type: 'invalid', reason: 'no array' };
    const [name, fields = {}] = value;
    this.#ref = fields.ref ?? null;
    switch (name) {
      case NAMES.CreateRoom:
        return { type: 'CreateRoom' };
      case NAMES.JoinRoom:
        return { type: 'JoinRoom', room_id: String(fields.room) };
      case NAMES.LeaveRoom:
        return { type: 'LeaveRoom' };
      case 'signal':
        return { type: 'Offer', to: String(fields.to), sdp: String(fields.sdp) };
      default:
        return { type: 'invalid', reason: `no message ${String(name)}` };
    }
  }

  encode(message: ServerMessage): string {
    if (this.#options.encoded) this.#options.encoded.count += 1;
    const { type, ...fields } = message;
    const ref = this.#options.withRefs ? [this.#ref] : [];
    return JSON.stringify([type, fields, ...ref]);
  }
}

export function arraysDialect(
  where: Pick<Dialect, 'path' | 'subprotocol'>,
  options: ArraysOptions = {},
): Dialect {
  const shared = options.withRefs ? undefined : {};
  return { ...where, open: () => new ArraysCodec(shared, options) };
}
