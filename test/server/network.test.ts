import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Dialect } from '../../src/protocol/client.ts';
import { type ChildServer, startChild } from '../support/child.ts';
import { ADDRESS, bestImpairment, Network } from '../support/network.ts';
import { RemoteClient } from '../support/remote.ts';
import { SilentProxy } from '../support/silent-proxy.ts';

/** Broken networks: real ones in network namespaces as root on Linux, and a proxy that goes silent anywhere. */

/** Twice the interval is what a busy machine may keep one of the processes waiting. */
const GRACIOUS = { HEARTBEAT_INTERVAL_MS: '1000', RESUME_GRACE_MS: '120000' };

/** A server, with a network between it and some of its clients that can be broken. */
interface Setting {
  /** A client whose network stays whole. */
  near(dialect: Dialect): Promise<RemoteClient>;
  /** A client whose network `cut` breaks. */
  far(dialect: Dialect): Promise<RemoteClient>;
  /** Nothing passes between the server and the far client, and neither is told. */
  cut(): void;
  /** What the far client sends from now on passes again. */
  mend(): void;
}

const cleanups: (() => unknown)[] = [];

function cleaned<T>(thing: T, cleanup: (thing: T) => unknown): T {
  cleanups.push(() => cleanup(thing));
  return thing;
}

async function startServer(env: Record<string, string>, command?: readonly string[]): Promise<ChildServer> {
  return cleaned(await startChild(env, command), (server) => server.stop('SIGKILL'));
}

async function connect(url: URL, dialect: Dialect, command?: readonly string[]): Promise<RemoteClient> {
  const client = cleaned(new RemoteClient(url, dialect, command), (client) => client.kill());
  await client.opened();
  return client;
}

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Seats both in one room, `far` having heard offers 1 to 3; returns its id. */
async function meet(near: RemoteClient, far: RemoteClient): Promise<string> {
  const { room_id } = await near.createRoom();
  const farId = await far.joinRoom(room_id);
  await near.hears('PeerConnected');
  await offer(near, farId, 1, 3);
  await far.hears('Offer', isOffer(3));
  return farId;
}

/** Sends the offers numbered so, and waits until the server has handled them. */
async function offer(from: RemoteClient, to: string, first: number, last: number): Promise<void> {
  for (let i = first; i <= last; i += 1) from.send({ type: 'Offer', to, sdp: String(i) });
  const nobody = randomUUID(); // refused after the offers are handled
  from.send({ type: 'Answer', to: nobody, sdp: '' });
  await from.hears('Error', ({ message }) => message.includes(nobody));
}

function isOffer(n: number): (message: { sdp: string }) => boolean {
  return ({ sdp }) => sdp === String(n);
}

function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i + 1);
}

/** What `far` has heard is complete: offers 1 to `last` and every `seq`, each once and in order. */
function expectNothingMissed(far: RemoteClient, last: number): void {
  expect(far.allOf('Offer').map(({ sdp }) => Number(sdp))).toEqual(upTo(last));
  const seqs = far.heard.flatMap(({ seq }) => seq ?? []);
  expect(seqs).toEqual(upTo(seqs.length));
}

async function expectResumed(near: RemoteClient, far: RemoteClient, farId: string): Promise<void> {
  const ready = await far.hears('Ready', ({ resumed }) => resumed);
  expect(ready).toMatchObject({ participant_id: farId });
  expect(ready).not.toHaveProperty('lost');
  expect(await near.hears('PeerResumed')).toMatchObject({ participant_id: farId });
}

function halfOpenTests(start: (env: Record<string, string>) => Promise<Setting>): void {
  it('takes a base participant out of its room', async () => {
    const { near, far, cut } = await start(GRACIOUS);
    const witness = await near('base');
    const lost = await far('base');
    const { room_id, self_id } = await witness.createRoom();
    const lostId = await lost.joinRoom(room_id);
    cut();
    await hearsOfLeave(witness);
    expect(witness.heard.slice(-2)).toEqual([
      { type: 'PeerDisconnected', participant_id: lostId },
      { type: 'RoomParticipants', room_id, participants: [self_id] },
    ]);
  });

  it('interrupts a session, which resumes and hears exactly what it missed', async () => {
    const { near, far, cut, mend } = await start(GRACIOUS);
    const witness = await near('session');
    const lost = await far('session');
    const lostId = await meet(witness, lost);
    cut();
    await offer(witness, lostId, 4, 6); // written to a socket whose other end is out of reach
    expect(await witness.hears('PeerInterrupted')).toMatchObject({ participant_id: lostId });
    await offer(witness, lostId, 7, 9); // kept in the outbox
    expect(lost.allOf('Offer')).toHaveLength(3);
    mend();
    await expectResumed(witness, lost, lostId);
    await offer(witness, lostId, 10, 10);
    await lost.hears('Offer', isOffer(10));
    expectNothingMissed(lost, 10);
    expect(witness.allOf('PeerInterrupted')).toHaveLength(1);
    expect(left(witness)).toBe(false);
  });

  it('takes a session out of its room after the grace', async () => {
    const { near, far, cut, mend } = await start({ ...GRACIOUS, RESUME_GRACE_MS: '200' });
    const witness = await near('session');
    const lost = await far('session');
    const lostId = await meet(witness, lost);
    cut();
    await hearsOfLeave(witness);
    expect(witness.heard.slice(-3)).toMatchObject([
      { type: 'PeerInterrupted', participant_id: lostId },
      { type: 'PeerDisconnected', participant_id: lostId },
      { type: 'RoomParticipants' },
    ]);
    mend();
    const first = await lost.hears('Ready');
    const second = await lost.hears('Ready', (ready) => ready !== first);
    expect(first).toMatchObject({ resumed: false, participant_id: lostId });
    expect(second.resumed).toBe(false);
    expect(second.participant_id).not.toBe(lostId);
  });
}

