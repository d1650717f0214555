import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { startServer, type TestServer } from '../support/server.ts';
import { SilentProxy } from '../support/silent-proxy.ts';
import { closeAll, proxyTo, type Recorded, start } from './clients.ts';
import { MemoryStorage } from './memory-storage.ts';

/** A session that is kept in a storage outlives its page. The pages here are clients in one Node process. */

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ ROOM_CAPACITY: '2', RESUME_GRACE_MS: '60000' });
});
const proxies: SilentProxy[] = [];
afterEach(async () => {
  await closeAll();
  for (const proxy of proxies.splice(0)) await proxy.close();
});

/** Alice, and Bob, whose session is in `storage` and whose page's locks end with `crash`. */
async function meet(url: URL = server.wsUrl, on = server) {
  const alice = start(on.wsUrl);
  const { roomId } = await alice.createRoom();
  const storage = new MemoryStorage();
  const bob = start(url, { session: { storage, key: 'bob' } });
  await bob.joinRoom(roomId);
  await alice.met(2);
  return { alice, bob, storage, roomId };
}

/** The tab after a crash. In one process no lock is let go of, so that its record gets another. */
function restore(storage: MemoryStorage): MemoryStorage {
  const copy = storage.copy();
  const record = JSON.parse(copy.getItem('bob') as string);
  copy.setItem('bob', JSON.stringify({ ...record, lock: `restored ${record.lock}` }));
  return copy;
}

const reopen = (storage: MemoryStorage, url: URL = server.wsUrl): Recorded =>
  start(url, { session: { storage, key: 'bob' } });

describe('after the network has died in silence, in a full room', () => {
  test('the page opened anew is the same participant, and hears what it missed', async () => {
    const proxy = await SilentProxy.to(server.wsUrl);
    proxies.push(proxy);
    const { alice, bob, storage, roomId } = await meet(proxy.wsUrl);
    proxy.cut();
    await alice.offer(bob.id, 'v=0 missed');
    await expect(start(server.wsUrl).joinRoom(roomId)).rejects.toMatchObject({ code: 'RoomFull' });

    const record = restore(storage);
    const text = record.getItem('bob') as string;
    record.setItem('bob', text.replace(proxy.wsUrl.href, server.wsUrl.href));
    const again = reopen(record);
    expect(await again.stored()).toEqual({
      selfId: bob.id,
      roomId,
      at: expect.any(Number),
      isElsewhere: false,
    });
    const room = await again.joinRoom(roomId);
    expect([again.id, room.participants]).toEqual([bob.id, [alice.id, bob.id]]);
    expect(await again.once('offer')).toEqual({ from: alice.id, sdp: 'v=0 missed' });
    expect([again.all('resumed'), again.all('restarted')]).toEqual([[{ lost: false }], []]);
    expect([alice.all('peerDisconnected'), alice.all('peerConnected').length]).toEqual([[], 1]);
    expect([...again.formerPeers]).toContain(alice.id);

    await again.offer(alice.id, 'v=0 here again');
    expect(await alice.once('offer')).toEqual({ from: bob.id, sdp: 'v=0 here again' });
  });
});

describe('a client that is made with the storage of another', () => {
  test('resumes on connect(), tells the room, and goes on being resumed', async () => {
    const { alice, bob, storage } = await meet();
    const { id, room } = bob;
    let tab = restore(storage);
    for (let i = 0; i < 3; i += 1) {
      const again = reopen(tab);
      await again.connect();
      expect([again.id, again.room]).toEqual([id, room]);
      expect(again.all('room')).toEqual([room]);
      tab = restore(tab);
    }
    expect(alice.all('peerDisconnected')).toEqual([]);
  });

  test('has missed who came and went', async () => {
    const { alice, bob, storage, roomId } = await meet();
    const tab = restore(storage);
    await alice.leave();
    await bob.met(1);
    const carol = start(server.wsUrl);
    await carol.joinRoom(roomId);
    await bob.met(2);
    const again = reopen(tab);
    await again.connect();
    await again.once('room', (room) => room?.participants.includes(carol.id) === true);
    expect(again.room?.participants).toEqual([bob.id, carol.id]);
  });

  test('joins the room again, under another id, when the session is gone', async () => {
    const own = await startServer({ RESUME_GRACE_MS: '0' });
    const proxy = await proxyTo(own);
    const { alice, bob, storage, roomId } = await meet(proxy.wsUrl, own);
    const tab = restore(storage);
    bob.close();
    await alice.met(1);
    const again = reopen(tab, proxy.wsUrl);
    const room = await again.joinRoom(roomId);
    expect(again.id).not.toBe(bob.id);
    expect(room.participants).toEqual([alice.id, again.id]);
    expect(again.all('restarted')).toEqual([{ previousId: bob.id, selfId: again.id }]);
    expect(again.all('room')).toEqual([room]);
    expect(again.all('error')).toEqual([]);
  });

  test('begins anew when the other is alive: a duplicated tab', async () => {
    const { alice, bob, storage, roomId } = await meet();
    const copy = reopen(storage.copy());
    expect(await copy.stored()).toMatchObject({ selfId: bob.id, roomId, isElsewhere: true });
    await copy.connect();
    expect([copy.room, copy.id === bob.id]).toEqual([undefined, false]);
    await expect(copy.joinRoom(roomId)).rejects.toMatchObject({ code: 'RoomFull' });
    await alice.offer(bob.id, 'v=0');
    await bob.once('offer');
    expect([bob.state.status, alice.all('peerInterrupted')]).toEqual(['connected', []]);
  });

  test('of another server begins anew', async () => {
    const { storage } = await meet();
    const other = await startServer();
    const again = reopen(restore(storage), other.wsUrl);
    expect(await again.stored()).toBeUndefined();
    await again.createRoom();
  });
});

test('a client that has left its room goes on outside of it', async () => {
  const { alice, bob, storage } = await meet();
  await bob.leave();
  await alice.met(1);
  const again = reopen(restore(storage));
  expect(await again.stored()).toMatchObject({ selfId: bob.id, roomId: undefined });
  await again.connect();
  expect([again.id, again.room]).toEqual([bob.id, undefined]);
});

test('a client that is closed has left, and there is nothing to go on with', async () => {
  const { alice, bob, storage } = await meet();
  bob.close();
  await alice.once('peerDisconnected');
  expect(storage.size).toBe(0);
  expect(await reopen(storage).stored()).toBeUndefined();
});

test('a client whose session was taken over forgets it', async () => {
  const { bob, storage } = await meet();
  await reopen(restore(storage)).connect();
  await bob.until('closed');
  expect(storage.size).toBe(0);
});

describe('handOver()', () => {
  test('gives seat and id to another client, and nobody leaves', async () => {
    const { alice, bob, storage, roomId } = await meet();
    const text = bob.handOver() as string;
    expect([bob.state.status, bob.room, storage.size]).toEqual(['closed', undefined, 0]);
    const tab = new MemoryStorage([['bob', text]]);
    const again = reopen(tab);
    expect((await again.joinRoom(roomId)).participants).toEqual([alice.id, bob.id]);
    await alice.offer(bob.id, 'v=0');
    await again.once('offer');
    expect(alice.all('peerDisconnected')).toEqual([]);
  });

  test('has nothing to give before the first connection, and after the end', async () => {
    const client = start(server.wsUrl);
    expect(client.handOver()).toBeUndefined();
    await client.connect();
    client.close();
    expect(client.handOver()).toBeUndefined();
  });
});
