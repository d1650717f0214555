import { v4 as uuid } from 'uuid';
import type {
  DeferredEvent,
  MessageEvent,
  ParticipantEvent,
  ParticipantInput,
  participantMachine,
} from '../machines/participant.ts';
import type { Actor, Decision, Start } from './actor/actor.ts';
import type { AttachedConnection, AttachedParticipant, Registrar } from './attachment.ts';
import type { Addressee, Participants } from './participants.ts';
import type { ParticipantMessage } from './protocol/client.ts';
import type { ErrorCode } from './protocol/codes.ts';
import { Outgoing } from './protocol/outgoing.ts';
import { NOT_NOW } from './protocol/reading.ts';
import type { ParticipantId, Ready, RoomId, ServerDraining } from './protocol/server.ts';
import type { MemberRef, NodeId, RoomReply, Router } from './routing/router.ts';
import type { Sessions } from './sessions.ts';
import { Outbox, type OutboxLimits } from './socket/outbox.ts';
import type { OutboxBudget } from './socket/outbox-budget.ts';
import type { Counters } from './telemetry/counters.ts';
import type { Logger } from './telemetry/logger.ts';
import type { Trace } from './telemetry/tracing.ts';
import type { TransportEnd, WriteResult } from './transport/transport.ts';

type ParticipantMachine = typeof participantMachine;

/** What a Ready says that is the same for every session. */
export type Welcome = Omit<Ready, 'type' | 'participant_id' | 'resume_token' | 'resumed' | 'lost'>;

export interface ParticipantServices {
  readonly node_id: NodeId;
  readonly router: Router;
  readonly participants: Participants;
  readonly sessions: Sessions<Participant>;
  readonly welcome: Welcome;
  readonly outboxLimits: OutboxLimits;
  readonly outboxBudget: OutboxBudget;
  /** Sessions at most, those without a transport included; beyond it a lost transport ends the seat. */
  readonly maxSessions: number;
  /** What sessions are told of the drain, as of now; undefined before it. */
  draining(): ServerDraining | undefined;
  readonly logger: Logger;
  readonly counters: Counters;
}

/** What the client sent while its room had not answered yet. */
interface Deferred {
  readonly event: DeferredEvent;
  readonly trace: Trace | undefined;
}

/**
 * Performs what the machine of one participant decides: it sends commands to its room, and writes what the room answers.
 * A session goes on without a transport for a while; its outbox keeps the messages to it.
 */
export class Participant implements AttachedParticipant, Addressee {
  readonly id: ParticipantId;
  readonly #ref: MemberRef;
  readonly #services: ParticipantServices;
  readonly #actor: Actor<ParticipantMachine, Trace>;
  readonly #outbox: Outbox | undefined;
  #connection: AttachedConnection | undefined;
  /** The room it entered last, or asked to enter. */
  #room: RoomId | undefined;
  #received = 0;
  /** None at most times. */
  #deferred: Deferred[] | undefined;

