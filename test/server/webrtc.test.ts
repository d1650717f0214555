import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { RTCDataChannel } from 'werift';
import { Peer } from '../support/peer.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { recordSpans } from '../support/spans.ts';

/** Real peers (werift: ICE, DTLS and SCTP in Node) that find each other through a running server. */

const spans = recordSpans();
let server: TestServer;
const peers: Peer[] = [];

beforeAll(async () => {
  server = await startServer();
});
afterEach(() => Promise.all(peers.splice(0).map((peer) => peer.close())));
afterAll(() => server.stop());

/** Peers in one room, in join order. */
async function meet(size: number): Promise<Peer[]> {
  const { peer, room_id } = await Peer.create(server.wsUrl);
  peers.push(peer);
  while (peers.length < size) peers.push(await Peer.join(server.wsUrl, room_id));
  return peers;
}

/** The next `count` messages of a channel. */
function receive(channel: RTCDataChannel, count: number): Promise<string[]> {
  const messages: string[] = [];
  return new Promise((resolve) => {
    channel.onMessage.subscribe((message) => {
      messages.push(message.toString());
      if (messages.length === count) resolve(messages);
    });
  });
}

/** What a peer sent to one other, without what differs from run to run. */
function relays(from: Peer, to: Peer): unknown[] {
  return from.sent
    .filter((relay) => relay.to === to.id)
    .map(({ type, candidate }) => (type === 'IceCandidate' ? { type, ends: candidate === '' } : { type }));
}

test('two peers negotiate with trickle ICE and talk over a data channel both ways', async () => {
  const [alice, bob] = (await meet(2)) as [Peer, Peer];
  const [toBob, toAlice] = await Promise.all([alice.channel(bob.id), bob.channel(alice.id)]);

  const heardByBob = receive(toAlice, 1);
  toBob.send('hello Bob');
  expect(await heardByBob).toEqual(['hello Bob']);
  const heardByAlice = receive(toBob, 1);
  toAlice.send('hello Alice');
  expect(await heardByAlice).toEqual(['hello Alice']);

  await alice.signalled();
  await bob.signalled();
  const candidates = [
    { type: 'IceCandidate', ends: false },
    { type: 'IceCandidate', ends: true },
  ];
  expect(relays(alice, bob)).toEqual([{ type: 'Offer' }, ...candidates]);
  expect(relays(bob, alice)).toEqual([{ type: 'Answer' }, ...candidates]);
});

test('candidates reach the peers through the server alone, as they were sent', async () => {
  const [alice, bob] = (await meet(2)) as [Peer, Peer];
  await Promise.all([alice.channel(bob.id), bob.channel(alice.id)]);
  for (const peer of [alice, bob, alice]) await peer.signalled();

  for (const { sdp } of [...alice.sent, ...bob.sent]) expect(sdp ?? '').not.toContain('a=candidate');
  for (const [from, to] of [
    [alice, bob],
    [bob, alice],
  ] as const) {
    const heard = to.client.heard.filter((message) => 'from' in message);
    const expected = from.sent.map(({ to: _, ...payload }) => ({ ...payload, from: from.id }));
    expect(heard).toEqual(JSON.parse(JSON.stringify(expected)));
    const [candidate] = from.sent.filter(({ type }) => type === 'IceCandidate');
    expect(candidate?.candidate).toMatch(/ 127\.0\.0\.1 \d+ typ host/);
  }
});

test('once the data channel is open the server hears and tells nothing more', async () => {
  const [alice, bob] = (await meet(2)) as [Peer, Peer];
  const [toBob, toAlice] = await Promise.all([alice.channel(bob.id), bob.channel(alice.id)]);
  const frames = async () => {
    for (const peer of [alice, bob, alice]) await peer.signalled();
    return {
      sent: [alice.sent.length, bob.sent.length],
      handled: spans.getFinishedSpans().length,
      heard: [alice.client.heard.length, bob.client.heard.length],
    };
  };
  const before = await frames();

  const messages = Array.from({ length: 100 }, (_, i) => `${i}: ${'x'.repeat(100)}`);
  const heard = Promise.all([receive(toBob, messages.length), receive(toAlice, messages.length)]);
  for (const message of messages) {
    toBob.send(message);
    toAlice.send(message);
  }
  expect(await heard).toEqual([messages, messages]);

  expect(await frames()).toEqual(before);
  expect(before).toMatchObject({ sent: [3, 3], heard: [7, 5] });
});

test('three peers form a mesh', async () => {
  const mesh = await meet(3);
  const pairs = mesh.flatMap((from) => mesh.filter((to) => to !== from).map((to) => [from, to] as const));
  const heard = pairs.map(async ([from, to]) => receive(await to.channel(from.id), 1));
  for (const [from, to] of pairs) {
    // Both ends are open before either speaks.
    const [channel] = await Promise.all([from.channel(to.id), to.channel(from.id)]);
    channel.send(`from ${from.id} to ${to.id}`);
  }
  expect(await Promise.all(heard)).toEqual(pairs.map(([from, to]) => [`from ${from.id} to ${to.id}`]));
});
