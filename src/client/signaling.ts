import { type Actor, createActor } from 'xstate';
import type { RelayRequest } from '../protocol/client.ts';
import type { ParticipantId, Ready, RoomId, ServerMessage } from '../protocol/server.ts';
import { readBackoff } from './backoff.ts';
import { watchBrowserEvents } from './browser-events.ts';
import { Emitter, type Events } from './emitter.ts';
import { readEndpoint, resolveEndpoint } from './endpoint.ts';
import { SignalingError } from './errors.ts';
import {
  type Moment,
  type SignalingDecision,
  type SignalingEvent,
  signalingMachine,
} from './machines/signaling.ts';
import { Pacer } from './pacer.ts';
import { Relays } from './relays.ts';
import { missing, type RoomState } from './room.ts';
import { Seat, type SeatCall } from './seat.ts';
import { AWAY, GOODBYE, Session } from './session.ts';
import { type SessionRecord, SessionStore, type StoredSession, serialize } from './session-store.ts';
import { stateOf } from './state.ts';
import { subprotocolsOf, tokenSource } from './token.ts';
import type { CallOptions, JoinOptions, SignalingEvents, SignalingOptions, SignalingState } from './types.ts';
import { isDevelopment, mayAsk, whyUnreachable } from './unreachable.ts';
import { type ChartLogic, runChart } from './xstate/chart.ts';

const now = (): Moment => ({ steady: performance.now(), epoch: Date.now() });

const SILENT = 'The server did not answer in time.';
const UUID_V4 = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/i;

const signalingLogic = runChart(signalingMachine);

/**
 * A client of the signalling server: a room to meet in, and offers, answers and candidates for whoever is in it. A
 * lost connection is made again by itself, and what was said meanwhile is heard afterwards, once and in order.
 *
 * Create, join and leave are asked one at a time, in the order they were called. Their promises reject with a
 * `SignalingError`, whose `code` is the protocol's, or with the reason of an aborted signal.
 */
export class Signaling implements Events<SignalingEvents> {
  /** The XState actor of the connection, whose statechart is in docs/statecharts.md. */
  readonly actor: Actor<ChartLogic<typeof signalingMachine>>;
  readonly #seat: Seat;
  readonly #emitter = new Emitter<SignalingEvents>((error, type) => this.#isHandled(error, type));
  readonly #session: Session;
  readonly #pacer: Pacer;
  readonly #relays: Relays;
  readonly #stopWatching: () => void;
  readonly #store: SessionStore | undefined;
  /** What an earlier page has left, until the server has said whether it goes on. */
  #earlier: SessionRecord | undefined;
  #formerPeers: ReadonlySet<ParticipantId> = new Set();
  readonly #url: () => URL;
  readonly #given: string | URL;
  #isClosing = false;
  #isExplained = false;
  #trouble: Pick<SignalingState, 'url' | 'hint'> | undefined;
  #connecting = 0;
  #ready: Ready | undefined;
  #previousId: ParticipantId | undefined;
  #heardAt: Moment = now();
  /** Rises with every sign of life, and with every change of sockets. */
  #signs = 0;
  #state: SignalingState = { status: 'idle', attempt: 0 };

