import type { SupervisorInput, supervisorMachine } from '../machines/supervisor.ts';
import type { Actor, Decision, Start } from './actor/actor.ts';
import type { ParticipantId, RoomId } from './protocol/server.ts';
import type { Room, Rooms } from './routing/router.ts';
import type { Logger } from './telemetry/logger.ts';
import type { Trace } from './telemetry/tracing.ts';

type SupervisorMachine = typeof supervisorMachine;

/** What a room reports. */
export interface RoomReports {
  failed(error: unknown, participantId: ParticipantId | undefined, trace: Trace | undefined): void;
  ended(): void;
}

export type RoomFactory = (roomId: RoomId, reports: RoomReports) => Room;

/** Performs what the supervisor's machine decides: keeps the rooms of this process, by id. */
export class Supervisor implements Rooms {
  readonly #rooms = new Map<RoomId, Room>();
  readonly #actor: Actor<SupervisorMachine, Trace>;
  readonly #makeRoom: RoomFactory;
  readonly #logger: Logger;
  readonly #counters: { roomRestarts: number };
  /** Rooms to be closed as soon as the actor has taken its event. */
  #closing: Room[] = [];

  constructor(
    start: Start<SupervisorMachine>,
    input: SupervisorInput,
    makeRoom: RoomFactory,
    logger: Logger,
    counters: { roomRestarts: number },
  ) {
    this.#counters = counters;
    this.#makeRoom = makeRoom;
    this.#logger = logger;
    this.#actor = start<Trace>(input, (decision, trace) => this.#perform(decision, trace));
  }

  /** Rooms alive, idle ones included. */
  get size(): number {
    return this.#rooms.size;
  }

  open(roomId: RoomId, trace: Trace | undefined): Room | undefined {
    this.#actor.send({ type: 'room.wanted', room_id: roomId }, trace);
    return this.#rooms.get(roomId);
  }

  find(roomId: RoomId): Room | undefined {
    return this.#rooms.get(roomId);
  }

  /** Opens no more rooms. */
  stop(): void {
    this.#actor.send({ type: 'stop' });
  }

  #perform(decision: Decision<SupervisorMachine>, trace: Trace | undefined): void {
    switch (decision.type) {
      case 'open':
        this.#open(decision.room_id, trace);
        return;
      case 'restart':
        this.#counters.roomRestarts += 1;
        this.#logger.warn(
          { ...trace?.ids, room_id: decision.room_id },
          'room goes on from its last good state',
        );
        return;
      case 'close':
        this.#logger.error(
          { ...trace?.ids, room_id: decision.room_id },
          'room fails too often and is closed',
        );
        this.#closeSoon(decision.room_id);
        return;
      case 'forget':
        this.#rooms.delete(decision.room_id);
        this.#logger.debug(
          { ...trace?.ids, room_id: decision.room_id, rooms: this.#rooms.size },
          'room ended',
        );
        return;
      case 'failed':
        this.#logger.error(
          { ...trace?.ids, err: decision.error, event: decision.event.type },
          'supervisor failed on an event',
        );
        return;
    }
  }

  #closeSoon(roomId: RoomId): void {
    const room = this.#rooms.get(roomId);
    if (room !== undefined) this.#closing.push(room);
  }

  /**
   * Closes rooms only when the actor has taken its event: members of a closed room may ask for another at once, and until then
   * the actor would neither forget the one nor open the other.
   */
  #closeFailed(): void {
    for (const room of this.#closing.splice(0))
      room.close('The room failed too often and was closed: create or join another.');
  }

  #open(roomId: RoomId, trace: Trace | undefined): void {
    const room = this.#makeRoom(roomId, {
      failed: (error, participantId, cause) => {
        this.#logger.error(
          { ...cause?.ids, room_id: roomId, participant_id: participantId, err: error },
          'room failed on a message',
        );
        this.#actor.send({ type: 'room.failed', room_id: roomId, at: performance.now() }, cause);
        this.#closeFailed();
      },
      ended: () => this.#actor.send({ type: 'room.ended', room_id: roomId }),
    });
    this.#rooms.set(roomId, room);
    this.#logger.debug({ ...trace?.ids, room_id: roomId, rooms: this.#rooms.size }, 'room opened');
  }
}
