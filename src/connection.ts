import type {
  ConnectionDecision,
  ConnectionEvent,
  ConnectionInput,
  connectionMachine,
  FrameEvent,
} from '../machines/connection.ts';
import type { Actor, Decision, Start } from './actor/actor.ts';
import type { AttachedConnection, AttachedParticipant, Registrar } from './attachment.ts';
import type { Invalid } from './codec/codec.ts';
import { Outgoing } from './codec/outgoing.ts';
import type { ClientMessage } from './protocol/client.ts';
import type { CloseReason, ErrorCode } from './protocol/codes.ts';
import { greetingOf } from './protocol/features.ts';
import { NOT_NOW } from './protocol/reading.ts';
import type { ParticipantId, ServerMessage } from './protocol/server.ts';
import type { Logger } from './telemetry/logger.ts';
import type { WorkType } from './telemetry/names.ts';
import type { MessageTracer, Trace } from './telemetry/tracing.ts';
import type { Transport, TransportEnd, TransportListener } from './transport/transport.ts';

type ConnectionMachine = typeof connectionMachine;
type Resume = Extract<ConnectionDecision, { type: 'resume' }>;

export interface ConnectionServices {
  readonly registrar: Registrar;
  /** Counts one attempt of an address: returns 0, or how long it must wait, in milliseconds. */
  readonly countAttempt: (address: string) => number;
  readonly logger: Logger;
}

const FAILED = 'The server failed on this message; nothing changed.';

/** Pings that an answer may be to: a client that answers every other ping is alive, but not with ever older ones. */
const MAX_ASKED = 4;

/** Performs what the machine of one connection decides: it reads frames, and passes messages to its participant. */
export class Connection implements TransportListener, AttachedConnection {
  readonly transport: Transport;
  /** The remote IP address, after trusted proxies. */
  readonly address: string;
  /** The heartbeat's own: pings in a row without an answer, and which group it is in. */
  unanswered = 0;
  group = 0;
  /** Of the client's messages: each links to the handshake. */
  #tracer: MessageTracer;
  readonly #actor: Actor<ConnectionMachine, Trace>;
  readonly #services: ConnectionServices;
  #participant: AttachedParticipant | undefined;
  /** Text frames of this transport, and those of them that the rate limit dropped. */
  #frames = 0;
  #dropped = 0;
  /** Payloads of the pings that wait for an answer, the oldest first; undefined while no ping waits. */
  #asked: string[] | undefined;
  #hasEnded = false;

  constructor(
    start: Start<ConnectionMachine>,
    input: ConnectionInput,
    transport: Transport,
    tracer: MessageTracer,
    address: string,
    services: ConnectionServices,
  ) {
    this.transport = transport;
    this.address = address;
    this.#tracer = tracer;
    this.#services = services;
    this.#actor = start<Trace>(input, (decision, trace) => this.#perform(decision, trace));
  }

  /** The id that a new participant of this connection gets. */
  get participantId(): ParticipantId {
    return this.#tracer.participantId;
  }

  frame(text: Buffer): boolean {
    if (this.#hasEnded) return false;
    const at = performance.now();
    this.#frames += 1;
    this.#participant?.countFrame();
    if (this.#actor.hasTag('unread')) {
      this.#handle('unread', { type: 'frame.unread', at });
      return false;
    }
    const message = this.transport.codec.decode(text.toString());
    this.#handle(message.type, toEvent(message, at));
    return true;
  }

  /** Pings the client: when the answer is here, what was written before has arrived. */
  ping(): void {
    this.#participant?.trimOutbox();
    this.#ask(String(this.#participant?.seq ?? 0));
  }

  /**
   * The payload of an answer must be the ping's, and each ping is answered once. A client may leave out the answers before
   * its latest (RFC 6455 section 5.5.3), so it has received all pings up to that one.
   */
  pong(payload: string): boolean {
    const asked = this.#asked ?? [];
    const index = asked.indexOf(payload);
    if (index < 0 || this.#hasEnded) return false;
    asked.splice(0, index + 1);
    if (asked.length === 0) this.#asked = undefined;
    this.#participant?.acknowledge(Number(payload));
    return true;
  }

  /** The client is dead: it answers no pings. */
  drop(): void {
    this.transport.terminate();
  }

  close(reason: CloseReason): void {
    this.transport.close(reason);
  }

  /** Closes, and tells the participant nothing: the whole server stops, which is not a leave. */
  dismiss(reason: CloseReason): void {
    this.#hasEnded = true;
    this.#stop();
    this.transport.close(reason);
  }

  ended(end: TransportEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    // A session that has moved to another connection hears nothing of this one: neither its end nor a late pong.
    const hasMoved = this.#participant?.isAttachedTo(this) === false;
    if (hasMoved) this.#stop();
    else this.#trace('disconnect', performance.now(), { type: 'transport.ended', end });
  }

  /** An address that tries too often cannot search for room ids, nor fill the server with rooms. */
  attempted(): boolean {
    return this.#services.countAttempt(this.address) > 0;
  }

  #stop(): void {
    this.#actor.stop();
    this.#participant = undefined;
  }

  #ask(payload: string): void {
    this.#asked ??= [];
    this.#asked.push(payload);
    if (this.#asked.length > MAX_ASKED) this.#asked.shift();
    this.transport.ping(payload);
  }

  #handle(type: WorkType, event: FrameEvent): void {
    this.#trace(type, event.at, event);
  }

