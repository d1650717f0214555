import { estimateBytes, frameBytes, type Kind, sectionBytes } from './capacity.ts';

/** A track and the streams its owner put it in. */
export interface StreamedTrack {
  readonly track: MediaStreamTrack;
  readonly streams: readonly MediaStream[];
}

/** Who hears of the other end's tracks, and of ours. */
export interface TracksHost {
  trackStarted(track: StreamedTrack): void;
  trackEnded(track: MediaStreamTrack): void;
  /** The bytes that a description may have. */
  limit(): number;
  /** A transceiver begins or ends to send. Not every implementation fires negotiationneeded then. */
  needed(): void;
  /** WebRTC refused to send a track, or to stop sending it. */
  failed(error: unknown): void;
}

type Connection = Pick<
  RTCPeerConnection,
  'addTrack' | 'addTransceiver' | 'getTransceivers' | 'addEventListener' | 'localDescription'
>;

interface Sent extends StreamedTrack {
  readonly transceiver: RTCRtpTransceiver;
  /** The transceiver was another track's before, in other streams. */
  readonly isReused: boolean;
}

const KINDS: readonly Kind[] = ['audio', 'video'];

/**
 * The tracks of one connection, both ways.
 *
 * A transceiver whose track was removed is used again for the next track of its kind, so that descriptions do not grow
 * each time a camera goes off and on. If the next track is in other streams, it waits until the other end has agreed that
 * the transceiver sends nothing: otherwise the other end would take it for the track before.
 */
export class Tracks {
  readonly #connection: Connection;
  readonly #host: TracksHost;
  readonly #sent = new Map<MediaStreamTrack, Sent>();
  /** The streams that the other end knows a transceiver by, until it has agreed that the transceiver sends nothing. */
  readonly #known = new Map<RTCRtpTransceiver, string>();
  /** Tracks that wait for a transceiver that is being freed. */
  #waiting: StreamedTrack[] = [];
  /** Tracks for which a description has no space. They too get a transceiver when one is freed. */
  #withdrawn: StreamedTrack[] = [];
  readonly #trimmed = new WeakSet<RTCRtpTransceiver>();
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

  /** How many of ours are not sent, since a description with them would be too large. */
  get withdrawn(): number {
    return this.#withdrawn.length;
  }

