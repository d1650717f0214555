import { describe, expect, test } from '@jest/globals';
import { assign, emit, SimulatedClock } from 'xstate';
import { connectionMachine } from '../machines/connection.ts';
import { type ParticipantEvent, participantMachine } from '../machines/participant.ts';
import { starter } from '../src/actor/xstate/machine-actor.ts';
import { bloomDialect } from '../src/codec/bloom.ts';
import { Outgoing } from '../src/codec/outgoing.ts';
import { Connection } from '../src/connection.ts';
import { type Participant, type ParticipantServices, registrarOf } from '../src/participant.ts';
import { Participants } from '../src/participants.ts';
import type { ClientMessage } from '../src/protocol/client.ts';
import type { CloseReason, ErrorCode } from '../src/protocol/codes.ts';
import type { ServerDraining, ServerMessage } from '../src/protocol/server.ts';
import type { MemberRef, RoomReply, Router } from '../src/routing/router.ts';
import { Sessions } from '../src/sessions.ts';
import { OutboxBudget } from '../src/socket/outbox-budget.ts';
import { Counters } from '../src/telemetry/counters.ts';
import type { Logger } from '../src/telemetry/logger.ts';
import { type Trace, traceHandshake } from '../src/telemetry/tracing.ts';
import type { Transport, TransportEnd } from '../src/transport/transport.ts';
import { recordSpans } from './support/spans.ts';

/** Connections and participants together, over fake transports and a router that says what it is asked. */

const exporter = recordSpans();

const SELF = '00000000-0000-4000-8000-000000000001';
const OTHER = '00000000-0000-4000-8000-000000000002';
const B = '00000000-0000-4000-8000-00000000000b';
const ROOM = '11111111-0000-4000-8000-000000000001';
const ROOM_2 = '11111111-0000-4000-8000-000000000002';
/** What a frame that is not JSON is answered. */
const NOT_JSON = 'The frame is not JSON.';
const LIMIT = 20;
const WINDOW_MS = 1000;
const SILENT_MS = 30_000;
const GRACE_MS = 15_000;
const ANSWER_MS = 10_000;
/** Messages an outbox keeps. */
const KEPT = 4;
const ENDS: readonly TransportEnd[] = ['closed', 'away', 'lost'];
const offer: ClientMessage = { type: 'Offer', to: B, sdp: 'v=0' };
const createRoom: ClientMessage = { type: 'CreateRoom' };
const leaveRoom: ClientMessage = { type: 'LeaveRoom' };
const hello: ClientMessage = { type: 'Hello' };
const welcome = {
  version: 1,
  features: [],
  heartbeat_ms: 15_000,
  resume_grace_ms: GRACE_MS,
  limits: { messages: LIMIT, window_ms: WINDOW_MS, max_payload_bytes: 65_536, room_capacity: 8 },
  ice_servers: [{ urls: 'stun:stun.example' }],
};

/**
 * Answers a create or join within the call, as LocalRouter does; `silent` leaves it pending; `later` leaves every command
 * pending.
 */
type Answer = 'enter' | 'refuse' | 'unfound' | 'silent' | 'later';

interface Options {
  id?: string;
  machine?: typeof participantMachine;
  answer?: Answer;
  /** Whose sessions it may resume: of the same process, that is. */
  peer?: Process;
  /** Frames its transport takes; at the next its queue is full. */
  takes?: number;
  /** Of all outboxes of its process. */
  budget?: OutboxBudget;
  draining?: () => ServerDraining | undefined;
  /** Attempts that its address has left. */
  attempts?: number;
}

/** What the connections of one process share. */
interface Process {
  readonly clock: SimulatedClock;
  readonly sessions: Sessions<Participant>;
  readonly participants: Participants;
  /** What was asked of the router since it was asked last. */
  asked(): unknown[][];
  /** Who asked last. */
  lastRef(): MemberRef;
  readonly registrar: ReturnType<typeof registrarOf>;
  readonly counters: Counters;
  /** What is kept for its sessions, in bytes of memory. */
  kept(): number;
  readonly logged: [level: string, text: string][];
  readonly logger: Logger;
}

function startProcess(options: Options): Process {
  const { machine = participantMachine, answer = 'enter' } = options;
  const clock = new SimulatedClock();
  const sessions = new Sessions<Participant>();
  const participants = new Participants();
  const asked: unknown[][] = [];
  let lastRef: MemberRef | undefined;
  const reply = (to: MemberRef, trace: Trace | undefined) => {
    const send = (message: RoomReply) => participants.send(ROOM, [to], message, trace);
    if (answer === 'enter') send({ type: 'entered' });
    if (answer === 'refuse') send({ type: 'refused', code: 'RoomFull', message: 'full' });
    if (answer === 'unfound') send({ type: 'refused', code: 'RoomNotFound', message: 'none' });
    return answer === 'silent' || answer === 'later' ? 'pending' : 'done';
  };
  const router: Router = {
    send(room, from, command, trace) {
      lastRef = from;
      switch (command.type) {
        case 'create':
          asked.push(['create', from.participant_id]);
          return reply(from, trace);
        case 'join':
          asked.push(['join', room, from.participant_id, command.createIfMissing]);
          return reply(from, trace);
        case 'resume':
          asked.push(['resume', room, from.participant_id, command.lost]);
          break;
        case 'relay':
          asked.push(['relay', room, from.participant_id, command.message]);
          break;
        default:
          asked.push([command.type, room, from.participant_id]);
      }
      return answer === 'later' ? 'pending' : 'done';
    },
  };
  const logged: [level: string, text: string][] = [];
  const logger = {
    debug: () => {},
    warn: (_: object, text: string) => logged.push(['warn', text]),
    error: (_: object, text: string) => logged.push(['error', text]),
  } as unknown as Logger;
  const counters = new Counters();
  const budget = options.budget ?? new OutboxBudget(Number.POSITIVE_INFINITY);
  const services: ParticipantServices = {
    node_id: 'node-1',
    router,
    answerTimeoutMs: ANSWER_MS,
    clock,
    participants,
    sessions,
    welcome,
    outboxBudget: budget,
    draining: options.draining ?? (() => undefined),
    maxSessions: 1000,
    outboxLimits: { messages: KEPT, bytes: Infinity, ageMs: Infinity },
    logger,
    counters,
  };
  const registrar = registrarOf(
    starter(machine, clock),
    { resumeGraceMs: GRACE_MS, reloadGraceMs: GRACE_MS, outsideTimeoutMs: 3_600_000 },
    services,
  );
  return {
    clock,
    sessions,
    participants,
    asked: () => asked.splice(0),
    lastRef: () => lastRef as MemberRef,
    registrar,
    counters,
    kept: () => budget.usedBytes,
    logged,
    logger,
  };
}

