import type {
  ClientEvent,
  ConnectionEvent,
  ConnectionInput,
  connectionMachine,
} from '../machines/connection.ts';
import type { Actor, Decision, Performer, Start } from './actor/actor.ts';
import type { Endpoint, Link, SocketEnd } from './link.ts';
import type { ClientMessage, Dialect } from './protocol/client.ts';
import type { ErrorCode } from './protocol/codes.ts';
import { Outgoing } from './protocol/outgoing.ts';
import type { ParticipantId, Ready, RoomId, ServerDraining } from './protocol/server.ts';
import type { Member, Router, WriteResult } from './routing/router.ts';
import type { Sessions } from './sessions.ts';
import { Outbox, type OutboxLimits } from './socket/outbox.ts';
import type { OutboxBudget } from './socket/outbox-budget.ts';
import type { Logger } from './telemetry/logger.ts';
import type { WorkType } from './telemetry/names.ts';
import type { Tally } from './telemetry/tally.ts';
import { currentWork, type MessageTracer } from './telemetry/tracing.ts';

type ConnectionMachine = typeof connectionMachine;

/** What a Ready says that is the same for every session. */
export type Welcome = Omit<Ready, 'type' | 'participant_id' | 'resume_token' | 'resumed' | 'lost'>;

export interface ConnectionServices {
  readonly router: Router;
  readonly sessions: Sessions<Connection>;
  readonly welcome: Welcome;
  readonly outboxLimits: OutboxLimits;
  readonly outboxBudget: OutboxBudget;
  /** Sessions at most, those without a socket included; beyond it a lost socket ends its seat. */
  readonly maxSessions: number;
  /** What sessions are told of the drain, as of now; undefined before it. */
  draining(): ServerDraining | undefined;
  readonly logger: Logger;
  readonly tally: Tally;
}

/**
 * Performs what one client's connection machine decides: asks the router, answers on the socket. A session goes
 * on without its socket for a while, its outbox keeping what it is sent.
 */
export class Connection implements Member, Endpoint, Performer<ConnectionMachine> {
  readonly participantId: ParticipantId;
  readonly #actor: Actor<ConnectionMachine>;
  #tracer: MessageTracer;
  readonly #services: ConnectionServices;
  #link: Link | undefined;
  #outbox: Outbox | undefined;
  /** Text frames of the client since the session began, over all its sockets. */
  #received = 0;
  /** Those that the rate limit dropped. */
  #dropped = 0;

  constructor(
    start: Start<ConnectionMachine>,
    input: ConnectionInput,
    link: Link,
    services: ConnectionServices,
  ) {
    this.participantId = input.participant_id;
    this.#link = link;
    this.#tracer = link.tracer;
    this.#services = services;
    this.#actor = start(input, this);
    link.moveTo(this);
  }

  /** False while frames are dropped unread. */
  get isReading(): boolean {
    return !this.#actor.hasTag('unread');
  }

  get isSession(): boolean {
    return this.#outbox !== undefined;
  }

  get dialect(): Dialect {
    return this.isSession ? 'session' : 'base';
  }

  /** The number of the session's latest message: what a ping sent now is behind. */
  get seq(): number {
    return this.#outbox?.seq ?? 0;
  }

  /** A valid message from the client, received at `at` (`performance.now()`). */
  message(message: ClientMessage, at: number): void {
    this.#handle(message.type, toEvent(message, at));
  }

  /** A text frame that is no message; `reason` is for the client's developer. */
  invalid(reason: string, at: number): void {
    this.#handle('invalid', { type: 'client.invalid', at, reason });
  }

  /** A text frame dropped unread, since `isReading` is false. */
  unread(at: number): void {
    this.#handle('unread', { type: 'client.unread', at });
  }

  acknowledged(seq: number): void {
    this.#outbox?.acknowledge(seq);
  }

  forgetOld(): void {
    this.#outbox?.trim();
  }

