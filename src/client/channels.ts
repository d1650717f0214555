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
 * The data channels of one connection: the Mesh's own, and of each label one for each direction. Each end sends on what
 * it has opened itself, in band: Chromium calls a channel that the other end opened open before it is, and loses some of
 * what is sent on it at once. `first` is true at one end of a pair and false at the other, which opens a channel when
 * the first has (werift cannot before it is connected). What was not declared here is closed.
 */
export class Channels {
  readonly #host: ChannelsHost;
  readonly #connection: Connection;
  readonly #control: RTCDataChannel;
  readonly #outgoing = new Map<string, RTCDataChannel>();
  readonly #incoming = new Map<string, RTCDataChannel>();

  constructor(
    connection: Connection,
    declared: Readonly<Record<string, RTCDataChannelInit>>,
    first: boolean,
    host: ChannelsHost,
  ) {
    this.#host = host;
    this.#connection = connection;
    this.#control = connection.createDataChannel('bloom', { negotiated: true, id: CONTROL_ID });
    this.#control.addEventListener('message', ({ data }) => typeof data === 'string' && host.told(data));
    this.#control.addEventListener('close', () => host.ended());
    const inits = new Map(Object.entries(declared));
    for (const [label, init] of inits) {
      if (first || init.negotiated) this.#open(label, init);
    }
    connection.addEventListener('datachannel', ({ channel }) => {
      const { label } = channel;
      const init = inits.get(label);
      if (init === undefined || init.negotiated || this.#incoming.has(label)) return channel.close();
      this.#incoming.set(label, this.#hear(channel));
      if (!this.#outgoing.has(label)) this.#open(label, init);
    });
  }

  /** To the other end's Mesh; whether its channel was open. */
  tell(text: string): boolean {
    return this.#send(this.#control, text);
  }

  /** Whether the channel was open, and took it. */
  send(label: string, data: string | ArrayBuffer): boolean {
    return this.#send(this.#outgoing.get(label), data);
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
    const channel = this.#connection.createDataChannel(label, init);
    channel.addEventListener('open', () => this.#host.opened(label), { once: true });
    this.#outgoing.set(label, this.#hear(channel));
  }

  /** On outgoing ones too: a negotiated one is of both, and an end that is no Mesh may answer on what was opened to it. */
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
