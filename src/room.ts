import type { RoomEvent, RoomInput, roomMachine } from '../machines/room.ts';
import type { Actor, Decision, Performer, Start } from './actor/actor.ts';
import type { RelayRequest } from './protocol/client.ts';
import type { ErrorCode } from './protocol/codes.ts';
import { Outgoing } from './protocol/outgoing.ts';
import type { ParticipantId, ServerMessage } from './protocol/server.ts';
import type { Member, Room } from './routing/router.ts';
import { currentWork } from './telemetry/tracing.ts';

type RoomMachine = typeof roomMachine;

/** Who hears how a room fares. */
export interface RoomHost {
  /** One event of the room threw and had no effect. `participantId` sent it, if anybody did. */
  failed(error: unknown, participantId: ParticipantId | undefined): void;
  /** Somebody came or left: how many members there were, and are. */
  resized(before: number, after: number): void;
  /** The room is over, by expiry or `close`. Called once. */
  ended(): void;
}

const FAILED = 'The server failed on this message; the room is as it was.';

/** Performs what one room's machine decides, on the sinks of its members. */
export class LiveRoom implements Room, Performer<RoomMachine> {
  readonly #input: RoomInput;
  readonly #host: RoomHost;
  readonly #actor: Actor<RoomMachine>;
  /** The members, and those that wait for an answer to a create or join. */
  readonly #members = new Map<ParticipantId, Member>();
  /** Those of them that wait. */
  readonly #waiting = new Set<ParticipantId>();
  #size = 0;
  #ended = false;

  constructor(start: Start<RoomMachine>, input: RoomInput, host: RoomHost) {
    this.#input = input;
    this.#host = host;
    this.#actor = start(input, this);
  }

  create(member: Member): void {
    this.#enter(member, 'create');
  }

  join(member: Member): void {
    this.#enter(member, 'join');
  }

  leave(participantId: ParticipantId): void {
    this.#actor.send({ type: 'leave', participant_id: participantId });
  }

  interrupt(participantId: ParticipantId): void {
    this.#actor.send({ type: 'interrupt', participant_id: participantId });
  }

  resume(participantId: ParticipantId, lost: boolean): void {
    this.#actor.send({ type: 'resume', participant_id: participantId, lost });
  }

  relay(from: ParticipantId, message: RelayRequest): void {
    this.#actor.send({ type: 'relay', from, message });
  }

  close(message: string): void {
    if (this.#ended) return;
    this.#actor.stop();
    const members = [...this.#members.values()];
    const waiting = new Set(this.#waiting);
    this.#end();
    for (const member of members) {
      if (waiting.has(member.participantId)) member.refused('Internal', message);
      else member.roomClosed(message);
    }
  }

  #enter(member: Member, type: 'create' | 'join'): void {
    if (this.#ended) return member.refused('RoomNotFound', `Room ${this.#input.room_id} is over.`);
    if (!this.#members.has(member.participantId)) this.#waiting.add(member.participantId);
    this.#members.set(member.participantId, member);
    this.#actor.send({ type, participant_id: member.participantId, isSession: member.isSession });
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

  /** The actor's. */
  perform(decision: Decision<RoomMachine>): void {
    switch (decision.type) {
      case 'unicast':
        return this.#deliver(decision.to, new Outgoing(decision.message));
      case 'broadcast': {
        const outgoing = new Outgoing(decision.message);
        for (const to of decision.to) this.#deliver(to, outgoing);
        return;
      }
      case 'refuse':
        return this.#refuse(decision.to, decision.code, decision.message);
      case 'admit':
        this.#waiting.delete(decision.participant_id);
        this.#resize(this.#size + 1);
        return this.#members.get(decision.participant_id)?.entered(this.#input.room_id);
      case 'deny':
        return this.#deny(decision.to, decision.code, decision.message);
      case 'release':
        this.#members.delete(decision.participant_id);
        return this.#resize(this.#size - 1);
      case 'expired':
        return this.#end();
      case 'failed':
        return this.#recover(decision.error, decision.event);
    }
  }

  #deliver(to: ParticipantId, outgoing: Outgoing): void {
    const result = this.#members.get(to)?.write(outgoing);
    if (result === 'sent' || result === 'queued') currentWork()?.delivered(to, outgoing.message.type, result);
  }

  #refuse(to: ParticipantId, code: ErrorCode, message: string): void {
    currentWork()?.refused(to, code);
    const error: ServerMessage = { type: 'Error', code, message };
    this.#members.get(to)?.write(new Outgoing(error));
  }

  #deny(to: ParticipantId, code: ErrorCode, message: string): void {
    const member = this.#members.get(to);
    this.#members.delete(to);
    this.#waiting.delete(to);
    member?.refused(code, message);
  }

  /** The machine stands where it stood before `event`; whoever sent it is told; what nobody would repeat is not lost. */
  #recover(error: unknown, event: RoomEvent): void {
    switch (event.type) {
      case 'relay':
        this.#refuse(event.from, 'Internal', FAILED);
        return this.#host.failed(error, event.from);
      case 'create':
      case 'join':
        this.#deny(event.participant_id, 'Internal', FAILED);
        return this.#host.failed(error, event.participant_id);
      case 'leave':
      case 'interrupt':
      case 'resume':
        this.#host.failed(error, event.participant_id);
        // Tried until it succeeds, or until the host has closed a room that fails too often.
        if (!this.#ended) this.#actor.send(event);
        return;
      default:
        // A timer of the machine's own: it does not come again, so the room cannot go on without it.
        this.#host.failed(error, undefined);
        return this.close('The room failed and was closed: create or join another.');
    }
  }
}
