import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { startServer, type TestServer } from '../support/server.ts';
import { Session } from '../support/session.ts';
import { recordSpans } from '../support/spans.ts';
import { until } from '../support/wait.ts';

/** What sessions leave in the trace, and what of them is never in a trace or a log. */

const CREDENTIAL = 'SECRET-credential';
const exporter = recordSpans();

let server: TestServer;
beforeAll(async () => {
  const ice = [{ urls: 'turn:turn.example', username: 'SECRET-user', credential: CREDENTIAL }];
  server = await startServer({ RESUME_GRACE_MS: '600000', ICE_SERVERS: JSON.stringify(ice) });
});
afterAll(() => server.stop());
beforeEach(() => exporter.reset());

/** The spans of this name, when there are as many. */
async function spansOf(name: string, count = 1): Promise<ReadableSpan[]> {
  const found = () => exporter.getFinishedSpans().filter((span) => span.name === name);
  await until(`${count} spans named ${name}`, () => found().length >= count);
  expect(found()).toHaveLength(count);
  return found();
}

function told({ attributes, events, links }: ReadableSpan) {
  return {
    attributes,
    events: events.map(({ name, attributes }) => ({ name, ...attributes })),
    links: links.map(({ context }) => context.spanId),
  };
}

/** Alice and Bob, each in a session, in one room; with the spans of their handshakes. */
async function meet() {
  const alice = await Session.open(server.wsUrl);
  const { room_id } = await alice.client.createRoom();
  const bob = await Session.open(server.wsUrl);
  await bob.client.joinRoom(room_id);
  await alice.client.settled();
  const handshakes = await spansOf('handshake', 2);
  const [, ofBob] = handshakes.map((span) => span.spanContext().spanId);
  return { alice, bob, room_id, handshakeOfBob: ofBob };
}

describe('spans', () => {
  test('of a Hello: the participant, and no room', async () => {
    const session = await Session.open(server.wsUrl);
    const [handshake] = await spansOf('handshake');
    expect((await spansOf('open session')).map(told)).toEqual([
      {
        attributes: { participant_id: session.id, message_type: 'Hello', outcome: 'ok' },
        events: [],
        links: [handshake?.spanContext().spanId],
      },
    ]);
  });

  test('of a lost socket, of what waits, and of the resumption are all found by the session’s id', async () => {
    const { alice, bob, room_id, handshakeOfBob } = await meet();
    exporter.reset();
    await bob.lose();
    expect((await spansOf('disconnect')).map(told)).toEqual([
      {
        attributes: { participant_id: bob.id, room_id, message_type: 'disconnect', outcome: 'ok' },
        events: [{ name: 'delivered', participant_id: alice.id, message_type: 'PeerInterrupted' }],
        links: [handshakeOfBob],
      },
    ]);

    alice.client.send({ type: 'Offer', to: bob.id, sdp: 'waits' });
    await alice.client.settled();
    const [offer] = (await spansOf('relay Offer')).map(told);
    expect(offer?.events).toEqual([{ name: 'queued', participant_id: bob.id, message_type: 'Offer' }]);

    const again = await bob.resume(server.wsUrl);
    await again.client.settled();
    const [handshake] = await spansOf('handshake');
    const links = [handshake?.spanContext().spanId];
    const [hello] = (await spansOf('open session')).map(told);
    expect(hello?.attributes).toEqual({
      participant_id: bob.id,
      room_id,
      message_type: 'Hello',
      outcome: 'ok',
    });
    expect(hello?.events).toEqual([
      { name: 'delivered', participant_id: alice.id, message_type: 'PeerResumed' },
    ]);
    expect(hello?.links).toEqual(links);

    again.client.send({ type: 'LeaveRoom' });
    await again.client.settled();
    const [leave] = (await spansOf('leave room')).map(told);
    expect([leave?.attributes.participant_id, leave?.links]).toEqual([bob.id, links]);
  });

  test('of a token that stands for nothing are those of a new session', async () => {
    const session = await Session.open(server.wsUrl, { resume_token: 'SECRET-none', last_seq: 0 });
    const [hello] = (await spansOf('open session')).map(told);
    expect(hello?.attributes).toEqual({
      participant_id: session.id,
      message_type: 'Hello',
      outcome: 'ok',
    });
  });
});

test('tokens, ICE credentials and what waits for a session are in no span and no line of the log', async () => {
  const { alice, bob } = await meet();
  server.logs.length = 0;
  await bob.lose();
  alice.client.send({ type: 'Offer', to: bob.id, sdp: 'SECRET-sdp' });
  alice.client.send({ type: 'IceCandidate', to: bob.id, candidate: 'SECRET-candidate' });
  await alice.client.settled();
  const again = await bob.resume(server.wsUrl);
  await again.client.nextOf('IceCandidate');
  const thief = await Session.open(server.wsUrl, bob.resumption);
  const misplaced = { type: 'JoinRoom', room_id: again.ready.resume_token };
  thief.client.send(misplaced);
  thief.client.send({ type: 'Hello', ...again.resumption });
  for (const { client } of [alice, again, thief]) {
    client.close();
    await client.closed;
  }
  expect(again.ready.ice_servers).toMatchObject([{ credential: CREDENTIAL }]);
  const trace = JSON.stringify(
    exporter
      .getFinishedSpans()
      .map(({ name, status, ...span }) => ({ name, status, ...told(span as never) })),
  );
  const log = JSON.stringify(server.logs);
  expect(trace).toContain('queued');
  expect(log).toContain('session interrupted');
  const tokens = [alice, bob, again, thief].map(({ ready }) => ready.resume_token);
  for (const secret of ['SECRET', ...tokens]) {
    expect(trace).not.toContain(secret);
    expect(log).not.toContain(secret);
  }
});
