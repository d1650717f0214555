import { type ActorRefFrom, createActor, type InspectionEvent, type SnapshotFrom } from 'xstate';
import type { ParticipantId } from '../protocol/server.ts';
import { frameBytes, frameLimit, type Kind } from './capacity.ts';
import { Channels, type ChannelsHost } from './channels.ts';
import type { Description } from './description.ts';
import { Diagnosis } from './diagnosis.ts';
import { EarlyCandidates } from './early.ts';
import type { SignalingError } from './errors.ts';
import { Gathering, TooLarge } from './gathering.ts';
import { withIceServers } from './ice-servers.ts';
import {
  type NegotiationDecision,
  type NegotiationEvent,
  negotiationMachine,
  type Timing,
  UNANSWERED,
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
export interface PeerHost extends ChannelsHost, Omit<TracksHost, 'needed' | 'limit'> {
  /** Its state or its reason. */
  stateChanged(): void;
  /** It finds no path and does not fail either, or its negotiation fails again and again. Another connection can help. */
  stuck(): void;
  /** Those for this connection, as they are now. */
  iceServers(): readonly RTCIceServer[];
  /** WebRTC refused something, or a description is too large; the negotiation goes on as it can. */
  failed(error: unknown): void;
}

export interface PeerOptions {
  readonly id: ParticipantId;
  /** At one end of a pair true, at the other false. */
  readonly polite: boolean;
  readonly connection: RTCPeerConnection;
  readonly channels: Readonly<Record<string, RTCDataChannelInit>>;
  /** Data channels alone, so an offer needs no sections for audio and video. */
  readonly dataOnly: boolean;
  readonly timing: Timing;
  /** How often this pair has started over lately. */
  readonly attempt: number;
  readonly signaling: Pick<Signaling, 'offer' | 'answer' | 'candidate' | 'limits'>;
  readonly inspect?: ((event: InspectionEvent) => void) | undefined;
}

/** Browsers have fired negotiationneeded by then. */
const NEEDED_MS = 100;

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
  readonly #diagnosis: Diagnosis;
  readonly #dataOnly: boolean;
  readonly #closing = new AbortController();
  #state: MeshPeerState = 'connecting';
  #reason: PeerReason | undefined;
  /** Why there is no path. */
  #pathReason: PeerReason | undefined;
  #needing: ReturnType<typeof setTimeout> | undefined;
  /** There is no path, and the reason is looked for. */
  #isExplaining = false;
  /** What WebRTC said to the operation that failed last. */
  #lastError: unknown;
  /** The ICE servers that the connection was given last. */
  #iceServers: string;
  /** The latest answer, to be sent again if the other end did not get it. */
  #answer = '';
  /** An answer that is larger than the server takes. */
  #refusedAnswer: string | undefined;
  /** Takes back an offer that is not sent yet, since another takes its place. */
  #sending = new AbortController();

  constructor(options: PeerOptions, host: PeerHost) {
    const { id, polite, connection, channels, dataOnly, timing, attempt, signaling, inspect } = options;
    this.id = id;
    this.polite = polite;
    this.connection = connection;
    this.#signaling = signaling;
    this.#host = host;
    this.#dataOnly = dataOnly;
    this.#iceServers = JSON.stringify(host.iceServers());
    this.#tracks = new Tracks(connection, {
      trackStarted: (track) => host.trackStarted(track),
      trackEnded: (track) => host.trackEnded(track),
      failed: (error) => this.#failed(error),
      limit: () => this.#limit,
      needed: () => this.#need(),
    });
    this.#channels = new Channels(connection, channels, !polite, host);
    this.#gathering = new Gathering(connection, (candidate) => this.#trickle(candidate));
    this.#diagnosis = new Diagnosis(connection, () => this.#isExplaining && this.#explain());
    this.actor = createActor(negotiationMachine, {
      input: { polite, timing, attempt },
      ...(inspect && { inspect }),
    });
    this.actor.on('*', (decision) => this.#perform(decision));
    this.actor.subscribe((snapshot) => this.#follow(snapshot));
    this.actor.start();
    connection.addEventListener('negotiationneeded', () => {
      clearTimeout(this.#needing);
      this.notify({ type: 'needed' });
    });
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
  get hasUnknownId(): boolean {
    return this.#hasClaimed || this.actor.getSnapshot().matches({ open: { presence: 'unknownId' } });
  }

  /** Whether the participant has lost its signalling. */
  get isInterrupted(): boolean {
    return this.actor.getSnapshot().matches({ open: { presence: 'interrupted' } });
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

  /** Whether another track of a kind can be sent: a description with it must not be larger than the server takes. */
  fits(kind: Kind): boolean {
    return this.#tracks.fits(kind);
  }

  add(track: StreamedTrack): void {
    this.#tracks.add(track);
    this.#follow(this.actor.getSnapshot());
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

  /** Gives the connection the ICE servers of now. They count from the next ICE restart on. */
  configure(): void {
    const servers = this.#host.iceServers();
    const text = JSON.stringify(servers);
    if (text === this.#iceServers) return;
    this.#iceServers = text;
    const { connection } = this;
    try {
      withIceServers(
        servers,
        (iceServers) => connection.setConfiguration({ ...connection.getConfiguration(), iceServers }),
        () => {},
        (error) => this.#failed(error),
      );
    } catch (error) {
      this.#failed(error);
    }
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
        return this.#operate(() => {
          if (!this.#dataOnly) this.#tracks.reserve();
          this.#tracks.trim();
          this.#tracks.nameStreams();
          return this.#gathering.offer(this.#limit, () => this.#tracks.nameStreams());
        });
      case 'sendOffer':
        return this.#sendOffer(this.#pairing.tagOf(decision.offer));
      case 'acceptOffer':
        return this.#operate(async () => {
          await this.#apply({ type: 'offer', sdp: decision.sdp });
          this.#tracks.trim();
          this.#tracks.nameStreams();
          this.#answer = await this.#gathering.describe(() => this.#tracks.nameStreams());
        });
      case 'sendAnswer':
        return this.#sendAnswer(decision.tag);
      case 'acceptAnswer':
        return this.#operate(() => this.#apply({ type: 'answer', sdp: decision.sdp }));
      case 'rollBack':
        return this.#operate(() => this.#rollBack());
      case 'withdraw':
        return this.#operate(async () => {
          await this.#rollBack();
          throw new Error('An offer is too large, and nothing of it can be taken back.'); // another connection can help
        });
      case 'explain':
        this.#isExplaining = true;
        return this.#explain();
      case 'restartIce':
        this.configure();
        this.#diagnosis.forget();
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
        this.#lastError = error;
        this.#failed(error);
        this.notify({ type: error instanceof TooLarge ? 'tooLarge' : 'failed' });
      },
    );
  }

  async #apply(description: { type: 'offer' | 'answer'; sdp: string }): Promise<void> {
    await this.connection.setRemoteDescription(description);
    for (const candidate of this.#early.applied(description.sdp)) this.#add(candidate);
    if (this.#isExplaining) this.#explain(); // more is known now
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
    const { signal } = this.#sending;
    const sdp = this.#pairing.mark(this.#gathering.sdp, tag);
    this.#relay(
      (to) => this.#signaling.offer(to, sdp, { signal }),
      () => this.#isTooLarge(sdp) && this.notify({ type: 'tooLarge' }),
    );
    this.#gathering.sent();
  }

  #sendAnswer(tag = '-'): void {
    this.#sending.abort();
    const { signal } = this.#closing;
    const answer = this.#answer;
    const sdp = this.#pairing.mark(answer, tag);
    this.#relay(
      (to) => this.#signaling.answer(to, sdp, { signal }),
      () => {
        if (this.#isTooLarge(sdp)) this.#refusedAnswer = answer;
        this.#follow(this.actor.getSnapshot());
      },
    );
    this.#gathering.sent();
  }

  #isTooLarge(sdp: string): boolean {
    return frameBytes(sdp) > this.#limit;
  }

  #trickle(candidate: RTCIceCandidateInit | null): void {
    const { signal } = this.#closing;
    this.#relay((to) => this.#signaling.candidate(to, candidate, { signal }));
  }

  /** No caller waits for it: the negotiation's timers heal what is lost on the way, and `refused` what is too large. */
  #relay(send: (to: ParticipantId) => Promise<void>, refused?: () => unknown): void {
    const to = this.#hasClaimed ? this.claim : this.hasUnknownId ? undefined : this.id;
    if (to === undefined) return;
    send(to).catch((error) => {
      if ((error as Partial<SignalingError>).code !== 'InvalidPayload') return;
      this.#failed(error);
      refused?.();
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

  /** Browsers fire negotiationneeded when a transceiver changes its direction; werift does not. */
  #need(): void {
    clearTimeout(this.#needing);
    this.#needing = setTimeout(() => {
      if (this.connection.signalingState === 'stable') this.notify({ type: 'needed' });
      else this.#need();
    }, NEEDED_MS);
  }

  get #limit(): number {
    return frameLimit(this.#signaling.limits?.max_payload_bytes);
  }

  #explain(): void {
    this.#diagnosis.reason().then(
      (reason) => {
        const snapshot = this.actor.getSnapshot();
        if (snapshot.matches('closed') || snapshot.matches({ open: { transport: 'connected' } })) return;
        this.#pathReason = reason;
        this.#follow(snapshot);
      },
      (error) => this.#failed(error),
    );
  }

  #follow(snapshot: SnapshotFrom<typeof negotiationMachine>): void {
    if (snapshot.matches('closed')) return;
    if (snapshot.matches({ open: { descriptions: 'stable' } })) this.#tracks.settle();
    if (snapshot.matches({ open: { transport: 'connected' } })) {
      this.#pathReason = undefined;
      this.#isExplaining = false;
    }
    const [state, reason] = [peerStateOf(snapshot), this.#reasonOf(snapshot)];
    if (state === this.#state && reason?.message === this.#reason?.message) return;
    this.#state = state;
    this.#reason = reason;
    this.#host.stateChanged();
  }

  #reasonOf(snapshot: SnapshotFrom<typeof negotiationMachine>): PeerReason | undefined {
    const { failures, resent } = snapshot.context;
    if (failures > 1) {
      const message = `WebRTC refused several descriptions in a row: ${this.#lastError}`;
      return { code: 'NegotiationFailed', message };
    }
    if (snapshot.matches({ open: { descriptions: 'awaiting' } }) && resent + 1 >= UNANSWERED) {
      return { code: 'NoAnswer', message: 'The other end does not answer an offer.' };
    }
    if (this.#refusedAnswer === this.#answer) {
      return { code: 'TooLarge', message: 'An answer is not sent: it is larger than the server takes.' };
    }
    if (this.#pathReason !== undefined) return this.#pathReason;
    const { withdrawn } = this.#tracks;
    if (withdrawn === 0) return undefined;
    const tracks = withdrawn === 1 ? '1 track is' : `${withdrawn} tracks are`;
    return { code: 'TooLarge', message: `${tracks} not sent: a description with them is too large.` };
  }

  #end(): void {
    this.#state = 'closed';
    this.#reason = undefined;
    clearTimeout(this.#needing);
    this.#sending.abort();
    this.#closing.abort();
    this.#tracks.end();
    this.connection.close();
    this.#host.stateChanged();
  }
}
