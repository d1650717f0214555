import { parentPort } from 'node:worker_threads';
import { trace as api } from '@opentelemetry/api';
import { roomMachine } from '../../../machines/room.ts';
import { supervisorMachine } from '../../../machines/supervisor.ts';
import { SlicedClock } from '../../../src/actor/clock.ts';
import { fastestStarter } from '../../../src/actor/xstate/fast-path.ts';
import { LiveRoom } from '../../../src/room.ts';
import { LocalRouter } from '../../../src/routing/local.ts';
import type { Replies, RoomReply } from '../../../src/routing/router.ts';
import { Supervisor } from '../../../src/supervisor.ts';
import { Counters } from '../../../src/telemetry/counters.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';
import { Trace } from '../../../src/telemetry/tracing.ts';
import type { FromRooms, RoomLimits, ToRooms } from './messages.ts';

/** The thread that has the rooms of servers elsewhere (router.ts). It runs the same rooms as a server in one process. */

const clock = new SlicedClock();
const startRoom = fastestStarter(roomMachine, clock);
const startSupervisor = fastestStarter(supervisorMachine, clock);

function send(message: FromRooms): void {
  parentPort?.postMessage(JSON.stringify(message));
}

/** The rooms of one server. */
class RemoteRooms {
  readonly #server: number;
  readonly #counters = new Counters();
  readonly #supervisor: Supervisor;
  readonly #router: LocalRouter;
  /** Which command a trace belongs to. */
  readonly #ids = new WeakMap<Trace, number>();

  constructor(server: number, { maxRooms, roomCapacity, roomIdleTimeoutMs }: RoomLimits) {
    this.#server = server;
    const write = (line: string) => send({ server, type: 'logged', line: JSON.parse(line) });
    const logger = createLogger('debug', { stream: { write } });
    const replies: Replies = {
      send: (room, to, reply: RoomReply, trace) =>
        send({ server, type: 'reply', id: trace && this.#ids.get(trace), room, to, reply }),
    };
    this.#supervisor = new Supervisor(
      startSupervisor,
      { maxRooms, maxFailures: 5, failureWindowMs: 60_000 },
      (room_id, reports) =>
        new LiveRoom(
          startRoom,
          { room_id, capacity: roomCapacity, idleTimeoutMs: roomIdleTimeoutMs },
          { ...reports, resized: (before, after) => this.#counters.roomResized(before, after) },
          replies,
        ),
      logger,
      this.#counters,
    );
    this.#router = new LocalRouter(this.#supervisor, replies);
  }

  get size(): number {
    return this.#supervisor.size;
  }

  handle({ id, room, from, command, trace: context }: Extract<ToRooms, { type: 'command' }>): void {
    const span = api.wrapSpanContext(context ?? { traceId: '', spanId: '', traceFlags: 0 });
    const trace = new Trace(span, this.#counters, 'disconnect', performance.now(), (room_id) => room_id);
    this.#ids.set(trace, id);
    this.#router.send(room, from, command, trace);
    send({ server: this.#server, type: 'done', id });
  }

  close(): void {
    this.#supervisor.stop();
  }
}

const all = new Map<number, RemoteRooms>();

parentPort?.on('message', (text: string) => {
  const message: ToRooms = JSON.parse(text);
  const { server } = message;
  switch (message.type) {
    case 'open':
      all.set(server, new RemoteRooms(server, message.limits));
      return;
    case 'command':
      return all.get(server)?.handle(message);
    case 'count':
      return send({ server, type: 'counted', id: message.id, rooms: all.get(server)?.size ?? 0 });
    case 'freeze':
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      return;
    case 'close':
      all.get(server)?.close();
      all.delete(server);
      return;
  }
});
