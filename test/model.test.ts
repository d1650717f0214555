import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SimulatedClock } from 'xstate';
import { connectionMachine } from '../machines/connection.ts';
import { participantMachine } from '../machines/participant.ts';
import { roomMachine } from '../machines/room.ts';
import { supervisorMachine } from '../machines/supervisor.ts';
import { starter } from '../src/actor/xstate/machine-actor.ts';
import { bloomDialect } from '../src/codec/bloom.ts';
import type { Outgoing } from '../src/codec/outgoing.ts';
import { Connection, type ConnectionServices } from '../src/connection.ts';
import { type Participant, type ParticipantServices, registrarOf } from '../src/participant.ts';
import { Participants } from '../src/participants.ts';
import type { ClientMessage, RelayRequest } from '../src/protocol/client.ts';
import type { Ready, ServerMessage } from '../src/protocol/server.ts';
import { LiveRoom } from '../src/room.ts';
import { LocalRouter } from '../src/routing/local.ts';
import { Sessions } from '../src/sessions.ts';
import { OutboxBudget } from '../src/socket/outbox-budget.ts';
import { Supervisor } from '../src/supervisor.ts';
import { Counters } from '../src/telemetry/counters.ts';
import type { Logger } from '../src/telemetry/logger.ts';
import { traceHandshake } from '../src/telemetry/tracing.ts';
import type { Transport, TransportEnd, WriteResult } from '../src/transport/transport.ts';

/**
 * All of the routing layer, put together as src/server.ts does but with fake sockets, against a model of it:
 * many participants do random things in several rooms, and each must hear exactly what the model says, in
 * that order. Some speak the base protocol, some have sessions, whose sockets are lost, with what was still on
 * its way, and taken up again in time, too late or never. Then what they heard is read again without the model,
 * for what the protocol promises.
 */

const RUNS = 500;
const SLOTS = 6;
const CAPACITY = 3;
const MAX_ROOMS = 3;
/** Fewer than the server's five, so that walks get there. */
const MAX_FAILURES = 3;
const IDLE_MS = 60_000;
const GRACE_MS = 15_000;
/** What an outbox keeps: less than the server's 256, so that walks go beyond. */
const OUTBOX_MESSAGES = 3;
/** Longer than any walk: how the silent are hung up on is tested elsewhere. */
const FIRST_MESSAGE_MS = 1e12;
const UNKNOWN_ROOM = '00000000-0000-4000-8000-000000000000';
const CRASH = 'crash';

/**
 * What a participant hears, for comparison: the text of an error is no part of the protocol, and nobody can know
 * a token beforehand. `seq` in sessions only.
 */
type Heard = { seq?: number } & (
  | Exclude<ServerMessage, { type: 'Error' | 'Ready' }>
  | { type: 'Error'; code: string }
  | Pick<Ready, 'type' | 'participant_id' | 'resumed' | 'lost' | 'received'>
);

/** What one of six people does. Whoever has disconnected comes back as somebody new; those of odd number say Hello. */
type Step =
  | { do: 'create' | 'leave' | 'disconnect' | 'stall' | 'hello' | 'pong'; who: number }
  /**
   * `room`: how many rooms before the newest, perhaps one that is over, or never was; or the first that is over.
   * `createIfMissing`: if they have a session.
   */
  | { do: 'join'; who: number; room: number | 'over'; createIfMissing: boolean }
  /** `to`: one of the six; or, for a `mate`, one of those in the same room; or of those who are interrupted there. */
  | { do: 'relay' | 'crash'; who: number; to: number; mate: boolean | 'away'; kind: RelayRequest['type'] }
  /** The socket breaks, or to its client only seems to, with the last so many frames of it still on their way. */
  | { do: 'lose'; who: number; swallowed: number }
  | { do: 'replace'; who: number; swallowed: number; takes: number }
  /** `takes`: how many frames the new socket takes at once; beyond that its queue is full. */
  | { do: 'resume'; who: number; takes: number }
  | { do: 'wait'; ms: number };

const crashingMachine = roomMachine.provide({
  guards: {
    areMembers: ({ context: { members }, event }, { from, to }) => {
      if (event.type === 'relay' && payloadOf(event.message) === CRASH) throw new Error(CRASH);
      return members.includes(from) && members.includes(to);
    },
  },
});
const silent = { debug() {}, warn() {}, error() {} } as unknown as Logger;

function relayOf(kind: RelayRequest['type'], to: string, payload: string): RelayRequest {
  return kind === 'IceCandidate' ? { type: kind, to, candidate: payload } : { type: kind, to, sdp: payload };
}

function payloadOf(relay: object): string | undefined {
  if ('sdp' in relay) return relay.sdp as string;
  if ('candidate' in relay) return relay.candidate as string;
  return undefined;
}