  greeted(): void {
    this.#services.sessions.confirm(this);
  }

  /** The socket of `link` is gone; nothing happens when the session has another already. */
  detached(link: Link, end: SocketEnd): void {
    if (link !== this.#link) return;
    this.#link = undefined;
    this.#outbox?.attach(undefined);
    const isKept = this.#services.sessions.size <= this.#services.maxSessions;
    this.#trace('disconnect', performance.now(), { type: `socket.${isKept ? end : 'closed'}` });
  }

  write(outgoing: Outgoing): WriteResult {
    return (this.#outbox ?? this.#link?.sender)?.write(outgoing) ?? 'closed';
  }

  entered(roomId: RoomId): void {
    currentWork()?.involves(roomId);
    this.#actor.send({ type: 'room.entered', room_id: roomId });
  }

  refused(code: ErrorCode, message: string): void {
    if (code === 'RoomNotFound') this.#link?.attempted();
    this.#actor.send({ type: 'room.refused', code, message });
  }

  roomClosed(message: string): void {
    this.#actor.send({ type: 'room.closed', message });
  }

  /** The server drains: a session is told, and keeps its seat until the server stops. */
  drain(draining: ServerDraining): void {
    this.write(new Outgoing(draining));
    this.#actor.send({ type: 'server.draining' });
  }

  /** Goes on with another socket, whose client has heard everything up to `lastSeq` and gets a new token. */
  #attach(link: Link, token: string, lastSeq: number): void {
    const outbox = this.#outbox as Outbox;
    const replaced = this.#link;
    const { room_id } = this.#actor.context;
    currentWork()?.isOf(this.participantId);
    if (room_id !== null) currentWork()?.involves(room_id);
    this.#link = link;
    this.#tracer = link.tracer.of(this.participantId);
    link.moveTo(this);
    replaced?.close('Replaced');
    const { texts, lost } = outbox.missedSince(lastSeq);
    this.#sayReady(token, { resumed: true, ...(lost && { lost }), received: this.#received });
    link.confirmReady();
    for (const text of texts) link.sender.writeText(text);
    if (this.#link !== link) return; // it could not take all that, and was closed
    outbox.attach(link.sender);
    this.#actor.send({ type: 'socket.attached', lost });
  }

  #handle(type: WorkType, event: ClientEvent): void {
    this.#received += 1;
    this.#trace(type, event.at, event);
  }

  #trace(type: WorkType, startedAt: number, event: ConnectionEvent): void {
    const work = this.#tracer.begin(type, startedAt, this.#actor.context.room_id);
    try {
      this.#actor.send(event);
    } finally {
      work.end();
    }
  }

  /** The actor's. */
  perform(decision: Decision<ConnectionMachine>): void {
    const { router, logger, sessions, tally } = this.#services;
    switch (decision.type) {
      case 'relay':
        return router.relay(decision.room_id, this, decision.message);
      case 'create':
        this.#link?.attempted();
        return router.create(this);
      case 'join':
        if (decision.createIfMissing) this.#link?.attempted();
        currentWork()?.involves(decision.room_id);
        return router.join(decision.room_id, this, decision.createIfMissing);
      case 'leave':
        return router.leave(decision.room_id, this.participantId);
      case 'greet':
        return this.#greet();
      case 'resume':
        return this.#resume(decision.token, decision.lastSeq);
      case 'interrupted':
        logger.debug({ participant_id: this.participantId }, 'session interrupted');
        if (decision.room_id !== null) router.interrupt(decision.room_id, this.participantId);
        return;
      case 'resumed':
        tally.resumed(decision.lost);
        if (decision.room_id !== null) router.resume(decision.room_id, this.participantId, decision.lost);
        return;
      case 'refuse':
        return this.#refuse(decision.code, decision.message);
      case 'rateLimited':
        logger.warn({ participant_id: this.participantId }, 'connection is rate limited');
        return;
      case 'hangUp':
        return this.#link?.close(decision.reason);
      case 'closed':
        this.#outbox?.close();
        sessions.revoke(this);
        this.#actor.stop();
        return;
      case 'failed':
        if (!decision.event.type.startsWith('client.')) return this.#giveUp(decision.error, decision.event);
        this.#report(decision.error);
        return this.#refuse('Internal', 'The server failed on this message; nothing changed.');
    }
  }

