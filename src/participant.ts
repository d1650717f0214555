import { v4 as uuid } from 'uuid';
import type {
  MessageEvent,
  ParticipantEvent,
  ParticipantInput,
  participantMachine,
} from '../machines/participant.ts';
import type { Actor, Decision, Start } from './actor/actor.ts';
import type { Clock } from './actor/clock.ts';
import type { AttachedConnection, AttachedParticipant, Registrar, Resumed } from './attachment.ts';
import { Outgoing } from './codec/outgoing.ts';
import { Inbox } from './inbox.ts';
import type { Addressee, Participants } from './participants.ts';
import type { ParticipantMessage } from './protocol/client.ts';
import type { ErrorCode } from './protocol/codes.ts';
import type { Greeting } from './protocol/features.ts';
import { NOT_NOW } from './protocol/reading.ts';
import type { ParticipantId, Ready, RoomId, ServerDraining } from './protocol/server.ts';
import type { MemberRef, NodeId, RoomCommand, RoomReply, Router } from './routing/router.ts';
import type { Sessions } from './sessions.ts';
import { Outbox, type OutboxLimits } from './socket/outbox.ts';
import type { OutboxBudget } from './socket/outbox-budget.ts';
import type { Counters } from './telemetry/counters.ts';
import type { Logger } from './telemetry/logger.ts';
import type { Trace } from './telemetry/tracing.ts';
import type { TransportEnd, WriteResult } from './transport/transport.ts';

type ParticipantMachine = typeof participantMachine;

const FAILED = 'The server failed on this message; nothing changed.';

/** What a Ready says that is the same for every session. */
export type Welcome = Pick<Ready, 'heartbeat_ms' | 'resume_grace_ms' | 'limits' | 'ice_servers'>;

export interface ParticipantServices {
  readonly node_id: NodeId;
  readonly router: Router;
  /** How long a room may take to do what it was asked for, in milliseconds. */
  readonly answerTimeoutMs: number;
  readonly clock: Clock;
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

/**
 * Performs what the machine of one participant decides: it sends commands to its room, and writes what the room answers.
 * A session goes on without a transport for a while; its outbox keeps the messages to it.
 */
export class Participant implements AttachedParticipant, Addressee {
  readonly id: ParticipantId;
  /** Another one for each seat that it asks for. */
  #ref: MemberRef;
  readonly #services: ParticipantServices;
  readonly #actor: Actor<ParticipantMachine, Trace>;
  readonly #outbox: Outbox | undefined;
  #connection: AttachedConnection | undefined;
  /** The room it entered last, or asked to enter. */
  #room: RoomId | undefined;
  #received = 0;
  /** After a resume no text frame has shown yet that the client heard the Ready. */
  #isReadyUnheard = false;
  /** While a command is pending. */
  #inbox: Inbox | undefined;
  /** The request id of the create or join that is not answered yet. */
  #request: string | undefined;

