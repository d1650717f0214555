import { type ActorRefFrom, createActor, type InspectionEvent } from 'xstate';
import type { ClientMessage } from '../protocol/client.ts';
import type { ParticipantId, Ready, RoomId, ServerMessage } from '../protocol/server.ts';
import { Emitter, type Events } from './emitter.ts';
import { SignalingError } from './errors.ts';
import { type SignalingDecision, signalingMachine } from './machines/signaling.ts';
import { Pacer } from './pacer.ts';

export interface SignalingOptions {
  /** Default: the global one. */
  readonly WebSocket?: typeof WebSocket;
  /** Full jitter; false: a lost connection is not made again. */
  readonly reconnect?:
    | { readonly baseMs?: number; readonly capMs?: number; readonly maxAttempts?: number }
    | false;
  /** XState's: sees every event and snapshot of `actor`. */
  readonly inspect?: (event: InspectionEvent) => void;
}

export interface CallOptions {
  /** Ends the call with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface SignalingState {
  readonly status: 'idle' | 'connecting' | 'connected' | 'waiting' | 'offline' | 'closed';
  /** Of reconnecting; 0 while connected. */
  readonly attempt: number;
  /** When it tries again, in milliseconds since the epoch. */
  readonly retryAt?: number;
  /** A sentence: why it waits or is closed. */
  readonly reason?: string;
  /** The close code, if the server sent one. */
  readonly code?: number;
}

export interface RoomState {
  readonly roomId: RoomId;
  /** In join order, self included. */
  readonly participants: readonly ParticipantId[];
}

export interface SignalingEvents {
  state: SignalingState;
  /** After every change of membership, own joins and leaves included. */
  room: RoomState | undefined;
  peerConnected: { readonly participantId: ParticipantId };
  peerDisconnected: { readonly participantId: ParticipantId };
  peerInterrupted: { readonly participantId: ParticipantId };
  peerResumed: { readonly participantId: ParticipantId };
  offer: { readonly from: ParticipantId; readonly sdp: string };
  answer: { readonly from: ParticipantId; readonly sdp: string };
  /** A candidate of null ends the candidates. */
  candidate: { readonly from: ParticipantId; readonly candidate: RTCIceCandidateInit | null };
  /** The session goes on, on another socket, with the same id. */
  resumed: { readonly lost: boolean };
  /** The session was gone: a new identity. The room is joined again by itself, and `room` follows. */
  restarted: { readonly previousId: ParticipantId; readonly selfId: ParticipantId };
  draining: { readonly deadlineMs: number; readonly jitterMs: number };
  /** An Error nobody awaits: a relay was refused. */
  error: SignalingError;
}

type Request = {
  readonly message: Extract<ClientMessage, { type: 'CreateRoom' | 'JoinRoom' | 'LeaveRoom' }>;
  resolve(room: RoomState | undefined): void;
  reject(error: unknown): void;
  isSent: boolean;
  /** RoomCreated or the own PeerConnected was heard: RoomParticipants completes it. */
  isAdmitted: boolean;
  isAborted: boolean;
};

const OPEN_TIMEOUT_MS = 10_000;
const FINAL = new Set([1003, 1007, 1009, 4409]);

export class Signaling implements Events<SignalingEvents> {
  readonly actor: ActorRefFrom<typeof signalingMachine>;
  readonly #url: URL | string;
  readonly #WebSocket: typeof WebSocket;
  readonly #emitter = new Emitter<SignalingEvents>();
  readonly #pacer = new Pacer((text) => this.#socket?.send(text));
  readonly #requests: Request[] = [];
  #socket: WebSocket | undefined;
  #ready: Ready | undefined;
  #lastSeq = 0;
  #room: RoomState | undefined;