  /** From here on this is a session. */
  #greet(): void {
    this.#outbox = new Outbox(this.#services.outboxLimits, this.#services.outboxBudget);
    this.#received = 0;
    this.#sayReady(this.#services.sessions.open(this), { resumed: false });
    this.#outbox.attach(this.#link?.sender);
    const draining = this.#services.draining();
    if (draining !== undefined) this.drain(draining);
  }

  /** Ready is the one message without a number: it says where the numbers start, or go on. */
  #sayReady(resume_token: string, about: Pick<Ready, 'resumed' | 'lost' | 'received'>): void {
    const ready: Ready = {
      type: 'Ready',
      participant_id: this.participantId,
      resume_token,
      ...about,
      ...this.#services.welcome,
    };
    this.#link?.sender.write(new Outgoing(ready));
  }

  /** Gives this connection's socket to the session the token stands for; then this one is over. */
  #resume(token: string, lastSeq: number): void {
    const claimed = this.#services.sessions.claim(token);
    if (claimed === undefined || this.#link === undefined) {
      return this.#actor.send({ type: 'session.unknown' });
    }
    const link = this.#link;
    this.#link = undefined;
    claimed.session.#attach(link, claimed.token, lastSeq);
    this.#actor.send({ type: 'session.found' });
  }

  /** The machine missed something nobody will repeat, so the client has to start over; its seat is freed. */
  #giveUp(error: unknown, event: ConnectionEvent): void {
    this.#report(error);
    const room_id = event.type === 'room.entered' ? event.room_id : this.#actor.context.room_id;
    this.#actor.stop();
    this.#outbox?.close();
    this.#services.sessions.revoke(this);
    if (room_id !== null) this.#services.router.leave(room_id, this.participantId);
    this.#link?.close('InternalError');
  }

  #refuse(code: ErrorCode, message: string): void {
    currentWork()?.refused(this.participantId, code);
    if (code === 'RateLimited') return this.#refuseFrame(message);
    this.write(new Outgoing({ type: 'Error', code, message }));
  }

  /** Says which frame was dropped: a session is told its number, a base client has the text alone. */
  #refuseFrame(message: string): void {
    const code = 'RateLimited';
    if (this.isSession)
      return void this.write(new Outgoing({ type: 'Error', code, message, frame: this.#received }));
    this.#dropped += 1;
    const accepted = this.#received - this.#dropped;
    const text = `${message} Frames of this connection accepted so far: ${accepted}.`;
    this.write(new Outgoing({ type: 'Error', code, message: text }));
  }

  #report(error: unknown): void {
    currentWork()?.failed(error);
    this.#services.logger.error(
      { participant_id: this.participantId, err: error },
      'connection failed on an event',
    );
  }
}

function toEvent(message: ClientMessage, at: number): ClientEvent {
  switch (message.type) {
    case 'Hello': {
      const { resume_token: token, last_seq: lastSeq } = message;
      const resume = token === undefined || lastSeq === undefined ? null : { token, lastSeq };
      return { type: 'client.hello', at, resume };
    }
    case 'CreateRoom':
      return { type: 'client.create', at };
    case 'JoinRoom': {
      const createIfMissing = 'create_if_missing' in message && message.create_if_missing === true;
      return { type: 'client.join', at, room_id: message.room_id, createIfMissing };
    }
    case 'LeaveRoom':
      return { type: 'client.leave', at };
    default:
      return { type: 'client.relay', at, message };
  }
}
