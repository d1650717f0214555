import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { SpanStatusCode } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { conformance } from '../../src/conformance/command.ts';
import { TestClient } from '../support/client.ts';
import { RemoteRouter } from '../support/remote/router.ts';
import { health, startServer, type TestServer } from '../support/server.ts';
import { Session } from '../support/session.ts';
import { recordSpans } from '../support/spans.ts';

/** Rooms in another thread, which answer later: what only such a router shows. The Jest project `remote router` runs it. */

const exporter = recordSpans();

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ ROOM_IDLE_TIMEOUT_MS: '2000', RESUME_GRACE_MS: '3000' });
});
afterAll(() => server.stop());

test('the rooms are in the other thread', async () => {
  const client = await TestClient.connect(server.wsUrl);
  await client.createRoom();
  expect(await server.remoteRooms()).toBe(1);
  expect(await health(server)).toMatchObject({ rooms: 1 });
  client.close();
});

test('every check of bloom conformance passes', async () => {
  let [stdout, stderr] = ['', ''];
  const code = await conformance([server.wsUrl.href, '--slow', '--room-idle', '2000'], {
    out: (text) => {
      stdout += text;
    },
    error: (text) => {
      stderr += text;
    },
  });
  expect(stdout.match(/^ {2}FAIL[\s\S]*/m)?.[0]).toBeUndefined();
  expect(stdout).toMatch(/\n[1-9]\d+ passed, 0 failed, 0 not offered, 0 skipped/);
  expect([code, stderr]).toEqual([0, '']);
}, 120_000);

/** The spans of messages since the last reset, by name. */
function messageSpans(): ReadableSpan[] {
  return exporter
    .getFinishedSpans()
    .filter(({ name }) => name !== 'handshake' && name !== 'disconnect')
    .sort((a, b) => a.name.localeCompare(b.name));
}

describe('the span of a message', () => {
  const told = ({ name, status, parentSpanContext, attributes, events, links }: ReadableSpan): object => ({
    name,
    status: status.code,
    parent: parentSpanContext,
    outcome: attributes.outcome,
    room: attributes.room_id,
    events: events.map(({ name, attributes }) => [name, attributes?.message_type ?? attributes?.code]),
    links: links.map(({ context }) => context.spanId),
  });

  /** A client, and the span of its handshake. */
  async function connect(): Promise<{ client: TestClient; handshake: string }> {
    exporter.reset();
    const client = await TestClient.connect(server.wsUrl);
    const span = exporter.getFinishedSpans().find(({ name }) => name === 'handshake');
    return { client, handshake: span?.spanContext().spanId as string };
  }

  beforeEach(() => exporter.reset());

  test('ends behind the answer of the room: with its outcome, deliveries and link, and as a root', async () => {
    const { client, handshake } = await connect();
    const { room_id, self_id } = await client.createRoom();
    client.send({ type: 'Offer', to: self_id, sdp: 'v=0' });
    client.send({ type: 'Offer', to: '11111111-1111-4111-8111-111111111111', sdp: 'v=0' });
    await client.settled();
    const common = { status: SpanStatusCode.UNSET, parent: undefined, room: room_id, links: [handshake] };
    expect(messageSpans().map(told)).toEqual([
      {
        ...common,
        name: 'create room',
        outcome: 'ok',
        events: [
          ['delivered', 'RoomCreated'],
          ['delivered', 'RoomParticipants'],
        ],
      },
      { ...common, name: 'relay Offer', outcome: 'ok', events: [['delivered', 'Offer']] },
      {
        ...common,
        name: 'relay Offer',
        outcome: 'ParticipantNotFound',
        events: [['refused', 'ParticipantNotFound']],
      },
    ]);
    client.close();
  });

  test('that waits for the answer to an earlier one ends with its own outcome', async () => {
    const { client, handshake } = await connect();
    const room_id = '11111111-1111-4111-8111-111111111111';
    client.send({ type: 'JoinRoom', room_id });
    client.send({ type: 'LeaveRoom' });
    client.send('no JSON');
    await client.settled();
    const common = { status: SpanStatusCode.UNSET, parent: undefined, room: undefined, links: [handshake] };
    const [notFound, invalid] = ['RoomNotFound', 'InvalidPayload'];
    expect(messageSpans().map(told)).toEqual([
      { ...common, name: 'join room', room: room_id, outcome: notFound, events: [['refused', notFound]] },
      { ...common, name: 'leave room', outcome: invalid, events: [['refused', invalid]] },
      { ...common, name: 'refuse invalid message', outcome: invalid, events: [['refused', invalid]] },
    ]);
    client.close();
  });
});

describe('a node that is lost with its rooms', () => {
  test('costs its members their room, and they may create another', async () => {
    const alice = await TestClient.connect(server.wsUrl);
    const { room_id } = await alice.createRoom();
    const bob = await Session.open(server.wsUrl);
    await bob.client.joinRoom(room_id);
    await alice.settled();
    alice.unread();
    await RemoteRouter.lose();
    for (const client of [alice, bob.client]) {
      expect(await client.nextOf('Error')).toMatchObject({ code: 'Internal' });
      client.send({ type: 'LeaveRoom' });
      expect(await client.nextOf('Error')).toMatchObject({ code: 'InvalidPayload' });
      await client.createRoom();
      client.close();
    }
  });

  test('answers nobody who waits for it: each hears Internal and is outside', async () => {
    const client = await TestClient.connect(server.wsUrl);
    exporter.reset();
    RemoteRouter.freeze();
    client.send({ type: 'CreateRoom' });
    client.send({ type: 'LeaveRoom' });
    client.socket.ping();
    await once(client.socket, 'pong'); // the server has read both
    expect(client.heard).toEqual([]);
    await RemoteRouter.lose();
    expect(await client.next()).toMatchObject({ type: 'Error', code: 'Internal' });
    expect(await client.next()).toMatchObject({ type: 'Error', code: 'InvalidPayload' });
    await client.settled();
    expect(messageSpans().map(({ name, attributes }) => [name, attributes.outcome])).toEqual([
      ['create room', 'Internal'],
      ['leave room', 'InvalidPayload'],
    ]);
    await client.createRoom();
    client.close();
  });
});