function connect(options: Options = {}) {
  const { id = SELF, takes = Infinity } = options;
  const process = options.peer ?? startProcess(options);
  const { clock, sessions, participants, asked, registrar, counters, logged, logger } = process;
  const written: (ServerMessage & { seq?: number })[] = [];
  const closings: CloseReason[] = [];
  const attempts: string[] = [];
  const pings: string[] = [];
  let participant: Participant | undefined;
  let isOpen = true;
  let taken = 0;
  const transport: Transport = {
    codec: bloomDialect().open(),
    write: (outgoing: Outgoing) => transport.writeText(outgoing.textBy(transport.codec)),
    writeText(text: string) {
      if (!isOpen) return 'closed';
      if (taken === takes) {
        transport.close('TryAgainLater');
        return 'full';
      }
      taken += 1;
      written.push(JSON.parse(text));
      return 'sent';
    },
    ping: (payload) => pings.push(payload),
    terminate: () => {},
    /** As a socket does: whoever closes is told that it is closed. */
    close(reason: CloseReason) {
      if (!isOpen) return;
      isOpen = false;
      closings.push(reason);
      connection.ended(reason === 'Silent' ? 'closed' : 'lost');
    },
  };
  const handshake = traceHandshake(counters, id, {});
  const connection: Connection = new Connection(
    starter(connectionMachine, clock),
    { limit: LIMIT, windowMs: WINDOW_MS, firstMessageTimeoutMs: SILENT_MS },
    transport,
    handshake.messagesOf(id),
    '192.0.2.1',
    {
      registrar: {
        register(...about) {
          participant = registrar.register(...about) as Participant;
          return participant;
        },
        claim(token) {
          const claimed = registrar.claim(token);
          participant = claimed?.participant as Participant | undefined;
          return claimed;
        },
      },
      countAttempt() {
        attempts.push(id);
        return attempts.length > (options.attempts ?? Infinity) ? 1 : 0;
      },
      logger,
    },
  );
  return {
    process,
    connection,
    clock,
    sessions,
    counters,
    handshake,
    closings,
    logged,
    attempts,
    pings,
    asked,
    /** The participant of this connection: before its first message there is none. */
    participant: () => participant as Participant,
    write: (outgoing: Outgoing) => (participant as Participant).write(outgoing),
    /** A room answers, its latest command by default. */
    reply: (reply: RoomReply, to = process.lastRef()) => participants.send(ROOM, [to], reply, undefined),
    /** Who asked a room last: what is addressed to it reaches the seat that it asked for. */
    ref: () => process.lastRef(),
    /** Returns false for a frame that was dropped without reading it. */
    frame: (text: string) => connection.frame(Buffer.from(text)),
    send: (message: ClientMessage) => connection.frame(Buffer.from(JSON.stringify(message))),
    pong: (payload: string) => connection.pong(payload),
    /** The transport ends, other than by the server. */
    end(how: TransportEnd) {
      isOpen = false;
      connection.ended(how);
    },
    /** What was written to its transport since asked last. */
    written: () => written.splice(0),
  };
}

/** A client that is inside a room. */
function seated(options: Options = {}) {
  const client = connect(options);
  client.send(createRoom);
  client.asked();
  return client;
}

const error = (code: string, message: unknown = expect.any(String)) => ({ type: 'Error', code, message });
const leave = ['leave', ROOM, SELF];

describe('what the client sends', () => {
  test('CreateRoom, relays and LeaveRoom go to the router', () => {
    const client = connect();
    client.send(createRoom);
    client.send(offer);
    client.send({ type: 'IceCandidate', to: B, candidate: '' });
    client.send(leaveRoom);
    expect(client.asked()).toEqual([
      ['create', SELF],
      ['relay', ROOM, SELF, offer],
      ['relay', ROOM, SELF, { type: 'IceCandidate', to: B, candidate: '' }],
      leave,
    ]);
    expect(client.written()).toEqual([]);
  });

  test('JoinRoom goes to the router with its room', () => {
    const client = connect();
    client.send({ type: 'JoinRoom', room_id: ROOM_2 });
    expect(client.asked()).toEqual([['join', ROOM_2, SELF, false]]);
  });

  test('a refusal of the router is answered as an Error; the client may ask again', () => {
    const client = connect({ answer: 'refuse' });
    for (const _ of [1, 2]) {
      client.send(createRoom);
      expect(client.asked()).toEqual([['create', SELF]]);
      expect(client.written()).toEqual([error('RoomFull', 'full')]);
    }
  });

  test.each([
    ['outside', leaveRoom],
    ['outside', offer],
    ['inside', createRoom],
    ['inside', { type: 'JoinRoom', room_id: ROOM_2 } as const],
  ])('%s a room %j is answered InvalidPayload and goes nowhere', (where, message) => {
    const client = where === 'inside' ? seated() : connect();
    client.send(message);
    expect([client.asked(), client.written()]).toEqual([[], [error('InvalidPayload')]]);
  });

  test('that is no message is answered InvalidPayload, with the reason', () => {
    const client = connect();
    client.frame('{');
    expect(client.written()).toEqual([error('InvalidPayload', 'The frame is not JSON.')]);
  });
});

describe('what a room writes', () => {
  test('goes to the sink as it is, and the sink’s answer back', () => {
    const client = connect();
    client.frame('{');
    client.written();
    const outgoing = new Outgoing({ type: 'PeerConnected', participant_id: B });
    expect(client.write(outgoing)).toBe('sent');
    expect(client.written()).toEqual([{ type: 'PeerConnected', participant_id: B }]);
  });

  test('when it closes, the client hears Internal and why, and may create another', () => {
    const client = seated();
    client.reply({ type: 'closed', message: 'failed too often' });
    expect(client.written()).toEqual([error('Internal', 'failed too often')]);
    client.send(offer);
    expect(client.written()).toEqual([error('InvalidPayload')]);
    client.send(createRoom);
    expect(client.asked()).toEqual([['create', SELF]]);
  });
});

describe('the rate limit', () => {
  test('the frame too many is answered once and logged once; then nothing is read for the penalty', () => {
    const client = connect();
    for (let frame = 0; frame < LIMIT; frame++) expect(client.frame('{')).toBe(true);
    client.written();
    expect(client.send(createRoom)).toBe(true);
    for (let frame = 0; frame < 3; frame++) expect(client.frame('{')).toBe(false);
    expect(client.written()).toEqual(Array(4).fill(error('RateLimited')));
    expect(client.asked()).toEqual([]);
    expect(client.logged).toEqual([['warn', 'connection is rate limited']]);
    client.clock.increment(WINDOW_MS);
    client.send(createRoom);
    expect(client.asked()).toEqual([['create', SELF]]);
  });
});

test('a base client is told how many of its frames were accepted, so that it knows which one was dropped', () => {
  const client = connect();
  const accepted = () =>
    client
      .written()
      .flatMap((message) =>
        message.type === 'Error' && message.code === 'RateLimited'
          ? [[/accepted so far: (\d+)\.$/.exec(message.message)?.[1], Object.keys(message)]]
          : [],
      );
  const fields = ['type', 'code', 'message'];
  for (let frame = 0; frame <= LIMIT + 1; frame++) client.frame('{');
  expect(accepted()).toEqual(Array(2).fill([`${LIMIT}`, fields]));
  client.clock.increment(WINDOW_MS);
  for (let frame = 0; frame <= LIMIT; frame++) client.frame('{');
  expect(accepted()).toEqual([[`${2 * LIMIT}`, fields]]);
});

