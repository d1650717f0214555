import { afterEach, expect, test } from '@jest/globals';
import { type SessionRecord, SessionStore, serialize } from '../../src/client/session-store.ts';
import { MemoryStorage } from './memory-storage.ts';

const URL_ = 'ws://server.example/ws';
const RECORD: SessionRecord = {
  url: URL_,
  token: 'token',
  lastSeq: 7,
  selfId: 'self',
  room: { roomId: 'room', participants: ['self', 'other'] },
};

const stores: SessionStore[] = [];
afterEach(() => {
  for (const store of stores.splice(0)) store.close();
});

function open(storage: MemoryStorage, url = URL_): SessionStore {
  const store = new SessionStore(storage, () => url);
  stores.push(store);
  return store;
}

test('the next page goes on with what the last one saved', async () => {
  const storage = new MemoryStorage();
  const first = open(storage);
  expect(await first.claim()).toBeUndefined();
  first.save(RECORD);
  first.leave(RECORD);
  const stored = await open(storage).claim();
  expect(stored).toMatchObject({ ...RECORD, isElsewhere: false });
  expect(Math.abs(Date.now() - (stored?.at ?? 0))).toBeLessThan(60_000);
});

test('a copy of a session that another page holds is elsewhere, and is not claimed twice', async () => {
  const storage = new MemoryStorage();
  const first = open(storage);
  await first.claim();
  first.save(RECORD);
  const copy = open(storage.copy());
  expect(await copy.claim()).toMatchObject({ selfId: 'self', isElsewhere: true });
  expect(await copy.claim()).toMatchObject({ isElsewhere: true });
  copy.save({ ...RECORD, selfId: 'copy' });
  first.close();
  expect(await open(storage).claim()).toMatchObject({ selfId: 'self', isElsewhere: false });
});

test('a page that crashed said nothing, and holds no lock any more', async () => {
  const storage = new MemoryStorage();
  const first = open(storage);
  await first.claim();
  first.save(RECORD);
  first.close(); // the browser lets go of the lock
  expect(await open(storage).claim()).toMatchObject({ selfId: 'self', isElsewhere: false });
});

test('a client that takes the place of another at once waits for its lock', async () => {
  const storage = new MemoryStorage();
  const first = open(storage);
  const claimed = first.claim();
  first.close();
  await claimed;
  storage.setItem('bloom-session', serialize(RECORD));
  const [second, third] = [open(storage), open(storage)];
  void second.claim();
  second.close();
  expect(await third.claim()).toMatchObject({ selfId: 'self', isElsewhere: false });
});

test('a session that is over is not in the storage any more', async () => {
  const storage = new MemoryStorage();
  const store = open(storage);
  await store.claim();
  store.save(RECORD);
  store.clear();
  expect(storage.size).toBe(0);
  store.save(RECORD);
  expect(storage.size).toBe(0);
});

test('what another client has written meanwhile stays', async () => {
  const storage = new MemoryStorage();
  const store = open(storage);
  await store.claim();
  store.save(RECORD);
  storage.setItem('bloom-session', 'another');
  store.clear();
  expect(storage.getItem('bloom-session')).toBe('another');
});

test('a client that never had a session leaves the stored one alone', async () => {
  const storage = new MemoryStorage();
  storage.setItem('bloom-session', serialize(RECORD));
  const store = open(storage);
  await store.claim();
  store.clear();
  expect(await open(storage).claim()).toMatchObject({ selfId: 'self' });
});

test.each([
  ['nothing', ''],
  ['no JSON', '{'],
  ['null', 'null'],
  ['another URL', serialize({ ...RECORD, url: 'ws://other.example/ws' })],
  ['a token that is no text', serialize({ ...RECORD, token: 7 as unknown as string })],
  ['no number', serialize({ ...RECORD, lastSeq: 'x' as unknown as number })],
  ['a room that is none', serialize({ ...RECORD, room: { roomId: 'x' } as never })],
])('%s in the storage is no session', async (_, text) => {
  const storage = new MemoryStorage();
  storage.setItem('bloom-session', text);
  expect(await open(storage).claim()).toBeUndefined();
});

test('the key can be chosen', async () => {
  const storage = new MemoryStorage();
  const store = new SessionStore({ storage, key: 'mine' }, () => URL_);
  stores.push(store);
  await store.claim();
  store.save(RECORD);
  expect(storage.getItem('mine')).toContain('token');
});

test('a storage that throws keeps nothing, and is otherwise no trouble', async () => {
  const broken = () => {
    throw new Error('QuotaExceededError');
  };
  const store = new SessionStore({ getItem: broken, setItem: broken, removeItem: broken }, () => URL_);
  stores.push(store);
  expect(await store.claim()).toBeUndefined();
  store.save(RECORD);
  store.clear();
});
