import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { emit } from 'xstate';
import { roomMachine } from '../../machines/room.ts';
import { ATTRIBUTE, SPAN } from '../../src/telemetry/names.ts';
import { seat, TestClient } from '../support/client.ts';
import { handshake, RawClient, rawRequest } from '../support/raw.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { recordSpans } from '../support/spans.ts';
import { until } from '../support/wait.ts';

/** What each handshake and each message leaves in the trace and in the log, and what it never does. */

const exporter = recordSpans();
const faultyRoomMachine = roomMachine.provide({
  actions: {
    forward: emit((_, params) => {
      const { type, to, from, ...payload } = { ...params.message, from: params.from };
      if ('sdp' in payload && payload.sdp === 'crash') throw new Error('crashed as told');
      return { type: 'unicast', to, message: { type, from, ...payload } as never };
    }),
  },
});

let server: TestServer;
beforeAll(async () => {
  server = await startServer(
    { ROOM_CAPACITY: '2', RATE_LIMIT_WINDOW_MS: '250' },
    { roomMachine: faultyRoomMachine },
  );
});
afterAll(() => server.stop());

function spans(): ReadableSpan[] {
  return exporter.getFinishedSpans();
}

/** The only span since the last reset, when it has ended. */
async function theSpan(): Promise<ReadableSpan> {
  await until('a span', () => spans().length > 0);
  expect(spans().map(({ name }) => name)).toHaveLength(1);
  return spans()[0]!;
}

function forgetSpans(): void {
  exporter.reset();
}

function delivered(participant_id: string | undefined, message_type: string): object {
  return { name: 'delivered', attributes: { participant_id, message_type } };
}

function refused(participant_id: string | undefined, code: string): object {
  return { name: 'refused', attributes: { participant_id, code } };
}

/** A span as one object: what a test compares whole. */
function told(span: ReadableSpan): object {
  return {
    name: span.name,
    kind: span.kind,
    status: span.status.code,
    attributes: span.attributes,
    events: span.events.map(({ name, attributes }) => ({ name, attributes })),
    links: span.links.map(({ context }) => context.spanId),
  };
}

test('the names are those of the public interface', () => {
  expect(Object.values(SPAN).sort()).toEqual([
    'create room',
    'disconnect',
    'drop unread message',
    'handshake',
    'join room',
    'leave room',
    'open session',
    'ping',
    'refuse invalid message',
    'relay Answer',
    'relay IceCandidate',
    'relay Offer',
  ]);
  expect(ATTRIBUTE).toMatchObject({
    participantId: 'participant_id',
    roomId: 'room_id',
    messageType: 'message_type',
    outcome: 'outcome',
    httpStatus: 'http.response.status_code',
  });
});

describe('handshakes', () => {
  let guarded: TestServer;
  beforeAll(async () => {
    guarded = await startServer({ ALLOWED_ORIGINS: 'https://app.example', MAX_CONNECTIONS: '1' });
  });
  afterAll(() => guarded.stop());
  beforeEach(forgetSpans);

  function expected(status: number): object {
    return {
      name: 'handshake',
      kind: SpanKind.SERVER,
      status: SpanStatusCode.UNSET,
      attributes: {
        participant_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        'http.response.status_code': status,
        outcome: status < 400 ? 'ok' : 'refused',
      },
      events: [],
      links: [],
    };
  }

  test('accepted: 101, with the participant id the client is then known by', async () => {
    const client = await TestClient.connect(server.wsUrl);
    const span = await theSpan();
    expect(told(span)).toEqual(expected(101));
    const { self_id } = await client.createRoom();
    expect(span.attributes.participant_id).toBe(self_id);
  });

  test('refused by the server: 404, 403, 503', async () => {
    await expect(TestClient.connect(new URL('/elsewhere', guarded.wsUrl))).rejects.toThrow('404');
    expect(told(await theSpan())).toEqual(expected(404));
    forgetSpans();
    await expect(TestClient.connect(guarded.wsUrl, { origin: 'https://evil.example' })).rejects.toThrow(
      '403',
    );
    expect(told(await theSpan())).toEqual(expected(403));
    const client = await TestClient.connect(guarded.wsUrl);
    forgetSpans();
    await expect(TestClient.connect(guarded.wsUrl)).rejects.toThrow('503');
    expect(told(await theSpan())).toEqual(expected(503));
    client.close();
    await client.closed;
  });

  test.each([
    ['no key', { 'Sec-WebSocket-Key': '' }, 400],
    ['a bad key', { 'Sec-WebSocket-Key': 'short' }, 400],
    ['an unknown version', { 'Sec-WebSocket-Version': '99' }, 400],
  ])('malformed: %s', async (_, headers, status) => {
    const response = await rawRequest(server.wsUrl, handshake(server.wsUrl, headers));
    expect(response.status).toBe(status);
    expect(told(await theSpan())).toEqual(expected(status));
  });

  test('malformed: not GET', async () => {
    const response = await rawRequest(server.wsUrl, handshake(server.wsUrl).replace('GET', 'POST'));
    expect(response.status).toBe(405);
    const { attributes } = await theSpan();
    expect(attributes).toMatchObject({ outcome: 'refused', 'http.response.status_code': expect.any(Number) });
  });

  test('plain HTTP requests leave none', async () => {
    for (const path of ['/healthz', '/ws', '/nowhere']) await fetch(new URL(path, server.url));
    const client = await TestClient.connect(server.wsUrl);
    await client.settled();
    expect(spans().map(({ name }) => name)).toEqual(['handshake']);
  });
});