describe.each(ENDS)('the transport of a base client ending (%s)', (how) => {
  test('inside a room leaves it, once, however often it is told', () => {
    const client = seated();
    client.end(how);
    client.end(how);
    expect(client.asked()).toEqual([leave]);
    expect(client.closings).toEqual([]);
    expect(client.write(new Outgoing({ type: 'PeerConnected', participant_id: B }))).toBe('closed');
  });

  test('is one piece of work, however often it is told', () => {
    const client = connect();
    exporter.reset();
    client.end(how);
    client.end(how);
    expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual(['disconnect']);
  });

  test('outside leaves nothing', () => {
    const client = connect();
    client.end(how);
    expect(client.asked()).toEqual([]);
  });

  test('before the room has answered leaves as soon as it has', () => {
    const client = connect({ answer: 'silent' });
    client.send(createRoom);
    client.end(how);
    client.asked();
    client.reply({ type: 'entered' });
    expect(client.asked()).toEqual([]);
    client.reply({ type: 'done' });
    expect(client.asked()).toEqual([leave]);
    client.reply({ type: 'entered' });
    expect(client.asked()).toEqual([]);
  });

  test('before the room refuses leaves nothing and tells nobody', () => {
    const client = connect({ answer: 'silent' });
    client.send(createRoom);
    client.end(how);
    client.asked();
    client.reply({ type: 'refused', code: 'RoomFull', message: 'full' });
    client.reply({ type: 'done' });
    expect([client.asked(), client.written()]).toEqual([[], []]);
  });

  test('is the end: nothing that comes later has any effect', () => {
    const client = seated();
    client.end(how);
    client.asked();
    client.send(createRoom);
    client.frame('{');
    client.frame('{');
    client.reply({ type: 'entered' });
    client.reply({ type: 'closed', message: 'over' });
    client.clock.increment(10 * SILENT_MS);
    expect([client.asked(), client.written(), client.closings]).toEqual([[], [], []]);
  });

  test('during a penalty leaves once, and the penalty’s end changes nothing', () => {
    const client = seated();
    for (let frame = 0; frame <= LIMIT; frame++) client.frame('{');
    client.end(how);
    client.clock.increment(WINDOW_MS);
    expect(client.asked()).toEqual([leave]);
  });
});

describe('a participant that fails', () => {
  /** The participant machine, but an event of this type throws while it is being decided on. */
  function failingOn(type: ParticipantEvent['type'], times = Infinity) {
    let left = times;
    const check = (event: { type: string }) => {
      if (event.type === type && left-- > 0) throw new Error('boom');
    };
    return participantMachine.provide({
      actions: {
        create: emit(({ event }) => {
          check(event);
          return { type: 'create' };
        }),
        relay: emit(({ event, context }, { message }) => {
          check(event);
          return { type: 'relay', room_id: context.room_id as string, message };
        }),
        takeSeat: assign({
          room_id: ({ event }, { room_id }: { room_id: string }) => {
            check(event);
            return room_id;
          },
        }),
        giveUpSeat: assign({
          room_id: ({ event }) => {
            check(event);
            return null;
          },
        }),
      },
    });
  }

  test.each(['message.create', 'message.relay'] as const)(
    'on a message (%s): the client hears Internal, and the next is handled as ever',
    (type) => {
      const machine = failingOn(type, 1);
      const client = type === 'message.relay' ? seated({ machine }) : connect({ machine });
      const send = () => client.send(type === 'message.create' ? createRoom : offer);
      send();
      expect([client.written(), client.asked()]).toEqual([[error('Internal')], []]);
      expect(client.logged).toEqual([['error', 'participant failed on an event']]);
      expect(client.closings).toEqual([]);
      send();
      expect([...client.written(), ...client.asked()]).toHaveLength(1);
    },
  );

  test('on LeaveRoom: it has its seat still, and leaves when told again', () => {
    const client = seated({ machine: failingOn('message.leave', 1) });
    client.send(leaveRoom);
    expect([client.written(), client.asked()]).toEqual([[error('Internal')], []]);
    client.send(leaveRoom);
    expect([client.written(), client.asked()]).toEqual([[], [leave]]);
  });

  test.each(ENDS)('on the socket’s end (%s): its seat is freed', (how) => {
    const client = seated({ machine: failingOn('transport.closed') });
    client.end(how);
    expect(client.asked()).toEqual([leave]);
    client.end(how);
    expect(client.asked()).toEqual([]);
    expect(client.logged).toEqual([['error', 'participant failed on an event']]);
  });

  test('on its room’s closing: it is closed 1011, and its seat is freed', () => {
    const client = seated({ machine: failingOn('room.closed') });
    client.reply({ type: 'closed', message: 'over' });
    expect(client.closings).toEqual(['InternalError']);
    expect(client.asked()).toEqual([leave]);
  });

  test('on being let in: it is closed 1011, and the seat it was given is freed', () => {
    const client = connect({ machine: failingOn('room.entered') });
    client.send(createRoom);
    expect(client.closings).toEqual(['InternalError']);
    expect(client.asked()).toEqual([['create', SELF], leave]);
  });
});