  /**
   * Gives an offer a section of each kind, though no track is sent yet. Otherwise one end can add the first audio at the
   * moment when the other adds the first video. Then they number their header extensions differently, and Chromium
   * refuses every description from there on.
   */
  reserve(): void {
    for (const kind of KINDS) {
      if (this.#ofKind(kind).length === 0) this.#connection.addTransceiver(kind, { direction: 'recvonly' });
    }
  }

  /**
   * Before a description is made: leaves out the codecs that can be received and not sent. Browsers add them as soon as a
   * transceiver only receives, and keep them, so that descriptions grow by a quarter when a camera goes off.
   */
  trim(): void {
    for (const each of this.#connection.getTransceivers()) {
      if (this.#trimmed.has(each)) continue;
      this.#trimmed.add(each);
      const codecs = codecsBothWays(each.receiver.track.kind);
      if (codecs.length > 0) each.setCodecPreferences?.(codecs);
    }
  }

  /**
   * Before a description is made, and when it is set: names the streams of reused transceivers again. Chromium (156)
   * forgets with each local description what `setStreams` said, names the streams of the transceiver's first track in the
   * next one, and asks for a negotiation because of the difference.
   */
  nameStreams(): void {
    for (const { transceiver, streams, isReused } of this.#sent.values())
      if (isReused && transceiver.currentDirection !== 'stopped') this.#setStreams(transceiver, streams);
  }

  add(track: StreamedTrack): void {
    if (this.#reuse(track)) return;
    const { kind } = track.track;
    const freeing = this.#ofKind(kind).filter((each) => !this.#isUsed(each));
    if (freeing.length > this.#waiting.filter((each) => each.track.kind === kind).length)
      this.#waiting.push(track);
    else if (this.#hasSpaceFor(kind as Kind)) this.#create(track);
    else this.#withdrawn.push(track);
  }

  async replace(oldTrack: MediaStreamTrack, newTrack: MediaStreamTrack): Promise<void> {
    const renew = (each: StreamedTrack) => (each.track === oldTrack ? { ...each, track: newTrack } : each);
    this.#waiting = this.#waiting.map(renew);
    this.#withdrawn = this.#withdrawn.map(renew);
    const sent = this.#sent.get(oldTrack);
    if (sent === undefined) return;
    this.#sent.delete(oldTrack);
    this.#sent.set(newTrack, { ...sent, track: newTrack });
    await sent.transceiver.sender.replaceTrack(newTrack);
  }

  remove(track: MediaStreamTrack): void {
    this.#waiting = this.#waiting.filter((each) => each.track !== track);
    this.#withdrawn = this.#withdrawn.filter((each) => each.track !== track);
    const sent = this.#sent.get(track);
    if (sent === undefined) return;
    this.#sent.delete(track);
    this.#send(sent.transceiver, null);
  }

  /** Whether another track of a kind can be sent: there is a section for it, or space for one. */
  fits(kind: Kind): boolean {
    return this.#ofKind(kind).some((each) => !this.#isUsed(each)) || this.#hasSpaceFor(kind);
  }

  /** After a negotiation: tells which of the other end's tracks have gone, which no event of WebRTC says. */
  settle(): void {
    const transceivers = this.#connection.getTransceivers();
    const received = transceivers
      .filter(({ currentDirection }) => currentDirection === 'sendrecv' || currentDirection === 'recvonly')
      .map(({ receiver }) => receiver.track);
    this.#end(({ track }) => !received.includes(track));
    for (const each of transceivers) {
      const { currentDirection } = each;
      const isHeard = currentDirection === 'sendrecv' || currentDirection === 'sendonly';
      if (!isHeard && !this.#isUsed(each)) this.#known.delete(each);
    }
    this.#waiting = this.#waiting.filter((track) => !this.#reuse(track));
    this.#withdrawn = this.#withdrawn.filter((track) => !this.#reuse(track));
  }

  /** The connection is over: so are the other end's tracks. */
  end(): void {
    this.#end(() => true);
  }

  /** Sends a track on a transceiver that sends nothing, if there is one. */
  #reuse({ track, streams }: StreamedTrack): boolean {
    const idle = this.#ofKind(track.kind).filter((each) => !this.#isUsed(each));
    const name = nameOf(streams);
    const transceiver =
      idle.find((each) => this.#known.get(each) === name) ?? idle.find((each) => !this.#known.has(each));
    if (transceiver === undefined) return false;
    this.#setStreams(transceiver, streams);
    this.#note({ track, streams, transceiver, isReused: true });
    this.#send(transceiver, track);
    return true;
  }

  #setStreams({ sender }: RTCRtpTransceiver, streams: readonly MediaStream[]): void {
    try {
      setStreams(sender, streams);
    } catch (error) {
      this.#host.failed(error);
    }
  }

  #create({ track, streams }: StreamedTrack): void {
    const sender = this.#connection.addTrack(track, ...streams);
    const transceiver = this.#connection.getTransceivers().find((each) => each.sender === sender);
    if (transceiver !== undefined) this.#note({ track, streams, transceiver, isReused: false });
  }

  #note(sent: Sent): void {
    this.#sent.set(sent.track, sent);
    this.#known.set(sent.transceiver, nameOf(sent.streams));
  }

  #send(transceiver: RTCRtpTransceiver, track: MediaStreamTrack | null): void {
    // Receiving is always welcome: the other end may use the transceiver too.
    transceiver.direction = track === null ? 'recvonly' : 'sendrecv';
    transceiver.sender.replaceTrack(track).catch((error) => this.#host.failed(error));
    this.#host.needed();
  }

  /**
   * A section cannot be taken back: Chromium negotiates for ever about a transceiver that was stopped before it was
   * negotiated. So what would be too large is not added.
   */
  #hasSpaceFor(kind: Kind): boolean {
    const sdp = this.#connection.localDescription?.sdp;
    const added = [kind, ...this.#unnegotiated.map(({ track }) => track.kind as Kind)];
    const bytes =
      sdp === undefined
        ? estimateBytes([...added, ...KINDS.filter((each) => !added.includes(each))])
        : added.reduce((sum, each) => sum + sectionBytes(sdp, each), frameBytes(sdp));
    return bytes <= this.#host.limit();
  }

  #ofKind(kind: string): RTCRtpTransceiver[] {
    return this.#connection
      .getTransceivers()
      .filter((each) => each.receiver.track.kind === kind && each.currentDirection !== 'stopped');
  }

  #isUsed(transceiver: RTCRtpTransceiver): boolean {
    return [...this.#sent.values()].some((each) => each.transceiver === transceiver);
  }

  get #unnegotiated(): Sent[] {
    return [...this.#sent.values()].filter(({ transceiver }) => transceiver.mid === null);
  }

  #end(isOver: (track: StreamedTrack) => boolean): void {
    const over = this.#remote.filter(isOver);
    this.#remote = this.#remote.filter((track) => !over.includes(track));
    for (const { track } of over) this.#host.trackEnded(track);
  }
}

/** Empty where the platform does not tell; werift is given its codecs by its user. */
function codecsBothWays(kind: string): RTCRtpCodec[] {
  const { RTCRtpSender, RTCRtpReceiver } = globalThis as Partial<typeof globalThis>;
  const received = RTCRtpReceiver?.getCapabilities?.(kind)?.codecs.map((codec) => JSON.stringify(codec));
  const sent = RTCRtpSender?.getCapabilities?.(kind)?.codecs ?? [];
  return sent.filter((codec) => received?.includes(JSON.stringify(codec)));
}

function nameOf(streams: readonly MediaStream[]): string {
  return streams.map(({ id }) => id).join(' ');
}

/** werift takes an array, unlike the W3C's method. */
function setStreams(sender: RTCRtpSender, streams: readonly MediaStream[]): void {
  try {
    sender.setStreams(...streams);
  } catch {
    (sender.setStreams as unknown as (streams: readonly MediaStream[]) => void)(streams);
  }
}