  constructor(
    start: Start<ParticipantMachine>,
    input: ParticipantInput,
    connection: AttachedConnection,
    greeting: Greeting | undefined,
    services: ParticipantServices,
  ) {
    const { participant_id, isSession } = input;
    this.id = participant_id;
    this.#ref = { participant_id, node_id: services.node_id, isSession, seat: 0 };
    this.#services = services;
    this.#connection = connection;
    this.#outbox = isSession
      ? new Outbox(services.outboxLimits, connection.transport.codec, services.outboxBudget)
      : undefined;
    this.#actor = start<Trace>(input, (decision, trace) => this.#perform(decision, trace));
    services.participants.add(participant_id, this);
    if (this.#outbox === undefined || greeting === undefined) return;
    this.#writeReady(connection, services.sessions.open(this), greeting, { resumed: false });
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
    if (!this.#isReadyUnheard) return;
    this.#isReadyUnheard = false;
    this.#services.sessions.confirm(this);
  }

  receive(message: ParticipantMessage, trace: Trace | undefined): void {
    this.#take(eventOf(message), trace);
  }

  reject(reason: string, requestId: string | undefined, trace: Trace | undefined): void {
    this.#take({ type: 'message.invalid', refusal: reason, requestId }, trace);
  }

  answer(outgoing: Outgoing, trace: Trace | undefined): void {
    if (this.#inbox?.isFull) return this.#overflow();
    this.#inTurn(() => void this.write(outgoing), trace);
  }

  write(outgoing: Outgoing): WriteResult {
    return (this.#outbox ?? this.#connection?.transport)?.write(outgoing) ?? 'closed';
  }

  answered(
    { seat }: MemberRef,
    room: RoomId,
    reply: Exclude<RoomReply, { type: 'deliver' }>,
    trace: Trace | undefined,
  ): void {
    if (seat !== this.#ref.seat) return;
    switch (reply.type) {
      case 'entered':
        trace?.involves(room);
        return this.#actor.send({ type: 'room.entered', room_id: room }, trace);
      case 'refused':
        if (reply.code === 'RoomNotFound') this.#countAttempt();
        return this.#actor.send({ ...reply, type: 'room.refused', requestId: this.#takeRequest() }, trace);
      case 'closed':
        return this.#actor.send({ type: 'room.closed', room_id: room, message: reply.message }, trace);
      case 'done':
        this.#inbox?.commandDone();
        return this.#handleWaiting();
    }
  }

  delivered({ seat }: MemberRef, outgoing: Outgoing, trace: Trace | undefined): void {
    if (seat !== this.#ref.seat) return;
    const { message } = outgoing;
    if (message.type === 'Error') {
      trace?.refused(this.id, message.code);
      this.write(outgoing);
      return;
    }
    const result = this.write(this.#request === undefined ? outgoing : this.#withRequest(outgoing));
    if (result === 'sent' || result === 'queued') trace?.delivered(this.id, message.type, result);
  }

  trimOutbox(): void {
    this.#outbox?.trim();
  }

  acknowledge(seq: number): void {
    if (!this.#isReadyUnheard) this.#outbox?.acknowledge(seq);
  }

  /** The server drains: a session is told, and keeps its seat until the server stops. */
  drain(draining: ServerDraining): void {
    this.write(new Outgoing(draining));
    this.#actor.send({ type: 'server.draining' });
  }

  isAttachedTo(connection: AttachedConnection): boolean {
    return connection === this.#connection;
  }

  attach(
    connection: AttachedConnection,
    { token, lastSeq, greeting }: Resumed,
    trace: Trace | undefined,
  ): void {
    const outbox = this.#outbox as Outbox;
    const replaced = this.#connection;
    const { room_id } = this.#actor.context;
    trace?.isOf(this.id);
    if (room_id !== null) trace?.involves(room_id);
    this.#connection = connection;
    this.#isReadyUnheard = true;
    outbox.attach(undefined);
    replaced?.close('Replaced');
    const { texts, lost } = outbox.missedSince(lastSeq, connection.transport.codec);
    const about = { resumed: true, ...(lost && { lost }), received: this.#received };
    if (this.#writeReady(connection, token, greeting, about) !== 'sent') return;
    for (const text of texts) if (connection.transport.writeText(text) !== 'sent') return; // it cannot take all that, and is closed
    outbox.attach(connection.transport);
    this.#inTurn(() => this.#actor.send({ type: 'transport.attached', lost }, trace), trace);
  }

  detach(connection: AttachedConnection, end: TransportEnd, trace: Trace | undefined): void {
    if (connection !== this.#connection) return;
    this.#connection = undefined;
    this.#outbox?.attach(undefined);
    const { sessions, maxSessions } = this.#services;
    const type = `transport.${sessions.size <= maxSessions ? end : 'closed'}` as const;
    if (type === 'transport.closed') sessions.revoke(this); // at once, even if the rest has to wait
    this.#inTurn(() => this.#actor.send({ type }, trace), trace);
  }

  #perform(decision: Decision<ParticipantMachine>, trace: Trace | undefined): void {
    const { logger, counters } = this.#services;
    switch (decision.type) {
      case 'relay':
        return this.#command(decision.room_id, decision, trace);
      case 'create':
        this.#countAttempt();
        this.#request = decision.requestId;
        return this.#enter(uuid(), { type: 'create' }, trace);
      case 'join':
        if (decision.createIfMissing) this.#countAttempt();
        trace?.involves(decision.room_id);
        this.#request = decision.requestId;
        return this.#enter(decision.room_id, decision, trace);
      case 'leave':
        this.#command(decision.room_id, { type: 'leave' }, trace);
        if (decision.requestId !== undefined)
          this.answer(new Outgoing({ type: 'Done', request_id: decision.requestId }), trace);
        return;
      case 'pong': {
        const { requestId: request_id, room_id } = decision;
        this.write(new Outgoing({ type: 'Pong', request_id, room_id }));
        return;
      }
      case 'withdraw':
        return this.#command(this.#room as RoomId, { type: 'leave' }, trace);
      case 'interrupted':
        logger.debug({ ...trace?.ids, participant_id: this.id }, 'session interrupted');
        if (decision.room_id !== null) this.#command(decision.room_id, { type: 'interrupt' }, trace);
        return;
      case 'resumed':
        counters.resumed(decision.lost);
        if (decision.room_id !== null)
          this.#command(decision.room_id, { type: 'resume', lost: decision.lost }, trace);
        return;
      case 'refuse':
        return this.#refuse(decision.code, decision.message, decision.requestId, trace);
      case 'close':
        return this.#connection?.close(decision.reason);
      case 'ended':
        return this.#end();
      case 'failed':
        return this.#failed(decision.error, decision.event, trace);
    }
  }

  #enter(room: RoomId, command: RoomCommand, trace: Trace | undefined): void {
    this.#room = room;
    this.#takeNextSeat();
    this.#command(room, command, trace);
  }

  #takeNextSeat(): void {
    this.#ref = { ...this.#ref, seat: this.#ref.seat + 1 };
  }

  #command(room: RoomId, command: RoomCommand, trace: Trace | undefined): void {
    const { router, clock, answerTimeoutMs } = this.#services;
    if (router.send(room, this.#ref, command, trace) === 'done') return;
    this.#inbox ??= new Inbox(clock, answerTimeoutMs, () => this.#giveUpRoom());
    this.#inbox.commandPending();
  }

  /** Its room is silent. Whatever it still answers is addressed to a seat that is no more. */
  #giveUpRoom(): void {
    this.#actor.send({ type: 'room.silent', requestId: this.#takeRequest() });
    this.#takeNextSeat();
    this.#inbox?.giveUp();
    this.#handleWaiting();
  }

  /** While commands are pending a relay may follow them to the same room. Everything else waits for its turn. */
  #take(event: MessageEvent, trace: Trace | undefined): void {
    const inbox = this.#inbox;
    if (inbox === undefined) return this.#actor.send(event, trace);
    const isRelay = event.type === 'message.relay';
    if (isRelay && inbox.isEmpty && this.roomId !== null) return this.#actor.send(event, trace);
    if (inbox.isFull) return this.#overflow();
    this.#inTurn(() => this.#actor.send(event, trace), trace, isRelay);
  }

  /** Handles it behind everything that the client asked for before. */
  #inTurn(handle: () => void, trace: Trace | undefined, isRelay = false): void {
    if (this.#inbox === undefined) handle();
    else this.#inbox.add({ handle, trace, isRelay });
  }

  #handleWaiting(): void {
    this.#inbox?.handleWaiting(() => this.roomId !== null);
    if (this.#inbox?.isSettled) this.#inbox = undefined;
  }

  /** The client sends on while its room is silent. This frame counts as not received: a session brings it again. */
  #overflow(): void {
    this.#received -= 1;
    this.#connection?.close('TryAgainLater');
  }

  /** The answer to what was asked for goes before the close. */
  #countAttempt(): void {
    const connection = this.#connection;
    if (connection?.attempted())
      queueMicrotask(() => this.#inTurn(() => connection.close('TooManyAttempts'), undefined));
  }

  /** Ready is the one message without a number: it says where the numbers start, or go on. */
  #writeReady(
    connection: AttachedConnection,
    resume_token: string,
    greeting: Greeting,
    about: Pick<Ready, 'resumed' | 'lost' | 'received'>,
  ): WriteResult {
    const ready: Ready = {
      type: 'Ready',
      version: greeting.version,
      features: [...greeting.features],
      participant_id: this.id,
      resume_token,
      ...about,
      ...this.#services.welcome,
      ...(greeting.requestId !== undefined && { request_id: greeting.requestId }),
    };
    return connection.transport.write(new Outgoing(ready));
  }

  /** Of the create or join that is answered now. */
  #takeRequest(): string | undefined {
    const request = this.#request;
    this.#request = undefined;
    return request;
  }

  /** The message with the id of the request that it answers, if it answers one. */
  #withRequest(outgoing: Outgoing): Outgoing {
    const { message } = outgoing;
    const isAnswer =
      message.type === 'RoomCreated' ||
      (message.type === 'PeerConnected' && message.participant_id === this.id);
    return isAnswer ? new Outgoing({ ...message, request_id: this.#takeRequest() as string }) : outgoing;
  }

  #refuse(code: ErrorCode, message: string, requestId: string | undefined, trace: Trace | undefined): void {
    trace?.refused(this.id, code);
    const answer = requestId !== undefined && { request_id: requestId };
    this.write(new Outgoing({ type: 'Error', code, message, ...answer }));
  }

  /** Idempotent. */
  #end(): void {
    const { participants, sessions } = this.#services;
    this.#actor.stop();
    this.#inbox?.close();
    this.#inbox = undefined;
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
    if ('refusal' in event) return this.#refuse('Internal', FAILED, event.requestId, trace);
    const room = this.#roomToLeave(event);
    this.#end();
    if (room !== null) this.#services.router.send(room, this.#ref, { type: 'leave' }, trace);
    this.#connection?.close('InternalError');
  }

  #roomToLeave(failed: ParticipantEvent): RoomId | null {
    const { room_id } = this.#actor.context;
    if (failed.type === 'room.entered') return failed.room_id;
    return failed.type === 'room.silent' ? (this.#room ?? null) : room_id;
  }
}

/** What the participant's machine hears of a message. */
export function eventOf(message: ParticipantMessage): MessageEvent {
  const refusal = NOT_NOW[message.type];
  const { request_id: requestId } = message;
  switch (message.type) {
    case 'CreateRoom':
      return { type: 'message.create', refusal, requestId };
    case 'JoinRoom': {
      const createIfMissing = 'create_if_missing' in message && message.create_if_missing === true;
      return { type: 'message.join', room_id: message.room_id, createIfMissing, refusal, requestId };
    }
    case 'LeaveRoom':
      return { type: 'message.leave', refusal, requestId };
    case 'Ping':
      return { type: 'message.ping', refusal, requestId: message.request_id };
    default:
      return { type: 'message.relay', message, refusal, requestId };
  }
}

/** Makes participants for connections, and gives sessions that are resumed their new connection. */
export function registrarOf(
  start: Start<ParticipantMachine>,
  times: Omit<ParticipantInput, 'participant_id' | 'isSession'>,
  services: ParticipantServices,
): Registrar {
  return {
    register: (connection, greeting) =>
      new Participant(
        start,
        { participant_id: connection.participantId, isSession: greeting !== undefined, ...times },
        connection,
        greeting,
        services,
      ),
    claim(token) {
      const claimed = services.sessions.claim(token);
      return claimed && { participant: claimed.session, token: claimed.token };
    },
  };
}