describe('a room that answers later', () => {
  const relays = [1, 2].map((n): ClientMessage => ({ type: 'Offer', to: B, sdp: `v=${n}` }));
  const asRelays = relays.map((relay) => ['relay', ROOM, SELF, relay]);
  const full: RoomReply = { type: 'refused', code: 'RoomFull', message: 'full' };
  const done: RoomReply = { type: 'done' };
  const notFound: RoomReply = {
    type: 'deliver',
    message: { type: 'Error', code: 'ParticipantNotFound', message: 'none' },
  };
  const errors = (...codes: ErrorCode[]) => codes.map((code) => error(code));

  test('is sent in order what the client sent meanwhile', () => {
    const client = connect({ answer: 'silent' });
    client.send(createRoom);
    for (const relay of relays) client.send(relay);
    client.send(leaveRoom);
    expect(client.asked()).toEqual([['create', SELF]]);
    client.reply({ type: 'entered' });
    client.reply(done);
    expect(client.asked()).toEqual([...asRelays, leave]);
    expect(client.written()).toEqual([]);
  });

  test('when it refuses, what needed a seat is InvalidPayload, in order', () => {
    const client = connect({ answer: 'silent' });
    client.send(createRoom);
    for (const relay of relays) client.send(relay);
    client.frame('{');
    client.reply(full);
    expect(client.written()).toEqual([error('RoomFull', 'full')]);
    client.reply(done);
    expect(client.written()).toEqual([
      error('InvalidPayload'),
      error('InvalidPayload'),
      error('InvalidPayload', NOT_JSON),
    ]);
  });

  test('answers before the server does: refusals of the participant and the connection wait', () => {
    const client = connect({ answer: 'later' });
    client.send(createRoom);
    client.reply({ type: 'entered' });
    client.reply(done);
    client.send(offer);
    client.frame('{');
    for (let frame = 3; frame < LIMIT; frame++) client.send(offer);
    client.send(createRoom); // too fast
    expect(client.written()).toEqual([]);
    client.reply(notFound);
    client.reply(done);
    expect(client.written()).toEqual(errors('ParticipantNotFound', 'InvalidPayload'));
    for (let frame = 3; frame < LIMIT; frame++) {
      client.reply(notFound);
      client.reply(done);
    }
    const others = Array<ErrorCode>(LIMIT - 3).fill('ParticipantNotFound');
    expect(client.written()).toEqual(errors(...others, 'RateLimited'));
  });

  test('is sent one relay after the other, and does not have to answer in between', () => {
    const client = connect({ answer: 'later' });
    client.send(createRoom);
    client.reply({ type: 'entered' });
    client.reply(done);
    client.asked();
    for (const relay of relays) client.send(relay);
    expect(client.asked()).toEqual(asRelays);
    client.frame('{');
    for (const relay of relays) client.send(relay);
    expect(client.asked()).toEqual([]); // they follow a refusal
    client.reply(done);
    expect([client.asked(), client.written()]).toEqual([[], []]);
    client.reply(done);
    expect([client.asked(), client.written()]).toEqual([asRelays, [error('InvalidPayload', NOT_JSON)]]);
  });

  test('has done with a participant that leaves before this enters another room', () => {
    const client = connect({ answer: 'later' });
    client.send(createRoom);
    client.reply({ type: 'entered' });
    client.reply(done);
    client.asked();
    client.send(offer);
    client.send(leaveRoom);
    client.send({ type: 'JoinRoom', room_id: ROOM_2 });
    expect(client.asked()).toEqual([['relay', ROOM, SELF, offer]]);
    client.reply(notFound);
    client.reply(done);
    expect(client.asked()).toEqual([leave]);
    client.reply({ type: 'deliver', message: { type: 'PeerConnected', participant_id: B } });
    client.reply(done);
    expect(client.asked()).toEqual([['join', ROOM_2, SELF, false]]);
    expect(client.written()).toEqual([
      error('ParticipantNotFound'),
      { type: 'PeerConnected', participant_id: B },
    ]);
  });

  test('hears of a lost transport and of the next one behind the messages before', () => {
    const session = open({ answer: 'later', isInside: false });
    session.send(createRoom);
    session.end('lost');
    resume(session, 0);
    expect(session.asked()).toEqual([['create', SELF]]);
    session.reply({ type: 'entered' });
    session.reply(done);
    expect(session.asked()).toEqual([interrupt]);
    session.reply(done);
    expect(session.asked()).toEqual([resumed()]);
  });

  test('has its answer written before the connection is closed for too many attempts', async () => {
    const client = connect({ answer: 'silent', attempts: 0 });
    client.send(createRoom);
    await Promise.resolve();
    expect(client.closings).toEqual([]);
    client.reply(full);
    client.reply(done);
    expect([client.written(), client.closings]).toEqual([[error('RoomFull', 'full')], ['TooManyAttempts']]);
  });

  test('keeps as many messages as the rate allows: the next is answered RateLimited, behind them', () => {
    const client = connect({ answer: 'silent' });
    client.send(createRoom);
    for (let frame = 1; frame < LIMIT; frame++) client.send(offer);
    client.send(offer);
    expect(client.written()).toEqual([]);
    client.reply({ type: 'entered' });
    client.reply(done);
    expect(client.asked()).toHaveLength(LIMIT);
    expect(client.written()).toEqual([error('RateLimited')]);
  });

  test('and a client that sends on and on: it is closed 1013, and what was dropped counts as not received', () => {
    const session = open({ answer: 'silent', isInside: false });
    session.send(createRoom);
    for (let frame = 0; frame < 256; frame++) session.frame('{');
    expect(session.closings).toEqual([]);
    session.frame('{');
    expect(session.closings).toEqual(['TryAgainLater']);
    const { received } = session.participant();
    expect(received).toBe(257);
    session.reply(full);
    session.reply(done);
    const again = resume(session, 0, { takes: 1000 });
    expect(again.written().at(0)).toMatchObject({ resumed: true, received });
  });

  test('the spans of messages that wait end when they are handled, with their outcome', () => {
    const client = connect({ answer: 'silent' });
    client.send(createRoom);
    exporter.reset();
    client.send(offer);
    client.reply(full);
    expect(exporter.getFinishedSpans()).toEqual([]);
    client.reply(done);
    expect(exporter.getFinishedSpans().map(({ name, attributes }) => [name, attributes.outcome])).toEqual([
      ['relay Offer', 'InvalidPayload'],
    ]);
  });

  test('cannot be outlived by a session that has said goodbye: its token is void at once', () => {
    const session = open({ answer: 'silent', isInside: false });
    session.send(createRoom);
    session.end('closed');
    expect([...session.sessions.all()]).toEqual([]);
  });
});

describe('a room that never answers', () => {
  const internal = error('Internal');

  test('is given up: the client hears Internal, and may ask again at once', () => {
    const client = connect({ answer: 'silent' });
    client.send(createRoom);
    client.send(offer);
    client.send({ type: 'JoinRoom', room_id: ROOM_2 });
    client.clock.increment(ANSWER_MS - 1);
    expect([client.asked(), client.written()]).toEqual([[['create', SELF]], []]);
    const first = client.ref();
    client.clock.increment(1);
    expect(client.written()).toEqual([internal, error('InvalidPayload')]);
    const [withdrawn, next, ...others] = client.asked();
    expect([withdrawn?.[0], next, others]).toEqual(['leave', ['join', ROOM_2, SELF, false], []]);
    // What the first room still says is late, its `done` included.
    client.reply({ type: 'entered' }, first);
    client.reply({ type: 'deliver', message: { type: 'PeerConnected', participant_id: B } }, first);
    client.reply({ type: 'done' }, first);
    client.send(offer);
    expect([client.asked(), client.written()]).toEqual([[], []]);
    client.reply({ type: 'entered' });
    client.reply({ type: 'done' });
    expect(client.asked()).toEqual([['relay', ROOM, SELF, offer]]);
    expect(client.written()).toEqual([]);
  });

  test('is given up by a client that goes, too, and the participant ends', () => {
    const client = connect({ answer: 'silent' });
    client.send(createRoom);
    client.end('closed');
    client.asked();
    client.clock.increment(ANSWER_MS);
    expect(client.asked().map(([type]) => type)).toEqual(['leave']);
    client.clock.increment(100 * ANSWER_MS);
    expect(client.asked()).toEqual([]);
  });

  test('to a relay, it is left, and the member hears Internal', () => {
    const client = connect({ answer: 'later' });
    client.send(createRoom);
    client.reply({ type: 'entered' });
    client.reply({ type: 'done' });
    client.asked();
    client.send(offer);
    client.clock.increment(ANSWER_MS / 2);
    client.send(offer);
    client.reply({ type: 'done' });
    client.clock.increment(ANSWER_MS - 1);
    expect([client.asked().length, client.written()]).toEqual([2, []]);
    client.frame('{');
    client.clock.increment(1);
    expect([client.asked(), client.written()]).toEqual([
      [leave],
      [internal, error('InvalidPayload', NOT_JSON)],
    ]);
    expect(client.participant().roomId).toBeNull();
    client.clock.increment(100 * ANSWER_MS);
    expect([client.asked(), client.written()]).toEqual([[], []]);
  });

  test('to a leave, delays the next room, but does not prevent it', () => {
    const client = connect({ answer: 'later' });
    client.send(createRoom);
    client.reply({ type: 'entered' });
    client.reply({ type: 'done' });
    client.send(leaveRoom);
    client.send({ type: 'JoinRoom', room_id: ROOM_2 });
    client.asked();
    client.clock.increment(ANSWER_MS);
    expect(client.asked()).toEqual([['join', ROOM_2, SELF, false]]);
    expect(client.written()).toEqual([]);
  });

  test('costs nothing while every room answers in time', () => {
    const client = connect({ answer: 'later' });
    client.send(createRoom);
    client.reply({ type: 'entered' });
    client.reply({ type: 'done' });
    for (let relay = 0; relay < 5; relay++) {
      client.send(offer);
      client.clock.increment(ANSWER_MS - 1);
      client.reply({ type: 'done' });
    }
    client.clock.increment(100 * ANSWER_MS);
    expect(client.written()).toEqual([]);
    expect(client.participant().roomId).toBe(ROOM);
  });
});

const TOKEN = /^[\w-]{32}$/;
const token = expect.stringMatching(TOKEN);
const peer = (n: number) => new Outgoing({ type: 'PeerConnected', participant_id: `peer-${n}` });
const heardOf = (n: number, seq: number) => ({ type: 'PeerConnected', participant_id: `peer-${n}`, seq });
const ready = (about: object) => ({
  type: 'Ready',
  participant_id: SELF,
  resume_token: token,
  ...about,
  ...welcome,
});