/** Whether somebody has left the room this client is in. */
function left(client: RemoteClient): boolean {
  return client.allOf('PeerDisconnected').length > 0;
}

/** Waits for PeerDisconnected and the RoomParticipants behind it. */
async function hearsOfLeave(client: RemoteClient): Promise<void> {
  const leave = await client.hears('PeerDisconnected');
  const isLater = (message: object) => client.heard.indexOf(message as never) > client.heard.indexOf(leave);
  await client.hears('RoomParticipants', isLater);
}

describe('a connection through a proxy that goes silent', () => {
  halfOpenTests(async (env) => {
    const server = await startServer(env);
    const proxy = cleaned(await SilentProxy.to(server.wsUrl), (proxy) => proxy.close());
    return {
      near: (dialect) => connect(server.wsUrl, dialect),
      far: (dialect) => connect(proxy.wsUrl, dialect),
      cut: () => proxy.cut(),
      mend: () => proxy.mend(),
    };
  });
});

describe('a client that is stopped (SIGSTOP)', () => {
  it('is interrupted, and when it goes on (SIGCONT) resumes and hears exactly what it missed', async () => {
    const server = await startServer(GRACIOUS);
    const witness = await connect(server.wsUrl, 'session');
    const sleeper = await connect(server.wsUrl, 'session');
    const sleeperId = await meet(witness, sleeper);
    sleeper.process.kill('SIGSTOP');
    await offer(witness, sleeperId, 4, 6); // its kernel receives them
    expect(await witness.hears('PeerInterrupted')).toMatchObject({ participant_id: sleeperId });
    await offer(witness, sleeperId, 7, 9);
    sleeper.process.kill('SIGCONT');
    await expectResumed(witness, sleeper, sleeperId);
    await offer(witness, sleeperId, 10, 10);
    await sleeper.hears('Offer', isOffer(10));
    expectNothingMissed(sleeper, 10);
    expect(left(witness)).toBe(false);
  });
});

if (process.getuid?.() === 0) describe('in network namespaces', inNetworkNamespaces);
else {
  it('network namespaces need root: covered by the proxy tests', () => {
    expect(process.getuid?.()).not.toBe(0);
  });
}

function inNetworkNamespaces(): void {
  const impairment = bestImpairment();
  let network: Network;

  beforeAll(() => {
    network = new Network();
  });

  afterEach(() => network?.mend());

  afterAll(() => network?.remove());

  /** A server whose clients come over the cable, or when they are near over the server's own loopback. */
  async function start(env: Record<string, string>) {
    const server = await startServer({ HOST: '0.0.0.0', ...env }, network.on('server'));
    const url = (host: string) => new URL(`ws://${host}:${server.wsUrl.port}/ws`);
    return {
      server,
      near: (dialect: Dialect) => connect(url('127.0.0.1'), dialect, network.on('server')),
      far: (dialect: Dialect) => connect(url(ADDRESS.server), dialect, network.on('client')),
      cut: () => network.cut(),
      mend: () => network.mend(),
    };
  }

  describe('a connection whose packets all vanish', () => {
    halfOpenTests(start);
  });

  const conditions = {
    netem: 'packets are late by 100 ms and one in ten is lost (netem)',
    tbf: 'packets queue and one in ten is lost (no netem in this kernel: tbf and iptables)',
  };
  it(`relays everything in order when ${conditions[impairment]}`, async () => {
    const count = 150;
    const { near, far } = await start({ RATE_LIMIT_MESSAGES: '100000' });
    const here = await near('base');
    const there = await far('base');
    const { room_id, self_id } = await here.createRoom();
    const thereId = await there.joinRoom(room_id);
    network.impair(impairment);
    const filling = 'x'.repeat(200);
    for (const i of upTo(count)) {
      here.send({ type: 'Offer', to: thereId, sdp: `${i} ${filling}` });
      there.send({ type: 'Answer', to: self_id, sdp: `${i} ${filling}` });
    }
    await there.hears('Offer', ({ sdp }) => sdp === `${count} ${filling}`);
    await here.hears('Answer', ({ sdp }) => sdp === `${count} ${filling}`);
    expect(there.allOf('Offer').map(({ sdp }) => Number.parseInt(sdp, 10))).toEqual(upTo(count));
    expect(here.allOf('Answer').map(({ sdp }) => Number.parseInt(sdp, 10))).toEqual(upTo(count));
    expect(network.lost()).toBeGreaterThan(0);
  }, 60_000);

  it('a session whose address changes resumes from the new one, though its old socket looks open', async () => {
    const { server, near, far } = await start({ LOG_LEVEL: 'debug' });
    const witness = await near('session');
    const mover = await far('session');
    const moverId = await meet(witness, mover);
    const newAddress = ADDRESS.client.replace(/\d+$/, '77');
    network.removeAddress(ADDRESS.client);
    await offer(witness, moverId, 4, 6);
    network.addAddress(newAddress);
    try {
      mover.reconnect();
      await expectResumed(witness, mover, moverId);
      await offer(witness, moverId, 7, 9);
      await mover.hears('Offer', isOffer(9));
      expectNothingMissed(mover, 9);
      expect(witness.allOf('PeerInterrupted')).toEqual([]);
      expect(left(witness)).toBe(false);
      const opened = server.logs().filter(({ msg }) => msg === 'connection opened');
      expect(opened.map(({ address }) => address)).toEqual(['127.0.0.1', ADDRESS.client, newAddress]);
    } finally {
      network.removeAddress(newAddress);
      network.addAddress(ADDRESS.client);
    }
  });
}
