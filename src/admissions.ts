import type { Registrar } from './attachment.ts';
import type { Access } from './auth/access.ts';
import type { ParticipantId, RoomId } from './protocol/server.ts';
import type { MemberRef, Replies, RoomCommand, Router, SendResult } from './routing/router.ts';
import type { Trace } from './telemetry/tracing.ts';

/**
 * What each participant of this process may do, while authentication is on. Its router judges a command before it looks for the
 * room, and the answer to one that is forbidden is that of a room which does not exist.
 */
export class Admissions {
  readonly #accesses = new Map<ParticipantId, Access>();

  /** How many participants it knows. */
  get size(): number {
    return this.#accesses.size;
  }

  forget(id: ParticipantId): void {
    this.#accesses.delete(id);
  }

  /** For one connection: a participant that it makes has this access, and a session that it takes up has it from then on. */
  registrarFor(access: Access, registrar: Registrar): Registrar {
    return {
      register: (...args) => {
        const [{ participantId }] = args;
        this.#accesses.set(participantId, access);
        return registrar.register(...args);
      },
      claim: (token) => {
        const claimed = registrar.claim(token);
        if (claimed === undefined || !this.#mayTakeUp(access, claimed.participant)) return undefined;
        if (access.identity.anonymous === undefined) this.#accesses.set(claimed.participant.id, access);
        return claimed;
      },
    };
  }

  /** The router of participants: it refuses what their grants do not allow. */
  guard(router: Router, replies: Replies): Router {
    return {
      send: (room, from, command, trace) => {
        const judged = this.#judge(room, from, command);
        if (judged !== undefined) return router.send(room, from, judged, trace);
        return refuse(replies, room, from, command, trace);
      },
    };
  }

  /** A resume token is for its own user; anonymous clients have nothing else to be known by. */
  #mayTakeUp(
    access: Access,
    { id, roomId }: { readonly id: ParticipantId; readonly roomId: RoomId | null },
  ): boolean {
    const before = this.#accesses.get(id)?.identity;
    const { user_id, anonymous } = access.identity;
    const isSame = before?.anonymous === true ? anonymous === true : before?.user_id === user_id;
    return isSame && (anonymous === true || roomId === null || access.mayJoin(roomId));
  }

  /** The command as the sender may give it; undefined where it may not. */
  #judge(room: RoomId, { participant_id }: MemberRef, command: RoomCommand): RoomCommand | undefined {
    if (command.type !== 'create' && command.type !== 'join') return command;
    const access = this.#accesses.get(participant_id);
    if (access === undefined) return undefined;
    if (command.type === 'create') return access.mayCreate ? command : undefined;
    if (!access.mayJoin(room)) return undefined;
    return command.createIfMissing && !access.mayOpen(room)
      ? { ...command, createIfMissing: false }
      : command;
  }
}

function refuse(
  replies: Replies,
  room: RoomId,
  from: MemberRef,
  { type }: RoomCommand,
  trace: Trace | undefined,
): SendResult {
  const message =
    type === 'create' ? 'You may not create rooms.' : `No room ${room}: it never was, or it expired.`;
  replies.send(room, [from], { type: 'refused', code: 'RoomNotFound', message }, trace);
  return 'done';
}