/** That of a session whose client has said one thing: it asked for a room. */
const readyAgain = (about: object = {}) => ready({ resumed: true, received: 1, ...about });

/** The token in the last Ready among what was written. */
function tokenIn(written: readonly ServerMessage[]): string {
  const last = written.findLast(({ type }) => type === 'Ready');
  if (last?.type !== 'Ready') throw new Error(`no Ready in ${JSON.stringify(written)}`);
  return last.resume_token;
}

/** A session, outside or inside a room, and its token. */
function open({ isInside = true, ...options }: Options & { isInside?: boolean } = {}) {
  const client = connect(options);
  client.send(hello);
  const resumeToken = tokenIn(client.written());
  if (isInside) client.send(createRoom);
  client.asked();
  return { ...client, token: resumeToken };
}

/** Another socket that brings a token. */
function resume(
  session: ReturnType<typeof open>,
  lastSeq: number,
  options: Options & { token?: string } = {},
) {
  const client = connect({ id: OTHER, peer: session.process, ...options });
  client.send({ type: 'Hello', resume_token: options.token ?? session.token, last_seq: lastSeq });
  return client;
}

const interrupt = ['interrupt', ROOM, SELF];
const resumed = (lost = false) => ['resume', ROOM, SELF, lost];

describe('the rate limit in a session', () => {
  test('a refusal says which of the session’s frames it answers, counted over its sockets, without their Hellos', () => {
    const session = open(); // Hello and CreateRoom
    const refusals = (client: ReturnType<typeof connect>) =>
      client.written().filter((message) => message.type === 'Error' && message.code === 'RateLimited');
    for (let frame = 2; frame < LIMIT; frame++) session.frame('{');
    session.frame('{');
    session.frame('{');
    expect(refusals(session)).toMatchObject([{ frame: LIMIT }, { frame: LIMIT + 1 }]);
    const client = resume(session, 0);
    client.written();
    for (let frame = 0; frame <= LIMIT; frame++) client.frame('{');
    expect(refusals(client)).toMatchObject([{ frame: 2 * LIMIT + 1 }, { frame: 2 * LIMIT + 2 }]);
  });
});

describe('saying nothing', () => {
  test('for too long is hung up on, and the connection is over', () => {
    const client = connect();
    client.clock.increment(SILENT_MS - 1);
    expect(client.closings).toEqual([]);
    exporter.reset();
    client.clock.increment(1);
    expect(client.closings).toEqual(['Silent']);
    expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual(['disconnect']);
    client.clock.increment(10 * SILENT_MS);
    expect([client.closings, client.asked(), client.written()]).toEqual([['Silent'], [], []]);
  });

  test.each([createRoom, leaveRoom, offer, hello])('is over with the first message, %j', (message) => {
    const client = connect();
    client.clock.increment(SILENT_MS - 1);
    client.send(message);
    client.clock.increment(10 * SILENT_MS);
    expect(client.closings).toEqual([]);
  });

  test('or with a frame that is none', () => {
    const client = connect();
    client.frame('{');
    client.clock.increment(10 * SILENT_MS);
    expect(client.closings).toEqual([]);
  });
});

describe('saying Hello', () => {
  test('is answered with Ready, which has no number; what follows is numbered from 1', () => {
    const client = connect();
    expect(client.participant()).toBeUndefined();
    client.send(hello);
    expect(client.written()).toEqual([ready({ resumed: false })]);
    expect([client.participant().isSession, client.participant().seq]).toEqual([true, 0]);
    expect(client.write(peer(1))).toBe('sent');
    client.send(offer);
    expect(client.written()).toEqual([heardOf(1, 1), { ...error('InvalidPayload'), seq: 2 }]);
    expect(client.participant().seq).toBe(2);
    expect(client.asked()).toEqual([]);
  });

  test('later is refused, in a session and in the base protocol, whatever it brings', () => {
    const other = open();
    for (const first of [hello, createRoom]) {
      const client = connect({ peer: other.process, id: OTHER });
      client.send(first);
      client.written();
      client.send(hello);
      client.send({ type: 'Hello', resume_token: other.token, last_seq: 0 });
      expect(client.written()).toMatchObject(Array(2).fill(error('InvalidPayload')));
      expect(client.participant().isSession).toBe(first === hello);
    }
    expect(other.closings).toEqual([]);
    expect(other.sessions.claim(other.token)?.session).toBe(other.participant());
  });

  test('gives each session a token of its own, by which it is found', () => {
    const shared = startProcess({});
    const clients = [SELF, OTHER, B].map((id) => {
      const client = connect({ id, peer: shared });
      client.send(hello);
      return { ...client, token: tokenIn(client.written()) };
    });
    expect(new Set(clients.map((client) => client.token)).size).toBe(3);
    for (const client of clients)
      expect(shared.sessions.claim(client.token)?.session).toBe(client.participant());
  });

  test('makes JoinRoom able to create, which goes to the router', () => {
    const client = open({ isInside: false });
    client.send({ type: 'JoinRoom', room_id: ROOM_2, create_if_missing: true });
    client.send(leaveRoom);
    client.send({ type: 'JoinRoom', room_id: ROOM_2, create_if_missing: false });
    client.send(leaveRoom);
    client.send({ type: 'JoinRoom', room_id: ROOM_2 });
    expect(client.asked().filter(([what]) => what === 'join')).toEqual([
      ['join', ROOM_2, SELF, true],
      ['join', ROOM_2, SELF, false],
      ['join', ROOM_2, SELF, false],
    ]);
  });

  test('is not heard of by the base protocol: no number, no token, and its end is the end', () => {
    const client = seated();
    client.write(peer(1));
    client.send(createRoom);
    expect(client.written()).toEqual([
      { type: 'PeerConnected', participant_id: 'peer-1' },
      error('InvalidPayload'),
    ]);
    expect([...client.sessions.all()]).toEqual([]);
    client.pong('1');
    client.end('lost');
    expect(client.asked()).toEqual([leave]);
  });
});

