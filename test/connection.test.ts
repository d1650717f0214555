import { describe, expect, test } from '@jest/globals';
import { SimulatedClock } from 'xstate';
import { connectionMachine } from '../machines/connection.ts';
import { starter } from '../src/actor/xstate/machine-actor.ts';
import type { AttachedParticipant, Registrar } from '../src/attachment.ts';
import { bloomDialect } from '../src/codec/bloom.ts';
import { Connection } from '../src/connection.ts';
import type { CloseReason } from '../src/protocol/codes.ts';
import { Counters } from '../src/telemetry/counters.ts';
import type { Logger } from '../src/telemetry/logger.ts';
import { traceHandshake } from '../src/telemetry/tracing.ts';
import type { Transport } from '../src/transport/transport.ts';
import { recordSpans } from './support/spans.ts';

/** A connection alone, with a fake participant; test/participant.test.ts has the two together. */

const exporter = recordSpans();

const SELF = '00000000-0000-4000-8000-000000000001';
const OLDER = '00000000-0000-4000-8000-000000000002';
const ID = '9b2f6c1e-3d4a-4f5b-8c6d-7e8f9a0b1c2d';
const ROOM = '11111111-0000-4000-8000-000000000001';

function connect({ waitMs = 0 } = {}) {
  const told: unknown[][] = [];
  const written: unknown[] = [];
  const closes: CloseReason[] = [];
  const pings: string[] = [];
  const attempts: string[] = [];
  let isAttached = true;
  let terminations = 0;
  let seq = 7;
  const participant = (id: string, isSession: boolean): AttachedParticipant => ({
    id,
    isSession,
    roomId: ROOM,
    get seq() {
      return seq;
    },
    received: 3,
    countFrame: () => void told.push(['countFrame']),
    receive: (message) => void told.push(['receive', message]),
    reject: (reason) => void told.push(['reject', reason]),
    answer: ({ message }) => void written.push(message),
    trimOutbox: () => void told.push(['trimOutbox']),
    acknowledge: (seq) => void told.push(['acknowledge', seq]),
    isAttachedTo: () => isAttached,
    attach: (_, { token, lastSeq }) => void told.push(['attach', token, lastSeq]),
    detach: (_, end) => void told.push(['detach', end]),
  });
  const registrar: Registrar = {
    register(connection, greeting) {
      const isSession = greeting !== undefined;
      told.push(['register', connection.participantId, isSession]);
      return participant(connection.participantId, isSession);
    },
    claim(token) {
      told.push(['claim', token]);
      return token === 'good' ? { participant: participant(OLDER, true), token: 'next' } : undefined;
    },
  };
  const transport: Transport = {
    codec: bloomDialect().open(),
    write: ({ message }) => {
      written.push(message);
      return 'sent';
    },
    writeText: () => 'sent',
    ping: (payload) => void pings.push(payload),
    close: (reason) => void closes.push(reason),
    terminate: () => {
      terminations += 1;
    },
  };
  const clock = new SimulatedClock();
  const connection = new Connection(
    starter(connectionMachine, clock),
    { limit: 20, windowMs: 1000, firstMessageTimeoutMs: 30_000 },
    transport,
    traceHandshake(new Counters(), SELF, {}).messagesOf(SELF),
    '192.0.2.1',
    {
      registrar,
      countAttempt(address) {
        attempts.push(address);
        return waitMs;
      },
      logger: { debug() {}, warn() {}, error() {} } as unknown as Logger,
    },
  );
  return {
    connection,
    clock,
    closes,
    pings,
    attempts,
    terminations: () => terminations,
    setSeq: (latest: number) => {
      seq = latest;
    },
    send: (message: unknown) =>
      connection.frame(Buffer.from(typeof message === 'string' ? message : JSON.stringify(message))),
    /** The participant goes on over another connection. */
    move: () => {
      isAttached = false;
    },
    told: () => told.splice(0),
    written: () => written.splice(0),
  };
}

const error = (code: string, message: unknown = expect.stringMatching(/^[A-Z].+/)) => ({
  type: 'Error',
  code,
  message,
});

