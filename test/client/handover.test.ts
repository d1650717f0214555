import { afterEach, describe, expect, test } from '@jest/globals';
import { Balancer } from '../support/balancer.ts';
import { type ChildServer, startChild } from '../support/child.ts';
import { closeParticipants, connected, meet, Participant, talk, until } from './support/participant.ts';

/** A rolling deploy: one instance drains while another serves, and a balancer stands before both. */

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  closeParticipants();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startServer(env: Record<string, string> = {}): Promise<ChildServer> {
  const server = await startChild(env);
  cleanups.push(() => server.stop('SIGKILL'));
  return server;
}

/** A call on the first of two instances. */
async function callBehindBalancer(size: number, env: Record<string, string>) {
  const [old, next] = [await startServer(env), await startServer()];
  const balancer = await Balancer.to(old.wsUrl);
  cleanups.push(() => balancer.close());
  const all = await meet(balancer.wsUrl, size);
  await talk(all, 'before');
  const roomId = all[0]?.signaling.room?.roomId as string;
  balancer.moveTo(next.wsUrl);
  return { all, roomId, balancer, stop: () => old.stop('SIGTERM') };
}

/** Settles when the participant has another id, and is in the room with so many. */
async function moved({ signaling }: Participant, before: string, size: number): Promise<void> {
  await until(
    'it has moved',
    () => signaling.selfId !== before && signaling.room?.participants.length === size,
  );
}

/** Moves at once, as a client does that the network changes for. */
async function move(participant: Participant, size: number): Promise<void> {
  const { id, signaling } = participant;
  await until('the drain is known', () => signaling.actor.getSnapshot().value === 'draining');
  signaling.actor.send({ type: 'online' });
  await moved(participant, id, size);
}

describe('a drain with another instance at hand', () => {
  test('keeps every connection', async () => {
    const { all, stop } = await callBehindBalancer(3, { DRAIN_TIMEOUT_MS: '6000' });
    const before = all.map(({ id }) => id);
    const stopped = stop();
    await Promise.all(all.map((each, i) => moved(each, before[i] as string, 3)));
    await connected(all);
    await talk(all, 'after');
    for (const { renamed, closed, problems } of all) {
      expect(renamed).toHaveLength(2);
      expect([closed, problems]).toEqual([[], []]);
    }
    expect(await stopped).toBe(0);
  }, 180_000);

  test('keeps those of two that move far apart, and ends those of participants that leave meanwhile', async () => {
    // No grace: a session that moved must not depend on it.
    const env = { DRAIN_TIMEOUT_MS: '600000', RESUME_GRACE_MS: '0' };
    const { all, roomId, balancer, stop } = await callBehindBalancer(4, env);
    const [alice, bob, carol, dave] = all as [Participant, Participant, Participant, Participant];
    const before = all.map(({ id }) => id);
    const connection = alice.mesh.peers.get(bob.id)?.connection;
    const stopped = stop();
    await move(alice, 1);
    await until('bob knows', () => bob.mesh.peers.get(before[0] as string)?.state === 'interrupted');

    // Carol leaves where she is, Dave where he moves to: the others know of both from either server.
    await carol.signaling.leave();
    carol.close();
    await until('carol is gone', () =>
      [alice, bob].every(({ closed }) => closed.includes(before[2] as string)),
    );
    await move(dave, 2);
    await connectedWith(alice, dave);
    await dave.signaling.leave();
    await until('dave has left', () => alice.signaling.room?.participants.length === 1);
    const erin = new Participant(balancer.wsUrl);
    await erin.signaling.joinRoom(roomId);
    await connectedWith(alice, erin);
    await until('dave is gone', () => bob.mesh.peers.size === 1 && alice.mesh.peers.size === 2);

    for (const { mesh } of [alice, bob]) expect(mesh.send('chat', 'between servers')).toBeGreaterThan(0);
    await move(bob, 3);
    await connected([alice, bob, erin]);
    await talk([alice, bob, erin], 'after');
    expect(alice.mesh.peers.get(bob.id)?.connection).toBe(connection);
    expect(alice.renamed).toContain(`${before[1]} ${bob.id}`);
    expect(bob.renamed).toEqual([`${before[0]} ${alice.id}`]);
    for (const { closed, problems } of [alice, bob]) {
      expect(closed).not.toContain(before[0]);
      expect(closed).not.toContain(before[1]);
      expect(problems).toEqual([]);
    }
    expect(await stopped).toBe(0); // as soon as the last has moved
  }, 180_000);
});

async function connectedWith(one: Participant, other: Participant): Promise<void> {
  await until('the two are connected', () => one.mesh.peers.get(other.id)?.state === 'connected');
}
