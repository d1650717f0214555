import { type ActorRefFrom, createActor, type InspectionEvent, type SnapshotFrom } from 'xstate';
import type { ParticipantId } from '../protocol/server.ts';
import { Channels, type ChannelsHost } from './channels.ts';
import { type Description, mark } from './description.ts';
import { EarlyCandidates } from './early.ts';
import type { SignalingError } from './errors.ts';
import {
  type NegotiationDecision,
  type NegotiationEvent,
  negotiationMachine,
  type Timing,
} from './machines/negotiation.ts';
import type { Signaling } from './signaling.ts';
import { type PeerSummary, summarize } from './summary.ts';
import { type StreamedTrack, Tracks, type TracksHost } from './tracks.ts';

/**
 * connecting: no path found yet. connected: media and data pass. interrupted: they do, but the other end has lost its
 * signalling. reconnecting: nothing passes, and ICE is restarted. failed: that did not help; it is tried again now and
 * then, and when signalling resumes. closed: over.
 */
export type MeshPeerState = 'connecting' | 'connected' | 'interrupted' | 'reconnecting' | 'failed' | 'closed';

/** The connection with one other participant. */
export interface MeshPeer {
  /** Of now: it changes when the participant comes back after a server restart (event `renamed`). */
  readonly id: ParticipantId;
  readonly state: MeshPeerState;
  readonly connection: RTCPeerConnection;
  /** Those the participant sends. */
  readonly tracks: readonly StreamedTrack[];
  /** The negotiation's statechart (docs/statecharts.md). */
  readonly actor: ActorRefFrom<typeof negotiationMachine>;
  summary(): Promise<PeerSummary>;
}

/** Who hears of a peer. */
export interface PeerHost extends ChannelsHost, TracksHost {
  stateChanged(): void;
  /** WebRTC refused something, or a description is too large; the negotiation goes on as it can. */
  failed(error: unknown): void;
}

export interface PeerOptions {
  readonly id: ParticipantId;
  /** At one end of a pair true, at the other false. */
  readonly polite: boolean;
  readonly connection: RTCPeerConnection;
  readonly channels: Readonly<Record<string, RTCDataChannelInit>>;
  readonly timing: Timing;
  readonly signaling: Pick<Signaling, 'offer' | 'answer' | 'candidate'>;
  readonly inspect?: ((event: InspectionEvent) => void) | undefined;
}

/**
 * A description waits so long for candidates to ride in it, since each that does saves a message. Chromium has found
 * those of the machine itself after some 120 ms.
 */
const GATHERING_MS = 200;

/** Performs what one pair's negotiation decides, on its RTCPeerConnection. */
export class Peer implements MeshPeer {
  id: ParticipantId;
  /** The id the other end says it has since a server restart; not believed before it is proven. */
  claim: ParticipantId | undefined;
  readonly polite: boolean;
  readonly connection: RTCPeerConnection;
  readonly actor: ActorRefFrom<typeof negotiationMachine>;
  /** Names this RTCPeerConnection to the other end. */
  readonly #instance = `i${Math.random().toString(36).slice(2)}`;
  readonly #signaling: PeerOptions['signaling'];
  readonly #host: PeerHost;
  readonly #tracks: Tracks;
  readonly #channels: Channels;
  readonly #early = new EarlyCandidates();
  readonly #closing = new AbortController();
  #state: MeshPeerState = 'connecting';
  /** Who is at the other end: known from its first description on. */
  #remote: { readonly instance: string | undefined; readonly fingerprint: string } | undefined;
  /** The latest answer, to be sent again if the other end did not get it. */
  #answer = '';
  /** A description is being made and not sent yet: it will carry the candidates found meanwhile. */
  #isDescribing = false;
  #gatheringEnded: () => void = () => {};
  /** Takes back an offer that is not sent yet, since another takes its place. */
  #sending = new AbortController();