/**
 * One socket of the real thing, which takes everything, until it stalls: then the next write closes it. Whose it
 * is, Ready says: the session's it resumed, or that of somebody new.
 */
class Socket implements Transport {
  readonly codec = bloomDialect().open();
  readonly #connection: Connection;
  #lastPing = '';
  readonly #world: World;
  #client: Client | undefined;
  isStalled = false;
  isOpen = true;
  /** How many frames it takes before it stalls. */
  takes = Infinity;

  constructor(world: World) {
    const id = world.newId();
    this.#world = world;
    this.#connection = new Connection(
      world.startConnection,
      { limit: 1000, windowMs: 1, firstMessageTimeoutMs: FIRST_MESSAGE_MS },
      this,
      traceHandshake(world.counters, id, {}).messagesOf(id),
      '',
      world.connectionServices,
    );
  }

  /** Whose it is; undefined before Ready. */
  get client(): Client | undefined {
    return this.#client;
  }

  /** From now on what it takes is read by this participant. */
  belongsTo(client: Client): void {
    this.#client = client;
    client.socket = this;
  }

  send(message: ClientMessage): void {
    if (this.#client !== undefined) this.#client.isReadyConfirmed = true;
    this.#connection.frame(Buffer.from(JSON.stringify(message)));
  }

  write(outgoing: Outgoing): WriteResult {
    return this.writeText(outgoing.textBy(this.codec));
  }

  writeText(text: string): WriteResult {
    if (!this.isOpen) return 'closed';
    if (this.isStalled || this.takes === 0) {
      this.close();
      return 'full';
    }
    this.takes -= 1;
    const message = JSON.parse(text) as ServerMessage;
    if (message.type === 'Ready') this.belongsTo(this.#world.clientOf(message.participant_id));
    this.client?.hear(message);
    return 'sent';
  }

  /** For whatever reason, a session may come back: 1011, 1013 and 4409 are no end of it. */
  close(): void {
    this.end('lost');
  }

  /** Of a ping just sent: the answer acknowledges what was written before. */
  pingAndPong(): void {
    this.#connection.ping();
    this.#connection.pong(this.#lastPing);
  }

  ping(payload: string): void {
    this.#lastPing = payload;
  }

  terminate(): void {}

  pong(payload: string): void {
    this.#connection.pong(payload);
  }

  end(how: TransportEnd): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#connection.ended(how);
  }
}

/** One participant of the real thing, by one socket after another. */
class Client {
  readonly id: string;
  readonly heard: Heard[] = [];
  /** Of a session, to resume it with. */
  token: string | undefined;
  /** The one before, which is as good until the server knows that the client has heard Ready. */
  #lastToken: string | undefined;
  isReadyConfirmed = false;
  /** Frames heard since it last connected: Ready is not counted. */
  sinceReady = 0;
  socket: Socket | undefined;

  constructor(id: string) {
    this.id = id;
  }

  get isOpen(): boolean {
    return this.socket?.isOpen === true;
  }

  get isStalled(): boolean {
    return this.socket?.isStalled === true;
  }

  get lastSeq(): number {
    return this.heard.findLast(({ seq }) => seq !== undefined)?.seq ?? 0;
  }

  hear(message: ServerMessage): void {
    if (message.type === 'Ready') {
      const {
        resume_token: _,
        heartbeat_ms,
        resume_grace_ms,
        limits,
        ice_servers,
        version,
        features,
        ...rest
      } = message;
      this.#lastToken = this.token;
      this.token = message.resume_token;
      this.isReadyConfirmed = false;
      this.sinceReady = 0;
      this.heard.push(rest);
      return;
    }
    this.sinceReady += 1;
    if (message.type !== 'Error') this.heard.push(message);
    else {
      const { message: _, ...rest } = message;
      this.heard.push(rest);
    }
  }

  /** The last so many frames never got here, the latest Ready perhaps among them. */
  swallow(count: number): void {
    this.heard.splice(this.heard.length - count);
    if (count > this.sinceReady) this.token = this.#lastToken;
    this.sinceReady -= count;
  }
}

/** The id of the so-manieth participant. */
const idOf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

