import type { RoomDecision, RoomEvent, RoomInput, roomMachine } from '../machines/room.ts';
import type { Actor, Decision, Start } from './actor/actor.ts';
import type { ErrorCode } from './protocol/codes.ts';
import type { ParticipantId, ServerMessage } from './protocol/server.ts';
import type { MemberRef, Replies, Room, RoomCommand, RoomReply } from './routing/router.ts';
import type { Trace } from './telemetry/tracing.ts';

type RoomMachine = typeof roomMachine;
type Refuse = Extract<RoomDecision, { type: 'refuse' }>;

/** What a room reports to. */
export interface RoomHost {
  /** One event of the room threw and had no effect. `participantId` sent it; undefined for a timer. */
  failed(error: unknown, participantId: ParticipantId | undefined, trace: Trace | undefined): void;
  /** The number of members changed. */
  resized(before: number, after: number): void;
  /** The room is over, by expiry or `close`. Called once. */
  ended(): void;
}

const FAILED = 'The server failed on this message; the room is as it was.';

/** Performs what one room's machine decides: it sends replies to its members, wherever they are. */
export class LiveRoom implements Room {
  readonly #input: RoomInput;
  readonly #host: RoomHost;
  readonly #replies: Replies;
  readonly #actor: Actor<RoomMachine, Trace>;
  /** The members, and those whose create or join is not answered yet. */
  readonly #members = new Map<ParticipantId, MemberRef>();
  /** Those of them whose create or join is not answered yet. */
  readonly #waiting = new Set<ParticipantId>();
  #size = 0;
  #ended = false;

  constructor(start: Start<RoomMachine>, input: RoomInput, host: RoomHost, replies: Replies) {
    this.#input = input;
    this.#host = host;
    this.#replies = replies;
    this.#actor = start<Trace>(input, (decision, trace) => this.#perform(decision, trace));
  }

  handle(from: MemberRef, command: RoomCommand, trace: Trace | undefined): void {
    const { participant_id } = from;
    switch (command.type) {
      case 'relay':
        return this.#actor.send({ type: 'relay', from: participant_id, message: command.message }, trace);
      case 'create':
      case 'join':
        return this.#enter(from, command.type, trace);
      case 'resume':
        return this.#actor.send({ type: 'resume', participant_id, lost: command.lost }, trace);
      default:
        return this.#actor.send({ type: command.type, participant_id }, trace);
    }
  }

  close(message: string): void {
    if (this.#ended) return;
    this.#actor.stop();
    const refs = [...this.#members.values()];
    const isWaiting = ({ participant_id }: MemberRef) => waiting.has(participant_id);
    const waiting = new Set(this.#waiting);
    this.#end();
    const { room_id } = this.#input;
    const members = refs.filter((ref) => !isWaiting(ref));
    this.#replies.send(room_id, members, { type: 'closed', message }, undefined);
    const refused: RoomReply = { type: 'refused', code: 'Internal', message };
    this.#replies.send(room_id, refs.filter(isWaiting), refused, undefined);
  }

  #enter(from: MemberRef, type: 'create' | 'join', trace: Trace | undefined): void {
    const { participant_id, isSession } = from;
    if (this.#ended) {
      const { room_id } = this.#input;
      const message = `Room ${room_id} is over.`;
      return this.#replies.send(room_id, [from], { type: 'refused', code: 'RoomNotFound', message }, trace);
    }
    if (!this.#members.has(participant_id)) this.#waiting.add(participant_id);
    this.#members.set(participant_id, from);
    this.#actor.send({ type, participant_id, isSession }, trace);
  }

  #resize(size: number): void {
    this.#host.resized(this.#size, size);
    this.#size = size;
  }

  #end(): void {
    this.#ended = true;
    this.#resize(0);
    this.#members.clear();
    this.#waiting.clear();
    this.#host.ended();
  }

  #perform(decision: Decision<RoomMachine>, trace: Trace | undefined): void {
    switch (decision.type) {
      case 'unicast':
        return this.#deliver([decision.to], decision.message, trace);
      case 'broadcast':
        return this.#deliver(decision.to, decision.message, trace);
      case 'refuse':
        return this.#refuse(decision, trace);
      case 'admit':
        this.#waiting.delete(decision.participant_id);
        this.#resize(this.#size + 1);
        return this.#reply([decision.participant_id], { type: 'entered' }, trace);
      case 'deny':
        return this.#deny(decision.to, decision.code, decision.message, trace);
      case 'release':
        this.#members.delete(decision.participant_id);
        return this.#resize(this.#size - 1);
      case 'expired':
        return this.#end();
      case 'failed':
        return this.#recover(decision.error, decision.event, trace);
    }
  }

  #reply(to: readonly ParticipantId[], reply: RoomReply, trace: Trace | undefined): void {
    const refs: MemberRef[] = [];
    for (const id of to) {
      const ref = this.#members.get(id);
      if (ref !== undefined) refs.push(ref);
    }
    this.#replies.send(this.#input.room_id, refs, reply, trace);
  }

  #deliver(to: readonly ParticipantId[], message: ServerMessage, trace: Trace | undefined): void {
    this.#reply(to, { type: 'deliver', message }, trace);
  }

  #refuse({ to, code, message, requestId }: Omit<Refuse, 'type'>, trace: Trace | undefined): void {
    const answer = requestId !== undefined && { request_id: requestId };
    this.#deliver([to], { type: 'Error', code, message, ...answer }, trace);
  }

  #deny(to: ParticipantId, code: ErrorCode, message: string, trace: Trace | undefined): void {
    const ref = this.#members.get(to);
    this.#members.delete(to);
    this.#waiting.delete(to);
    if (ref !== undefined)
      this.#replies.send(this.#input.room_id, [ref], { type: 'refused', code, message }, trace);
  }

  /** The event had no effect. Tell its sender. Retry leave, interrupt and resume, which no client would resend. */
  #recover(error: unknown, event: RoomEvent, trace: Trace | undefined): void {
    switch (event.type) {
      case 'relay':
        this.#refuse(
          { to: event.from, code: 'Internal', message: FAILED, requestId: event.message.request_id },
          trace,
        );
        return this.#host.failed(error, event.from, trace);
      case 'create':
      case 'join':
        this.#deny(event.participant_id, 'Internal', FAILED, trace);
        return this.#host.failed(error, event.participant_id, trace);
      case 'leave':
      case 'interrupt':
      case 'resume':
        this.#host.failed(error, event.participant_id, trace);
        // Retried until it succeeds, or until the host has closed a room that fails too often.
        if (!this.#ended) this.#actor.send(event, trace);
        return;
      default:
        // A timer of the machine: it does not come again, so the room cannot go on without it.
        this.#host.failed(error, undefined, trace);
        return this.close('The room failed and was closed: create or join another.');
    }
  }
}