describe('a session whose socket is lost', () => {
  test('keeps its seat, and what it is sent waits', () => {
    const session = open();
    session.end('lost');
    expect(session.asked()).toEqual([interrupt]);
    expect(session.write(peer(1))).toBe('queued');
    session.clock.increment(GRACE_MS - 1);
    expect([session.asked(), session.written()]).toEqual([[], []]);
    expect([...session.sessions.all()]).toEqual([session.participant()]);
  });

  test('outside a room tells no router', () => {
    const session = open({ isInside: false });
    session.end('lost');
    session.clock.increment(GRACE_MS);
    expect(session.asked()).toEqual([]);
  });

  test('after LeaveRoom has no seat to keep', () => {
    const session = open();
    session.send(leaveRoom);
    session.end('lost');
    session.clock.increment(GRACE_MS);
    expect(session.asked()).toEqual([leave]);
  });

  test('has left when the grace is over; its token is nobody’s, and nothing comes after', () => {
    const session = open();
    session.end('lost');
    session.clock.increment(GRACE_MS);
    expect(session.asked()).toEqual([interrupt, leave]);
    expect([...session.sessions.all()]).toEqual([]);
    session.reply({ type: 'closed', message: 'over' });
    session.clock.increment(10 * GRACE_MS);
    expect([session.asked(), session.written(), session.closings]).toEqual([[], [], []]);
  });

  test('is no piece of work twice', () => {
    const session = open();
    exporter.reset();
    session.end('lost');
    session.end('closed');
    session.clock.increment(GRACE_MS);
    expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual(['disconnect']);
    expect(session.asked()).toEqual([interrupt, leave]);
  });

  test('whose room closes meanwhile has nothing to leave, and hears why when it is back', () => {
    const session = open();
    session.end('lost');
    session.reply({ type: 'closed', message: 'failed too often' });
    session.asked();
    const again = resume(session, 0);
    expect(again.written().slice(1)).toEqual([{ ...error('Internal', 'failed too often'), seq: 1 }]);
    again.end('closed');
    expect(session.asked()).toEqual([]);
  });

  test('before the room has answered is let in all the same, and leaves after the grace', () => {
    const session = open({ answer: 'silent', isInside: false });
    session.send(createRoom);
    session.end('lost');
    session.reply({ type: 'entered' });
    session.asked();
    session.clock.increment(GRACE_MS);
    expect(session.asked()).toEqual([leave]);
  });

  test('by a queue that is full: what found it full waits too', () => {
    const session = open({ takes: 2 });
    expect([1, 2, 3].map((n) => session.write(peer(n)))).toEqual(['sent', 'full', 'queued']);
    expect([session.closings, session.asked()]).toEqual([['TryAgainLater'], [interrupt]]);
    const again = resume(session, 1);
    expect(again.written()).toEqual([readyAgain(), heardOf(2, 2), heardOf(3, 3)]);
  });
});

describe('a session whose socket is closed', () => {
  test('leaves at once, and its token is nobody’s', () => {
    const session = open();
    session.end('closed');
    expect(session.asked()).toEqual([leave]);
    expect([...session.sessions.all()]).toEqual([]);
    session.clock.increment(10 * GRACE_MS);
    expect(session.asked()).toEqual([]);
  });

  test('outside a room leaves nothing, and its token is nobody’s', () => {
    const session = open({ isInside: false });
    session.end('closed');
    expect([session.asked(), [...session.sessions.all()]]).toEqual([[], []]);
  });
});

describe('what is kept for a session', () => {
  /** The same machine, but it throws when its room is closed. */
  const failing = participantMachine.provide({
    actions: {
      giveUpSeat: () => {
        throw new Error('crashed as told');
      },
    },
  });
  const withMessages = (options: Options = {}) => {
    const session = open(options);
    for (const n of [1, 2, 3]) session.write(peer(n));
    expect(session.process.kept()).toBeGreaterThan(0);
    return session;
  };

  test('is gone when its client closes', () => {
    const session = withMessages();
    session.end('closed');
    expect(session.process.kept()).toBe(0);
  });

  test('is gone when the grace is over', () => {
    const session = withMessages();
    session.end('lost');
    expect(session.process.kept()).toBeGreaterThan(0);
    session.clock.increment(GRACE_MS);
    expect(session.process.kept()).toBe(0);
  });

  test('is gone when its machine fails on an event that does not come again', () => {
    const session = withMessages({ machine: failing });
    session.reply({ type: 'closed', message: 'over' });
    expect([session.closings, session.process.kept()]).toEqual([['InternalError'], 0]);
  });

  test('is nothing afterwards, though a room may still write to it on its way out', () => {
    for (const machine of [participantMachine, failing]) {
      const session = withMessages({ machine });
      if (machine === failing) session.reply({ type: 'closed', message: 'over' });
      session.end('closed');
      expect(session.write(peer(4))).toBe('closed');
      expect(session.process.kept()).toBe(0);
    }
  });
});

describe('a drain', () => {
  const draining: ServerDraining = { type: 'ServerDraining', deadline_ms: 1000, jitter_ms: 500 };

  test('is told to a session, which keeps its seat until the server stops', () => {
    const session = open();
    session.participant().drain(draining);
    expect(session.written()).toEqual([{ ...draining, seq: 1 }]);
    session.end('lost');
    session.clock.increment(100 * GRACE_MS);
    expect(session.asked()).toEqual([interrupt]);
  });

  test('is told to a session that begins during it', () => {
    const client = connect({ draining: () => draining });
    client.send(hello);
    expect(client.written()).toEqual([ready({ resumed: false }), { ...draining, seq: 1 }]);
  });
});

