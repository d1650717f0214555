import { describe, expect, test } from '@jest/globals';
import { assign, emit, SimulatedClock } from 'xstate';
import { type ConnectionEvent, connectionMachine } from '../machines/connection.ts';
import { starter } from '../src/actor/machine-actor.ts';
import { Connection } from '../src/connection.ts';
import { Link, type SocketEnd } from '../src/link.ts';
import type { ClientMessage } from '../src/protocol/client.ts';
import type { CloseReason } from '../src/protocol/codes.ts';
import { Outgoing } from '../src/protocol/outgoing.ts';
import type { ServerMessage } from '../src/protocol/server.ts';
import type { Member, Router } from '../src/routing/router.ts';
import { Sessions } from '../src/sessions.ts';
import { OutboxBudget } from '../src/socket/outbox-budget.ts';
import type { Sender } from '../src/socket/sender.ts';
import type { Logger } from '../src/telemetry/logger.ts';
import { Tally } from '../src/telemetry/tally.ts';
import { traceHandshake } from '../src/telemetry/tracing.ts';
import { recordSpans } from './support/spans.ts';

const exporter = recordSpans();

const SELF = 'self';
const ROOM = 'room-1';
const LIMIT = 20;
const WINDOW_MS = 1000;
const SILENT_MS = 30_000;
const GRACE_MS = 15_000;
/** Messages an outbox keeps. */
const KEPT = 4;
const ENDS: readonly SocketEnd[] = ['closed', 'lost'];
const offer: ClientMessage = { type: 'Offer', to: 'b', sdp: 'v=0' };
const createRoom: ClientMessage = { type: 'CreateRoom' };
const leaveRoom: ClientMessage = { type: 'LeaveRoom' };
const hello: ClientMessage = { type: 'Hello' };
const welcome = {
  heartbeat_ms: 15_000,
  resume_grace_ms: GRACE_MS,
  limits: { messages: LIMIT, window_ms: WINDOW_MS, max_payload_bytes: 65_536, room_capacity: 8 },
  ice_servers: [{ urls: 'stun:stun.example' }],
};

/** Answers a create or join within the call, as LocalRouter does; `silent` does not answer. */
type Answer = 'enter' | 'refuse' | 'unfound' | 'silent';

interface Options {
  id?: string;
  machine?: typeof connectionMachine;
  answer?: Answer;
  /** Whose sessions it may resume: of the same process, that is. */
  peer?: { sessions: Sessions<Connection>; clock: SimulatedClock };
  /** Frames its socket takes; at the next its queue is full. */
  takes?: number;
}