  constructor(
    start: Start<ParticipantMachine>,
    input: ParticipantInput,
    connection: AttachedConnection,
    services: ParticipantServices,
  ) {
    const { participant_id, isSession } = input;
    this.id = participant_id;
    this.#ref = { participant_id, node_id: services.node_id, isSession };
    this.#services = services;
    this.#connection = connection;
    this.#outbox = isSession ? new Outbox(services.outboxLimits, services.outboxBudget) : undefined;
    this.#actor = start<Trace>(input, (decision, trace) => this.#perform(decision, trace));
    services.participants.add(participant_id, this);
    if (this.#outbox === undefined) return;
    this.#writeReady(connection, services.sessions.open(this), { resumed: false });
    this.#outbox.attach(connection.transport);
    const draining = services.draining();
    if (draining !== undefined) this.drain(draining);
  }

  get isSession(): boolean {
    return this.#outbox !== undefined;
  }

  get roomId(): RoomId | null {
    return this.#actor.context.room_id;
  }

  get seq(): number {
    return this.#outbox?.seq ?? 0;
  }

  get received(): number {
    return this.#received;
  }

  countFrame(): void {
    this.#received += 1;
  }

  receive(message: ParticipantMessage, trace: Trace | undefined): void {
    this.#actor.send(eventOf(message), trace);
  }

  reject(reason: string, trace: Trace | undefined): void {
    this.#actor.send({ type: 'message.invalid', refusal: reason }, trace);
  }

  write(outgoing: Outgoing): WriteResult {
    return (this.#outbox ?? this.#connection?.transport)?.write(outgoing) ?? 'closed';
  }

  answered(room: RoomId, reply: Exclude<RoomReply, { type: 'deliver' }>, trace: Trace | undefined): void {
    switch (reply.type) {
      case 'entered':
        trace?.involves(room);
        return this.#actor.send({ type: 'room.entered', room_id: room }, trace);
      case 'refused':
        if (reply.code === 'RoomNotFound') this.#connection?.attempted();
        return this.#actor.send({ ...reply, type: 'room.refused' }, trace);
      case 'closed':
        return this.#actor.send({ type: 'room.closed', room_id: room, message: reply.message }, trace);
    }
  }

  delivered(room: RoomId, outgoing: Outgoing, trace: Trace | undefined): void {
    const { message } = outgoing;
    if (message.type === 'Error') {
      trace?.refused(this.id, message.code);
      this.write(outgoing);
      return;
    }
    if (room !== this.#room) return; // a late word of a room it has left for another
    const result = this.write(outgoing);
    if (result === 'sent' || result === 'queued') trace?.delivered(this.id, message.type, result);
  }

  trimOutbox(): void {
    this.#outbox?.trim();
  }

  acknowledge(seq: number): void {
    this.#outbox?.acknowledge(seq);
  }

  confirmReady(): void {
    this.#services.sessions.confirm(this);
  }

  /** The server drains: a session is told, and keeps its seat until the server stops. */
  drain(draining: ServerDraining): void {
    this.write(new Outgoing(draining));
    this.#actor.send({ type: 'server.draining' });
  }

  isAttachedTo(connection: AttachedConnection): boolean {
    return connection === this.#connection;
  }

  attach(connection: AttachedConnection, token: string, lastSeq: number, trace: Trace | undefined): void {
    const outbox = this.#outbox as Outbox;
    const replaced = this.#connection;
    const { room_id } = this.#actor.context;
    trace?.isOf(this.id);
    if (room_id !== null) trace?.involves(room_id);
    this.#connection = connection;
    outbox.attach(undefined);
    replaced?.close('Replaced');
    const { texts, lost } = outbox.missedSince(lastSeq);
    const about = { resumed: true, ...(lost && { lost }), received: this.#received };
    if (this.#writeReady(connection, token, about) !== 'sent') return;
    connection.pingBehindReady();
    for (const text of texts) if (connection.transport.writeText(text) !== 'sent') return; // it cannot take all that, and is closed
    outbox.attach(connection.transport);
    this.#actor.send({ type: 'transport.attached', lost }, trace);
  }

  detach(connection: AttachedConnection, end: TransportEnd, trace: Trace | undefined): void {
    if (connection !== this.#connection) return;
    this.#connection = undefined;
    this.#outbox?.attach(undefined);
    const { sessions, maxSessions } = this.#services;
    const isKept = sessions.size <= maxSessions;
    this.#actor.send({ type: `transport.${isKept ? end : 'closed'}` }, trace);
  }

  #perform(decision: Decision<ParticipantMachine>, trace: Trace | undefined): void {
    const { router, logger, counters } = this.#services;
    switch (decision.type) {
      case 'relay':
        return router.send(decision.room_id, this.#ref, decision, trace);
      case 'create':
        this.#connection?.attempted();
        this.#room = uuid();
        return router.send(this.#room, this.#ref, { type: 'create' }, trace);
      case 'join':
        if (decision.createIfMissing) this.#connection?.attempted();
        trace?.involves(decision.room_id);
        this.#room = decision.room_id;
        return router.send(decision.room_id, this.#ref, decision, trace);
      case 'leave':
        return router.send(decision.room_id, this.#ref, { type: 'leave' }, trace);
      case 'defer':
        return this.#defer(decision.event, trace);
      case 'release':
        return this.#release();
      case 'interrupted':
        logger.debug({ ...trace?.ids, participant_id: this.id }, 'session interrupted');
        if (decision.room_id !== null) router.send(decision.room_id, this.#ref, { type: 'interrupt' }, trace);
        return;
      case 'resumed':
        counters.resumed(decision.lost);
        if (decision.room_id !== null)
          router.send(decision.room_id, this.#ref, { type: 'resume', lost: decision.lost }, trace);
        return;
      case 'refuse':
        return this.#refuse(decision.code, decision.message, trace);
      case 'close':
        return this.#connection?.close(decision.reason);
      case 'ended':
        return this.#end();
      case 'failed':
        return this.#failed(decision.error, decision.event, trace);
    }
  }

  #defer(event: DeferredEvent, trace: Trace | undefined): void {
    if (event.type === 'transport.closed') this.#services.sessions.revoke(this);
    trace?.hold();
    this.#deferred ??= [];
    this.#deferred.push({ event, trace });
  }

  /** The machine is still taking the room's answer: the deferred events follow as soon as it is done. */
  #release(): void {
    const deferred = this.#deferred;
    if (deferred === undefined) return;
    this.#deferred = undefined;
    queueMicrotask(() => {
      for (const { event, trace } of deferred) {
        this.#actor.send(event, trace);
        trace?.end();
      }
    });
  }

  /** Ready is the one message without a number: it says where the numbers start, or go on. */
  #writeReady(
    connection: AttachedConnection,
    resume_token: string,
    about: Pick<Ready, 'resumed' | 'lost' | 'received'>,
  ): WriteResult {
    const ready: Ready = {
      type: 'Ready',
      participant_id: this.id,
      resume_token,
      ...about,
      ...this.#services.welcome,
    };
    return connection.transport.write(new Outgoing(ready));
  }

  #refuse(code: ErrorCode, message: string, trace: Trace | undefined): void {
    trace?.refused(this.id, code);
    this.write(new Outgoing({ type: 'Error', code, message }));
  }

  /** Idempotent. */
  #end(): void {
    const { participants, sessions } = this.#services;
    this.#actor.stop();
    this.#outbox?.close();
    sessions.revoke(this);
    participants.remove(this.id);
  }

  /** A message that fails costs itself. Any other event will not be sent again, so the participant ends. */
  #failed(error: unknown, event: ParticipantEvent, trace: Trace | undefined): void {
    trace?.failed(error);
    this.#services.logger.error(
      { ...trace?.ids, participant_id: this.id, err: error },
      'participant failed on an event',
    );
    if (event.type.startsWith('message.'))
      return this.#refuse('Internal', 'The server failed on this message; nothing changed.', trace);
    const room_id = event.type === 'room.entered' ? event.room_id : this.#actor.context.room_id;
    this.#end();
    if (room_id !== null) this.#services.router.send(room_id, this.#ref, { type: 'leave' }, trace);
    this.#connection?.close('InternalError');
  }
}

/** What the participant's machine hears of a message. */
export function eventOf(message: ParticipantMessage): MessageEvent {
  const refusal = NOT_NOW[message.type];
  switch (message.type) {
    case 'CreateRoom':
      return { type: 'message.create', refusal };
    case 'JoinRoom': {
      const createIfMissing = 'create_if_missing' in message && message.create_if_missing === true;
      return { type: 'message.join', room_id: message.room_id, createIfMissing, refusal };
    }
    case 'LeaveRoom':
      return { type: 'message.leave', refusal };
    default:
      return { type: 'message.relay', message, refusal };
  }
}

/** Makes participants for connections, and gives sessions that are resumed their new connection. */
export function registrarOf(
  start: Start<ParticipantMachine>,
  times: Omit<ParticipantInput, 'participant_id' | 'isSession'>,
  services: ParticipantServices,
): Registrar {
  return {
    register: (connection, isSession) =>
      new Participant(
        start,
        { participant_id: connection.participantId, isSession, ...times },
        connection,
        services,
      ),
    claim(token) {
      const claimed = services.sessions.claim(token);
      return claimed && { participant: claimed.session, token: claimed.token };
    },
  };
}