  /**
   * Nothing is sent before the first call. `url` is the server's WebSocket: `wss://host/ws`, or in a page `/ws`.
   * Throws a TypeError when it cannot be one, and a RangeError for an option that is out of range. A relative URL is
   * resolved at the first connection, so that a page can be rendered on a server.
   */
  constructor(url: string | URL, options: SignalingOptions = {}) {
    const { reconnect, inspect } = options;
    const backoff = readBackoff(reconnect);
    const { navigator } = globalThis as Partial<typeof globalThis>;
    readEndpoint(url); // throws now what it can know now
    this.#given = url;
    this.#url = () => resolveEndpoint(url);
    if (options.session != null) this.#store = new SessionStore(options.session, () => this.#url().href);
    const openSocket = (token: string | undefined) => {
      const endpoint = this.#url();
      const Socket = options.WebSocket ?? (globalThis as Partial<typeof globalThis>).WebSocket;
      if (Socket !== undefined)
        return token === undefined ? new Socket(endpoint) : new Socket(endpoint, subprotocolsOf(token));
      throw new TypeError(
        'WebSocket is missing here: give one as an option, for instance that of the package ws.',
      );
    };
    this.#session = new Session(
      openSocket,
      {
        opened: () => {
          this.#signs += 1;
          this.actor.send({ type: 'opened' });
        },
        ready: (ready) => this.#welcome(ready),
        message: (message) => this.#hear(message),
        lost: (loss) => {
          this.#signs += 1;
          this.#pacer.close();
          // The server has ended the session for good, or another client goes on with it.
          if (loss.afterMs === false && loss.code !== undefined) this.#store?.clear();
          this.actor.send({ type: 'lost', ...loss });
        },
        failed: (loss) => {
          this.#signs += 1;
          this.actor.send({ type: 'failed', ...loss });
        },
      },
      tokenSource(options.token),
    );
    this.#pacer = new Pacer(this.#session, () => this.#seat.isInside);
    this.#seat = new Seat(
      this.#pacer,
      {
        roomChanged: (before) => this.#tellRoom(before),
        failed: (error) => this.#emitter.emit('error', error),
      },
      inspect,
    );
    this.#relays = new Relays(this.#pacer, () => ({
      closed: this.#state.status === 'closed' ? this.#closedError() : undefined,
      selfId: this.selfId,
      room: this.room,
      limits: this.#ready?.limits,
    }));
    this.actor = createActor(signalingLogic, {
      id: 'signaling',
      ...(inspect && { inspect }),
      input: {
        backoff,
        random: Math.random,
        now,
        heardAt: () => this.#heardAt,
        isWanted: () => this.#connecting > 0 || this.#seat.isWanted || !this.#seat.isOutside,
        canProbe: () => !this.#seat.isOutside,
        isOnline: navigator?.onLine !== false,
      },
    });
    this.actor.on('*', (decision) => this.#perform(decision as SignalingDecision));
    this.actor.subscribe(() => this.#tellState());
    this.#stopWatching = watchBrowserEvents(
      (type) => this.actor.send({ type }),
      () => this.#leavePage(),
    );
    this.actor.start();
  }

  /** Where the connection stands. */
  get state(): SignalingState {
    return this.#state;
  }

  /** This client's id, from the first `connect` on. It changes with the event `restarted`. */
  get selfId(): ParticipantId | undefined {
    return this.#ready?.participant_id;
  }

  /** The room this client is in, as last heard. */
  get room(): RoomState | undefined {
    return this.#seat.room;
  }

  /**
   * Who was in the room when an earlier page of this session was there: they may hold a connection with that page, and
   * do not know that it is gone. Empty unless a stored session was resumed.
   */
  get formerPeers(): ReadonlySet<ParticipantId> {
    return this.#formerPeers;
  }

  /** For RTCConfiguration; empty before the first `connect`. */
  get iceServers(): readonly RTCIceServer[] {
    return (this.#ready?.ice_servers ?? []) as readonly RTCIceServer[];
  }

  /** What the server bounds; undefined before the first `connect`. */
  get limits(): Ready['limits'] | undefined {
    return this.#ready?.limits;
  }

  on<K extends keyof SignalingEvents>(
    type: K,
    listener: (event: SignalingEvents[K]) => void,
    options?: { readonly signal?: AbortSignal | undefined },
  ): () => void {
    return this.#emitter.on(type, listener, options);
  }

  /**
   * Connects, and settles when the server is ready; at once if it is. Goes on trying as `reconnect` says: bound it
   * with `AbortSignal.timeout(ms)`. Rejects with `Closed` when that is over, or was before.
   */
  connect(options?: CallOptions): Promise<void> {
    return this.#quiet(this.#connect(options));
  }

  async #connect({ signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.#tell({ type: 'connect' });
    this.#connecting += 1;
    const settled = new AbortController();
    try {
      await new Promise<void>((resolve, reject) => {
        const look = ({ status }: SignalingState): void => {
          if (status === 'connected') resolve();
          else if (status === 'closed') reject(this.#closedError());
        };
        this.on('state', look, settled);
        signal?.addEventListener('abort', () => reject(signal.reason), settled);
        look(this.#state);
      });
    } finally {
      settled.abort();
      this.#connecting -= 1;
      this.#abandon();
    }
  }

  /**
   * Opens a new room, with this client in it; connects first if need be. Rejects with `InvalidPayload` in a room,
   * `Internal` when the server is at its room limit, `Closed`.
   */
  createRoom(options?: CallOptions): Promise<RoomState> {
    return this.#quiet(this.#call({ type: 'enter', request: {} }, options) as Promise<RoomState>);
  }

  /**
   * Joins a room; connects first if need be. Rejects with `RoomNotFound`, `RoomFull`, `InvalidPayload` in a room or
   * for an id that is none, `Internal`, `Closed`.
   */
  joinRoom(roomId: RoomId, options?: JoinOptions): Promise<RoomState> {
    return this.#quiet(this.#join(roomId, options));
  }

  async #join(roomId: RoomId, options: JoinOptions = {}): Promise<RoomState> {
    const { createIfMissing } = options;
    if (!UUID_V4.test(roomId)) {
      const hint =
        'A room id is a version 4 UUID: one that createRoom() returned, or crypto.randomUUID() makes.';
      throw new SignalingError('InvalidPayload', `"${roomId}" cannot be a room id. ${hint}`);
    }
    const request = { roomId: roomId.toLowerCase(), createIfMissing };
    return (await this.#call({ type: 'enter', request }, options)) as RoomState;
  }

  /** Leaves the room; settles when that is on its way, or at once outside a room. Relays still waiting are dropped. */
  leave(options?: CallOptions): Promise<void> {
    return this.#quiet(this.#leave(options));
  }

  async #leave(options?: CallOptions): Promise<void> {
    const { status } = this.#state;
    if (status !== 'idle' && status !== 'closed') await this.#call({ type: 'leave' }, options);
  }

  /**
   * Sends an offer to somebody in the room. Settles when it was handed to the socket, which may take a while: frames
   * are paced below the server's limit, and wait while the connection is lost. It goes again if it does not arrive, as
   * long as the session lives. Rejects with `ParticipantNotFound` when `to` is not in the room, or leaves it meanwhile;
   * `InvalidPayload` outside a room, when `sdp` is no string (it is a description's `sdp`, not the description) or when
   * it is larger than the server takes; `RateLimited` when 1000 relays wait already; `Lost` when the session was gone;
   * `Closed`.
   */
  offer(to: ParticipantId, sdp: string, options?: CallOptions): Promise<void> {
    return this.#quiet(this.#relays.send({ type: 'Offer', to, sdp }, options));
  }

  /** As `offer`. */
  answer(to: ParticipantId, sdp: string, options?: CallOptions): Promise<void> {
    return this.#quiet(this.#relays.send({ type: 'Answer', to, sdp }, options));
  }

  /** As `offer`, but behind all offers and answers to others; null ends the candidates. */
  candidate(to: ParticipantId, candidate: RTCIceCandidateInit | null, options?: CallOptions): Promise<void> {
    // Of an RTCIceCandidate, whose properties are getters, and which has many more.
    const { candidate: line = '', sdpMid, sdpMLineIndex, usernameFragment } = candidate ?? {};
    const message = { type: 'IceCandidate', to, candidate: line, sdpMid, sdpMLineIndex, usernameFragment };
    return this.#quiet(this.#relays.send(message as RelayRequest, options));
  }

  /**
   * With the option `session`: what an earlier page has left in the storage, if anything. `connect` and any other call
   * go on with it, unless it `isElsewhere`.
   */
  async stored(): Promise<StoredSession | undefined> {
    const stored = await this.#store?.claim();
    if (stored === undefined) return undefined;
    const { selfId, room, at, isElsewhere } = stored;
    return { selfId, roomId: room?.roomId, at, isElsewhere };
  }

  /**
   * Closes this client, but not its session: returns what another client needs to go on with it, as text to be put
   * under the key of its storage, within seconds. Undefined when there is no session. The text is a secret.
   */
  handOver(): string | undefined {
    const record = this.#record();
    if (record === undefined || this.#state.status === 'closed') return undefined;
    this.#session.drop(AWAY);
    this.close();
    return serialize(record);
  }

  /** Leaves for good: nobody waits for this client. Idempotent. */
  close(): void {
    this.#isClosing = true;
    this.#store?.clear();
    this.#tell({ type: 'close' });
  }

  /** A machine that has ended takes no events. */
  #tell(event: SignalingEvent): void {
    if (this.#state.status !== 'closed') this.actor.send(event);
  }

  /** When somebody left, the call rejects, but a caller that does not await it gets no unhandled rejection. */
  #quiet<T>(call: Promise<T>): Promise<T> {
    const outer = new Promise<T>((resolve, reject) => {
      call.then(resolve, (error) => {
        if (this.#isDeparture(error)) outer.catch(() => {});
        reject(error);
      });
    });
    return outer;
  }

  /** Whether a call failed since somebody left meanwhile: the addressee, or this client. */
  #isDeparture(error: unknown): error is SignalingError {
    if (!(error instanceof SignalingError)) return false;
    const { code, to } = error;
    if (code === 'Closed') return this.#isClosing;
    return code === 'ParticipantNotFound' || code === 'Lost' || (to !== undefined && this.room === undefined);
  }

  /** An async listener may await a call that fails because somebody left. The event `error` then reports it. */
  #isHandled(error: unknown, type: keyof SignalingEvents): boolean {
    if (!this.#isDeparture(error)) return false;
    if (type !== 'error') this.#emitter.emit('error', error);
    return true;
  }

  #perform(decision: SignalingDecision): void {
    switch (decision.type) {
      case 'open':
        this.#signs += 1;
        return this.#open();
      case 'drop':
        this.#signs += 1;
        this.#pacer.close();
        return this.#session.drop();
      case 'timeOut':
        return this.#unlessHeard(() => {
          this.#pacer.close();
          this.#session.drop();
          this.actor.send({ type: 'lost', reason: SILENT, afterMs: 0 });
        });
      case 'timeOutNext':
        return this.#unlessHeard(() => {
          this.#session.dropNext();
          this.actor.send({ type: 'failed', reason: SILENT, afterMs: 0 });
        });
      case 'probe':
        // In any other state an answer is awaited already.
        if (this.#seat.isInside) this.#seat.probe();
        return;
      case 'end':
        return this.#end();
    }
  }

  /** With a stored session, only once it is known whose that is. */
  #open(): void {
    if (this.#session.isOpening) return;
    if (this.#store === undefined) return this.#session.open();
    void this.#store.claim().then((stored) => {
      if (stored !== undefined && !stored.isElsewhere && this.#ready === undefined) {
        this.#earlier = stored;
        this.#session.restore(stored);
      }
      const { value } = this.actor.getSnapshot();
      if (value === 'connecting' || value === 'moving') this.#session.open();
    });
  }

  /** What another page would go on with. */
  #record(): SessionRecord | undefined {
    const resumption = this.#session.resumption;
    if (resumption === undefined || this.selfId === undefined) return undefined;
    return { url: this.#url().href, ...resumption, selfId: this.selfId, room: this.room };
  }

  #save(): void {
    const record = this.#record();
    if (record !== undefined) this.#store?.save(record);
  }

  /** The browser would close the socket with 1001, which is a leave. */
  #leavePage(): void {
    const record = this.#record();
    if (this.#store === undefined || record === undefined || this.#state.status === 'closed') return;
    this.#store.leave(record);
    this.#signs += 1;
    this.#pacer.close();
    this.#session.drop(AWAY);
    this.actor.send({ type: 'lost', reason: 'The page was left.', afterMs: 0 });
  }

  /** Where this page stood still, what has arrived meanwhile is heard before it is judged to be late. */
  #unlessHeard(act: () => void): void {
    const signs = this.#signs;
    setTimeout(() => {
      if (signs === this.#signs && this.#state.status !== 'closed') act();
    });
  }

  #noteSign(): void {
    this.#signs += 1;
    this.#heardAt = now();
  }

  #welcome(ready: Ready): void {
    const earlier = this.#earlier;
    this.#earlier = undefined;
    const previousId = this.#ready?.participant_id ?? earlier?.selfId;
    this.#pacer.close();
    if (ready.resumed) this.#pacer.resume(ready.received);
    else this.#pacer.restart();
    this.#ready = ready;
    this.#trouble = undefined;
    this.#noteSign();
    this.actor.send({ type: 'ready', heartbeatMs: ready.heartbeat_ms });
    if (ready.resumed) {
      const lost = ready.lost === true;
      this.#relays.dropUndeliverable(); // the addressee may have left since
      if (earlier?.room !== undefined) {
        this.#formerPeers = new Set(earlier.room.participants);
        this.#seat.tell({ type: 'restored', room: earlier.room });
      }
      this.#seat.tell({ type: 'resumed', lost });
      this.#emitter.emit('resumed', { lost });
    } else if (previousId !== undefined) {
      this.#previousId = previousId;
      this.#relays.forget();
      this.#emitter.emit('restarted', { previousId, selfId: ready.participant_id });
      if (earlier === undefined) this.#seat.tell({ type: 'restarted' });
      else if (earlier.room !== undefined) this.#seat.tell({ type: 'returned', roomId: earlier.room.roomId });
    }
    const { handed } = this.#pacer;
    this.#pacer.open(ready.limits);
    this.#seat.advance();
    if (ready.resumed && this.#pacer.handed === handed) this.#seat.confirm();
    this.#save();
  }

  #hear(message: Exclude<ServerMessage, Ready>): void {
    this.#take(message);
    this.#save();
  }

  #take(message: Exclude<ServerMessage, Ready>): void {
    this.#noteSign();
    if (this.actor.getSnapshot().value === 'doubtful') this.actor.send({ type: 'heard' });
    const emitter = this.#emitter;
    switch (message.type) {
      case 'RoomCreated':
        return this.#seat.admitted(message.request_id);
      case 'PeerConnected':
        // RoomParticipants follows, and tells the same of all others.
        if (message.participant_id === this.selfId) this.#seat.admitted(message.request_id);
        return;
      case 'RoomParticipants': {
        const { room_id: roomId, participants } = message;
        return this.#seat.tell({ type: 'participants', room: { roomId, participants } });
      }
      case 'PeerInterrupted':
        return emitter.emit('peerInterrupted', { participantId: message.participant_id });
      case 'PeerResumed':
        return emitter.emit('peerResumed', { participantId: message.participant_id });
      case 'ServerDraining': {
        const { deadline_ms: deadlineMs, jitter_ms: jitterMs } = message;
        this.actor.send({ type: 'draining', jitterMs });
        return emitter.emit('draining', { deadlineMs, jitterMs });
      }
      case 'Offer':
        return emitter.emit('offer', { from: message.from, sdp: message.sdp });
      case 'Answer':
        return emitter.emit('answer', { from: message.from, sdp: message.sdp });
      case 'IceCandidate': {
        const { type, from, ...rest } = message;
        const { seq, ...candidate } = rest as typeof rest & { seq?: number };
        return emitter.emit('candidate', {
          from,
          candidate: candidate.candidate === '' ? null : (candidate as RTCIceCandidateInit),
        });
      }
      case 'Error': {
        const { code, message: text } = message;
        if (code === 'RateLimited') return this.#pacer.refused(message.frame);
        if (code === 'ParticipantNotFound') return emitter.emit('error', new SignalingError(code, text));
        return this.#seat.refused(message.request_id, code, text);
      }
      case 'Pong':
        return this.#seat.ponged(message.request_id, message.room_id);
    }
  }

  async #call(call: SeatCall, options: CallOptions = {}): Promise<RoomState | undefined> {
    options.signal?.throwIfAborted();
    const answer = this.#seat.call(call, options);
    try {
      this.#tell({ type: 'connect' });
      if (this.#state.status === 'closed') this.#end();
      this.#seat.advance();
      return await answer;
    } finally {
      this.#abandon();
    }
  }

  /** A connection that was never made, and that nobody waits for any more, is given up. */
  #abandon(): void {
    if (this.#connecting > 0 || this.#seat.isWanted || this.#ready !== undefined) return;
    this.#tell({ type: 'abandon' });
  }

  #end(): void {
    this.#stopWatching();
    this.#pacer.close();
    this.#session.drop(GOODBYE);
    this.#store?.close();
    const error = this.#closedError();
    this.#pacer.drop(() => true, error);
    this.#seat.end(error);
  }

  #closedError(): SignalingError {
    return new SignalingError('Closed', this.actor.getSnapshot().context.reason ?? 'Closed.');
  }

  #tellState(): void {
    const about = stateOf(this.actor.getSnapshot());
    const state = { ...about, ...(about.status !== 'connected' && this.#trouble) };
    if (JSON.stringify(this.#state) === JSON.stringify(state)) return;
    this.#state = state;
    this.#emitter.emit('state', state);
    if (state.status === 'closed') this.#emitter.end();
    if (state.status === 'waiting' || state.status === 'closed') void this.#explain();
  }

  /** Once, if the server was never reached: a setting may be wrong, and the browser does not say which. */
  async #explain(): Promise<void> {
    if (this.#isExplained || this.#isClosing || this.#ready !== undefined || !mayAsk) return;
    this.#isExplained = true;
    const url = readEndpoint(this.#given);
    if (url === undefined) return; // the reason says it
    const hint = await whyUnreachable(url);
    if (this.#isClosing || this.#ready !== undefined) return;
    this.#trouble = { url: url.href, hint };
    this.#tellState();
    if (isDevelopment) console.warn(`Bloom: no connection with ${url.href}. ${hint}`);
  }

  /** After `room`, if it is the same room, who left and who came. */
  #tellRoom(before: RoomState | undefined): void {
    const { room } = this;
    this.#save();
    this.#relays.dropUndeliverable();
    this.#emitter.emit('room', room);
    if (before?.roomId !== room?.roomId) return;
    const isOther = (id: ParticipantId) => id !== this.selfId && id !== this.#previousId;
    for (const participantId of missing(room, before).filter(isOther))
      this.#emitter.emit('peerDisconnected', { participantId });
    for (const participantId of missing(before, room).filter(isOther))
      this.#emitter.emit('peerConnected', { participantId });
  }
}