describe('resuming', () => {
  test('brings Ready, then exactly what was missed, then what is new', () => {
    const session = open();
    for (const n of [1, 2]) session.write(peer(n));
    session.end('lost');
    for (const n of [3, 4]) session.write(peer(n));
    session.asked();
    const again = resume(session, 1);
    expect(again.written()).toEqual([readyAgain(), ...[2, 3, 4].map((n) => heardOf(n, n))]);
    expect(session.asked()).toEqual([resumed()]);
    expect(session.write(peer(5))).toBe('sent');
    expect(again.written()).toEqual([heardOf(5, 5)]);
    expect([again.participant().seq, again.participant()]).toEqual([5, session.participant()]);
    expect(session.counters.resumes).toEqual({ complete: 1, lost: 0 });
  });

  test('with everything heard brings nothing but Ready', () => {
    const session = open();
    session.write(peer(1));
    session.end('lost');
    expect(resume(session, 1).written()).toEqual([readyAgain()]);
  });

  test('outside a room tells no router, and is counted', () => {
    const session = open({ isInside: false });
    session.end('lost');
    resume(session, 0);
    expect(session.asked()).toEqual([]);
    expect(session.counters.resumes).toEqual({ complete: 1, lost: 0 });
  });

  test('hands the link over: what its socket says is the session’s, and the connection it came by is over', () => {
    const session = open();
    session.end('lost');
    session.asked();
    exporter.reset();
    const again = resume(session, 0);
    expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual(['open session']);
    again.send(offer);
    again.frame('{');
    again.send(leaveRoom);
    again.send(createRoom);
    expect(session.asked()).toEqual([resumed(), ['relay', ROOM, SELF, offer], leave, ['create', SELF]]);
    expect(again.written().slice(1)).toEqual([{ ...error('InvalidPayload', NOT_JSON), seq: 1 }]);
    again.clock.increment(10 * SILENT_MS);
    expect([again.asked(), again.written(), again.closings]).toEqual([[], [], []]);
    expect([...session.sessions.all()]).toEqual([session.participant()]);
  });

  test('links the work that follows to the handshake of the socket it came by', () => {
    const session = open();
    session.end('lost');
    const again = resume(session, 0);
    exporter.reset();
    again.send(offer);
    const [{ links, attributes } = { links: [], attributes: {} }] = exporter.getFinishedSpans();
    expect(links.map(({ context }) => context)).toEqual([again.handshake.span.spanContext()]);
    expect(attributes).toMatchObject({ participant_id: SELF });
  });

  test('stops the grace, and the next loss has one of its own', () => {
    const session = open();
    session.end('lost');
    session.clock.increment(GRACE_MS - 1);
    const again = resume(session, 0);
    session.clock.increment(10 * GRACE_MS);
    expect(session.asked()).toEqual([interrupt, resumed()]);
    again.end('lost');
    session.clock.increment(GRACE_MS - 1);
    expect(session.asked()).toEqual([interrupt]);
    session.clock.increment(1);
    expect(session.asked()).toEqual([leave]);
  });

  test('and then closing leaves, once', () => {
    const session = open();
    session.end('lost');
    const again = resume(session, 0);
    session.asked();
    again.end('closed');
    again.end('lost');
    expect(session.asked()).toEqual([leave]);
    expect([...session.sessions.all()]).toEqual([]);
  });

  test('works again and again, with the token of the latest Ready, each missing what it missed', () => {
    const session = open();
    let last = session.token;
    let socket: { end(how: TransportEnd): void } = session;
    for (let round = 1; round <= 5; round++) {
      socket.end('lost');
      session.write(peer(round));
      const again = resume(session, round - 1, { id: `other-${round}`, token: last });
      const written = again.written();
      expect(written).toEqual([readyAgain(), heardOf(round, round)]);
      expect(tokenIn(written)).not.toBe(last);
      last = tokenIn(written);
      socket = again;
    }
    expect(session.asked().filter(([what]) => what === 'leave')).toEqual([]);
    expect(session.counters.resumes).toEqual({ complete: 5, lost: 0 });
  });

  test('of a session that something is gone of says so, brings what is left, and has the room remind it', () => {
    const session = open();
    session.end('lost');
    for (let n = 1; n <= KEPT + 1; n++) session.write(peer(n));
    session.asked();
    const again = resume(session, 0);
    expect(again.written()).toEqual([readyAgain({ lost: true }), ...[2, 3, 4, 5].map((n) => heardOf(n, n))]);
    expect(session.asked()).toEqual([resumed(true)]);
    expect(session.counters.resumes).toEqual({ complete: 0, lost: 1 });
    session.write(peer(6));
    expect(again.written()).toEqual([heardOf(6, 6)]);
  });

  test('by a client that claims to have heard more than there was says that something is lost', () => {
    const session = open();
    session.write(peer(1));
    session.end('lost');
    expect(resume(session, 2).written()).toEqual([readyAgain({ lost: true })]);
  });

  test('brings nothing that a pong has acknowledged, whatever the client says', () => {
    const session = open();
    session.write(peer(1));
    session.connection.ping();
    session.write(peer(2));
    session.pong('1');
    session.end('lost');
    const again = resume(session, 1);
    const written = again.written();
    expect(written).toEqual([readyAgain(), heardOf(2, 2)]);
    again.frame('{');
    again.connection.ping();
    again.pong('3'); // its frame was answered
    again.end('lost');
    const forgetful = resume(session, 0, { id: 'third', token: tokenIn(written) });
    expect(forgetful.written()).toEqual([readyAgain({ lost: true, received: 2 })]);
  });

  test('brings again what a pong has acknowledged before any frame: a page that is gone sends none', () => {
    const session = open();
    session.write(peer(1));
    session.end('lost');
    const unheard = resume(session, 0, { id: 'unheard' });
    unheard.connection.ping();
    unheard.pong('1');
    unheard.end('lost');
    expect(resume(session, 0).written()).toEqual([readyAgain(), heardOf(1, 1)]);
  });

  test('begins a rate of its own, in which its Hello counts, and ends a penalty', () => {
    const session = open();
    for (let frame = 0; frame < LIMIT; frame++) session.frame('{');
    expect(session.frame('{')).toBe(false);
    session.end('lost');
    const again = resume(session, 1);
    for (let frame = 1; frame < LIMIT; frame++) expect(again.frame('{')).toBe(true);
    session.clock.increment(WINDOW_MS); // the end of the old penalty
    again.written();
    again.frame('{');
    expect(again.written()).toMatchObject([error('RateLimited')]);
  });

  test('sends the room’s refusals of joins in vain to the address that joins now', () => {
    const session = open({ answer: 'unfound', isInside: false });
    const join: ClientMessage = { type: 'JoinRoom', room_id: ROOM_2 };
    session.send(join);
    expect(session.attempts).toEqual([SELF]);
    session.end('lost');
    const again = resume(session, 1);
    again.send(join);
    expect([session.attempts, again.attempts]).toEqual([[SELF], [OTHER]]);
  });
});

describe('a token that was used', () => {
  test('still works while no frame shows that its client heard the Ready, whatever the pongs say', () => {
    const session = open();
    session.end('lost');
    for (let round = 1; round <= 3; round++) {
      session.write(peer(round));
      const unheard = resume(session, 0, { id: `unheard-${round}` });
      expect(unheard.written()[0]).toEqual(readyAgain());
      unheard.connection.ping();
      unheard.pong(`${round}`);
      unheard.end('lost');
    }
    const again = resume(session, 0);
    expect(again.written()).toEqual([readyAgain(), ...[1, 2, 3].map((n) => heardOf(n, n))]);
    expect(session.asked().filter(([what]) => what === 'leave')).toEqual([]);
  });

  test('while the socket it came by is open: that one is closed 4409 as any other', () => {
    const session = open();
    const unheard = resume(session, 0, { id: 'unheard' });
    const again = resume(session, 0);
    expect([session.closings, unheard.closings, again.closings]).toEqual([['Replaced'], ['Replaced'], []]);
    expect(again.written()).toEqual([readyAgain()]);
  });

  test('leaves the token of a Ready that may be under way as good as the latest', () => {
    const session = open();
    session.end('lost');
    const first = resume(session, 0, { id: 'first' });
    const second = resume(session, 0, { id: 'second' });
    const late = resume(session, 0, { id: 'late', token: tokenIn(first.written()) });
    expect(late.written()).toEqual([readyAgain()]);
    expect([first.closings, second.closings, late.closings]).toEqual([['Replaced'], ['Replaced'], []]);
  });

  test('ends with the first frame that follows the Ready', () => {
    const session = open();
    session.end('lost');
    const again = resume(session, 0);
    expect(session.sessions.claim(session.token)?.session).toBe(session.participant());
    again.frame('{');
    expect(session.sessions.claim(session.token)).toBeUndefined();
  });

  test('does not end by the frame of a socket that was replaced', () => {
    const session = open();
    const unheard = resume(session, 0, { id: 'unheard' });
    resume(session, 0, { id: 'second' });
    unheard.frame('{');
    expect(session.sessions.claim(session.token)?.session).toBe(session.participant());
  });

  test('ends with its session', () => {
    const session = open();
    const again = resume(session, 0);
    again.end('closed');
    expect(session.sessions.claim(session.token)).toBeUndefined();
    expect(session.asked()).toEqual([resumed(), leave]);
  });
});

describe('resuming a session that has its socket', () => {
  test('closes that one 4409, and nobody leaves or is interrupted', () => {
    const session = open();
    session.write(peer(1));
    session.write(peer(2));
    session.written();
    const again = resume(session, 1);
    expect(session.closings).toEqual(['Replaced']);
    expect(session.written()).toEqual([]);
    expect(again.written()).toEqual([readyAgain(), heardOf(2, 2)]);
    expect(again.closings).toEqual([]);
    expect(session.asked()).toEqual([resumed()]);
    session.clock.increment(10 * GRACE_MS);
    expect(session.asked()).toEqual([]);
  });

  test('nothing that the old socket still says, or how it ends, has any effect', () => {
    const session = open();
    const again = resume(session, 0);
    again.written();
    session.asked();
    exporter.reset();
    session.send(leaveRoom);
    session.send(offer);
    session.frame('{');
    session.pong('7');
    for (const how of ENDS) session.end(how);
    expect([session.asked(), session.written(), again.written()]).toEqual([[], [], []]);
    expect(exporter.getFinishedSpans()).toEqual([]);
    session.write(peer(1));
    expect(again.written()).toEqual([heardOf(1, 1)]);
  });

  test('again and again leaves the last socket with it', () => {
    const session = open();
    const second = resume(session, 0, { id: 'second' });
    const third = resume(session, 0, { id: 'third', token: tokenIn(second.written()) });
    expect([session.closings, second.closings, third.closings]).toEqual([['Replaced'], ['Replaced'], []]);
    session.write(peer(1));
    expect([second.written(), third.written()]).toEqual([[], [readyAgain(), heardOf(1, 1)]]);
    expect(session.asked()).toEqual([resumed(), resumed()]);
  });
});

