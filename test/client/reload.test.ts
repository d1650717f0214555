import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { type ChildServer, startChild } from '../support/child.ts';
import { type CallPage, CallPages } from './support/pages.ts';

/** What a real browser does to a session that is kept in `sessionStorage`. */

let pages: CallPages;
let server: ChildServer;

beforeAll(async () => {
  pages = await CallPages.launch();
  server = await startChild({ ROOM_CAPACITY: '2' });
}, 60_000);
afterEach(() => pages.closePages());
afterAll(async () => {
  await pages.close();
  await server.stop('SIGKILL');
});

const MESH = { channels: { chat: {} } };
const STORED = { session: true };

/** Alice stays, Bob's session is stored; they fill their room. */
async function meet(): Promise<{ alice: CallPage; bob: CallPage; roomId: string }> {
  const alice = await pages.open(server.wsUrl, MESH);
  const bob = await pages.open(server.wsUrl, MESH, STORED);
  const roomId = await alice.enter();
  await bob.enter(roomId);
  await Promise.all([alice, bob].map((page) => page.connected([alice, bob])));
  return { alice, bob, roomId };
}

/** Bob's page, begun again, is in the call as the same participant, and nobody has left. */
async function goesOn(alice: CallPage, bob: CallPage, roomId: string): Promise<void> {
  const formerId = bob.id;
  const stored = await bob.run(({ call }) => call.signaling.stored());
  expect(stored).toMatchObject({ selfId: formerId, roomId, isElsewhere: false });
  await bob.enter(roomId);
  expect(bob.id).toBe(formerId);
  await Promise.all([alice, bob].map((page) => page.connected([alice, bob])));
  await bob.until(({ call }) => call.mesh.send('chat', 'here again') === 1);
  await alice.until(({ call }, id) => call.log.includes(`message chat ${id} here again`), bob.id);
  expect(await bob.run(({ call }) => call.log.filter((line) => /^(resumed|restarted)/.test(line)))).toEqual([
    'resumed',
  ]);
  const left = ({ call }: { call: import('./support/call-page.ts').Call }) =>
    call.log.filter((line) => line.startsWith('left'));
  expect(await alice.run(left)).toEqual([]);
}

test('a reload in a full room', async () => {
  const { alice, bob, roomId } = await meet();
  await bob.reload();
  await goesOn(alice, bob, roomId);
  await bob.reload(); // and once more
  await goesOn(alice, bob, roomId);
}, 180_000);

test('a duplicated tab begins a session of its own, and the other goes on', async () => {
  const { alice, bob, roomId } = await meet();
  const copy = await bob.duplicate();
  const stored = await copy.run(({ call }) => call.signaling.stored());
  expect(stored).toMatchObject({ selfId: bob.id, roomId, isElsewhere: true });
  await copy.run(({ call }) => call.signaling.connect());
  expect(await copy.run(({ call }) => call.signaling.room)).toBeUndefined();
  expect(await copy.run(({ call }) => call.signaling.selfId)).not.toBe(bob.id);

  // "Move the call here": the one hands over, the other goes on.
  const text = await bob.run(({ call }) => call.signaling.handOver());
  await copy.run(({ call }, session) => {
    call.close();
    sessionStorage.setItem('bloom-session', session as string);
  }, text);
  copy.id = bob.id;
  await copy.reload();
  await goesOn(alice, copy, roomId);
}, 180_000);