describe('a frame', () => {
  test('that is a message makes a participant, once, and goes to it', () => {
    const { send, told } = connect();
    const offer = { type: 'Offer', to: ID, sdp: 'v=0 ü 💐' };
    send(offer);
    send(offer);
    expect(told()).toEqual([
      ['register', SELF, false],
      ['receive', offer],
      ['countFrame'],
      ['receive', offer],
    ]);
  });

  test('is read as UTF-8 and validated: ids come in small letters', () => {
    const { send, told } = connect();
    send({ type: 'JoinRoom', room_id: ID.toUpperCase() });
    expect(told()).toContainEqual(['receive', { type: 'JoinRoom', room_id: ID }]);
  });

  test.each(['', 'x', '[]', '{}', '{"type":"Hullo"}', '{"type":"JoinRoom","room_id":"x"}'])(
    'that is not a message has the participant answer so, with a reason: %j',
    (text) => {
      const { send, told } = connect();
      send(text);
      expect(told()).toEqual([
        ['register', SELF, false],
        ['reject', expect.stringMatching(/^[A-Z].+/)],
      ]);
    },
  );

  test.each([false, true])(
    'is read in the dialect that the participant speaks (session: %s)',
    (isSession) => {
      const { send, told } = connect();
      send(isSession ? { type: 'Hello' } : { type: 'LeaveRoom' });
      told();
      const join = { type: 'JoinRoom', room_id: ID, create_if_missing: true };
      send(join);
      const rejected = ['reject', expect.stringMatching(/^JoinRoom\.create_if_missing: /)];
      expect(told()).toEqual([['countFrame'], isSession ? ['receive', join] : rejected]);
    },
  );

  test('in a penalty is not read: false is returned', () => {
    const { send, told, written, clock } = connect();
    for (let frame = 0; frame <= 20; frame += 1) expect(send('{"type":"CreateRoom"}')).toBe(true);
    told();
    written();
    expect([send('{"type":"CreateRoom"}'), send('x')]).toEqual([false, false]);
    expect(written()).toEqual([error('RateLimited'), error('RateLimited')]);
    expect(told()).toEqual([['countFrame'], ['countFrame']]);
    clock.increment(1000);
    expect(send('{"type":"CreateRoom"}')).toBe(true);
  });

  test('is a span from the time it arrived, with participant and room', () => {
    const { send } = connect();
    exporter.reset();
    send({ type: 'CreateRoom' });
    send('x');
    const spans = exporter.getFinishedSpans();
    expect(spans.map(({ name }) => name)).toEqual(['create room', 'refuse invalid message']);
    expect(spans[1]?.attributes).toMatchObject({ participant_id: SELF, room_id: ROOM });
  });
});

describe('Hello', () => {
  test('makes a session', () => {
    const { send, told } = connect();
    send({ type: 'Hello' });
    expect(told()).toEqual([['register', SELF, true]]);
  });

  test('with a good token gives the connection to that session, whose spans follow', () => {
    const { send, told } = connect();
    send({ type: 'Hello', resume_token: 'good', last_seq: 5 });
    exporter.reset();
    send({ type: 'LeaveRoom' });
    expect(told()).toEqual([
      ['claim', 'good'],
      ['attach', 'next', 5],
      ['countFrame'],
      ['receive', { type: 'LeaveRoom' }],
    ]);
    expect(exporter.getFinishedSpans()[0]?.attributes).toMatchObject({ participant_id: OLDER });
  });

  test('with a token that opens nothing makes a new session', () => {
    const { send, told } = connect();
    send({ type: 'Hello', resume_token: 'bad', last_seq: 5 });
    expect(told()).toEqual([
      ['claim', 'bad'],
      ['register', SELF, true],
    ]);
  });

  test('a refusal for the rate names the frame in a session, and only there', () => {
    for (const isSession of [true, false]) {
      const { send, written } = connect();
      send(isSession ? { type: 'Hello' } : { type: 'LeaveRoom' });
      for (let frame = 0; frame < 20; frame += 1) send({ type: 'LeaveRoom' });
      expect(written().at(-1)).toEqual({ ...error('RateLimited'), ...(isSession && { frame: 3 }) });
    }
  });
});