  constructor(url: string | URL, options: SignalingOptions = {}) {
    this.#url = url;
    this.#WebSocket = options.WebSocket ?? WebSocket;
    const { reconnect = {}, inspect } = options;
    this.actor = createActor(signalingMachine, {
      ...(inspect && { inspect }),
      input: {
        backoff: reconnect && {
          baseMs: reconnect.baseMs ?? 500,
          capMs: reconnect.capMs ?? 15_000,
          maxAttempts: reconnect.maxAttempts ?? Number.POSITIVE_INFINITY,
        },
        openTimeoutMs: OPEN_TIMEOUT_MS,
        random: Math.random,
        now: Date.now,
      },
    });
    this.actor.on('*', (decision) => this.#perform(decision));
    this.actor.subscribe(() => this.#emitter.emit('state', this.state));
    this.actor.start();
  }

  get state(): SignalingState {
    const { value, context } = this.actor.getSnapshot();
    const { attempt, retryAt, reason, code } = context;
    return {
      status: value,
      attempt,
      ...(retryAt !== undefined && { retryAt }),
      ...(reason !== undefined && { reason }),
      ...(code !== undefined && { code }),
    };
  }

  get selfId(): ParticipantId | undefined {
    return this.#ready?.participant_id;
  }

  get room(): RoomState | undefined {
    return this.#room;
  }

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

  async connect({ signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.actor.send({ type: 'connect' });
    await new Promise<void>((resolve, reject) => {
      const settle = (): void => {
        const { status, reason } = this.state;
        if (status === 'connected') resolve();
        else if (status === 'closed') reject(new SignalingError('Closed', reason ?? ''));
        else return;
        stop();
      };
      const stop = this.on('state', settle, { signal });
      signal?.addEventListener(
        'abort',
        () => {
          reject(signal.reason);
          this.actor.send({ type: 'abandon' });
        },
        { once: true },
      );
      settle();
    });
  }

  createRoom(options?: CallOptions): Promise<RoomState> {
    return this.#request({ type: 'CreateRoom' }, options) as Promise<RoomState>;
  }

  joinRoom(
    roomId: RoomId,
    { createIfMissing = false, signal }: CallOptions & { readonly createIfMissing?: boolean } = {},
  ): Promise<RoomState> {
    const message = {
      type: 'JoinRoom',
      room_id: roomId,
      ...(createIfMissing && { create_if_missing: true }),
    } as const;
    return this.#request(message, { signal }) as Promise<RoomState>;
  }

  async leave(options?: CallOptions): Promise<void> {
    await this.#request({ type: 'LeaveRoom' }, options);
  }

  offer(to: ParticipantId, sdp: string, options?: CallOptions): Promise<void> {
    return this.#relay({ type: 'Offer', to, sdp }, true, options);
  }

  answer(to: ParticipantId, sdp: string, options?: CallOptions): Promise<void> {
    return this.#relay({ type: 'Answer', to, sdp }, true, options);
  }

  candidate(to: ParticipantId, candidate: RTCIceCandidateInit | null, options?: CallOptions): Promise<void> {
    const { candidate: line = '', sdpMid, sdpMLineIndex, usernameFragment } = candidate ?? {};
    return this.#relay(
      {
        type: 'IceCandidate',
        to,
        candidate: line,
        ...(sdpMid !== undefined && { sdpMid }),
        ...(sdpMLineIndex !== undefined && { sdpMLineIndex }),
        ...(usernameFragment !== undefined && { usernameFragment }),
      },
      false,
      options,
    );
  }

  close(): void {
    this.actor.send({ type: 'close' });
  }

  #perform(decision: SignalingDecision): void {
    switch (decision.type) {
      case 'open':
        return this.#open();
      case 'drop':
        return this.#drop();
      case 'end': {
        this.#drop(1000);
        const { reason = '' } = this.actor.getSnapshot().context;
        for (const request of this.#requests.splice(0)) request.reject(new SignalingError('Closed', reason));
        this.#setRoom(undefined);
        return;
      }
    }
  }

  #open(): void {
    const socket = new this.#WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = () => {
      const token = this.#ready?.resume_token;
      socket.send(
        JSON.stringify({
          type: 'Hello',
          ...(token !== undefined && { resume_token: token, last_seq: this.#lastSeq }),
        }),
      );
    };
    socket.onmessage = ({ data }) => {
      if (socket === this.#socket) this.#hear(JSON.parse(data));
    };
    socket.onclose = ({ code, reason }) => {
      if (socket !== this.#socket) return;
      this.#drop();
      const isTold = code !== 1006;
      this.actor.send({
        type: 'lost',
        code: isTold ? code : undefined,
        reason: reason || 'The connection was lost.',
        afterMs: !FINAL.has(code) && (code === 4429 ? 60_000 : 0),
      });
    };
    socket.onerror = () => {}; // onclose follows
  }

  #drop(code?: number): void {
    this.#pacer.close();
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close(code);
  }

  #hear(message: ServerMessage & { readonly seq?: number }): void {
    if (message.seq !== undefined) {
      if (message.seq <= this.#lastSeq) return;
      this.#lastSeq = message.seq;
    }
    switch (message.type) {
      case 'Ready':
        return this.#welcome(message);
      case 'RoomCreated':
        return this.#admit();
      case 'PeerConnected':
        if (message.participant_id === this.selfId) this.#admit();
        return;
      case 'RoomParticipants':
        return this.#meet({ roomId: message.room_id, participants: message.participants });
      case 'PeerInterrupted':
        return this.#emitter.emit('peerInterrupted', { participantId: message.participant_id });
      case 'PeerResumed':
        return this.#emitter.emit('peerResumed', { participantId: message.participant_id });
      case 'ServerDraining':
        return this.#emitter.emit('draining', {
          deadlineMs: message.deadline_ms,
          jitterMs: message.jitter_ms,
        });
      case 'Offer':
        return this.#emitter.emit('offer', { from: message.from, sdp: message.sdp });
      case 'Answer':
        return this.#emitter.emit('answer', { from: message.from, sdp: message.sdp });
      case 'IceCandidate': {
        const { from, candidate, sdpMid, sdpMLineIndex, usernameFragment } = message;
        const init: RTCIceCandidateInit = {
          candidate,
          ...(sdpMid !== undefined && { sdpMid }),
          ...(sdpMLineIndex !== undefined && { sdpMLineIndex }),
          ...(usernameFragment !== undefined && { usernameFragment }),
        };
        return this.#emitter.emit('candidate', { from, candidate: candidate === '' ? null : init });
      }
      case 'Error':
        return this.#refused(new SignalingError(message.code, message.message));
    }
  }

  #welcome(ready: Ready): void {
    const previous = this.#ready;
    const roomId = this.#room?.roomId;
    this.#ready = ready;
    if (!ready.resumed) this.#lastSeq = 0;
    const { messages, window_ms } = ready.limits;
    this.#pacer.open(Math.max(1, messages - Math.ceil(messages / 10)), window_ms * 1.25, 1);
    this.actor.send({ type: 'ready' });
    if (ready.resumed) this.#emitter.emit('resumed', { lost: ready.lost === true });
    else if (previous !== undefined) {
      this.#emitter.emit('restarted', {
        previousId: previous.participant_id,
        selfId: ready.participant_id,
      });
      for (const request of this.#requests) request.isSent = false;
      if (roomId !== undefined) this.#rejoin(roomId);
    }
    this.#advance();
  }

  #rejoin(roomId: RoomId): void {
    this.#requests.unshift({
      message: { type: 'JoinRoom', room_id: roomId, create_if_missing: true },
      resolve: () => {},
      reject: (error) => {
        this.#setRoom(undefined);
        if (error instanceof SignalingError && error.code !== 'Closed') this.#emitter.emit('error', error);
      },
      isSent: false,
      isAdmitted: false,
      isAborted: false,
    });
  }

  async #request(message: Request['message'], { signal }: CallOptions = {}): Promise<RoomState | undefined> {
    await this.connect({ signal });
    return new Promise((resolve, reject) => {
      const request: Request = {
        message,
        resolve,
        reject,
        isSent: false,
        isAdmitted: false,
        isAborted: false,
      };
      this.#requests.push(request);
      signal?.addEventListener(
        'abort',
        () => {
          reject(signal.reason);
          request.isAborted = true;
          if (!request.isSent) this.#requests.splice(this.#requests.indexOf(request), 1);
        },
        { once: true },
      );
      this.#advance();
    });
  }

  /** Sends the first request if it is its turn. */
  #advance(): void {
    const [request] = this.#requests;
    if (request === undefined || request.isSent || this.state.status !== 'connected') return;
    request.isSent = true;
    this.#pacer.push({
      text: JSON.stringify(request.message),
      sent: () => {
        if (request.message.type !== 'LeaveRoom') return;
        this.#requests.shift();
        this.#setRoom(undefined);
        request.resolve(undefined);
        queueMicrotask(() => this.#advance());
      },
    });
  }

  #admit(): void {
    const [request] = this.#requests;
    if (request !== undefined) request.isAdmitted = true;
  }

  #meet(room: RoomState): void {
    const [request] = this.#requests;
    if (request?.isAdmitted) {
      this.#requests.shift();
      if (request.isAborted) {
        this.#requests.unshift({ ...request, message: { type: 'LeaveRoom' }, isSent: false });
        return this.#advance();
      }
      this.#setRoom(room);
      request.resolve(room);
      return this.#advance();
    }
    if (this.#room?.roomId === room.roomId) this.#setRoom(room);
  }

  #setRoom(room: RoomState | undefined): void {
    const before = this.#room;
    if (room === before) return;
    this.#room = room;
    this.#emitter.emit('room', room);
    if (before === undefined || room === undefined) return;
    for (const participantId of before.participants) {
      if (!room.participants.includes(participantId))
        this.#emitter.emit('peerDisconnected', { participantId });
    }
    for (const participantId of room.participants) {
      if (!before.participants.includes(participantId) && participantId !== this.selfId)
        this.#emitter.emit('peerConnected', { participantId });
    }
  }

  #refused(error: SignalingError): void {
    const [request] = this.#requests;
    if (request?.isSent && error.code !== 'ParticipantNotFound') {
      this.#requests.shift();
      request.reject(error);
      return this.#advance();
    }
    this.#emitter.emit('error', error);
  }

  async #relay(
    message: Extract<ClientMessage, { to: string }>,
    isDescription: boolean,
    { signal }: CallOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    if (this.#room === undefined) throw new SignalingError('InvalidPayload', 'You are in no room.');
    await new Promise<void>((resolve, reject) => {
      const frame = { to: message.to, isDescription, text: JSON.stringify(message), sent: resolve };
      this.#pacer.push(frame);
      signal?.addEventListener(
        'abort',
        () => {
          if (this.#pacer.remove((each) => each === frame).length > 0) reject(signal.reason);
        },
        { once: true },
      );
    });
  }
}