function connect({
  id = SELF,
  machine = connectionMachine,
  answer = 'enter',
  peer,
  takes = Infinity,
}: Options = {}) {
  const { clock, sessions } = peer ?? { clock: new SimulatedClock(), sessions: new Sessions<Connection>() };
  const asked: unknown[][] = [];
  const written: (ServerMessage & { seq?: number })[] = [];
  const closings: CloseReason[] = [];
  const logged: [level: string, text: string][] = [];
  const failedJoins: string[] = [];
  const reply = (member: Member) => {
    if (answer === 'enter') member.entered(ROOM);
    if (answer === 'refuse') member.refused('RoomFull', 'full');
    if (answer === 'unfound') member.refused('RoomNotFound', 'none');
  };
  const router: Router = {
    create(member) {
      asked.push(['create', member.participantId]);
      reply(member);
    },
    join(roomId, member, createIfMissing) {
      asked.push(['join', roomId, member.participantId, createIfMissing]);
      reply(member);
    },
    leave: (roomId, participantId) => asked.push(['leave', roomId, participantId]),
    interrupt: (roomId, participantId) => asked.push(['interrupt', roomId, participantId]),
    resume: (roomId, participantId, lost) => asked.push(['resume', roomId, participantId, lost]),
    relay: (roomId, from, message) => asked.push(['relay', roomId, from.participantId, message]),
  };
  const logger = {
    debug: () => {},
    warn: (_: object, text: string) => logged.push(['warn', text]),
    error: (_: object, text: string) => logged.push(['error', text]),
  } as unknown as Logger;
  const tally = new Tally();
  let isOpen = true;
  let taken = 0;
  const sender = {
    write: ({ text }: Outgoing) => sender.writeText(text),
    writeText(text: string) {
      if (!isOpen) return 'closed';
      if (taken === takes) {
        sender.close('TryAgainLater');
        return 'full';
      }
      taken += 1;
      written.push(JSON.parse(text));
      return 'sent';
    },
    /** As the sender and the socket do: whoever closes is told that it is closed. */
    close(reason: CloseReason) {
      if (!isOpen) return;
      isOpen = false;
      closings.push(reason);
      link.ended(reason === 'Silent' ? 'closed' : 'lost');
    },
  };
  const handshake = traceHandshake(tally, id, {});
  const pings: string[] = [];
  const outboxBudget = new OutboxBudget(Number.POSITIVE_INFINITY);
  const link: Link = new Link(sender as unknown as Sender, handshake.messagesOf(id), '192.0.2.1', {
    terminate: () => {},
    ping: (payload) => pings.push(payload),
    attempted: () => failedJoins.push(id),
  });
  const connection = new Connection(
    starter(machine, clock),
    {
      participant_id: id,
      limit: LIMIT,
      windowMs: WINDOW_MS,
      firstMessageTimeoutMs: SILENT_MS,
      outsideTimeoutMs: 3_600_000,
      resumeGraceMs: GRACE_MS,
      reloadGraceMs: GRACE_MS,
    },
    link,
    {
      router,
      sessions,
      welcome,
      outboxBudget,
      maxSessions: 1000,
      draining: () => undefined,
      outboxLimits: { messages: KEPT, bytes: Infinity, ageMs: Infinity },
      logger,
      tally,
    },
  );
  return {
    connection,
    link,
    clock,
    sessions,
    tally,
    handshake,
    closings,
    logged,
    failedJoins,
    pings,
    /** What is kept for it, in bytes of memory. */
    kept: () => outboxBudget.usedBytes,
    /** By the socket, to whatever connection it belongs now. */
    send: (message: ClientMessage) => link.message(message, clock.now()),
    /** The socket ends, other than by the server. */
    end(how: SocketEnd) {
      isOpen = false;
      link.ended(how);
    },
    /** What it asked of the router since asked last. */
    asked: () => asked.splice(0),
    /** What was written to its socket since asked last. */
    written: () => written.splice(0),
  };
}

/** A connection that is inside a room. */
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
    client.send({ type: 'IceCandidate', to: 'b', candidate: '' });
    client.send(leaveRoom);
    expect(client.asked()).toEqual([
      ['create', SELF],
      ['relay', ROOM, SELF, offer],
      ['relay', ROOM, SELF, { type: 'IceCandidate', to: 'b', candidate: '' }],
      leave,
    ]);
    expect(client.written()).toEqual([]);
  });

  test('JoinRoom goes to the router with its room', () => {
    const client = connect();
    client.send({ type: 'JoinRoom', room_id: 'room-2' });
    expect(client.asked()).toEqual([['join', 'room-2', SELF, false]]);
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
    ['inside', { type: 'JoinRoom', room_id: 'room-2' } as const],
  ])('%s a room %j is answered InvalidPayload and goes nowhere', (where, message) => {
    const client = where === 'inside' ? seated() : connect();
    client.send(message);
    expect([client.asked(), client.written()]).toEqual([[], [error('InvalidPayload')]]);
  });

  test('that is no message is answered InvalidPayload, with the reason', () => {
    const client = connect();
    client.link.invalid('The frame is not JSON.', 0);
    expect(client.written()).toEqual([error('InvalidPayload', 'The frame is not JSON.')]);
  });
});