/** The real thing. */
class World {
  readonly clock = new SimulatedClock();
  readonly startConnection = starter(connectionMachine, this.clock);
  readonly #startRoom = starter(crashingMachine, this.clock);
  readonly counters = new Counters();
  readonly sessions = new Sessions<Participant>();
  readonly participants = new Participants();
  /** The id of every room opened, in order. */
  readonly opened: string[] = [];
  /** Everybody there ever was. */
  readonly everybody: Client[] = [];
  #ids = 0;
  readonly supervisor = new Supervisor(
    starter(supervisorMachine, this.clock),
    { maxRooms: MAX_ROOMS, maxFailures: MAX_FAILURES, failureWindowMs: 1e9 },
    (room_id, reports) => {
      this.opened.push(room_id);
      return new LiveRoom(
        this.#startRoom,
        { room_id, capacity: CAPACITY, idleTimeoutMs: IDLE_MS },
        { ...reports, resized: (before, after) => this.counters.roomResized(before, after) },
        this.participants,
      );
    },
    silent,
    this.counters,
  );
  readonly services: ParticipantServices = {
    node_id: 'node-1',
    router: new LocalRouter(this.supervisor, this.participants),
    answerTimeoutMs: 10_000,
    clock: this.clock,
    participants: this.participants,
    sessions: this.sessions,
    welcome: {
      heartbeat_ms: 15_000,
      resume_grace_ms: GRACE_MS,
      limits: { messages: 1000, window_ms: 1, max_payload_bytes: 65_536, room_capacity: CAPACITY },
      ice_servers: [],
    },
    outboxBudget: new OutboxBudget(Number.POSITIVE_INFINITY),
    maxSessions: 1000,
    draining: () => undefined,
    outboxLimits: { messages: OUTBOX_MESSAGES, bytes: Infinity, ageMs: Infinity },
    logger: silent,
    counters: this.counters,
  };
  readonly connectionServices: ConnectionServices = {
    registrar: registrarOf(
      starter(participantMachine, this.clock),
      { resumeGraceMs: GRACE_MS, reloadGraceMs: GRACE_MS, outsideTimeoutMs: 3_600_000 },
      this.services,
    ),
    countAttempt: () => 0,
    logger: silent,
  };