  constructor(options: PeerOptions, host: PeerHost) {
    const { id, polite, connection, channels, timing, signaling, inspect } = options;
    this.id = id;
    this.polite = polite;
    this.connection = connection;
    this.#signaling = signaling;
    this.#host = host;
    this.#tracks = new Tracks(connection, host);
    this.#channels = new Channels(connection, channels, !polite, host);
    this.actor = createActor(negotiationMachine, { input: { polite, timing }, ...(inspect && { inspect }) });
    this.actor.on('*', (decision) => this.#perform(decision));
    this.actor.subscribe((snapshot) => this.#follow(snapshot));
    this.actor.start();
    connection.addEventListener('negotiationneeded', () => this.notify({ type: 'needed' }));
    connection.addEventListener('icecandidate', ({ candidate }) => this.#gathered(candidate));
    connection.addEventListener('connectionstatechange', () => {
      const { connectionState: state } = connection;
      if (state !== 'new' && state !== 'closed') this.notify({ type: `transport.${state}` });
    });
  }

  get state(): MeshPeerState {
    return this.#state;
  }

  get tracks(): readonly StreamedTrack[] {
    return this.#tracks.remote;
  }

  async summary(): Promise<PeerSummary> {
    return summarize(await this.connection.getStats());
  }

  /** Whether ids went with the server, and this one's new one is not known yet. */
  get isNameless(): boolean {
    return this.#hasClaimed || this.actor.getSnapshot().matches({ open: { presence: 'nameless' } });
  }

  /**
   * Whether a description belongs to this connection: it may, it does, or it does not. It does when it comes from the
   * other end's RTCPeerConnection, and is meant for this one.
   */
  accepts({ instance, addressee, fingerprint }: Description): 'maybe' | 'yes' | 'no' {
    if (addressee !== undefined && addressee !== this.#instance) return 'no';
    if (this.#remote === undefined) return 'maybe';
    const { instance: known = instance } = this.#remote;
    const isSame = instance === undefined || instance === known;
    return isSame && fingerprint === this.#remote.fingerprint ? 'yes' : 'no';
  }

  offered({ sdp, tag, instance, fingerprint }: Description): void {
    this.#remote ??= { instance, fingerprint };
    this.notify({ type: 'remote.offer', sdp, tag });
  }

  answered({ sdp, tag, instance, fingerprint }: Description): void {
    this.#remote ??= { instance, fingerprint };
    const offer = tag === undefined ? undefined : Number(tag.split('.')[1]);
    this.notify({ type: 'remote.answer', sdp, offer });
  }

  candidate(candidate: RTCIceCandidateInit | null): void {
    if (this.#early.admit(candidate)) this.#add(candidate);
  }

  add(track: StreamedTrack): void {
    this.#tracks.add(track);
  }

  replace(oldTrack: MediaStreamTrack, newTrack: MediaStreamTrack): Promise<void> {
    return this.#tracks.replace(oldTrack, newTrack);
  }

  remove(track: MediaStreamTrack): void {
    this.#tracks.remove(track);
  }

  send(label: string, data: string | ArrayBuffer): boolean {
    return this.#channels.send(label, data);
  }

  tell(text: string): boolean {
    return this.#channels.tell(text);
  }

  /** What the Mesh learns from signalling. */
  notify(event: NegotiationEvent): void {
    if (this.#state !== 'closed') this.actor.send(event);
  }

  /** Idempotent. */
  close(): void {
    this.notify({ type: 'close' });
  }

  #perform(decision: NegotiationDecision): void {
    const { connection } = this;
    switch (decision.type) {
      case 'makeOffer':
        return this.#operate(() => this.#describe());
      case 'sendOffer':
        return this.#sendOffer(`${this.#instance}.${decision.offer}`);
      case 'acceptOffer':
        return this.#operate(async () => {
          await this.#apply({ type: 'offer', sdp: decision.sdp });
          this.#answer = await this.#describe();
        });
      case 'sendAnswer':
        return this.#sendAnswer(decision.tag);
      case 'acceptAnswer':
        return this.#operate(() => this.#apply({ type: 'answer', sdp: decision.sdp }));
      case 'rollBack':
        return this.#operate(() => this.#rollBack());
      case 'restartIce':
        return connection.restartIce();
      case 'closed':
        return this.#end();
    }
  }

  /** One at a time, since the machine waits for its end. */
  #operate(operation: () => Promise<unknown>): void {
    operation().then(
      () => this.notify({ type: 'done' }),
      (error) => {
        this.#failed(error);
        this.notify({ type: 'failed' });
      },
    );
  }

  /** Makes and sets the local description that is due, offer or answer, and returns its SDP. */
  async #describe(): Promise<string> {
    this.#isDescribing = true;
    await this.connection.setLocalDescription();
    await this.#gathering();
    return this.connection.localDescription?.sdp ?? '';
  }

  async #apply(description: { type: 'offer' | 'answer'; sdp: string }): Promise<void> {
    await this.connection.setRemoteDescription(description);
    for (const candidate of this.#early.applied(description.sdp)) this.#add(candidate);
  }

  async #rollBack(): Promise<void> {
    const { connection } = this;
    if (connection.signalingState === 'have-local-offer')
      await connection.setLocalDescription({ type: 'rollback' });
    if (connection.signalingState === 'have-remote-offer')
      await connection.setRemoteDescription({ type: 'rollback' });
  }

  #sendOffer(tag: string): void {
    this.#sending.abort();
    this.#sending = new AbortController();
    const signal = AbortSignal.any([this.#sending.signal, this.#closing.signal]);
    const sdp = this.#mark(this.connection.localDescription?.sdp ?? '', tag);
    this.#relay((to) => this.#signaling.offer(to, sdp, { signal }));
    this.#isDescribing = false;
  }

  #sendAnswer(tag = '-'): void {
    this.#sending.abort();
    const { signal } = this.#closing;
    const sdp = this.#mark(this.#answer, tag);
    this.#relay((to) => this.#signaling.answer(to, sdp, { signal }));
    this.#isDescribing = false;
  }

  #mark(sdp: string, tag: string): string {
    return mark(sdp, this.#instance, tag, this.#remote?.instance);
  }

  #gathered(candidate: RTCIceCandidate | null): void {
    const init = candidate?.candidate ? plain(candidate) : null;
    if (init === null) this.#gatheringEnded();
    if (this.#isDescribing) return;
    const { signal } = this.#closing;
    this.#relay((to) => this.#signaling.candidate(to, init, { signal }));
  }

  async #gathering(): Promise<void> {
    if (this.connection.iceGatheringState === 'complete') return;
    await new Promise<void>((resolve) => {
      this.#gatheringEnded = resolve;
      setTimeout(resolve, GATHERING_MS);
    });
  }