describe('messages', () => {
  let room: Awaited<ReturnType<typeof seat>>;
  let handshakes: string[];
  beforeEach(async () => {
    forgetSpans();
    room = await seat(server.wsUrl, 2);
    handshakes = spans()
      .filter(({ name }) => name === 'handshake')
      .map((span) => span.spanContext().spanId);
    forgetSpans();
  });

  /** Sends one message from the member at `from`, and tells the one span it leaves. */
  async function spanOf(message: object | string, client = room.clients[0]!): Promise<ReadableSpan> {
    client.send(message);
    await client.settled();
    return theSpan();
  }

  function whole(name: string, message_type: string, rest: object, links = [handshakes[0]]): object {
    const {
      outcome = 'ok',
      room_id = room.room_id,
      participant_id = room.ids[0],
    } = rest as Record<string, string>;
    const { events = [] } = rest as { events?: object[] };
    return {
      name,
      kind: SpanKind.SERVER,
      status: outcome === 'Internal' ? SpanStatusCode.ERROR : SpanStatusCode.UNSET,
      attributes: {
        participant_id,
        message_type,
        outcome,
        ...(room_id === '' ? {} : { room_id }),
      },
      events,
      links,
    };
  }

  /** A client outside any room, with its own handshake in `links`. */
  async function outsider() {
    const client = await TestClient.connect(server.wsUrl);
    const span = await theSpan();
    forgetSpans();
    const links = [span.spanContext().spanId];
    return { client, participant_id: span.attributes.participant_id as string, links };
  }

  test('CreateRoom', async () => {
    const { client, participant_id, links } = await outsider();
    const span = await spanOf({ type: 'CreateRoom' }, client);
    const { room_id } = client.heard[0] as { room_id: string };
    const events = [delivered(participant_id, 'RoomCreated'), delivered(participant_id, 'RoomParticipants')];
    expect(told(span)).toEqual(
      whole('create room', 'CreateRoom', { participant_id, room_id, events }, links),
    );
  });

  test('JoinRoom: an event for each recipient of each message', async () => {
    room.clients[1]!.send({ type: 'LeaveRoom' });
    await room.clients[1]!.settled();
    forgetSpans();
    const span = await spanOf({ type: 'JoinRoom', room_id: room.room_id }, room.clients[1]);
    const events = ['PeerConnected', 'RoomParticipants'].flatMap((type) =>
      room.ids.map((id) => delivered(id, type)),
    );
    expect(told(span)).toEqual(
      whole('join room', 'JoinRoom', { participant_id: room.ids[1], events }, [handshakes[1]]),
    );
  });

  test('LeaveRoom', async () => {
    const events = ['PeerDisconnected', 'RoomParticipants'].map((type) => delivered(room.ids[1], type));
    expect(told(await spanOf({ type: 'LeaveRoom' }))).toEqual(whole('leave room', 'LeaveRoom', { events }));
  });

  test.each([
    ['Offer', { type: 'Offer', sdp: 'v=0' }],
    ['Answer', { type: 'Answer', sdp: 'v=0' }],
    ['IceCandidate', { type: 'IceCandidate', candidate: 'c', sdpMid: '0' }],
  ])('%s', async (type, message) => {
    const span = await spanOf({ ...message, to: room.ids[1] });
    expect(told(span)).toEqual(whole(`relay ${type}`, type, { events: [delivered(room.ids[1], type)] }));
    forgetSpans();
    const outcome = 'ParticipantNotFound';
    expect(told(await spanOf({ ...message, to: randomUUID() }))).toEqual(
      whole(`relay ${type}`, type, { outcome, events: [refused(room.ids[0], outcome)] }),
    );
  });

  test('refusals: the outcome is the error code', async () => {
    const { client, participant_id, links } = await outsider();
    const cases: [object | string, string, string, string, string][] = [
      [{ type: 'JoinRoom', room_id: room.room_id }, 'join room', 'JoinRoom', 'RoomFull', room.room_id],
      [{ type: 'LeaveRoom' }, 'leave room', 'LeaveRoom', 'InvalidPayload', ''],
      [{ type: 'Answer', to: randomUUID(), sdp: '' }, 'relay Answer', 'Answer', 'InvalidPayload', ''],
      ['not JSON', 'refuse invalid message', 'invalid', 'InvalidPayload', ''],
    ];
    const absent = randomUUID();
    cases.push([{ type: 'JoinRoom', room_id: absent }, 'join room', 'JoinRoom', 'RoomNotFound', absent]);
    for (const [message, name, type, outcome, room_id] of cases) {
      const events = [refused(participant_id, outcome)];
      expect(told(await spanOf(message, client))).toEqual(
        whole(name, type, { participant_id, outcome, room_id, events }, links),
      );
      forgetSpans();
    }
    // Inside a room the room is named.
    for (const [message, name, type] of [
      [{ type: 'CreateRoom' }, 'create room', 'CreateRoom'],
      ['{}', 'refuse invalid message', 'invalid'],
    ] as const) {
      const events = [refused(room.ids[0], 'InvalidPayload')];
      expect(told(await spanOf(message))).toEqual(whole(name, type, { outcome: 'InvalidPayload', events }));
      forgetSpans();
    }
  });

  test('Internal is the only outcome with an error status', async () => {
    server.logs.length = 0;
    const span = await spanOf({ type: 'Offer', to: room.ids[1], sdp: 'crash' });
    expect(told(span)).toEqual(
      whole('relay Offer', 'Offer', { outcome: 'Internal', events: [refused(room.ids[0], 'Internal')] }),
    );
    const { traceId, spanId } = span.spanContext();
    expect(server.logs.filter(({ level }) => level === 'error')).toEqual([
      expect.objectContaining({
        room_id: room.room_id,
        participant_id: room.ids[0],
        trace_id: traceId,
        span_id: spanId,
      }),
    ]);
  });

  test('a socket that ends', async () => {
    room.clients[0]!.socket.terminate();
    const span = await theSpan();
    const events = ['PeerDisconnected', 'RoomParticipants'].map((type) => delivered(room.ids[1], type));
    expect(told(span)).toEqual(whole('disconnect', 'disconnect', { events }));
    forgetSpans();
    const { client, participant_id, links } = await outsider();
    client.close();
    expect(told(await theSpan())).toEqual(
      whole('disconnect', 'disconnect', { participant_id, room_id: '' }, links),
    );
  });

  test('each is a trace of its own', async () => {
    for (let i = 0; i < 3; i++) room.clients[0]!.send({ type: 'Offer', to: room.ids[1], sdp: String(i) });
    await room.clients[0]!.settled();
    const traces = spans().map((span) => span.spanContext().traceId);
    expect(new Set(traces).size).toBe(3);
    expect(spans().map(({ parentSpanContext }) => parentSpanContext)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('the penalty: a span for every frame, one warning a penalty, with the ids of the first of them', async () => {
    const { client, participant_id, links } = await outsider();
    server.logs.length = 0;
    for (let penalty = 1; penalty <= 2; penalty++) {
      forgetSpans();
      for (let i = 0; i < 20; i++) client.send('');
      client.send({ type: 'CreateRoom' });
      client.send({ type: 'CreateRoom' });
      client.send('');
      await client.settled();
      const over = spans().slice(20);
      const events = [refused(participant_id, 'RateLimited')];
      const rest = { participant_id, room_id: '', outcome: 'RateLimited', events };
      expect(over.map(told)).toEqual([
        whole('create room', 'CreateRoom', rest, links),
        whole('drop unread message', 'unread', rest, links),
        whole('drop unread message', 'unread', rest, links),
      ]);
      const warnings = server.logs.filter(({ level }) => level === 'warn');
      expect(warnings).toHaveLength(penalty);
      const { traceId, spanId } = over[0]!.spanContext();
      expect(warnings.at(-1)).toMatchObject({ participant_id, trace_id: traceId, span_id: spanId });
      await pause(400);
    }
  });
});

describe('secrets', () => {
  test('no payload, in whole or in part, is in any span or log line, whatever becomes of the message', async () => {
    forgetSpans();
    server.logs.length = 0;
    const secret = 'SECRET-b7c1';
    const { room_id, clients, ids } = await seat(server.wsUrl, 2);
    const [client, other] = clients as [TestClient, TestClient];
    const outsider = await TestClient.connect(server.wsUrl);
    const to = ids[1];
    const messages = [
      { type: 'Offer', to, sdp: secret },
      { type: 'Answer', to, sdp: secret },
      { type: 'IceCandidate', to, candidate: secret, sdpMid: secret, usernameFragment: secret },
      { type: 'Offer', to: randomUUID(), sdp: secret },
      { type: 'Offer', to, sdp: { secret } },
      { type: 'Offer', to: secret, sdp: secret },
      { type: 'IceCandidate', to, candidate: secret, sdpMLineIndex: secret },
      { type: secret, [secret]: secret },
      { type: 'CreateRoom', [secret]: secret },
      secret,
      `{"type":"Offer","sdp":"${secret}`,
    ];
    for (const message of messages) {
      client.send(message);
      outsider.send(message);
    }
    await client.settled();
    await outsider.settled();
    for (let i = 0; i < 25; i++) client.send({ type: 'Offer', to, sdp: secret }); // into the penalty
    await client.settled();
    other.send({ type: 'Offer', to: ids[0], sdp: 'crash' });
    await other.settled();
    const raw = await RawClient.connect(server.wsUrl);
    raw.socket.end(Buffer.from(secret)); // a protocol error
    await raw.gone;
    expect(other.heard.some((message) => 'sdp' in message && message.sdp === secret)).toBe(true);
    for (const one of [...clients, outsider]) one.close();
    await Promise.all([...clients, outsider].map(({ closed }) => closed));

    const trace = JSON.stringify(
      spans().map(({ name, attributes, events, links, status, resource }) => {
        return { name, attributes, events, links, status, resource: resource.attributes };
      }),
    );
    const log = JSON.stringify(server.logs);
    expect(trace).toContain(room_id);
    expect(trace).toContain('RateLimited');
    expect(log).toContain('rate limited');
    expect(log).toContain('crashed as told');
    expect(trace).not.toContain('SECRET');
    expect(log).not.toContain('SECRET');
  });

  test('every log line about a message has the trace and span it belongs to', async () => {
    forgetSpans();
    server.logs.length = 0;
    const { clients, ids } = await seat(server.wsUrl, 2);
    clients[0]!.send({ type: 'Offer', to: ids[1], sdp: 'crash' });
    for (let i = 0; i < 21; i++) clients[1]!.send('');
    await Promise.all(clients.map((client) => client.settled()));
    const known = new Set(
      spans().map((span) => `${span.spanContext().traceId} ${span.spanContext().spanId}`),
    );
    const lines = server.logs.filter(({ msg }) => !String(msg).startsWith('connection opened'));
    expect(lines.map(({ level }) => level)).toEqual(['debug', 'error', 'warn', 'warn']);
    for (const line of lines) expect(known).toContain(`${line.trace_id} ${line.span_id}`);
  });
});