  newId(): string {
    this.#ids += 1;
    return idOf(this.#ids);
  }

  /** The participant with this id: perhaps one that is only now heard of. */
  clientOf(id: string): Client {
    const known = this.everybody.find((client) => client.id === id);
    if (known !== undefined) return known;
    const client = new Client(id);
    this.everybody.push(client);
    return client;
  }

  /** Somebody new, who says Hello or nothing yet. */
  connect(hello: boolean): Client {
    const id = idOf(this.#ids + 1);
    const socket = new Socket(this);
    socket.belongsTo(this.clientOf(id));
    if (hello) socket.send({ type: 'Hello' });
    return this.clientOf(id);
  }

  /** Another socket, which brings the client's token; returns whose it is then, if anybody heard. */
  resume({ token, lastSeq }: Client, takes: number): Client | undefined {
    const socket = new Socket(this);
    socket.takes = takes;
    socket.send({ type: 'Hello', resume_token: token ?? '', last_seq: lastSeq });
    socket.takes = Infinity;
    return socket.client;
  }
}

interface ModelRoom {
  readonly number: number;
  members: string[];
  failures: number;
  emptySince: number;
}

/** What the server knows of a session. */
interface ModelSession {
  /** All it was ever sent, in order: the first is number 1. */
  readonly sent: Heard[];
  acknowledged: number;
  /** A frame of the client came since the latest resume: until then no pong acknowledges anything. */
  isReadyHeard: boolean;
  hasSocket: boolean;
  /** When its grace began; undefined while it has a socket, and until it has told that it lost it. */
  interruptedAt: number | undefined;
}

/** What should happen, said as plainly as can be. */
class Model {
  now = 0;
  /** Whoever does something now: what happens to them meanwhile, they notice when they have done it. */
  busy: string | undefined;
  /** By number; undefined once over. */
  readonly rooms: (ModelRoom | undefined)[] = [];
  /** The real id of each room. */
  readonly roomIds: string[] = [];
  readonly heard = new Map<string, Heard[]>();
  readonly gone = new Set<string>();
  readonly stalled = new Set<string>();
  /** Those of Hello, until they are gone; the interrupted ones in the order in which their graces began. */
  readonly sessions = new Map<string, ModelSession>();
  /** How many messages each has sent, the Hello that opened a session not counted. */
  readonly #messages = new Map<string, number>();
  readonly resumes = { complete: 0, lost: 0 };
  /** Sockets closed by a write while something else was being told: they leave, or are interrupted, right after. */
  #ending: string[] = [];
  /** Room ids are random, so the model has to ask for the one just created. */
  readonly #nameRoom: () => string;

  constructor(nameRoom: () => string) {
    this.#nameRoom = nameRoom;
  }

  #spoke(id: string): void {
    this.#messages.set(id, (this.#messages.get(id) ?? 0) + 1);
    const session = this.sessions.get(id);
    if (session !== undefined) session.isReadyHeard = true;
  }

  roomOf(id: string): ModelRoom | undefined {
    return this.rooms.find((room) => room?.members.includes(id));
  }

  living(): ModelRoom[] {
    return this.rooms.filter((room) => room !== undefined);
  }

  isInterrupted(id: string): boolean {
    return this.sessions.get(id)?.hasSocket === false;
  }

  hello(id: string): void {
    if (this.#messages.has(id) || this.sessions.has(id)) {
      this.#spoke(id);
      return this.#error(id, 'InvalidPayload');
    }
    this.sessions.set(id, {
      sent: [],
      acknowledged: 0,
      isReadyHeard: true,
      hasSocket: true,
      interruptedAt: undefined,
    });
    this.#hear(id, { type: 'Ready', participant_id: id, resumed: false });
  }

  create(id: string): void {
    this.#spoke(id);
    if (this.roomOf(id)) return this.#error(id, 'InvalidPayload');
    if (this.living().length === MAX_ROOMS) return this.#error(id, 'Internal');
    const room_id = this.#nameRoom();
    const room = this.#open(room_id, this.rooms.length);
    room.members.push(id);
    this.#tell(id, { type: 'RoomCreated', room_id, self_id: id });
    this.#tellParticipants(room);
    this.#settle(id);
  }

  join(id: string, room_id: string, createIfMissing: boolean): void {
    this.#spoke(id);
    if (this.roomOf(id)) return this.#error(id, 'InvalidPayload');
    const number = this.roomIds.indexOf(room_id);
    let room = this.rooms[number];
    if (room === undefined) {
      if (!createIfMissing) return this.#error(id, 'RoomNotFound');
      if (this.living().length === MAX_ROOMS) return this.#error(id, 'Internal');
      room = this.#open(room_id, number < 0 ? this.rooms.length : number);
    }
    if (room.members.length === CAPACITY) return this.#error(id, 'RoomFull');
    room.members.push(id);
    for (const member of room.members) this.#tell(member, { type: 'PeerConnected', participant_id: id });
    this.#tellParticipants(room);
    this.#settle(id);
  }

  leave(id: string): void {
    this.#spoke(id);
    if (!this.roomOf(id)) return this.#error(id, 'InvalidPayload');
    this.#remove(id);
    this.#settle(id);
  }

  /** The client says that it goes. */
  disconnect(id: string): void {
    this.#depart(id);
    this.#settle(id);
  }

  /** The socket breaks. */
  lose(id: string): void {
    this.#end(id);
    this.#settle(id);
  }

  /**
   * Another socket comes for a session that is not gone, whose client has heard everything up to `lastSeq`. If it
   * does not take all there is to say, it is as if the socket it was to take the place of had been lost.
   */
  resume(id: string, lastSeq: number, takes: number): void {
    const session = this.sessions.get(id) as ModelSession;
    const kept = Math.max(session.acknowledged, session.sent.length - OUTBOX_MESSAGES);
    const lost = lastSeq < kept;
    this.stalled.delete(id);
    session.isReadyHeard = false;
    const received = this.#messages.get(id) ?? 0;
    const ready: Heard = {
      type: 'Ready',
      participant_id: id,
      resumed: true,
      ...(lost && { lost }),
      received,
    };
    const frames = [ready, ...session.sent.slice(Math.max(kept, lastSeq))];
    for (const frame of frames.slice(0, takes)) this.#hear(id, frame);
    if (frames.length > takes) {
      if (session.hasSocket) this.lose(id);
      return;
    }
    if (frames.length === takes) this.stalled.add(id);
    this.resumes[lost ? 'lost' : 'complete'] += 1;
    session.hasSocket = true;
    session.interruptedAt = undefined;
    const room = this.roomOf(id);
    if (room !== undefined && lost) this.#tell(id, this.#participants(room));
    this.#tellSessions(id, { type: 'PeerResumed', participant_id: id });
    this.#settle(id);
    this.stalled.delete(id);
  }

  /** Everything told has been heard. */
  acknowledge(id: string): void {
    const session = this.sessions.get(id);
    if (session?.isReadyHeard) session.acknowledged = session.sent.length;
  }

  /** The last so many frames were still on their way when the socket broke. */
  swallow(id: string, count: number): void {
    const heard = this.heard.get(id) ?? [];
    heard.splice(heard.length - count);
  }

  relay(id: string, to: string, { type, payload }: { type: RelayRequest['type']; payload: string }): void {
    this.#spoke(id);
    const room = this.roomOf(id);
    if (!room) return this.#error(id, 'InvalidPayload');
    if (payload === CRASH) return this.#crash(id, room);
    if (!room.members.includes(to)) return this.#error(id, 'ParticipantNotFound');
    const { to: _, ...rest } = relayOf(type, to, payload);
    this.#tell(to, { ...rest, from: id } as Heard);
    this.#settle(id);
  }

  /** When something happens by itself next. */
  nextDue(): number {
    const graces = [...this.sessions.values()].map(
      ({ interruptedAt = Infinity }) => interruptedAt + GRACE_MS,
    );
    const idle = this.living().filter(({ members }) => members.length === 0);
    return Math.min(...graces, ...idle.map(({ emptySince }) => emptySince + IDLE_MS));
  }

  /** Lets time pass, to no later than `nextDue`. */
  pass(to: number): void {
    this.now = to;
    this.busy = undefined;
    for (const [id, { interruptedAt }] of [...this.sessions]) {
      if (interruptedAt === undefined || interruptedAt + GRACE_MS > this.now) continue;
      this.#depart(id);
      this.#settle(id);
    }
    for (const room of this.living()) {
      const isExpired = room.members.length === 0 && room.emptySince + IDLE_MS <= this.now;
      if (isExpired) this.rooms[room.number] = undefined;
    }
  }

  #open(room_id: string, number: number): ModelRoom {
    const room = { number, members: [], failures: 0, emptySince: this.now };
    this.rooms[number] = room;
    this.roomIds[number] = room_id;
    return room;
  }