describe('its end', () => {
  test.each(['closed', 'lost'] as const)('%s: the participant hears it once, the first time', (end) => {
    const { connection, send, told, closes } = connect();
    send({ type: 'LeaveRoom' });
    told();
    for (const each of [end, 'closed', 'lost'] as const) connection.ended(each);
    expect(told()).toEqual([['detach', end]]);
    expect(closes).toEqual([]);
  });

  test('nothing that comes later has any effect', () => {
    const { connection, send, told, written, clock } = connect();
    send({ type: 'LeaveRoom' });
    connection.ended('lost');
    told();
    expect(send({ type: 'LeaveRoom' })).toBe(false);
    connection.pong('4');
    connection.pong('ready');
    clock.increment(100_000);
    expect([told(), written()]).toEqual([[], []]);
  });

  test('a participant that has moved hears nothing, and there is no span', () => {
    const { connection, send, move, told } = connect();
    send({ type: 'Hello' });
    move();
    told();
    exporter.reset();
    connection.ended('lost');
    expect([told(), exporter.getFinishedSpans()]).toEqual([[], []]);
  });

  test('before the first frame is a span, and there is no participant to tell', () => {
    const { connection, told } = connect();
    exporter.reset();
    connection.ended('lost');
    expect(told()).toEqual([]);
    expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual(['disconnect']);
  });

  test('dismissed, the transport is closed and the participant hears nothing', () => {
    const { connection, send, told, closes } = connect();
    send({ type: 'LeaveRoom' });
    told();
    connection.dismiss('ServiceRestart');
    connection.ended('closed');
    connection.pong('4');
    expect(send({ type: 'LeaveRoom' })).toBe(false);
    expect([closes, told()]).toEqual([['ServiceRestart'], []]);
  });

  test('a transport that sends nothing is closed when its time is over', () => {
    const { clock, closes } = connect();
    clock.increment(29_999);
    expect(closes).toEqual([]);
    clock.increment(1);
    expect(closes).toEqual(['Silent']);
  });
});

describe('pings', () => {
  test('carry the latest number', () => {
    const { connection, send, pings } = connect();
    connection.ping();
    send({ type: 'Hello' });
    connection.ping();
    expect(pings).toEqual(['0', '7']);
  });

  test('before each the participant forgets what is too old', () => {
    const { connection, send, told } = connect();
    send({ type: 'Hello' });
    told();
    connection.ping();
    expect(told()).toEqual([['trimOutbox']]);
  });

  test('without an answer the transport is terminated', () => {
    const { connection, terminations } = connect();
    connection.drop();
    expect(terminations()).toBe(1);
  });
});

describe('an answer to a ping', () => {
  function asking() {
    const connected = connect();
    const { connection, send, told, setSeq } = connected;
    send({ type: 'Hello' });
    return {
      connection,
      ping(seq: number) {
        setSeq(seq);
        connection.ping();
      },
      /** Whether it was an answer, and what the participant was told. */
      pong(payload: string) {
        told();
        return [connection.pong(payload), ...told()];
      },
    };
  }

  test('has the payload of a ping, and counts once', () => {
    const { ping, pong } = asking();
    ping(7);
    expect(pong('7')).toEqual([true, ['acknowledge', 7]]);
    expect(pong('7')).toEqual([false]);
  });

  test.each(['', 'x', '0', '6', '8', '1e999', '-', '{}', 'ready'])(
    'has no effect with another payload, %j',
    (payload) => {
      const { ping, pong } = asking();
      ping(7);
      expect(pong(payload)).toEqual([false]);
      expect(pong('7')).toEqual([true, ['acknowledge', 7]]);
    },
  );

  test('has no effect without a ping', () => expect(asking().pong('7')).toEqual([false]));

  test('to a later ping is one to all before it', () => {
    const { ping, pong } = asking();
    ping(7);
    ping(9);
    expect(pong('9')).toEqual([true, ['acknowledge', 9]]);
    expect(pong('7')).toEqual([false]);
  });

  test('may come to each of several pings of the same payload', () => {
    const { ping, pong } = asking();
    ping(7);
    ping(7);
    expect([pong('7'), pong('7'), pong('7')]).toEqual([
      [true, ['acknowledge', 7]],
      [true, ['acknowledge', 7]],
      [false],
    ]);
  });

  test('is to one of the latest four pings: a client does not stay alive by ever older answers', () => {
    const { ping, pong } = asking();
    for (const seq of [1, 2, 3, 4, 5]) ping(seq);
    expect(pong('1')).toEqual([false]);
    expect(pong('2')).toEqual([true, ['acknowledge', 2]]);
  });

  test('has no effect when the transport has ended', () => {
    const { connection, ping, pong } = asking();
    ping(7);
    connection.ended('lost');
    expect(pong('7')).toEqual([false]);
  });
});

describe('an attempt', () => {
  test('is counted against the address', () => {
    const { connection, attempts, closes } = connect();
    expect(connection.attempted()).toBe(false);
    expect([attempts, closes]).toEqual([['192.0.2.1'], []]);
  });

  test('too many are told to the participant, which closes behind its answer', () => {
    const { connection, closes } = connect({ waitMs: 1000 });
    expect(connection.attempted()).toBe(true);
    expect(closes).toEqual([]);
  });
});
