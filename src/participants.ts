import { Outgoing } from './codec/outgoing.ts';
import type { ParticipantId, RoomId } from './protocol/server.ts';
import type { MemberRef, Replies, RoomReply } from './routing/router.ts';
import type { Trace } from './telemetry/tracing.ts';

/** A participant as the replies of rooms reach it. */
export interface Addressee {
  answered(
    to: MemberRef,
    room: RoomId,
    reply: Exclude<RoomReply, { type: 'deliver' }>,
    trace: Trace | undefined,
  ): void;
  delivered(to: MemberRef, message: Outgoing, trace: Trace | undefined): void;
}

/** The participants of this process, by id. A message to many is encoded once. */
export class Participants implements Replies {
  readonly #byId = new Map<ParticipantId, Addressee>();
  readonly #removed: (id: ParticipantId) => void;

  /** `removed` hears of each participant that has ended. */
  constructor(removed: (id: ParticipantId) => void = () => {}) {
    this.#removed = removed;
  }

  add(id: ParticipantId, participant: Addressee): void {
    this.#byId.set(id, participant);
  }

  /** Idempotent. */
  remove(id: ParticipantId): void {
    if (this.#byId.delete(id)) this.#removed(id);
  }

  send(room: RoomId, to: readonly MemberRef[], reply: RoomReply, trace: Trace | undefined): void {
    if (reply.type === 'deliver') {
      const outgoing = new Outgoing(reply.message);
      for (const ref of to) this.#byId.get(ref.participant_id)?.delivered(ref, outgoing, trace);
    } else {
      for (const ref of to) this.#byId.get(ref.participant_id)?.answered(ref, room, reply, trace);
    }
  }
}