  /** Nobody waits for it: what is lost on the way is healed by the negotiation's timers, what is too large is not. */
  #relay(send: (to: ParticipantId) => Promise<void>): void {
    const to = this.#hasClaimed ? this.claim : this.isNameless ? undefined : this.id;
    if (to === undefined) return;
    send(to).catch((error) => {
      if ((error as Partial<SignalingError>).code === 'InvalidPayload') this.#failed(error);
    });
  }

  get #hasClaimed(): boolean {
    return this.actor.getSnapshot().matches({ open: { presence: 'claimed' } });
  }

  #add(candidate: RTCIceCandidateInit | null): void {
    this.connection.addIceCandidate(candidate ?? undefined).catch((error) => this.#failed(error));
  }

  #failed(error: unknown): void {
    if (this.#state !== 'closed') this.#host.failed(error);
  }

  #follow(snapshot: SnapshotFrom<typeof negotiationMachine>): void {
    if (snapshot.matches({ open: { descriptions: 'stable' } })) this.#tracks.settle();
    const state = stateOf(snapshot);
    if (state === this.#state) return;
    this.#state = state;
    this.#host.stateChanged();
  }

  #end(): void {
    this.#state = 'closed';
    this.#closing.abort();
    this.#tracks.end();
    this.connection.close();
    this.#host.stateChanged();
  }
}

function stateOf(snapshot: SnapshotFrom<typeof negotiationMachine>): MeshPeerState {
  const { value } = snapshot;
  if (value === 'closed') return 'closed';
  const { transport, presence } = value.open;
  switch (transport) {
    case 'connecting':
    case 'failed':
      return transport;
    case 'connected':
      return presence === 'present' ? 'connected' : 'interrupted';
    default:
      return 'reconnecting';
  }
}

function plain({
  candidate,
  sdpMid,
  sdpMLineIndex,
  usernameFragment,
}: RTCIceCandidateInit): RTCIceCandidateInit {
  return {
    candidate: candidate ?? '',
    ...(sdpMid != null && { sdpMid }),
    ...(sdpMLineIndex != null && { sdpMLineIndex }),
    ...(usernameFragment != null && { usernameFragment }),
  };
}