  #trace(type: WorkType, startedAt: number, event: ConnectionEvent): void {
    const trace = this.#tracer.begin(type, startedAt, this.#participant?.roomId ?? null);
    try {
      this.#actor.send(event, trace);
    } finally {
      trace.end();
    }
  }

  #perform(decision: Decision<ConnectionMachine>, trace: Trace | undefined): void {
    switch (decision.type) {
      case 'pass':
        return this.#participant?.receive(decision.message, trace);
      case 'reject':
        return this.#participant?.reject(decision.reason, decision.requestId, trace);
      case 'register':
        if (decision.greeting !== undefined) this.transport.codec.sessionOpened?.(decision.greeting.features);
        this.#participant = this.#services.registrar.register(this, decision.greeting);
        return;
      case 'resume':
        return this.#resume(decision, trace);
      case 'refuse':
        return this.#refuse(decision.code, decision.message, decision.requestId, trace);
      case 'rateLimited':
        this.#services.logger.warn(
          { ...trace?.ids, participant_id: this.#participant?.id ?? this.participantId },
          'connection is rate limited',
        );
        return;
      case 'close':
        return this.close(decision.reason);
      case 'detach': {
        const participant = this.#participant;
        this.#stop();
        return participant?.detach(this, decision.end, trace);
      }
      case 'failed':
        return this.#failed(decision.error, decision.event, trace);
    }
  }

  #resume({ token, lastSeq, greeting }: Resume, trace: Trace | undefined): void {
    const claimed = this.#services.registrar.claim(token);
    if (claimed === undefined) return this.#actor.send({ type: 'session.unknown', greeting }, trace);
    const { participant } = claimed;
    this.#participant = participant;
    this.#tracer = this.#tracer.of(participant.id);
    this.transport.codec.sessionOpened?.(greeting.features);
    this.#actor.send({ type: 'session.found' }, trace);
    participant.attach(this, { token: claimed.token, lastSeq, greeting }, trace);
  }

  #refuse(code: ErrorCode, message: string, requestId: string | undefined, trace: Trace | undefined): void {
    trace?.refused(this.#participant?.id ?? this.participantId, code);
    if (code === 'RateLimited') return this.#refuseFrame(message, trace);
    const answer = requestId !== undefined && { request_id: requestId };
    this.#answer({ type: 'Error', code, message, ...answer }, trace);
  }

  /** Says which frame was dropped: a session is told its number, a base client has the text alone. */
  #refuseFrame(message: string, trace: Trace | undefined): void {
    const code = 'RateLimited';
    this.#dropped += 1;
    const participant = this.#participant;
    if (participant?.isSession)
      return this.#answer({ type: 'Error', code, message, frame: participant.received }, trace);
    const accepted = this.#frames - this.#dropped;
    const text = `${message} Frames of this connection accepted so far: ${accepted}.`;
    this.#answer({ type: 'Error', code, message: text }, trace);
  }

  #answer(message: ServerMessage, trace: Trace | undefined): void {
    const outgoing = new Outgoing(message);
    if (this.#participant === undefined) this.transport.write(outgoing);
    else this.#participant.answer(outgoing, trace);
  }

  /** A frame that fails costs itself; after any other event the connection could not go on. */
  #failed(error: unknown, event: ConnectionEvent, trace: Trace | undefined): void {
    trace?.failed(error);
    this.#services.logger.error(
      { ...trace?.ids, participant_id: this.participantId, err: error },
      'connection failed on an event',
    );
    if (event.type.startsWith('frame.')) return this.#refuse('Internal', FAILED, requestIdOf(event), trace);
    this.close('InternalError');
  }
}

function toEvent(message: ClientMessage | Invalid, at: number): FrameEvent {
  if (message.type === 'invalid') {
    const { reason, requestId, isHello } = message;
    return { type: isHello ? 'frame.invalidHello' : 'frame.invalid', at, reason, requestId };
  }
  if (message.type !== 'Hello') return { type: 'frame.message', at, message };
  const { resume_token: token, last_seq: lastSeq } = message;
  const resume = token === undefined || lastSeq === undefined ? null : { token, lastSeq };
  return { type: 'frame.hello', at, resume, greeting: greetingOf(message), refusal: NOT_NOW.Hello };
}

/** Of the request that an event brought. */
function requestIdOf(event: ConnectionEvent): string | undefined {
  switch (event.type) {
    case 'frame.message':
      return event.message.request_id;
    case 'frame.hello':
      return event.greeting.requestId;
    case 'frame.invalid':
    case 'frame.invalidHello':
      return event.requestId;
    default:
      return undefined;
  }
}