describe('what a room writes', () => {
  test('goes to the sink as it is, and the sink’s answer back', () => {
    const client = connect();
    const outgoing = new Outgoing({ type: 'PeerConnected', participant_id: 'b' });
    expect(client.connection.write(outgoing)).toBe('sent');
    expect(client.written()).toEqual([{ type: 'PeerConnected', participant_id: 'b' }]);
  });

  test('when it closes, the client hears Internal and why, and may create another', () => {
    const client = seated();
    client.connection.roomClosed('failed too often');
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
    for (let frame = 0; frame < LIMIT; frame++) client.link.invalid('no JSON', 0);
    expect(client.link.isReading).toBe(true);
    client.written();
    client.send(createRoom);
    expect(client.link.isReading).toBe(false);
    for (let frame = 0; frame < 3; frame++) client.link.unread(0);
    expect(client.written()).toEqual(Array(4).fill(error('RateLimited')));
    expect(client.asked()).toEqual([]);
    expect(client.logged).toEqual([['warn', 'connection is rate limited']]);
    client.clock.increment(WINDOW_MS);
    expect(client.link.isReading).toBe(true);
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
  for (let frame = 0; frame <= LIMIT; frame++) client.link.invalid('no JSON', 0);
  client.link.unread(0);
  expect(accepted()).toEqual(Array(2).fill([`${LIMIT}`, fields]));
  client.clock.increment(WINDOW_MS);
  for (let frame = 0; frame <= LIMIT; frame++) client.link.invalid('no JSON', WINDOW_MS);
  expect(accepted()).toEqual([[`${2 * LIMIT}`, fields]]);
});

describe.each(ENDS)('the socket of a base connection ending (%s)', (how) => {
  test('inside a room leaves it, once, however often it is told', () => {
    const client = seated();
    client.end(how);
    client.end(how);
    expect(client.asked()).toEqual([leave]);
    expect(client.closings).toEqual([]);
    expect(client.connection.write(new Outgoing({ type: 'PeerConnected', participant_id: 'b' }))).toBe(
      'closed',
    );
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
    client.connection.entered(ROOM);
    expect(client.asked()).toEqual([leave]);
    client.connection.entered(ROOM);
    expect(client.asked()).toEqual([]);
  });

  test('before the room refuses leaves nothing and tells nobody', () => {
    const client = connect({ answer: 'silent' });
    client.send(createRoom);
    client.end(how);
    client.asked();
    client.connection.refused('RoomFull', 'full');
    expect([client.asked(), client.written()]).toEqual([[], []]);
  });

  test('is the end: nothing that comes later has any effect', () => {
    const client = seated();
    client.end(how);
    client.asked();
    client.send(createRoom);
    client.link.invalid('no JSON', 0);
    client.link.unread(0);
    client.connection.message(createRoom, 0);
    client.connection.invalid('no JSON', 0);
    client.connection.unread(0);
    client.connection.entered(ROOM);
    client.connection.roomClosed('over');
    client.clock.increment(10 * SILENT_MS);
    expect([client.asked(), client.written(), client.closings]).toEqual([[], [], []]);
  });

  test('during a penalty leaves once, and the penalty’s end changes nothing', () => {
    const client = seated();
    for (let frame = 0; frame <= LIMIT; frame++) client.link.unread(0);
    client.end(how);
    client.clock.increment(WINDOW_MS);
    expect(client.asked()).toEqual([leave]);
  });
});

describe('a connection that fails', () => {
  /** The connection machine, but an event of this type throws while it is being decided on. */
  function failingOn(type: ConnectionEvent['type'], times = Infinity) {
    let left = times;
    const check = (event: { type: string }) => {
      if (event.type === type && left-- > 0) throw new Error('boom');
    };
    return connectionMachine.provide({
      actions: {
        countFrame: ({ event }) => check(event),
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

  test.each(['client.create', 'client.relay', 'client.invalid'] as const)(
    'on a frame (%s): the client hears Internal, and the next frame is handled as ever',
    (type) => {
      const client =
        type === 'client.relay'
          ? seated({ machine: failingOn(type, 1) })
          : connect({ machine: failingOn(type, 1) });
      const send = () => {
        if (type === 'client.invalid') client.link.invalid('no JSON', 0);
        else client.send(type === 'client.create' ? createRoom : offer);
      };
      send();
      expect([client.written(), client.asked()]).toEqual([[error('Internal')], []]);
      expect(client.logged).toEqual([['error', 'connection failed on an event']]);
      expect(client.closings).toEqual([]);
      send();
      expect([...client.written(), ...client.asked()]).toHaveLength(1);
    },
  );

  test('on LeaveRoom: it has its seat still, and leaves when told again', () => {
    const client = seated({ machine: failingOn('client.leave', 1) });
    client.send(leaveRoom);
    expect([client.written(), client.asked()]).toEqual([[error('Internal')], []]);
    client.send(leaveRoom);
    expect([client.written(), client.asked()]).toEqual([[], [leave]]);
  });

  test.each(ENDS)('on the socket’s end (%s): its seat is freed', (how) => {
    const client = seated({ machine: failingOn('socket.closed') });
    client.end(how);
    expect(client.asked()).toEqual([leave]);
    client.end(how);
    expect(client.asked()).toEqual([]);
    expect(client.logged).toEqual([['error', 'connection failed on an event']]);
  });

  test('on its room’s closing: it is closed 1011, and its seat is freed', () => {
    const client = seated({ machine: failingOn('room.closed') });
    client.connection.roomClosed('over');
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
  const client = connect({ id: 'other', peer: session, ...options });
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
    for (let frame = 2; frame < LIMIT; frame++) session.link.invalid('no JSON', 0);
    session.link.invalid('no JSON', 0);
    session.link.unread(0);
    expect(refusals(session)).toMatchObject([{ frame: LIMIT }, { frame: LIMIT + 1 }]);
    const client = resume(session, 0);
    client.written();
    for (let frame = 0; frame <= LIMIT; frame++) client.link.invalid('no JSON', 0);
    expect(refusals(client)).toMatchObject([{ frame: 2 * LIMIT + 2 }]);
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
    client.link.invalid('no JSON', 0);
    client.clock.increment(10 * SILENT_MS);
    expect(client.closings).toEqual([]);
  });
});

describe('saying Hello', () => {
  test('is answered with Ready, which has no number; what follows is numbered from 1', () => {
    const client = connect();
    expect([client.connection.isSession, client.link.dialect, client.link.seq]).toEqual([false, 'base', 0]);
    client.send(hello);
    expect(client.written()).toEqual([ready({ resumed: false })]);
    expect([client.connection.isSession, client.link.dialect, client.link.seq]).toEqual([true, 'session', 0]);
    expect(client.connection.write(peer(1))).toBe('sent');
    client.send(offer);
    expect(client.written()).toEqual([heardOf(1, 1), { ...error('InvalidPayload'), seq: 2 }]);
    expect(client.link.seq).toBe(2);
    expect(client.asked()).toEqual([]);
  });

  test('later is refused, in a session and in the base protocol, whatever it brings', () => {
    const other = open();
    for (const first of [hello, createRoom]) {
      const client = connect({ peer: other, id: 'x' });
      client.send(first);
      client.written();
      client.send(hello);
      client.send({ type: 'Hello', resume_token: other.token, last_seq: 0 });
      expect(client.written()).toMatchObject(Array(2).fill(error('InvalidPayload')));
      expect(client.connection.isSession).toBe(first === hello);
    }
    expect(other.closings).toEqual([]);
    expect(other.sessions.claim(other.token)?.session).toBe(other.connection);
  });

  test('gives each session a token of its own, by which it is found', () => {
    const sessions = new Sessions<Connection>();
    const clients = ['a', 'b', 'c'].map((id) => {
      const client = connect({ id, peer: { sessions, clock: new SimulatedClock() } });
      client.send(hello);
      return { ...client, token: tokenIn(client.written()) };
    });
    expect(new Set(clients.map((client) => client.token)).size).toBe(3);
    for (const client of clients) expect(sessions.claim(client.token)?.session).toBe(client.connection);
  });

  test('makes JoinRoom able to create, which goes to the router', () => {
    const client = open({ isInside: false });
    client.send({ type: 'JoinRoom', room_id: 'room-2', create_if_missing: true });
    client.send(leaveRoom);
    client.send({ type: 'JoinRoom', room_id: 'room-2', create_if_missing: false });
    client.send(leaveRoom);
    client.send({ type: 'JoinRoom', room_id: 'room-2' });
    expect(client.asked().filter(([what]) => what === 'join')).toEqual([
      ['join', 'room-2', SELF, true],
      ['join', 'room-2', SELF, false],
      ['join', 'room-2', SELF, false],
    ]);
  });

  test('is not heard of by the base protocol: no number, no token, and its end is the end', () => {
    const client = seated();
    client.connection.write(peer(1));
    client.send(createRoom);
    expect(client.written()).toEqual([
      { type: 'PeerConnected', participant_id: 'peer-1' },
      error('InvalidPayload'),
    ]);
    expect([...client.sessions.all()]).toEqual([]);
    client.link.ponged('1');
    client.end('lost');
    expect(client.asked()).toEqual([leave]);
  });
});

describe('a session whose socket is lost', () => {
  test('keeps its seat, and what it is sent waits', () => {
    const session = open();
    session.end('lost');
    expect(session.asked()).toEqual([interrupt]);
    expect(session.connection.write(peer(1))).toBe('queued');
    session.clock.increment(GRACE_MS - 1);
    expect([session.asked(), session.written()]).toEqual([[], []]);
    expect([...session.sessions.all()]).toEqual([session.connection]);
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
    session.connection.roomClosed('over');
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
    session.connection.roomClosed('failed too often');
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
    session.connection.entered(ROOM);
    session.asked();
    session.clock.increment(GRACE_MS);
    expect(session.asked()).toEqual([leave]);
  });

  test('by a queue that is full: what found it full waits too', () => {
    const session = open({ takes: 2 });
    expect([1, 2, 3].map((n) => session.connection.write(peer(n)))).toEqual(['sent', 'full', 'queued']);
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
  const failing = connectionMachine.provide({
    actions: {
      giveUpSeat: () => {
        throw new Error('crashed as told');
      },
    },
  });
  const withMessages = (options: Options = {}) => {
    const session = open(options);
    for (const n of [1, 2, 3]) session.connection.write(peer(n));
    expect(session.kept()).toBeGreaterThan(0);
    return session;
  };

  test('is gone when its client closes', () => {
    const session = withMessages();
    session.end('closed');
    expect(session.kept()).toBe(0);
  });

  test('is gone when the grace is over', () => {
    const session = withMessages();
    session.end('lost');
    expect(session.kept()).toBeGreaterThan(0);
    session.clock.increment(GRACE_MS);
    expect(session.kept()).toBe(0);
  });

  test('is gone when its machine fails on an event that does not come again', () => {
    const session = withMessages({ machine: failing });
    session.connection.roomClosed('over');
    expect([session.closings, session.kept()]).toEqual([['InternalError'], 0]);
  });

  test('is nothing afterwards, though a room may still write to it on its way out', () => {
    for (const machine of [connectionMachine, failing]) {
      const session = withMessages({ machine });
      if (machine === failing) session.connection.roomClosed('over');
      session.end('closed');
      expect(session.connection.write(peer(4))).toBe('closed');
      expect(session.kept()).toBe(0);
    }
  });
});

describe('resuming', () => {
  test('brings Ready, then exactly what was missed, then what is new', () => {
    const session = open();
    for (const n of [1, 2]) session.connection.write(peer(n));
    session.end('lost');
    for (const n of [3, 4]) session.connection.write(peer(n));
    session.asked();
    const again = resume(session, 1);
    expect(again.written()).toEqual([readyAgain(), ...[2, 3, 4].map((n) => heardOf(n, n))]);
    expect(session.asked()).toEqual([resumed()]);
    expect(session.connection.write(peer(5))).toBe('sent');
    expect(again.written()).toEqual([heardOf(5, 5)]);
    expect([again.link.seq, again.link.dialect]).toEqual([5, 'session']);
    expect(session.tally.resumes).toEqual({ complete: 1, lost: 0 });
  });

  test('with everything heard brings nothing but Ready', () => {
    const session = open();
    session.connection.write(peer(1));
    session.end('lost');
    expect(resume(session, 1).written()).toEqual([readyAgain()]);
  });

  test('outside a room tells no router, and is counted', () => {
    const session = open({ isInside: false });
    session.end('lost');
    resume(session, 0);
    expect(session.asked()).toEqual([]);
    expect(session.tally.resumes).toEqual({ complete: 1, lost: 0 });
  });

  test('hands the link over: what its socket says is the session’s, and the connection it came by is over', () => {
    const session = open();
    session.end('lost');
    session.asked();
    exporter.reset();
    const again = resume(session, 0);
    expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual(['open session']);
    again.send(offer);
    again.link.invalid('no JSON', 0);
    again.send(leaveRoom);
    again.send(createRoom);
    expect(session.asked()).toEqual([resumed(), ['relay', ROOM, SELF, offer], leave, ['create', SELF]]);
    expect(again.written().slice(1)).toEqual([{ ...error('InvalidPayload', 'no JSON'), seq: 1 }]);
    again.connection.message(createRoom, 0);
    again.connection.write(peer(1));
    again.clock.increment(10 * SILENT_MS);
    expect([again.asked(), again.written(), again.closings]).toEqual([[], [], []]);
    expect([...session.sessions.all()]).toEqual([session.connection]);
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
    let socket: { end(how: SocketEnd): void } = session;
    for (let round = 1; round <= 5; round++) {
      socket.end('lost');
      session.connection.write(peer(round));
      const again = resume(session, round - 1, { id: `other-${round}`, token: last });
      const written = again.written();
      expect(written).toEqual([readyAgain(), heardOf(round, round)]);
      expect(tokenIn(written)).not.toBe(last);
      last = tokenIn(written);
      socket = again;
    }
    expect(session.asked().filter(([what]) => what === 'leave')).toEqual([]);
    expect(session.tally.resumes).toEqual({ complete: 5, lost: 0 });
  });

  test('of a session that something is gone of says so, brings what is left, and has the room remind it', () => {
    const session = open();
    session.end('lost');
    for (let n = 1; n <= KEPT + 1; n++) session.connection.write(peer(n));
    session.asked();
    const again = resume(session, 0);
    expect(again.written()).toEqual([readyAgain({ lost: true }), ...[2, 3, 4, 5].map((n) => heardOf(n, n))]);
    expect(session.asked()).toEqual([resumed(true)]);
    expect(session.tally.resumes).toEqual({ complete: 0, lost: 1 });
    session.connection.write(peer(6));
    expect(again.written()).toEqual([heardOf(6, 6)]);
  });

  test('by a client that claims to have heard more than there was says that something is lost', () => {
    const session = open();
    session.connection.write(peer(1));
    session.end('lost');
    expect(resume(session, 2).written()).toEqual([readyAgain({ lost: true })]);
  });

  test('brings nothing that a pong has acknowledged, whatever the client says', () => {
    const session = open();
    session.connection.write(peer(1));
    session.link.ping();
    session.connection.write(peer(2));
    session.link.ponged('1');
    session.end('lost');
    const again = resume(session, 1);
    const written = again.written();
    expect(written).toEqual([readyAgain(), heardOf(2, 2)]);
    again.link.ping();
    again.link.ponged('2');
    again.end('lost');
    const forgetful = resume(session, 0, { id: 'third', token: tokenIn(written) });
    expect(forgetful.written()).toEqual([readyAgain({ lost: true })]);
  });

  test('begins a rate of its own, and ends a penalty', () => {
    const session = open();
    for (let frame = 0; frame < LIMIT; frame++) session.link.unread(0);
    expect(session.link.isReading).toBe(false);
    session.end('lost');
    const again = resume(session, 1);
    expect(again.link.isReading).toBe(true);
    again.send(offer);
    expect(session.asked()).toContainEqual(['relay', ROOM, SELF, offer]);
    session.clock.increment(WINDOW_MS);
    expect(again.link.isReading).toBe(true);
  });

  test('sends the room’s refusals of joins in vain to the address that joins now', () => {
    const session = open({ answer: 'unfound', isInside: false });
    const join: ClientMessage = { type: 'JoinRoom', room_id: 'room-2' };
    session.send(join);
    expect(session.failedJoins).toEqual([SELF]);
    session.end('lost');
    const again = resume(session, 1);
    again.send(join);
    expect([session.failedJoins, again.failedJoins]).toEqual([[SELF], ['other']]);
  });
});

describe('a token that was used', () => {
  test('still works while the Ready it brought has not arrived: its client knows no other', () => {
    const session = open();
    session.end('lost');
    for (let round = 1; round <= 3; round++) {
      session.connection.write(peer(round));
      const unheard = resume(session, 0, { id: `unheard-${round}` });
      expect(unheard.pings).toEqual(['ready']);
      expect(unheard.written()[0]).toEqual(readyAgain());
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

  test('then ends the token of the Ready that did not arrive', () => {
    const session = open();
    session.end('lost');
    const unheard = resume(session, 0, { id: 'unheard' });
    const never = tokenIn(unheard.written());
    unheard.end('lost');
    const again = resume(session, 0);
    const stranger = resume(session, 0, { id: 'stranger', token: never });
    expect(stranger.written()).toMatchObject([{ type: 'Ready', participant_id: 'stranger', resumed: false }]);
    expect(again.closings).toEqual([]);
  });

  test('ends when the answer to the ping behind Ready comes back; no other pong is one', () => {
    const session = open();
    session.end('lost');
    const again = resume(session, 0);
    for (const payload of ['0', '7', '', 'x']) again.link.ponged(payload);
    expect(session.sessions.claim(session.token)?.session).toBe(session.connection);
    again.link.ponged('ready');
    expect(session.sessions.claim(session.token)).toBeUndefined();
  });

  test('does not end by the pong of a socket that was replaced', () => {
    const session = open();
    const unheard = resume(session, 0, { id: 'unheard' });
    resume(session, 0, { id: 'second' });
    unheard.link.ponged('ready');
    expect(session.sessions.claim(session.token)?.session).toBe(session.connection);
  });

  test('is not asked about where there was none: on a new session, and on the base protocol', () => {
    const session = open();
    const fresh = resume(session, 0, { token: 'x' });
    const base = seated({ id: 'base' });
    base.link.ponged('ready');
    expect([session.pings, fresh.pings, base.pings]).toEqual([[], [], []]);
    expect(session.sessions.claim(session.token)?.session).toBe(session.connection);
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
    session.connection.write(peer(1));
    session.connection.write(peer(2));
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
    session.link.invalid('no JSON', 0);
    session.link.ponged('7');
    for (const how of ENDS) session.end(how);
    expect([session.asked(), session.written(), again.written()]).toEqual([[], [], []]);
    expect(exporter.getFinishedSpans()).toEqual([]);
    session.connection.write(peer(1));
    expect(again.written()).toEqual([heardOf(1, 1)]);
  });

  test('again and again leaves the last socket with it', () => {
    const session = open();
    const second = resume(session, 0, { id: 'second' });
    const third = resume(session, 0, { id: 'third', token: tokenIn(second.written()) });
    expect([session.closings, second.closings, third.closings]).toEqual([['Replaced'], ['Replaced'], []]);
    session.connection.write(peer(1));
    expect([second.written(), third.written()]).toEqual([[], [readyAgain(), heardOf(1, 1)]]);
    expect(session.asked()).toEqual([resumed(), resumed()]);
  });
});

describe('a token that is not good', () => {
  const fresh = { ...ready({ resumed: false }), participant_id: 'other' };

  /** It is answered as a Hello without one: a new session, which works. */
  function isFresh(session: ReturnType<typeof open>, brought: string): void {
    const client = resume(session, 0, { token: brought });
    expect(client.written()).toEqual([fresh]);
    client.send(createRoom);
    client.connection.write(peer(1));
    expect([client.asked(), client.written()]).toEqual([[['create', 'other']], [heardOf(1, 1)]]);
    expect([...session.sessions.all()]).toContain(client.connection);
    expect(client.tally.resumes).toEqual({ complete: 0, lost: 0 });
  }

  test.each(['', 'x', '__proto__', 'constructor', 'x'.repeat(128)])('since it never was: %j', (brought) => {
    isFresh(open(), brought);
  });

  test('since it was used, and the next has arrived', () => {
    const session = open();
    const again = resume(session, 0);
    again.link.ponged('ready');
    isFresh(session, session.token);
    expect(again.closings).toEqual([]);
    again.send(offer);
    expect(session.asked()).toEqual([resumed(), ['relay', ROOM, SELF, offer]]);
  });

  test('since the grace is over', () => {
    const session = open();
    session.end('lost');
    session.clock.increment(GRACE_MS);
    isFresh(session, session.token);
    expect(session.asked()).toEqual([interrupt, leave]);
  });

  test('since the client had said that it goes', () => {
    const session = open();
    session.end('closed');
    isFresh(session, session.token);
  });
});

describe('a session that fails', () => {
  /** The connection machine, but an event of this type throws. */
  function failingOn(type: ConnectionEvent['type']) {
    const check = (event: { type: string }) => {
      if (event.type === type) throw new Error('boom');
    };
    return connectionMachine.provide({
      guards: {
        isAdmitted: ({ event }) => {
          check(event);
          return true;
        },
      },
      actions: {
        forgetFrames: ({ event }) => check(event),
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
      },
    });
  }

  test('on a frame: hears Internal with its number, and goes on', () => {
    const session = open({ machine: failingOn('client.relay') });
    session.send(offer);
    expect(session.written()).toEqual([{ ...error('Internal'), seq: 1 }]);
    expect([session.closings, session.asked()]).toEqual([[], []]);
    expect([...session.sessions.all()]).toEqual([session.connection]);
  });

  test('on the loss of its socket: gives up its seat and its token', () => {
    const session = open({ machine: failingOn('socket.lost') });
    session.end('lost');
    expect([session.asked(), [...session.sessions.all()]]).toEqual([[leave], []]);
    session.clock.increment(10 * GRACE_MS);
    expect(session.asked()).toEqual([]);
  });

  test('on getting another socket: closes it 1011, and gives up its seat and its token', () => {
    const session = open({ machine: failingOn('socket.attached') });
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
    session.connection.roomClosed('over');
    expect(session.closings).toEqual(['InternalError']);
    expect([session.asked(), [...session.sessions.all()]]).toEqual([[leave], []]);
    session.clock.increment(10 * GRACE_MS);
    expect(session.asked()).toEqual([]);
  });

  test('at the end of its grace: gives up its seat and its token', () => {
    const session = open({ machine: failingOn('socket.closed') });
    session.end('lost');
    session.clock.increment(GRACE_MS);
    expect([session.asked(), [...session.sessions.all()]]).toEqual([[interrupt, leave], []]);
  });

  test('while it has no socket: there is none to close', () => {
    const session = open({ machine: failingOn('room.closed') });
    session.end('lost');
    session.connection.roomClosed('over');
    expect([session.asked(), [...session.sessions.all()]]).toEqual([[interrupt, leave], []]);
    expect(session.closings).toEqual([]);
  });
});

describe('a socket that fills up while it is told what was missed', () => {
  test('with nobody there before: the session is interrupted again, and keeps its seat for the grace', () => {
    const session = open();
    session.end('lost');
    for (const n of [1, 2, 3]) session.connection.write(peer(n));
    const slow = resume(session, 0, { takes: 2 });
    const last = tokenIn(slow.written());
    expect(slow.closings).toEqual(['TryAgainLater']);
    expect(session.asked()).not.toContainEqual(leave);
    expect(session.connection.write(peer(4))).toBe('queued');
    const again = resume(session, 1, { id: 'third', token: last });
    expect(again.written()).toEqual([readyAgain(), ...[2, 3, 4].map((n) => heardOf(n, n))]);
    expect(session.asked().at(-1)).toEqual(resumed());
  });

  test('in the place of another: the session is interrupted, and leaves after the grace', () => {
    const session = open();
    for (const n of [1, 2, 3]) session.connection.write(peer(n));
    const slow = resume(session, 0, { takes: 2 });
    expect([session.closings, slow.closings]).toEqual([['Replaced'], ['TryAgainLater']]);
    expect(session.connection.write(peer(4))).toBe('queued');
    session.asked();
    session.clock.increment(GRACE_MS);
    expect(session.asked()).toEqual([leave]);
    expect([...session.sessions.all()]).toEqual([]);
  });
});

describe('what is counted', () => {
  test('of a session and its resumption is a Hello each', () => {
    const session = open();
    session.end('lost');
    const again = resume(session, 0);
    const once = new Map([['Hello', new Map([['ok', { value: 1 }]])]]);
    expect(session.tally.messages.get('Hello')).toEqual(once.get('Hello'));
    expect(again.tally.messages).toEqual(once);
  });

  test('is each message with its outcome, and each refusal by its code', () => {
    const client = connect();
    client.send(createRoom);
    client.send(offer);
    client.send(createRoom);
    client.link.invalid('no JSON', 0);
    client.end('closed');
    expect(client.tally.messages).toEqual(
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
    expect(client.tally.refusals).toEqual(new Map([['InvalidPayload', 2]]));
  });
});