  #crash(id: string, room: ModelRoom): void {
    this.#tell(id, { type: 'Error', code: 'Internal' });
    room.failures += 1;
    if (room.failures === MAX_FAILURES) {
      this.rooms[room.number] = undefined;
      for (const member of room.members) this.#tell(member, { type: 'Error', code: 'Internal' });
    }
    this.#settle(id);
  }

  #error(id: string, code: string): void {
    this.#tell(id, { type: 'Error', code });
    this.#settle(id);
  }

  #participants({ number, members }: ModelRoom): Heard {
    return {
      type: 'RoomParticipants',
      room_id: this.roomIds[number] as string,
      participants: [...members],
    };
  }

  #tellParticipants(room: ModelRoom): void {
    for (const member of room.members) this.#tell(member, this.#participants(room));
  }

  /** Tells the other sessions in the room. */
  #tellSessions(id: string, message: Heard): void {
    for (const member of this.roomOf(id)?.members ?? [])
      if (member !== id && this.sessions.has(member)) this.#tell(member, message);
  }

  #tell(id: string, message: Heard): void {
    if (this.gone.has(id)) return;
    const session = this.sessions.get(id);
    const numbered = session === undefined ? message : { ...message, seq: session.sent.length + 1 };
    session?.sent.push(numbered);
    if (session?.hasSocket === false) return;
    if (!this.stalled.has(id)) return this.#hear(id, numbered);
    if (session === undefined) this.gone.add(id);
    else session.hasSocket = false;
    if (id !== this.busy) this.#beginGrace(id);
    this.#ending.push(id);
  }

  /** Those whose grace begins at the same time leave in the order they began it. */
  #beginGrace(id: string): void {
    const session = this.sessions.get(id);
    if (session === undefined || session.hasSocket || session.interruptedAt !== undefined) return;
    session.interruptedAt = this.now;
    this.sessions.delete(id);
    this.sessions.set(id, session);
  }

  #hear(id: string, message: Heard): void {
    const heard = this.heard.get(id) ?? [];
    heard.push(message);
    this.heard.set(id, heard);
  }

  /** Its socket is gone: a session is interrupted, anybody else leaves. */
  #end(id: string): void {
    const session = this.sessions.get(id);
    if (session === undefined) return this.#depart(id);
    session.hasSocket = false;
    this.#tellSessions(id, { type: 'PeerInterrupted', participant_id: id });
  }

  #depart(id: string): void {
    this.gone.add(id);
    this.sessions.delete(id);
    this.#remove(id);
  }

  #remove(id: string): void {
    const room = this.roomOf(id);
    if (room === undefined) return;
    room.members = room.members.filter((member) => member !== id);
    room.emptySince = this.now;
    for (const member of room.members) this.#tell(member, { type: 'PeerDisconnected', participant_id: id });
    this.#tellParticipants(room);
  }

  /**
   * Lets those leave, or be interrupted, whose sockets closed meanwhile; last whoever caused it all, who is busy
   * until then.
   */
  #settle(cause: string): void {
    for (;;) {
      const others = this.#ending.filter((id) => id !== cause);
      const next = others[0] ?? this.#ending[0];
      if (next === undefined) return this.#beginGrace(cause);
      this.#ending = this.#ending.filter((id) => id !== next);
      this.#end(next);
    }
  }
}