describe('a token that is not good', () => {
  const fresh = { ...ready({ resumed: false }), participant_id: OTHER };

  /** It is answered as a Hello without one: a new session, which works. */
  function isFresh(session: ReturnType<typeof open>, brought: string): void {
    const client = resume(session, 0, { token: brought });
    expect(client.written()).toEqual([fresh]);
    client.asked();
    const { complete } = client.counters.resumes;
    client.send(createRoom);
    client.write(peer(1));
    expect([client.asked(), client.written()]).toEqual([[['create', OTHER]], [heardOf(1, 1)]]);
    expect([...session.sessions.all()]).toContain(client.participant());
    expect(client.counters.resumes).toEqual({ complete, lost: 0 });
  }

  test.each(['', 'x', '__proto__', 'constructor', 'x'.repeat(128)])('since it never was: %j', (brought) => {
    isFresh(open(), brought);
  });

  test('since it was used, and the client has the next', () => {
    const session = open();
    const again = resume(session, 0);
    again.frame('{');
    isFresh(session, session.token);
    expect(again.closings).toEqual([]);
    again.send(offer);
    expect(session.asked()).toEqual([['relay', ROOM, SELF, offer]]);
  });

  test('since the grace is over', () => {
    const session = open();
    session.end('lost');
    session.clock.increment(GRACE_MS);
    expect(session.asked()).toEqual([interrupt, leave]);
    isFresh(session, session.token);
  });

  test('since the client had said that it goes', () => {
    const session = open();
    session.end('closed');
    isFresh(session, session.token);
  });
});

describe('a session that fails', () => {
  /** The participant machine, but an event of this type throws. */
  function failingOn(type: ParticipantEvent['type']) {
    const check = (event: { type: string }) => {
      if (event.type === type) throw new Error('boom');
    };
    return participantMachine.provide({
      actions: {
        relay: emit(({ event, context }, { message }) => {
          check(event);
          return { type: 'relay', room_id: context.room_id as string, message };
        }),
        giveUpSeat: assign({
          room_id: ({ event }) => {
            check(event);
            return null;
          },
        }),
        tellInterrupted: emit(({ event, context: { room_id } }) => {
          check(event);
          return { type: 'interrupted', room_id };
        }),
        tellResumed: emit(({ event, context: { room_id } }, { lost }) => {
          check(event);
          return { type: 'resumed', room_id, lost };
        }),
      },
    });
  }

  test('on a frame: hears Internal with its number, and goes on', () => {
    const session = open({ machine: failingOn('message.relay') });
    session.send(offer);
    expect(session.written()).toEqual([{ ...error('Internal'), seq: 1 }]);
    expect([session.closings, session.asked()]).toEqual([[], []]);
    expect([...session.sessions.all()]).toEqual([session.participant()]);
  });

  test('on the loss of its socket: gives up its seat and its token', () => {
    const session = open({ machine: failingOn('transport.lost') });
    session.end('lost');
    expect([session.asked(), [...session.sessions.all()]]).toEqual([[leave], []]);
    session.clock.increment(10 * GRACE_MS);
    expect(session.asked()).toEqual([]);
  });

  test('on getting another socket: closes it 1011, and gives up its seat and its token', () => {
    const session = open({ machine: failingOn('transport.attached') });
    session.end('lost');
    const again = resume(session, 0);
    expect(again.closings).toEqual(['InternalError']);
    expect([session.asked(), [...session.sessions.all()]]).toEqual([[interrupt, leave], []]);
    again.send(offer);
    session.clock.increment(10 * GRACE_MS);
    expect(session.asked()).toEqual([]);
  });

  test('on its room’s closing: is closed 1011, and gives up its seat and its token; it is not merely lost', () => {
    const session = open({ machine: failingOn('room.closed') });
    session.reply({ type: 'closed', message: 'over' });
    expect(session.closings).toEqual(['InternalError']);
    expect([session.asked(), [...session.sessions.all()]]).toEqual([[leave], []]);
    session.clock.increment(10 * GRACE_MS);
    expect(session.asked()).toEqual([]);
  });

  test('at the end of its grace: gives up its seat and its token', () => {
    const session = open({ machine: failingOn('transport.closed') });
    session.end('lost');
    session.clock.increment(GRACE_MS);
    expect([session.asked(), [...session.sessions.all()]]).toEqual([[interrupt, leave], []]);
  });

  test('while it has no socket: there is none to close', () => {
    const session = open({ machine: failingOn('room.closed') });
    session.end('lost');
    session.reply({ type: 'closed', message: 'over' });
    expect([session.asked(), [...session.sessions.all()]]).toEqual([[interrupt, leave], []]);
    expect(session.closings).toEqual([]);
  });
});

describe('a socket that fills up while it is told what was missed', () => {
  test('with nobody there before: the session is interrupted again, and keeps its seat for the grace', () => {
    const session = open();
    session.end('lost');
    for (const n of [1, 2, 3]) session.write(peer(n));
    const slow = resume(session, 0, { takes: 2 });
    const last = tokenIn(slow.written());
    expect(slow.closings).toEqual(['TryAgainLater']);
    expect(session.asked()).not.toContainEqual(leave);
    expect(session.write(peer(4))).toBe('queued');
    const again = resume(session, 1, { id: 'third', token: last });
    expect(again.written()).toEqual([readyAgain(), ...[2, 3, 4].map((n) => heardOf(n, n))]);
    expect(session.asked().at(-1)).toEqual(resumed());
  });

  test('in the place of another: the session is interrupted, and leaves after the grace', () => {
    const session = open();
    for (const n of [1, 2, 3]) session.write(peer(n));
    const slow = resume(session, 0, { takes: 2 });
    expect([session.closings, slow.closings]).toEqual([['Replaced'], ['TryAgainLater']]);
    expect(session.write(peer(4))).toBe('queued');
    session.asked();
    session.clock.increment(GRACE_MS);
    expect(session.asked()).toEqual([leave]);
    expect([...session.sessions.all()]).toEqual([]);
  });
});

describe('what is counted', () => {
  test('of a session and its resumption is a Hello each', () => {
    const session = open({ isInside: false });
    session.end('lost');
    resume(session, 0);
    expect(session.counters.messages).toEqual(new Map([['Hello', new Map([['ok', { value: 2 }]])]]));
  });

  test('is each message with its outcome, and each refusal by its code', () => {
    const client = connect();
    client.send(createRoom);
    client.send(offer);
    client.send(createRoom);
    client.frame('{');
    client.end('closed');
    expect(client.counters.messages).toEqual(
      new Map([
        [
          'CreateRoom',
          new Map([
            ['ok', { value: 1 }],
            ['InvalidPayload', { value: 1 }],
          ]),
        ],
        ['Offer', new Map([['ok', { value: 1 }]])],
        ['invalid', new Map([['InvalidPayload', { value: 1 }]])],
      ]),
    );
    expect(client.counters.refusals).toEqual(new Map([['InvalidPayload', 2]]));
  });
});
