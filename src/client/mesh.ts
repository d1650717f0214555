import type { InspectionEvent } from 'xstate';
import type { ParticipantId } from '../protocol/server.ts';
import { estimateBytes, frameLimit, type Kind } from './capacity.ts';
import { type Description, read } from './description.ts';
import { Emitter, type Events } from './emitter.ts';
import { withIceServers } from './ice-servers.ts';
import type { Timing } from './machines/negotiation.ts';
import { OrphanedPeers } from './orphaned-peers.ts';
import { type MeshPeer, Peer, type PeerHost } from './peer.ts';
import type { RoomState } from './room.ts';
import type { Signaling } from './signaling.ts';
import { MAX_TIMER_MS } from './timer.ts';
import { type MeshTiming, readTiming } from './timing.ts';
import type { StreamedTrack } from './tracks.ts';

export interface MeshOptions {
  /** What makes connections: a class as the W3C's. Default: the global one; in Node give werift's, for instance. */
  readonly RTCPeerConnection?: (new (configuration: never) => object) | undefined;
  /** For each connection. `iceServers` default to those the server named, `bundlePolicy` to `max-bundle`. */
  readonly configuration?: (RTCConfiguration & Readonly<Record<string, unknown>>) | undefined;
  /** The data channels with each peer, by label; every participant declares the same. Default: none. */
  readonly channels?: Readonly<Record<string, RTCDataChannelInit>> | undefined;
  /**
   * No participant will send a track, so the descriptions have no sections for audio and video: they are 8 kB smaller.
   * `addTrack` then throws. Default false.
   */
  readonly dataOnly?: boolean | undefined;
  /** How long to wait for what, in milliseconds; Infinity is some three days. */
  readonly timing?: Partial<Timing & MeshTiming> | undefined;
  /** XState's: sees every event and snapshot of each peer's `actor`. */
  readonly inspect?: ((event: InspectionEvent) => void) | undefined;
}

/** What a Mesh tells; each event names the peer it is of. */
export interface MeshEvents {
  /** A new one; it is connecting. */
  peer: MeshPeer;
  /** Its `state` or its `reason` has changed. */
  peerState: MeshPeer;
  /** The participant has come back after a server restart, under another id; the connection is the same. */
  renamed: { readonly peer: MeshPeer; readonly previousId: ParticipantId };
  /** Over; it is not among `peers` any more. */
  peerClosed: MeshPeer;
  /** The participant sends a track; its streams are those it was added with. */
  track: { readonly peer: MeshPeer } & StreamedTrack;
  /** The participant sends it no more. */
  trackEnded: { readonly peer: MeshPeer; readonly track: MediaStreamTrack };
  /** The channel can be sent on from now. */
  channelOpen: { readonly peer: MeshPeer; readonly label: string };
  /** What the participant sent on a channel. It can come before `channelOpen`, when nothing can be answered yet. */
  message: { readonly peer: MeshPeer; readonly label: string; readonly data: string | ArrayBuffer };
  /**
   * For a log: WebRTC refused something of a peer's, or the server would (a description larger than it takes), or the
   * platform refuses an ICE server, which is left out. The negotiation goes on by itself.
   */
  error: { readonly peer: MeshPeer; readonly error: unknown };
}

/** A pair that has not started over for so long has no trouble any more. */
const FORGET_ATTEMPTS_MS = 600_000;