/** Does the steps in both worlds; notes where they went. */
function play(steps: readonly Step[], note: (what: string) => void = () => {}) {
  const world = new World();
  const model = new Model(() => world.opened.at(-1) as string);
  const connect = (who: number): Client => {
    const client = world.connect(who % 2 === 1);
    if (who % 2 === 1) model.hello(client.id);
    return client;
  };
  const slots = Array.from({ length: SLOTS }, (_, who) => connect(who));

  function wait(ms: number): void {
    const end = model.now + ms;
    while (model.now < end) {
      const next = Math.min(model.nextDue(), end);
      world.clock.increment(next - model.now);
      model.pass(next);
    }
  }

  /** The client's socket breaks, or seems to, with frames on their way; never ones that a pong has told of. */
  function swallow(client: Client, wanted: number): void {
    const session = model.sessions.get(client.id);
    if (session === undefined || !client.isOpen) return;
    const onTheWay = Math.min(client.sinceReady, session.sent.length - session.acknowledged);
    // The first Ready is always heard: without its token there is no session to speak of.
    const ready = client.heard.findLast(({ type }) => type === 'Ready');
    const isReadyToo = ready?.type === 'Ready' && ready.resumed && !client.isReadyConfirmed;
    if (isReadyToo && onTheWay === client.sinceReady && wanted > onTheWay) note('Ready swallowed');
    const count = Math.min(wanted, onTheWay === client.sinceReady && isReadyToo ? onTheWay + 1 : onTheWay);
    client.swallow(count);
    model.swallow(client.id, count);
    if (count > 0) note('swallowed');
  }

  /** The client opens another socket, and brings the token it has. */
  function resume(client: Client, who: number, wanted: number): void {
    const { id, lastSeq } = client;
    if (client.token === undefined) return;
    const relays = client.heard.filter((message) => 'from' in message).length;
    if (client.isOpen) note('replaced');
    model.busy = id;
    const takes = model.gone.has(id) ? Infinity : wanted;
    const owner = world.resume(client, takes) ?? client;
    slots[who] = owner;
    if (!model.gone.has(id)) {
      model.resume(id, lastSeq, takes);
      if (!owner.isOpen) note('full while resuming');
    } else {
      note('too late');
      model.hello(owner.id);
    }
    if (client.heard.filter((message) => 'from' in message).length > relays) note('relay after resume');
  }

  for (const [index, step] of steps.entries()) {
    if (step.do === 'wait') {
      wait(step.ms);
      continue;
    }
    const { who } = step;
    if (step.do === 'resume') {
      if (!slots[who]!.isOpen) resume(slots[who]!, who, step.takes);
      continue;
    }
    if (!slots[who]!.isOpen) {
      // Whoever waits to resume does nothing else, or gives it up; whoever has waited too long tries in vain.
      if (model.isInterrupted(slots[who]!.id) && step.do !== 'disconnect') continue;
      if (who % 2 === 1 && model.gone.has(slots[who]!.id)) resume(slots[who]!, who, Infinity);
      else slots[who] = connect(who);
    }
    const client = slots[who]!;
    const { id } = client;
    const socket = client.socket as Socket;
    model.busy = id;
    switch (step.do) {
      case 'hello':
        if (client.isStalled) break;
        socket.send({ type: 'Hello' });
        model.hello(id);
        break;
      case 'create':
        socket.send({ type: 'CreateRoom' });
        model.create(id);
        break;
      case 'join': {
        const { length } = model.roomIds;
        const over = model.rooms.indexOf(undefined);
        const room_id =
          model.roomIds[step.room === 'over' ? over : length - 1 - step.room] ??
          (step.createIfMissing
            ? `${UNKNOWN_ROOM.slice(0, -3)}${String(index).padStart(3, '0')}`
            : UNKNOWN_ROOM);
        const isSession = model.sessions.has(id);
        const createIfMissing = isSession && step.createIfMissing;
        const before = world.opened.length;
        socket.send({
          type: 'JoinRoom',
          room_id,
          ...(isSession && { create_if_missing: step.createIfMissing }),
        });
        model.join(id, room_id, createIfMissing);
        if (world.opened.length > before) note(model.roomIds.length > length ? 'room named' : 'room again');
        break;
      }
      case 'leave':
        socket.send({ type: 'LeaveRoom' });
        model.leave(id);
        break;
      case 'disconnect':
        socket.end('closed');
        model.disconnect(id);
        break;
      case 'lose':
        swallow(client, step.swallowed);
        socket.end('lost');
        model.lose(id);
        break;
      case 'replace':
        swallow(client, step.swallowed);
        resume(client, who, step.takes);
        break;
      case 'stall':
        socket.isStalled = true;
        model.stalled.add(id);
        break;
      case 'pong':
        socket.pingAndPong();
        model.acknowledge(id);
        break;
      case 'relay':
      case 'crash': {
        const members = model.roomOf(id)?.members ?? [];
        const away = members.filter((member) => model.isInterrupted(member));
        const mates = step.mate === 'away' && away.length > 0 ? away : step.mate ? members : [];
        const to = mates[step.to % mates.length] ?? slots[step.to]!.id;
        const payload = step.do === 'crash' ? CRASH : `${index} ${id} ${to}`;
        socket.send(relayOf(step.kind, to, payload));
        model.relay(id, to, { type: step.kind, payload });
        break;
      }
    }
  }
  return { world, model, everybody: world.everybody };
}

