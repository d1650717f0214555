import type { Outgoing } from '../../src/codec/outgoing.ts';
import type { Addressee, Participants } from '../../src/participants.ts';
import type { RelayRequest } from '../../src/protocol/client.ts';
import type { MemberRef, Room, RoomCommand, RoomReply } from '../../src/routing/router.ts';

/** A participant that keeps what rooms tell it, in one order. */
export class FakeMember implements Addressee {
  readonly ref: MemberRef;
  readonly told: unknown[] = [];
  readonly received: Outgoing[] = [];
  /** Runs once at the next message, as the closing of a transport does. */
  onWrite: (() => void) | undefined;

  constructor(participant_id: string, isSession = false) {
    this.ref = { participant_id, node_id: 'node-1', isSession, seat: 1 };
  }

  delivered(_: MemberRef, outgoing: Outgoing): void {
    const act = this.onWrite;
    this.onWrite = undefined;
    if (act !== undefined) return act();
    this.received.push(outgoing);
    this.told.push(outgoing.message);
  }

  answered(_: MemberRef, room: string, reply: Exclude<RoomReply, { type: 'deliver' }>): void {
    if (reply.type === 'entered') this.told.push(`entered ${room}`);
    else if (reply.type === 'refused') this.told.push(`refused ${reply.code}: ${reply.message}`);
    else if (reply.type === 'closed') this.told.push(`closed: ${reply.message}`);
  }

  /** What it was told since asked last. */
  news(): unknown[] {
    return this.told.splice(0);
  }
}

/** A room, and its commands by their names. */
export class Commands {
  readonly live: Room;
  readonly #participants: Participants;
  readonly #refs = new Map<string, MemberRef>();

  constructor(live: Room, participants: Participants) {
    this.live = live;
    this.#participants = participants;
  }

  create(member: FakeMember): void {
    this.#enter(member, { type: 'create' });
  }

  join(member: FakeMember): void {
    this.#enter(member, { type: 'join', createIfMissing: false });
  }

  leave(id: string): void {
    this.#handle(id, { type: 'leave' });
  }

  interrupt(id: string): void {
    this.#handle(id, { type: 'interrupt' });
  }

  resume(id: string, lost: boolean): void {
    this.#handle(id, { type: 'resume', lost });
  }

  relay(id: string, message: RelayRequest): void {
    this.#handle(id, { type: 'relay', message });
  }

  close(message: string): void {
    this.live.close(message);
  }

  #enter(member: FakeMember, command: RoomCommand): void {
    const { participant_id } = member.ref;
    this.#refs.set(participant_id, member.ref);
    this.#participants.add(participant_id, member);
    this.live.handle(member.ref, command, undefined);
  }

  #handle(id: string, command: RoomCommand): void {
    const ref = this.#refs.get(id) ?? { participant_id: id, node_id: 'node-1', isSession: false, seat: 1 };
    this.live.handle(ref, command, undefined);
  }
}