/** A full mesh: one RTCPeerConnection with each other participant of the room that `signaling` is in. */
export class Mesh implements Events<MeshEvents> {
  readonly #signaling: Signaling;
  readonly #options: MeshOptions;
  readonly #timing: Timing & MeshTiming;
  readonly #Connection: typeof RTCPeerConnection;
  readonly #emitter = new Emitter<MeshEvents>();
  readonly #peers = new Map<ParticipantId, Peer>();
  readonly #closing = new AbortController();
  #tracks: readonly StreamedTrack[] = [];
  /** How often a pair has started over lately. */
  readonly #attempts = new Map<ParticipantId, { readonly count: number; readonly at: number }>();
  /** What the platform refused of the ICE servers, told once. */
  readonly #refusedServers = new Set<string>();
  /** Newcomers who may be the owners of connections that go on. */
  readonly #waiting = new Map<ParticipantId, ReturnType<typeof setTimeout>>();
  /** Participants that closed their connection while their signalling was interrupted: they cannot be offered another. */
  readonly #away = new Set<ParticipantId>();
  /** Until then the other members may be on the server that drains, by `performance.now()`. */
  #drainEndsAt = 0;
  readonly #orphanedPeers = new OrphanedPeers({
    peers: () => this.#peers.values(),
    participants: () => this.#signaling.room?.participants ?? [],
    offered: (from, description) => this.#offered(from, description),
    rename: (peer, id) => this.#rename(peer, id),
    drop: (peer) => this.#drop(peer),
  });

  /**
   * Follows `signaling`'s room from now on: connects to whoever is in it, and disconnects from whoever leaves. Throws a
   * TypeError where there is no RTCPeerConnection, global or given, and a RangeError for a `timing` that is no time.
   */
  constructor(signaling: Signaling, options: MeshOptions = {}) {
    this.#signaling = signaling;
    this.#options = options;
    this.#timing = readTiming(options.timing);
    this.#Connection = connectionOf(options);
    const { signal } = this.#closing;
    signaling.on('draining', ({ deadlineMs }) => this.#draining(deadlineMs), { signal });
    signaling.on('restarted', () => this.#restarted(), { signal });
    signaling.on('room', (room) => this.#follow(room), { signal });
    signaling.on('resumed', () => this.#resumed(), { signal });
    signaling.on('peerInterrupted', (e) => this.#notify(e.participantId, 'peer.interrupted'), { signal });
    signaling.on('peerResumed', (e) => this.#peerResumed(e.participantId), { signal });
    signaling.on('offer', ({ from, sdp }) => this.#offered(from, read(sdp)), { signal });
    signaling.on('answer', ({ from, sdp }) => this.#answered(from, read(sdp)), { signal });
    signaling.on('candidate', ({ from, candidate }) => this.#candidate(from, candidate), { signal });
    this.#follow(signaling.room);
  }

  /** By participant id. After a server restart, a peer keeps its old id until the new one is known. */
  get peers(): ReadonlyMap<ParticipantId, MeshPeer> {
    return this.#peers;
  }

  on<K extends keyof MeshEvents>(
    type: K,
    listener: (event: MeshEvents[K]) => void,
    options?: { readonly signal?: AbortSignal | undefined },
  ): () => void {
    return this.#emitter.on(type, listener, options);
  }

  /**
   * Sends the track to every peer, present and future. Throws a RangeError when a description with it would be larger
   * than the server takes (64 KiB: some ten videos each way), and a TypeError in a Mesh with `dataOnly`.
   */
  addTrack(track: MediaStreamTrack, ...streams: MediaStream[]): void {
    if (this.#tracks.some((each) => each.track === track)) return;
    if (this.#options.dataOnly) throw new TypeError('This Mesh was made with dataOnly, and sends no tracks.');
    if (!this.#fits(track.kind as Kind)) {
      throw new RangeError(
        `Another ${track.kind} track does not fit into a description that the server takes. Remove a track first.`,
      );
    }
    const streamed = { track, streams };
    this.#tracks = [...this.#tracks, streamed];
    for (const peer of this.#peers.values()) peer.add(streamed);
  }

  /** Sends another track of the same kind in a track's place, without a new negotiation; TypeError for another kind. */
  async replaceTrack(oldTrack: MediaStreamTrack, newTrack: MediaStreamTrack): Promise<void> {
    if (oldTrack.kind !== newTrack.kind)
      throw new TypeError(`${newTrack.kind} cannot replace ${oldTrack.kind}.`);
    this.#tracks = this.#tracks.map((each) =>
      each.track === oldTrack ? { track: newTrack, streams: each.streams } : each,
    );
    await Promise.all([...this.#peers.values()].map((peer) => peer.replace(oldTrack, newTrack)));
  }

  /** Stops sending the track. The track itself goes on: `track.stop()` is for who made it. */
  removeTrack(track: MediaStreamTrack): void {
    this.#tracks = this.#tracks.filter((each) => each.track !== track);
    for (const peer of this.#peers.values()) peer.remove(track);
  }

  /**
   * Sends to all whose channel is open, or to one; returns to how many. One that refuses, since its buffer is full or
   * the message too large, is left out, and the event `error` says why.
   */
  send(label: string, data: string | ArrayBuffer, to?: ParticipantId): number {
    const addressees = [...this.#peers.values()].filter(({ id }) => to === undefined || id === to);
    return addressees.filter((peer) => peer.send(label, data)).length;
  }

  /** Closes every connection, for good. The room is not left: that is `signaling`'s. Idempotent. */
  close(): void {
    this.#closing.abort();
    this.#orphanedPeers.end();
    this.#follow(undefined);
  }

  /** Meets whoever is in the room, and drops whoever is not. */
  #follow(room: RoomState | undefined): void {
    const { selfId } = this.#signaling;
    const others = (room?.participants ?? []).filter((id) => id !== selfId);
    for (const peer of [...this.#peers.values()]) {
      // Who kept its id through our restart has heard that we left, and closed its end.
      if (room === undefined || peer.hasUnknownId === others.includes(peer.id)) this.#drop(peer);
    }
    for (const id of [...this.#waiting.keys()]) {
      if (!others.includes(id)) this.#stopWaiting(id);
    }
    for (const id of [...this.#attempts.keys()]) {
      if (!others.includes(id)) this.#attempts.delete(id);
    }
    for (const id of this.#away) if (!others.includes(id)) this.#away.delete(id);
    const hasOrphanedPeers = this.#orphanedPeers.all.length > 0;
    for (const id of others) {
      if (this.#closing.signal.aborted) return; // by a listener, meanwhile
      if (this.#peers.has(id) || this.#waiting.has(id) || this.#away.has(id)) continue;
      if (hasOrphanedPeers) this.#wait(id, this.#timing.matchMs);
      else this.#meet(id);
    }
    if (selfId !== undefined && hasOrphanedPeers) this.#orphanedPeers.introduce(selfId);
  }

  #meet(id: ParticipantId): Peer {
    this.#stopWaiting(id);
    this.#away.delete(id);
    const { channels = {}, dataOnly = false, inspect } = this.#options;
    const refused: Error[] = [];
    const options = {
      id,
      polite: (this.#signaling.selfId ?? '') > id,
      connection: this.#connect((error) => refused.push(error)),
      channels,
      dataOnly,
      // A former peer does not know that this is another page, and waits for no offer: offer at once, polite or not.
      timing: this.#signaling.formerPeers.has(id) ? { ...this.#timing, firstOfferMs: 0 } : this.#timing,
      attempt: this.#attemptsWith(id),
      signaling: this.#signaling,
      inspect,
    };
    const peer: Peer = new Peer(
      options,
      this.#hostOf(() => peer),
    );
    for (const track of this.#tracks) peer.add(track);
    this.#peers.set(id, peer);
    this.#emitter.emit('peer', peer);
    for (const error of refused) this.#failed(peer, error);
    return peer;
  }

  #connect(refused: (error: Error) => void): RTCPeerConnection {
    const { configuration = {} } = this.#options;
    const { bundlePolicy = 'max-bundle' } = configuration;
    return withIceServers(
      this.#iceServers(),
      (iceServers) => new this.#Connection({ ...configuration, iceServers, bundlePolicy }),
      (connection) => connection.close(),
      (error) => {
        if (this.#refusedServers.has(error.message)) return;
        this.#refusedServers.add(error.message);
        refused(error);
      },
    );
  }

  #iceServers(): readonly RTCIceServer[] {
    return this.#options.configuration?.iceServers ?? this.#signaling.iceServers;
  }

  /** Whether another track of this kind can be sent to all, and to those who come later. */
  #fits(kind: Kind): boolean {
    const kinds = [kind, ...this.#tracks.map(({ track }) => track.kind as Kind)];
    const limit = frameLimit(this.#signaling.limits?.max_payload_bytes);
    return estimateBytes(kinds) <= limit && [...this.#peers.values()].every((peer) => peer.fits(kind));
  }

  #hostOf(peerOf: () => Peer): PeerHost {
    const emit = this.#emitter.emit.bind(this.#emitter);
    return {
      stateChanged: () => this.#changed(peerOf()),
      // With another connection; its first offer tells the other end, whose Mesh does the same.
      stuck: () => {
        this.#attempts.set(peerOf().id, {
          count: this.#attemptsWith(peerOf().id) + 1,
          at: performance.now(),
        });
        this.#renew(peerOf(), (id) => this.#meet(id));
      },
      iceServers: () => this.#iceServers(),
      trackStarted: (streamed) => emit('track', { peer: peerOf(), ...streamed }),
      trackEnded: (track) => emit('trackEnded', { peer: peerOf(), track }),
      opened: (label) => emit('channelOpen', { peer: peerOf(), label }),
      heard: (label, data) => emit('message', { peer: peerOf(), label, data }),
      told: (text) => this.#orphanedPeers.told(peerOf(), text),
      // The other end has closed its connection; if it is in the room still, it may want another.
      ended: () => this.#ended(peerOf()),
      failed: (error) => this.#failed(peerOf(), error),
    };
  }

  #failed(peer: Peer, error: unknown): void {
    this.#emitter.emit('error', { peer, error });
  }

  /** How often this end has started over with a participant, if that was not long ago. */
  #attemptsWith(id: ParticipantId): number {
    const { count, at } = this.#attempts.get(id) ?? { count: 0, at: 0 };
    return performance.now() - at < FORGET_ATTEMPTS_MS ? count : 0;
  }

  #changed(peer: Peer): void {
    if (peer.state !== 'closed' && this.#peers.get(peer.id) !== peer) return; // not told of yet
    this.#emitter.emit('peerState', peer);
    if (peer.state === 'connected') this.#orphanedPeers.dropClaimedBy(peer.id);
    if (peer.state === 'failed' && peer.hasUnknownId) this.#drop(peer);
  }

  #drop(peer: Peer): void {
    if (this.#peers.get(peer.id) !== peer) return;
    this.#peers.delete(peer.id);
    peer.close();
    this.#emitter.emit('peerClosed', peer);
  }

  /** The connection is over, though its participant may not be: then `again` sees to another. */
  #renew(peer: Peer, again: (id: ParticipantId) => void): void {
    if (this.#peers.get(peer.id) !== peer) return;
    this.#drop(peer);
    if (this.#isHere(peer.id)) again(peer.id);
  }

  /** A participant that cannot be signalled gets another connection when it is back: it may have left by another server. */
  #ended(peer: Peer): void {
    const { isInterrupted } = peer;
    this.#renew(peer, (id) => {
      if (isInterrupted) this.#away.add(id);
      else this.#wait(id, this.#timing.renewMs);
    });
  }

  #peerResumed(id: ParticipantId): void {
    this.#notify(id, 'peer.resumed');
    if (this.#away.has(id)) this.#meet(id);
  }

  #isHere(id: ParticipantId): boolean {
    return this.#signaling.room?.participants.includes(id) ?? false;
  }

  #notify(id: ParticipantId, type: 'peer.interrupted' | 'peer.resumed'): void {
    this.#peers.get(id)?.notify({ type });
  }

  #resumed(): void {
    for (const peer of this.#peers.values()) {
      peer.configure();
      peer.notify({ type: 'self.resumed' });
    }
  }

  #offered(from: ParticipantId, description: Description): void {
    if (this.#orphanedPeers.offered(from, description)) return;
    const peer = this.#peers.get(from);
    if (peer !== undefined && peer.accepts(description) !== 'no') return peer.offered(description);
    if (description.addressee !== undefined) return; // meant for a connection that is no more
    // The other end has begun again.
    if (peer !== undefined) this.#drop(peer);
    if (this.#isHere(from)) this.#meet(from).offered(description);
  }

  #answered(from: ParticipantId, description: Description): void {
    this.#orphanedPeers.answered(from, description);
    const peer = this.#peers.get(from);
    if (peer !== undefined && peer.accepts(description) !== 'no') peer.answered(description);
  }

  #candidate(from: ParticipantId, candidate: RTCIceCandidateInit | null): void {
    const peer = this.#peers.get(from) ?? this.#orphanedPeers.claimedBy(from);
    peer?.candidate(candidate);
  }

  /** Members move one after another: connections with those that move last must not be given up before. */
  #draining(deadlineMs: number): void {
    this.#drainEndsAt = performance.now() + deadlineMs;
  }

  /** This client has a new id, and so has everybody else soon: media goes on, its owners must be found again. */
  #restarted(): void {
    for (const peer of [...this.#peers.values()]) {
      if (peer.state === 'connecting') this.#drop(peer);
      else {
        peer.configure();
        peer.notify({ type: 'ids.lost' });
      }
    }
    const othersMayStayMs = Math.max(0, this.#drainEndsAt - performance.now());
    this.#orphanedPeers.restarted(Math.min(othersMayStayMs + this.#timing.strayMs, MAX_TIMER_MS));
  }

  #rename(peer: Peer, id: ParticipantId): void {
    const rival = this.#peers.get(id);
    if (rival !== undefined) this.#drop(rival);
    this.#stopWaiting(id);
    const previousId = peer.id;
    this.#peers.delete(previousId);
    peer.id = id;
    peer.claim = undefined;
    this.#peers.set(id, peer);
    this.#emitter.emit('renamed', { peer, previousId });
    peer.notify({ type: 'id.proven' });
  }

  #wait(id: ParticipantId, ms: number): void {
    const timer = setTimeout(() => {
      this.#waiting.delete(id);
      if (this.#peers.has(id) || !this.#isHere(id)) return;
      const isClaimed = this.#orphanedPeers.claimedBy(id) !== undefined;
      if (isClaimed && ms === this.#timing.matchMs) this.#wait(id, this.#timing.proofMs);
      else this.#meet(id);
    }, ms);
    this.#waiting.set(id, timer);
  }

  #stopWaiting(id: ParticipantId): void {
    clearTimeout(this.#waiting.get(id));
    this.#waiting.delete(id);
    this.#orphanedPeers.forget(id);
  }
}

function connectionOf(options: MeshOptions): typeof RTCPeerConnection {
  const given = options.RTCPeerConnection ?? (globalThis as Partial<typeof globalThis>).RTCPeerConnection;
  if (given !== undefined) return given as typeof RTCPeerConnection;
  throw new TypeError('RTCPeerConnection is missing here: give one as an option, for instance werift’s.');
}
