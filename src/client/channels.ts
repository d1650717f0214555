/** Who hears of one connection's data channels. */
export interface ChannelsHost {
  opened(label: string): void;
  heard(label: string, data: string | ArrayBuffer): void;
  /** On the Mesh's own channel: text of the other end's Mesh, or of whoever took its place. */
  told(text: string): void;
  /** WebRTC refused to send something. */
  failed(error: unknown): void;
  /** The Mesh's own channel has closed: the other end has closed its connection, or it is lost for good. */
  ended(): void;
}

type Connection = Pick<RTCPeerConnection, 'addEventListener' | 'connectionState' | 'createDataChannel'>;

/** The stream of the Mesh's own channel; below Firefox's 256, and far above those that are given out from 0. */
const CONTROL_ID = 255;

/**
 * The data channels of one connection: the Mesh's own, and for each label one that each end opens, in band, and sends on.
 * A channel that the other end opened would do for both, but Chromium reports it as `open` too early, and loses some of
 * what is sent on it at once. `opensFirst` is true at one end of a pair and false at the other, which opens its own when
 * it hears of the first's: werift cannot before it is connected. What was not declared here is closed.
 */
export class Channels {
  readonly #host: ChannelsHost;
  readonly #connection: Connection;
  readonly #control: RTCDataChannel;
  readonly #own = new Map<string, RTCDataChannel>();
  readonly #theirs = new Map<string, RTCDataChannel>();

  constructor(
    connection: Connection,
    declared: Readonly<Record<string, RTCDataChannelInit>>,
    opensFirst: boolean,
    host: ChannelsHost,
  ) {
    this.#host = host;
    this.#connection = connection;
    this.#control = connection.createDataChannel('bloom', { negotiated: true, id: CONTROL_ID });
    this.#control.addEventListener('message', ({ data }) => typeof data === 'string' && host.told(data));
    this.#control.addEventListener('close', () => host.ended());
    const inits = new Map(Object.entries(declared));
    for (const [label, init] of inits) {
      if (opensFirst || init.negotiated) this.#open(label, init);
    }
    connection.addEventListener('datachannel', ({ channel }) =>
      this.#opened(channel, inits.get(channel.label)),
    );
  }

  /** To the other end's Mesh; whether its channel was open. */
  tell(text: string): boolean {
    return this.#send(this.#control, text);
  }

  /** Whether the channel was open, and took it. */
  send(label: string, data: string | ArrayBuffer): boolean {
    return this.#send(this.#own.get(label), data);
  }

  #send(channel: RTCDataChannel | undefined, data: string | ArrayBuffer): boolean {
    if (channel?.readyState !== 'open') return false;
    try {
      channel.send(data as string);
      return true;
    } catch (error) {
      this.#host.failed(error); // too large, or the buffer is full: of no concern to the other peers
      return false;
    }
  }

  #open(label: string, init: RTCDataChannelInit): void {
    const { id: _, ...inBand } = init; // an id counts for negotiated channels alone (W3C WebRTC 6.1); werift takes it
    const channel = this.#connection.createDataChannel(label, init.negotiated ? init : inBand);
    channel.addEventListener('open', () => this.#host.opened(label), { once: true });
    this.#own.set(label, this.#hear(channel));
  }

  /** The other end has opened a channel. */
  #opened(channel: RTCDataChannel, init: RTCDataChannelInit | undefined): void {
    const { label } = channel;
    if (init === undefined || init.negotiated || this.#theirs.has(label)) return channel.close();
    this.#theirs.set(label, this.#hear(channel));
    this.#openWhenConnected(label, init);
  }

  /** werift hears of the other end's channels before it can open its own: it throws into nowhere, and the channel never opens. */
  #openWhenConnected(label: string, init: RTCDataChannelInit): void {
    const connection = this.#connection;
    if (connection.connectionState === 'connecting') {
      const again = () => this.#openWhenConnected(label, init);
      return connection.addEventListener('connectionstatechange', again, { once: true });
    }
    if (this.#own.has(label)) return;
    try {
      this.#open(label, init);
    } catch (error) {
      this.#host.failed(error); // the other end has taken all streams
    }
  }

  /** Own channels too: a negotiated one carries both directions, and an end that is no Mesh may answer on ours. */
  #hear(channel: RTCDataChannel): RTCDataChannel {
    channel.binaryType = 'arraybuffer';
    channel.addEventListener('message', ({ data }) => this.#host.heard(channel.label, plain(data)));
    return channel;
  }
}

/** Implementations in Node hand out a view of a larger buffer. */
function plain(data: string | ArrayBuffer | Uint8Array<ArrayBuffer>): string | ArrayBuffer {
  if (!ArrayBuffer.isView(data)) return data;
  return data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
}