const who = fc.nat({ max: SLOTS - 1 });
const mostlySession = fc.constantFrom(1, 3, 5, 1, 3, 5, 1, 3, 5, 0, 2, 4);
const kind = fc.constantFrom<RelayRequest['type']>('Offer', 'Answer', 'IceCandidate');
const relay = { who, to: who, mate: fc.constantFrom(true, 'away' as const, false), kind };
const room = fc.constantFrom(0, 0, 0, 0, 1, 1, 2, 'over' as const, 'over' as const);
const createIfMissing = fc.constantFrom(true, true, false);
const pause = fc.constantFrom(1, 1, GRACE_MS - 1, GRACE_MS - 1, GRACE_MS, 59_999, IDLE_MS, IDLE_MS);
const swallowed = fc.constantFrom(0, 1, 2, 10, 10);
const takes = fc.constantFrom(Infinity, Infinity, Infinity, Infinity, Infinity, 0, 1, 2);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('create' as const), who }) },
  {
    weight: 10,
    arbitrary: fc.record({ do: fc.constant('join' as const), who, room, createIfMissing }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('leave' as const, 'disconnect' as const), who }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('stall' as const, 'stall' as const, 'hello' as const), who }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pong' as const), who }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('lose' as const), who: mostlySession, swallowed }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('replace' as const), who: mostlySession, swallowed, takes }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('resume' as const), who: mostlySession, takes }) },
  { weight: 14, arbitrary: fc.record({ do: fc.constant('relay' as const), ...relay }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('crash' as const), ...relay }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: pause }) },
);
const steps = fc.array(step, { minLength: 1, maxLength: 120, size: 'max' });
/** All six, three in a room. */
const SEATED: readonly Step[] = [0, 1, 2, 3, 4, 5].map((each) =>
  each % CAPACITY === 0
    ? { do: 'create', who: each }
    : { do: 'join', who: each, room: 0, createIfMissing: false },
);
/** The second of their rooms fails until it is over. */
const CLOSED: readonly Step[] = Array<Step>(MAX_FAILURES).fill({
  do: 'crash',
  who: CAPACITY,
  to: 0,
  mate: true,
  kind: 'Offer',
});
const beginning = fc.constantFrom([], SEATED, SEATED, [...SEATED, ...CLOSED]);
const walk = fc.tuple(beginning, steps).map(([first, then]) => [...first, ...then]);

/** Reads what one participant heard as a client does, by the messages of membership; fails if they disagree. */
function readAsClient({ id, heard }: Client): void {
  /** Who is in my room; undefined while I do not know: between being let in and the first list. */
  let peers: Set<string> | undefined = new Set();
  let roomId: string | undefined;
  /** Something was lost: what I know of my room holds again from the next list on. */
  let isUnsure = false;
  /** Those of my peers who are interrupted, as far as I heard. */
  const interrupted = new Set<string>();
  for (const message of heard) {
    switch (message.type) {
      case 'Ready':
        if (!message.lost) break;
        peers = roomId = undefined;
        isUnsure = true;
        interrupted.clear();
        break;
      case 'RoomCreated':
        expect(message.self_id).toBe(id);
        roomId = message.room_id;
        peers = undefined;
        interrupted.clear();
        break;
      case 'PeerConnected':
        if (message.participant_id === id) {
          peers = roomId = undefined;
          interrupted.clear();
        }
        expect(peers ?? []).not.toContain(message.participant_id);
        peers?.add(message.participant_id);
        break;
      case 'PeerDisconnected': // one for each who leaves, whoever remains, and none of oneself
        expect(message.participant_id).not.toBe(id);
        if (!isUnsure) expect(peers).toContain(message.participant_id);
        peers?.delete(message.participant_id);
        interrupted.delete(message.participant_id);
        break;
      case 'PeerInterrupted': // of others only, once for each loss, and they stay
        expect(message.participant_id).not.toBe(id);
        if (!isUnsure) expect(peers).toContain(message.participant_id);
        expect(interrupted).not.toContain(message.participant_id);
        interrupted.add(message.participant_id);
        break;
      case 'PeerResumed':
        expect(message.participant_id).not.toBe(id);
        if (!isUnsure) expect(peers).toContain(message.participant_id);
        interrupted.delete(message.participant_id);
        break;
      case 'RoomParticipants':
        roomId ??= message.room_id;
        expect(message.room_id).toBe(roomId);
        expect(message.participants).toContain(id);
        if (peers !== undefined) expect([...peers]).toEqual(message.participants); // in join order
        peers = new Set(message.participants);
        isUnsure = false;
        break;
      case 'Offer':
      case 'Answer':
      case 'IceCandidate': // only from somebody whose PeerConnected, or a list with it, came first
        if (!isUnsure) expect(peers).toContain(message.from);
        break;
    }
  }
}

