import {
  Mesh,
  type MeshOptions,
  type MeshPeer,
  type PeerSummary,
  Signaling,
} from '../../../src/client/index.ts';

/** When frames were handed to a socket: what the network makes of that afterwards is not the client's. */
const sentAt: number[] = [];

class NotingWebSocket extends WebSocket {
  override send(data: string): void {
    sentAt.push(performance.now());
    super.send(data);
  }
}

/** What runs in each page of the tests of Mesh: a participant of a call, and what it has seen. */
export class Call {
  readonly signaling: Signaling;
  readonly mesh: Mesh;
  /** `type id` of everything that happened, in order. */
  readonly log: string[] = [];
  readonly errors: string[] = [];
  readonly #shown = new Map<string, MediaStreamTrack>();
  /** What the negotiations have decided, all peers together. */
  readonly decisions: string[] = [];

  constructor(url: string, options: MeshOptions = {}, { session = false } = {}) {
    this.signaling = new Signaling(url, {
      WebSocket: NotingWebSocket,
      reconnect: { baseMs: 200, capMs: 1000 },
      ...(session && { session: sessionStorage }),
    });
    this.mesh = new Mesh(this.signaling, options);
    this.signaling.on('error', ({ code, message }) => this.errors.push(`${code}: ${message}`));
    this.signaling.on('resumed', () => this.log.push('resumed'));
    this.signaling.on('peerDisconnected', ({ participantId }) => this.log.push(`left ${participantId}`));
    this.signaling.on('restarted', () => this.log.push('restarted'));
    this.mesh.on('error', ({ error }) => this.errors.push(String(error)));
    this.mesh.on('peer', ({ id, actor }) => {
      this.log.push(`peer ${id}`);
      actor.on('*', ({ type }) => this.decisions.push(type));
    });
    this.mesh.on('peerState', ({ id, state, reason }) =>
      this.log.push([state, id, ...(reason ? [reason.code] : [])].join(' ')),
    );
    this.mesh.on('renamed', ({ peer, previousId }) => this.log.push(`renamed ${previousId} ${peer.id}`));
    this.mesh.on('peerClosed', ({ id }) => this.log.push(`peerClosed ${id}`));
    this.mesh.on('track', ({ peer, track }) => this.log.push(`track ${track.kind} ${peer.id}`));
    this.mesh.on('trackEnded', ({ peer, track }) => this.log.push(`trackEnded ${track.kind} ${peer.id}`));
    this.mesh.on('channelOpen', ({ peer, label }) => this.log.push(`channelOpen ${label} ${peer.id}`));
    this.mesh.on('message', ({ peer, label, data }) => this.log.push(`message ${label} ${peer.id} ${data}`));
  }

  /** Creates a room, or joins it; returns the room's id. */
  async enter(roomId?: string): Promise<string> {
    const room = await (roomId === undefined ? this.signaling.createRoom() : this.signaling.joinRoom(roomId));
    return room.roomId;
  }

  async speak(constraints: MediaStreamConstraints = { audio: true }): Promise<void> {
    const stream = await navigator.mediaDevices.getUserMedia(constraints);
    for (const track of stream.getTracks()) this.mesh.addTrack(track, stream);
  }

  /** Sends a picture in a stream of its own, under a name for `hide`; returns the stream's id. */
  show(name: string): string {
    const stream = Object.assign(document.createElement('canvas'), { width: 32, height: 32 }).captureStream(
      5,
    );
    const [track] = stream.getTracks() as [MediaStreamTrack];
    this.mesh.addTrack(track, stream);
    this.#shown.set(name, track);
    return stream.id;
  }

  hide(name: string): void {
    const track = this.#shown.get(name);
    if (track !== undefined) this.mesh.removeTrack(track);
    track?.stop();
    this.#shown.delete(name);
  }

  /** The ids of the streams that arrive from each peer. */
  streams(): Record<string, string[]> {
    return Object.fromEntries(
      this.peers().map(({ id, tracks }) => [
        id,
        tracks.flatMap(({ streams }) => streams.map(({ id }) => id)),
      ]),
    );
  }

  /** The bytes of the largest offer that is possible now, without candidates: networks come and go meanwhile. */
  async largest(): Promise<number> {
    const offers = await Promise.all(this.peers().map(({ connection }) => connection.createOffer()));
    return Math.max(...offers.map(({ sdp = '' }) => sdp.replace(/^a=candidate.*\r\n/gm, '').length));
  }

  peers(): readonly MeshPeer[] {
    return [...this.mesh.peers.values()];
  }

  /** The most frames that were sent within a second. */
  pace(): number {
    return Math.max(...sentAt.map((start) => sentAt.filter((at) => at >= start && at < start + 1000).length));
  }

  /** Where everything stands, for the message of a test that failed. */
  standing(): unknown {
    const peers = this.peers().map(({ id, state, reason, actor, connection: { signalingState } }) => {
      return { id, state, reason, signalingState, at: actor.getSnapshot().value };
    });
    return { self: this.signaling.selfId, room: this.signaling.room, peers };
  }

  /** Packets of media received from each peer so far. */
  async packets(): Promise<Record<string, number>> {
    const summaries = Object.entries(await this.summaries());
    return Object.fromEntries(
      summaries.map(([id, { inbound }]) => [id, inbound.reduce((sum, { packets }) => sum + packets, 0)]),
    );
  }

  async summaries(): Promise<Record<string, PeerSummary>> {
    return Object.fromEntries(
      await Promise.all(this.peers().map(async (peer) => [peer.id, await peer.summary()] as const)),
    );
  }

  close(): void {
    this.mesh.close();
    this.signaling.close();
  }
}

Object.assign(globalThis, { Call });
