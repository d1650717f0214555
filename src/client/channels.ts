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

type Connection = Pick<RTCPeerConnection, 'createDataChannel' | 'addEventListener'>;

/** The stream of the Mesh's own channel; below Firefox's 256, and far above those that are given out from 0. */
const CONTROL_ID = 255;

/**
 * The data channels of one connection: one a label, and the Mesh's own. `creates` is true at one end of a pair and
 * false at the other: that end opens the channels, in band, and the other takes those it has itself declared.
 */
export class Channels {
  readonly #host: ChannelsHost;
  readonly #control: RTCDataChannel;
  readonly #channels = new Map<string, RTCDataChannel>();

  constructor(
    connection: Connection,
    declared: Readonly<Record<string, RTCDataChannelInit>>,
    creates: boolean,
    host: ChannelsHost,
  ) {
    this.#host = host;
    this.#control = connection.createDataChannel('bloom', { negotiated: true, id: CONTROL_ID });
    this.#control.addEventListener('message', ({ data }) => typeof data === 'string' && host.told(data));
    this.#control.addEventListener('close', () => host.ended());
    for (const [label, init] of Object.entries(declared)) {
      if (creates || init.negotiated) this.#adopt(connection.createDataChannel(label, init));
    }
    connection.addEventListener('datachannel', ({ channel }) => {
      const isWanted = Object.hasOwn(declared, channel.label) && !this.#channels.has(channel.label);
      if (isWanted) this.#adopt(channel);
      else channel.close();
    });
  }

  /** To the other end's Mesh; whether its channel was open. */
  tell(text: string): boolean {
    return this.#send(this.#control, text);
  }

  /** Whether the channel was open, and took it. */
  send(label: string, data: string | ArrayBuffer): boolean {
    return this.#send(this.#channels.get(label), data);
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

  #adopt(channel: RTCDataChannel): void {
    const { label } = channel;
    this.#channels.set(label, channel);
    channel.binaryType = 'arraybuffer';
    channel.addEventListener('message', ({ data }) => this.#host.heard(label, plain(data)));
    if (channel.readyState === 'open') queueMicrotask(() => this.#host.opened(label));
    else channel.addEventListener('open', () => this.#host.opened(label), { once: true });
  }
}

/** Implementations in Node hand out a view of a larger buffer. */
function plain(data: string | ArrayBuffer | Uint8Array<ArrayBuffer>): string | ArrayBuffer {
  if (!ArrayBuffer.isView(data)) return data;
  return data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
}
