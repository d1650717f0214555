import { type Actor, createActor, type StateValueFrom } from 'xstate';
import type { ClientMessage, RelayRequest } from '../protocol/client.ts';
import type { ParticipantId, Ready, RoomId, ServerMessage } from '../protocol/server.ts';
import { readBackoff } from './backoff.ts';
import { type ChartLogic, runChart } from './chart.ts';
import { Emitter, type Events } from './emitter.ts';
import { SignalingError } from './errors.ts';
import { type Request, type SeatDecision, type SeatEvent, seatMachine } from './machines/seat.ts';
import { type SignalingDecision, signalingMachine } from './machines/signaling.ts';
import { type Frame, Pacer } from './pacer.ts';
import { Relays } from './relays.ts';
import type { RoomState } from './room.ts';
import { Session } from './session.ts';
import { watchSurroundings } from './surroundings.ts';
import type { CallOptions, JoinOptions, SignalingEvents, SignalingOptions, SignalingState } from './types.ts';

/** A call that waits for its turn, or for its answer. */
interface Call {
  readonly event: Extract<SeatEvent, { type: 'enter' | 'leave' }>;
  resolve(room: RoomState | undefined): void;
  reject(reason: unknown): void;
}

const SILENT = 'The server did not answer in time.';
const UUID_V4 = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/i;