/**
 * In a session every message but Ready has the next number, unless Ready said that something is lost; the base
 * protocol knows nothing of all this.
 */
function readNumbers({ id, heard, token }: Client): void {
  let last = 0;
  let isLost = false;
  const isRight = (message: Heard, index: number): boolean => {
    if (token === undefined)
      return !('seq' in message) && !['Ready', 'PeerInterrupted', 'PeerResumed'].includes(message.type);
    if (message.type === 'Ready') {
      isLost = message.lost === true;
      return !('seq' in message) && message.participant_id === id && message.resumed === index > 0;
    }
    const { seq = Number.NaN } = message;
    const isNext = isLost ? seq > last + 1 : seq === last + 1;
    last = seq;
    isLost = false;
    return isNext;
  };
  expect(heard.filter((message, index) => !isRight(message, index))).toEqual([]);
}

/** Every relay arrives once at most, where it should, and those of one sender in the order sent. */
function readRelays(everybody: readonly Client[]): void {
  const arrived: string[] = [];
  for (const { id, heard } of everybody) {
    const last = new Map<string, number>();
    for (const message of heard) {
      const payload = payloadOf(message);
      if (payload === undefined || !('from' in message)) continue;
      const [index, from, to] = payload.split(' ');
      expect([from, to]).toEqual([message.from, id]);
      expect(Number(index)).toBeGreaterThan(last.get(message.from) ?? -1);
      arrived.push(payload);
      last.set(message.from, Number(index));
    }
  }
  expect(new Set(arrived).size).toBe(arrived.length);
}

describe('rooms, connections and their supervisor together', () => {
  test('everybody hears exactly what the model says, and a client can make sense of it', () => {
    fc.assert(
      fc.property(walk, (steps) => {
        const { world, model, everybody } = play(steps);
        expect(everybody.map(({ id, heard }) => [id, heard])).toEqual(
          everybody.map(({ id }) => [id, model.heard.get(id) ?? []]),
        );
        everybody.forEach(readAsClient);
        everybody.forEach(readNumbers);
        readRelays(everybody);

        expect(world.supervisor.size).toBe(model.living().length);
        model.roomIds.forEach((roomId, number) => {
          expect(world.supervisor.find(roomId) !== undefined).toBe(model.rooms[number] !== undefined);
        });
        const sizes = model.living().map(({ members }) => members.length);
        for (let size = 1; size <= CAPACITY; size++) {
          const count = sizes.filter((each) => each === size).length;
          expect([size, world.counters.roomsBySize.get(size) ?? 0]).toEqual([size, count]);
        }
        const sessions = [...world.sessions.all()].map(({ id }) => id);
        expect(sessions.sort()).toEqual([...model.sessions.keys()].sort());
        expect(world.counters.resumes).toEqual(model.resumes);
      }),
      { numRuns: RUNS },
    );
  });

  test('the walks go where it matters', () => {
    const seen: Record<string, number> = {};
    const note = (what: string) => {
      seen[what] = (seen[what] ?? 0) + 1;
    };
    for (const steps of fc.sample(walk, { numRuns: 100, seed: 1 })) {
      const { model, everybody } = play(steps, note);
      for (const { id, token, heard, isOpen, isStalled } of everybody) {
        for (const message of heard) {
          note(message.type === 'Error' ? message.code : message.type);
          if (message.type === 'Ready' && message.resumed) note(message.lost ? 'lost' : 'resumed');
        }
        if (isStalled && !isOpen) note(token === undefined ? 'stalled and closed' : 'stalled and lost');
        if (token !== undefined && model.gone.has(id)) note('session over');
        if (model.isInterrupted(id)) note('session interrupted');
      }
      for (const room of model.rooms) if (room === undefined) note('room over');
      if (model.living().some(({ failures }) => failures > 0)) note('room that failed and goes on');
    }
    const needed = [
      ...[
        'RoomCreated',
        'PeerConnected',
        'PeerDisconnected',
        'RoomParticipants',
        'Offer',
        'Answer',
        'IceCandidate',
      ],
      ...['InvalidPayload', 'RoomNotFound', 'RoomFull', 'ParticipantNotFound', 'Internal'],
      ...['stalled and closed', 'room over', 'room that failed and goes on'],
      ...['Ready', 'PeerInterrupted', 'PeerResumed', 'resumed', 'lost', 'replaced', 'too late', 'swallowed'],
      ...['relay after resume', 'stalled and lost', 'session over', 'session interrupted'],
      ...['room named', 'room again', 'Ready swallowed', 'full while resuming'],
    ];
    expect(needed.filter((what) => (seen[what] ?? 0) < 10)).toEqual([]);
  });
});
