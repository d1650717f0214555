/** A track and the streams its owner put it in. */
export interface StreamedTrack {
  readonly track: MediaStreamTrack;
  readonly streams: readonly MediaStream[];
}

/** Who hears of the other end's tracks. */
export interface TracksHost {
  trackStarted(track: StreamedTrack): void;
  trackEnded(track: MediaStreamTrack): void;
}

type Connection = Pick<
  RTCPeerConnection,
  'addTrack' | 'removeTrack' | 'getTransceivers' | 'addEventListener'
>;

/** The tracks of one connection, both ways. */
export class Tracks {
  readonly #connection: Connection;
  readonly #host: TracksHost;
  readonly #senders = new Map<MediaStreamTrack, RTCRtpSender>();
  #remote: StreamedTrack[] = [];

  constructor(connection: Connection, host: TracksHost) {
    this.#connection = connection;
    this.#host = host;
    connection.addEventListener('track', ({ track, streams }) => {
      this.#remote = [...this.#remote.filter((each) => each.track !== track), { track, streams }];
      host.trackStarted({ track, streams });
    });
  }

  /** The other end's, as far as they are being sent. */
  get remote(): readonly StreamedTrack[] {
    return this.#remote;
  }

  add({ track, streams }: StreamedTrack): void {
    this.#senders.set(track, this.#connection.addTrack(track, ...streams));
  }

  async replace(oldTrack: MediaStreamTrack, newTrack: MediaStreamTrack): Promise<void> {
    const sender = this.#senders.get(oldTrack);
    if (sender === undefined) return;
    this.#senders.delete(oldTrack);
    this.#senders.set(newTrack, sender);
    await sender.replaceTrack(newTrack);
  }

  remove(track: MediaStreamTrack): void {
    const sender = this.#senders.get(track);
    if (sender === undefined) return;
    this.#senders.delete(track);
    this.#connection.removeTrack(sender);
  }

  /** After a negotiation: tells which of the other end's tracks have gone, which no event of WebRTC says. */
  settle(): void {
    const received = this.#connection
      .getTransceivers()
      .filter(({ currentDirection }) => currentDirection === 'sendrecv' || currentDirection === 'recvonly')
      .map(({ receiver }) => receiver.track);
    this.#end(({ track }) => !received.includes(track));
  }

  /** The connection is over: so are the other end's tracks. */
  end(): void {
    this.#end(() => true);
  }

  #end(isOver: (track: StreamedTrack) => boolean): void {
    const over = this.#remote.filter(isOver);
    this.#remote = this.#remote.filter((track) => !over.includes(track));
    for (const { track } of over) this.#host.trackEnded(track);
  }
}
