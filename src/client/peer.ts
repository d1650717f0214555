import { type ActorRefFrom, createActor, type InspectionEvent, type SnapshotFrom } from 'xstate';
import type { ParticipantId } from '../protocol/server.ts';
import { Channels, type ChannelsHost } from './channels.ts';
import type { Description } from './description.ts';
import { EarlyCandidates } from './early.ts';
import type { SignalingError } from './errors.ts';
import { Gathering } from './gathering.ts';
import {
  type NegotiationDecision,
  type NegotiationEvent,
  negotiationMachine,
  type Timing,
} from './machines/negotiation.ts';
import { answeredBy, Pairing } from './pairing.ts';
import { type MeshPeerState, peerStateOf } from './peer-state.ts';
import type { PeerReason } from './reason.ts';
import type { Signaling } from './signaling.ts';
import { type PeerSummary, summarize } from './summary.ts';
import { type StreamedTrack, Tracks, type TracksHost } from './tracks.ts';

/** The connection with one other participant. */
export interface MeshPeer {
  /** Of now: it changes when the participant comes back after a server restart (event `renamed`). */
  readonly id: ParticipantId;
  readonly state: MeshPeerState;
  /**
   * Why the participant is not reached, or with `TooLarge` why some tracks do not reach the participant. Undefined
   * while there is no trouble, or while its cause is not known yet. The event `peerState` tells every change.
   */
  readonly reason: PeerReason | undefined;
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
  /** It finds no path, and does not fail either: only another connection can help. */
  stuck(): void;
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

/** Performs what one pair's negotiation decides, on its RTCPeerConnection. */
export class Peer implements MeshPeer {
  id: ParticipantId;
  /** The id the other end says it has since a server restart; not believed before it is proven. */
  claim: ParticipantId | undefined;
  readonly polite: boolean;
  readonly connection: RTCPeerConnection;
  readonly actor: ActorRefFrom<typeof negotiationMachine>;
  readonly #signaling: PeerOptions['signaling'];
  readonly #host: PeerHost;
  readonly #tracks: Tracks;
  readonly #channels: Channels;
  readonly #early = new EarlyCandidates();
  readonly #pairing = new Pairing();
  readonly #gathering: Gathering;
  readonly #closing = new AbortController();
  #state: MeshPeerState = 'connecting';
  readonly #reason: PeerReason | undefined;
  /** The latest answer, to be sent again if the other end did not get it. */
  #answer = '';
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
    this.#gathering = new Gathering(connection, (candidate) => this.#trickle(candidate));
    this.actor = createActor(negotiationMachine, { input: { polite, timing }, ...(inspect && { inspect }) });
    this.actor.on('*', (decision) => this.#perform(decision));
    this.actor.subscribe((snapshot) => this.#follow(snapshot));
    this.actor.start();
    connection.addEventListener('negotiationneeded', () => this.notify({ type: 'needed' }));
    connection.addEventListener('connectionstatechange', () => {
      const { connectionState: state } = connection;
      if (state !== 'new' && state !== 'closed') this.notify({ type: `transport.${state}` });
    });
  }

  get state(): MeshPeerState {
    return this.#state;
  }

  get reason(): PeerReason | undefined {
    return this.#reason;
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

  /** Whether a description belongs to this connection: it may, it does, or it does not. */
  accepts(description: Description): 'maybe' | 'yes' | 'no' {
    return this.#pairing.accepts(description);
  }

  offered(description: Description): void {
    const { sdp, tag } = description;
    this.#pairing.learn(description);
    this.notify({ type: 'remote.offer', sdp, tag });
  }

  answered(description: Description): void {
    this.#pairing.learn(description);
    this.notify({ type: 'remote.answer', sdp: description.sdp, offer: answeredBy(description) });
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
        return this.#operate(() => this.#gathering.describe());
      case 'sendOffer':
        return this.#sendOffer(this.#pairing.tagOf(decision.offer));
      case 'acceptOffer':
        return this.#operate(async () => {
          await this.#apply({ type: 'offer', sdp: decision.sdp });
          this.#answer = await this.#gathering.describe();
        });
      case 'sendAnswer':
        return this.#sendAnswer(decision.tag);
      case 'acceptAnswer':
        return this.#operate(() => this.#apply({ type: 'answer', sdp: decision.sdp }));
      case 'rollBack':
        return this.#operate(() => this.#rollBack());
      case 'restartIce':
        return connection.restartIce();
      case 'startOver':
        return this.#host.stuck();
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
    const sdp = this.#pairing.mark(this.#gathering.sdp, tag);
    this.#relay((to) => this.#signaling.offer(to, sdp, { signal }));
    this.#gathering.sent();
  }

  #sendAnswer(tag = '-'): void {
    this.#sending.abort();
    const { signal } = this.#closing;
    const sdp = this.#pairing.mark(this.#answer, tag);
    this.#relay((to) => this.#signaling.answer(to, sdp, { signal }));
    this.#gathering.sent();
  }

  #trickle(candidate: RTCIceCandidateInit | null): void {
    const { signal } = this.#closing;
    this.#relay((to) => this.#signaling.candidate(to, candidate, { signal }));
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
    const state = peerStateOf(snapshot);
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