const signalingLogic = runChart(signalingMachine);
const seatLogic = runChart(seatMachine);

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
  readonly #seat: Actor<ChartLogic<typeof seatMachine>>;
  readonly #emitter = new Emitter<SignalingEvents>();
  readonly #session: Session;
  readonly #pacer: Pacer;
  readonly #relays: Relays;
  readonly #stopWatching: () => void;
  /** Calls whose turn has not come. */
  #calls: Call[] = [];
  /** The call the seat is busy with. */
  #call: Call | undefined;
  /** Of `#call`, until it is handed to the socket. */
  #frame: Frame | undefined;
  #connecting = 0;
  #ready: Ready | undefined;
  #previousId: ParticipantId | undefined;
  #heardAt = 0;
  #room: RoomState | undefined;
  #state: SignalingState = { status: 'idle', attempt: 0 };

  /**
   * Nothing is sent before the first call. `url` is the server's WebSocket: `wss://host/ws`, or in a page `/ws`.
   * Throws a TypeError when it is no URL, and a RangeError for an option that is no time or count.
   */
  constructor(url: string | URL, options: SignalingOptions = {}) {
    const { reconnect, inspect } = options;
    const backoff = readBackoff(reconnect);
    const { location, navigator } = globalThis as Partial<typeof globalThis>;
    const absolute = new URL(url, location?.href);
    absolute.protocol = absolute.protocol.replace('http', 'ws');
    this.#session = new Session(absolute, options.WebSocket ?? WebSocket, {
      ready: (ready) => this.#welcome(ready),
      message: (message) => this.#hear(message),
      lost: (loss) => {
        this.#pacer.close();
        this.actor.send({ type: 'lost', ...loss });
      },
      failed: (loss) => this.actor.send({ type: 'failed', ...loss }),
    });
    this.#pacer = new Pacer(
      (text) => this.#session.send(text),
      // A server that is asked for another socket hears no more on this one: relays wait until it is settled.
      () => this.#seat.getSnapshot().value === 'inside' && this.actor.getSnapshot().value !== 'moving',
    );
    this.#relays = new Relays(this.#pacer, () => ({
      closed: this.#state.status === 'closed' ? this.#closedError() : undefined,
      selfId: this.selfId,
      room: this.#room,
      limits: this.#ready?.limits,
    }));
    this.actor = createActor(signalingLogic, {
      id: 'signaling',
      ...(inspect && { inspect }),
      input: {
        backoff,
        random: Math.random,
        now: Date.now,
        heardAt: () => this.#heardAt,
        canProbe: () => this.#seat.getSnapshot().value !== 'outside',
        isOnline: navigator?.onLine !== false,
      },
    });
    this.#seat = createActor(seatLogic, { id: 'seat', ...(inspect && { inspect }) });
    this.actor.on('*', (decision) => this.#perform(decision as SignalingDecision));
    this.actor.subscribe(() => this.#tellState());
    this.#seat.on('*', (decision) => this.#sit(decision as SeatDecision));
    this.#seat.subscribe(() => this.#tellRoom());
    this.#stopWatching = watchSurroundings((type) => this.actor.send({ type }));
    this.#seat.start();
    this.actor.start();
  }

  get state(): SignalingState {
    return this.#state;
  }

  /** This client's id, from the first `connect` on. It changes with the event `restarted`. */
  get selfId(): ParticipantId | undefined {
    return this.#ready?.participant_id;
  }

  /** The room this client is in, as last heard. */
  get room(): RoomState | undefined {
    return this.#room;
  }

  /** For RTCConfiguration; empty before the first `connect`. */
  get iceServers(): readonly RTCIceServer[] {
    return (this.#ready?.ice_servers ?? []) as readonly RTCIceServer[];
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
  async connect({ signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.actor.send({ type: 'connect' });
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
    return this.#enter({}, options);
  }

  /**
   * Joins a room; connects first if need be. Rejects with `RoomNotFound`, `RoomFull`, `InvalidPayload` in a room or
   * for an id that is none, `Internal`, `Closed`.
   */
  async joinRoom(roomId: RoomId, options: JoinOptions = {}): Promise<RoomState> {
    const { createIfMissing } = options;
    // What is sent is valid, so that an InvalidPayload never answers a request: see machines/seat.ts.
    if (!UUID_V4.test(roomId)) throw new SignalingError('InvalidPayload', `${roomId} is no room id.`);
    return this.#enter({ roomId: roomId.toLowerCase(), createIfMissing }, options);
  }

  /** Leaves the room; settles when that is on its way, or at once outside a room. Relays still waiting are dropped. */
  async leave(options?: CallOptions): Promise<void> {
    const { status } = this.#state;
    if (status !== 'idle' && status !== 'closed') await this.#ask({ type: 'leave' }, options);
  }

  /**
   * Sends an offer to somebody in the room. Settles when it was handed to the socket, which may take a while: frames
   * are paced below the server's limit, and wait while the connection is lost. Rejects with `ParticipantNotFound`
   * when `to` is not in the room, or leaves it meanwhile; `InvalidPayload` outside a room, when `sdp` is no string (it
   * is a description's `sdp`, not the description) or when it is larger than the server takes; `RateLimited` when 1000 relays wait already; `Lost` when the session was gone; `Closed`.
   */
  offer(to: ParticipantId, sdp: string, options?: CallOptions): Promise<void> {
    return this.#relays.send({ type: 'Offer', to, sdp }, options);
  }

  /** As `offer`. */
  answer(to: ParticipantId, sdp: string, options?: CallOptions): Promise<void> {
    return this.#relays.send({ type: 'Answer', to, sdp }, options);
  }

  /** As `offer`, but behind all offers and answers to others; null ends the candidates. */
  candidate(to: ParticipantId, candidate: RTCIceCandidateInit | null, options?: CallOptions): Promise<void> {
    // Of an RTCIceCandidate, whose properties are getters, and which has many more.
    const { candidate: line = '', sdpMid, sdpMLineIndex, usernameFragment } = candidate ?? {};
    const message = { type: 'IceCandidate', to, candidate: line, sdpMid, sdpMLineIndex, usernameFragment };
    return this.#relays.send(message as RelayRequest, options);
  }

  /** Leaves for good: nobody waits for this client. Idempotent. */
  close(): void {
    this.actor.send({ type: 'close' });
  }

  #perform(decision: SignalingDecision): void {
    switch (decision.type) {
      case 'open':
        return this.#session.open();
      case 'drop':
        this.#pacer.close();
        return this.#session.drop();
      case 'timeOut':
        this.#pacer.close();
        this.#session.drop();
        return this.actor.send({ type: 'lost', reason: SILENT, afterMs: 0 });
      case 'timeOutNext':
        this.#session.dropNext();
        return this.actor.send({ type: 'failed', reason: SILENT, afterMs: 0 });
      case 'probe':
        // In any other state an answer is awaited already.
        if (this.#seat.getSnapshot().value === 'inside') this.#probe();
        return;
      case 'end':
        return this.#end();
    }
  }

  #sit(decision: SeatDecision): void {
    switch (decision.type) {
      case 'ask': {
        const { roomId, createIfMissing } = decision.request;
        return this.#askServer(
          roomId === undefined
            ? { type: 'CreateRoom' }
            : { type: 'JoinRoom', room_id: roomId, ...(createIfMissing && { create_if_missing: true }) },
        );
      }
      case 'askLeave':
        return this.#askServer({ type: 'LeaveRoom' });
      case 'leaveAgain':
        return this.#pacer.push({ text: JSON.stringify({ type: 'LeaveRoom' }) });
      case 'probe':
        return this.#probe();
      case 'settle':
        return this.#take()?.resolve(this.#seat.getSnapshot().context.room);
      case 'reject': {
        const error = new SignalingError(decision.code, decision.message);
        if (decision.request?.isReturn) this.#emitter.emit('error', error);
        else this.#take()?.reject(error);
        return;
      }
      case 'report':
        return this.#emitter.emit('error', new SignalingError(decision.code, decision.message));
    }
  }

  #welcome(ready: Ready): void {
    const previous = this.#ready;
    this.#pacer.close();
    this.#ready = ready;
    this.#heardAt = Date.now();
    this.actor.send({ type: 'ready', heartbeatMs: ready.heartbeat_ms });
    if (ready.resumed) {
      const lost = ready.lost === true;
      this.#seat.send({ type: 'resumed', lost });
      this.#emitter.emit('resumed', { lost });
    } else if (previous !== undefined) {
      this.#previousId = previous.participant_id;
      this.#relays.forget();
      this.#emitter.emit('restarted', {
        previousId: previous.participant_id,
        selfId: ready.participant_id,
      });
      this.#seat.send({ type: 'restarted' });
    }
    this.#pacer.open(ready.limits);
    this.#advance();
  }

  #hear(message: Exclude<ServerMessage, Ready>): void {
    this.#heardAt = Date.now();
    if (this.actor.getSnapshot().value === 'doubtful') this.actor.send({ type: 'heard' });
    const emitter = this.#emitter;
    switch (message.type) {
      case 'RoomCreated':
        return this.#seat.send({ type: 'admitted' });
      case 'PeerConnected':
        // RoomParticipants follows, and tells the same of all others.
        if (message.participant_id === this.selfId) this.#seat.send({ type: 'admitted' });
        return;
      case 'RoomParticipants': {
        const { room_id: roomId, participants } = message;
        return this.#seat.send({ type: 'participants', room: { roomId, participants } });
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
        if (from === this.selfId) return this.#seat.send({ type: 'echo' });
        return emitter.emit('candidate', {
          from,
          candidate: candidate.candidate === '' ? null : (candidate as RTCIceCandidateInit),
        });
      }
      case 'Error': {
        const { code, message: text } = message;
        if (code === 'RateLimited') return this.#pacer.refused();
        if (code === 'ParticipantNotFound') return emitter.emit('error', new SignalingError(code, text));
        const type = code === 'InvalidPayload' ? 'misplaced' : 'refused';
        return this.#seat.send({ type, code, message: text });
      }
    }
  }

  #enter(request: Request, options?: CallOptions): Promise<RoomState> {
    return this.#ask({ type: 'enter', request }, options) as Promise<RoomState>;
  }

  async #ask(event: Call['event'], { signal }: CallOptions = {}): Promise<RoomState | undefined> {
    signal?.throwIfAborted();
    const settled = new AbortController();
    try {
      return await new Promise((resolve, reject) => {
        const call: Call = { event, resolve, reject };
        signal?.addEventListener(
          'abort',
          () => {
            reject(signal.reason);
            this.#withdraw(call);
          },
          settled,
        );
        this.#calls.push(call);
        this.actor.send({ type: 'connect' });
        if (this.#state.status === 'closed') this.#end();
        this.#advance();
      });
    } finally {
      settled.abort();
      this.#abandon();
    }
  }

  /** Whoever called does not want it any more. */
  #withdraw(call: Call): void {
    this.#calls = this.#calls.filter((each) => each !== call);
    if (call !== this.#call) return;
    this.#call = undefined;
    const isUnsent = this.#pacer.drop((frame) => frame === this.#frame);
    this.#seat.send({ type: isUnsent ? 'withdrawn' : 'unwanted' });
  }

  /** A connection that was never made, and that nobody waits for any more, is given up. */
  #abandon(): void {
    if (this.#connecting > 0 || this.#calls.length > 0 || this.#ready !== undefined) return;
    this.actor.send({ type: 'abandon' });
  }

  /** Gives the seat the next call, if it is not busy. */
  #advance(): void {
    const { value } = this.#seat.getSnapshot();
    const isFree = this.#call === undefined && (value === 'outside' || value === 'inside');
    if (!isFree || this.#state.status !== 'connected') return;
    this.#call = this.#calls.shift();
    if (this.#call !== undefined) this.#seat.send(this.#call.event);
  }

  /** The call that is over. */
  #take(): Call | undefined {
    const call = this.#call;
    this.#call = undefined;
    return call;
  }

  /** Sends what the seat asks for, and tells it when that is done. */
  #askServer(message: ClientMessage): void {
    const frame: Frame = {
      text: JSON.stringify(message),
      sent: () => this.#seat.send({ type: 'sent' }),
    };
    this.#frame = frame;
    this.#pacer.push(frame);
  }

  /** A relay to oneself: it comes back in a room, and is refused outside. */
  #probe(): void {
    const echo: ClientMessage = { type: 'IceCandidate', to: this.selfId as ParticipantId, candidate: '' };
    this.#pacer.push({ text: JSON.stringify(echo) });
  }

  #end(): void {
    this.#stopWatching();
    this.#pacer.close();
    this.#session.drop(true);
    const error = this.#closedError();
    this.#pacer.drop(() => true, error);
    this.#take()?.reject(error);
    for (const call of this.#calls.splice(0)) call.reject(error);
    this.#seat.send({ type: 'closed' });
  }

  #closedError(): SignalingError {
    return new SignalingError('Closed', this.actor.getSnapshot().context.reason ?? 'Closed.');
  }

  #tellState(): void {
    const { value, context } = this.actor.getSnapshot();
    const { attempt, retryAt, reason, code } = context;
    const status = statusOf(value);
    const isConnected = status === 'connected';
    this.#pacer.flush();
    const before = this.#state;
    const state: SignalingState = {
      status,
      attempt: isConnected ? 0 : attempt,
      ...(status === 'waiting' && retryAt !== undefined && { retryAt }),
      ...(!isConnected && reason !== undefined && { reason }),
      ...(!isConnected && code !== undefined && { code }),
    };
    if (JSON.stringify(before) === JSON.stringify(state)) return;
    this.#state = state;
    this.#emitter.emit('state', state);
  }

  #tellRoom(): void {
    const before = this.#room;
    const { room } = this.#seat.getSnapshot().context;
    if (room !== before) {
      this.#room = room;
      const present = room?.participants ?? [];
      this.#relays.keepTo(present);
      this.#emitter.emit('room', room);
      if (before?.roomId === room?.roomId) this.#tellPeers(before?.participants ?? [], present);
    }
    this.#pacer.flush();
    this.#advance();
  }

  /** Tells who left and who came. */
  #tellPeers(before: readonly ParticipantId[], now: readonly ParticipantId[]): void {
    const own = [this.selfId, this.#previousId];
    const missing = (from: readonly ParticipantId[], of: readonly ParticipantId[]) =>
      of.filter((id) => !from.includes(id) && !own.includes(id));
    for (const participantId of missing(now, before))
      this.#emitter.emit('peerDisconnected', { participantId });
    for (const participantId of missing(before, now)) this.#emitter.emit('peerConnected', { participantId });
  }
}

function statusOf(value: StateValueFrom<typeof signalingMachine>): SignalingState['status'] {
  return value === 'doubtful' || value === 'draining' || value === 'moving' ? 'connected' : value;
}
