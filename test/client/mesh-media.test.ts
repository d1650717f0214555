import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { MeshOptions } from '../../src/client/index.ts';
import { type ChildServer, startChild } from '../support/child.ts';
import { OLDER_BROWSER } from '../support/floor.ts';
import { type CallPage, CallPages } from './support/pages.ts';
import { receive, settled, toggleAll } from './support/toggles.ts';

/** What is sent changes during a call in Chromium: often, at once at both ends, and more than fits. */

let pages: CallPages;
const servers: ChildServer[] = [];

beforeAll(async () => {
  pages = await CallPages.launch();
}, 60_000);
afterEach(async () => {
  await pages.closePages();
  for (const server of servers.splice(0)) await server.stop('SIGKILL');
});
afterAll(() => pages.close());

async function meet(
  size: number,
  env: Record<string, string> = {},
  options: MeshOptions = {},
  before = '',
): Promise<[CallPage, CallPage, ...CallPage[]]> {
  const server = await startChild(env);
  servers.push(server);
  const call = await Promise.all(
    Array.from({ length: size }, () => pages.open(server.wsUrl, options, { before })),
  );
  let room: string | undefined;
  for (const page of call) room = await page.enter(room);
  await Promise.all(call.map((page) => page.connected(call)));
  return call as [CallPage, CallPage, ...CallPage[]];
}

const errors = (call: readonly CallPage[]) =>
  Promise.all(call.map((page) => page.run(({ call }) => call.errors)));

test('descriptions do not grow when cameras and screens go off and on', async () => {
  const call = await meet(3);
  const { before, after } = await toggleAll(call, 10); // npm run test:long has a hundred
  for (const [i, bytes] of after.entries()) expect(bytes).toBeLessThan((before[i] as number) * 1.1);
  expect(await errors(call)).toEqual([[], [], []]);
}, 300_000);

test('a picture in the place of another one stays in its own stream, whatever is negotiated afterwards', async () => {
  const call = await meet(2);
  const [alice, bob] = call;
  const receives = (streams: readonly string[]) =>
    bob.until(({ call }, [from, streams]) => call.streams()[from]?.toSorted().join() === streams, [
      alice.id,
      [...streams].sort().join(),
    ] as const);
  await receives([await alice.run(({ call }) => call.show('camera'))]);
  await alice.run(({ call }) => call.hide('camera'));
  await receive(bob, alice, 0);
  const camera = await alice.run(({ call }) => call.show('camera'));
  await receives([camera]);
  const screen = await alice.run(({ call }) => call.show('screen'));
  await receives([camera, screen]);
  await bob.run(({ call }) => call.show('camera')); // now Bob offers
  await receive(alice, bob, 1);
  await settled(call);
  await receives([camera, screen]);
  const offers = (page: CallPage) =>
    page.run(({ call }) => call.decisions.filter((type) => type === 'sendOffer').length);
  const sent = [await offers(alice), await offers(bob)];
  await alice.run(({ call }) => call.hide('screen'));
  await receives([camera]);
  await settled(call);
  // One negotiation, and not one after another.
  expect([await offers(alice), await offers(bob)]).toEqual([(sent[0] as number) + 1, sent[1]]);
  expect(await errors(call)).toEqual([[], []]);
}, 300_000);

test('the first audio and the first video can come at the same moment', async () => {
  for (let round = 0; round < 3; round += 1) {
    const [alice, bob] = await meet(2, {}, { channels: { chat: {} } });
    await Promise.all([alice.run(({ call }) => call.speak()), bob.run(({ call }) => call.show('camera'))]);
    await Promise.all([receive(alice, bob, 1), receive(bob, alice, 1)]);
    await settled([alice, bob]);
    expect(await errors([alice, bob])).toEqual([[], []]);
    await pages.closePages();
  }
}, 300_000);

test('the oldest browsers that the docs name have all that a call needs', async () => {
  const [alice, bob] = await meet(2, {}, { channels: { chat: {} } }, OLDER_BROWSER);
  await alice.run(({ call }) => call.show('camera'));
  await receive(bob, alice, 1);
  await alice.run(({ call }) => call.hide('camera'));
  await receive(bob, alice, 0);
  await alice.until(({ call }) => call.mesh.send('chat', 'hello') === 1);
  await bob.until(({ call }) => call.log.some((line) => line.startsWith('message chat')));
  expect(await errors([alice, bob])).toEqual([[], []]);
}, 300_000);

describe('more than a description has space for', () => {
  test('is refused by addTrack, and the pair goes on', async () => {
    const call = await meet(2);
    const [alice, bob] = call;
    const refusal = await alice.run(({ call }) => {
      for (let i = 0; i < 14; i += 1) {
        try {
          call.show(`camera ${i}`);
        } catch (error) {
          return `${i} ${error}`;
        }
      }
      return '';
    });
    expect(refusal).toMatch(/^\d+ RangeError: Another video track does not fit/);
    const count = Number.parseInt(refusal, 10);
    expect(count).toBeGreaterThanOrEqual(9);
    await receive(bob, alice, count);
    for (let i = 0; i < count - 1; i += 1) await alice.run(({ call }, i) => call.hide(`camera ${i}`), i);
    await receive(bob, alice, 1);
    await bob.run(({ call }) => call.show('camera'));
    await receive(alice, bob, 1);
    expect(await errors(call)).toEqual([[], []]);
  }, 300_000);

  test('for one peer alone is taken back there and told, and sent when there is space', async () => {
    const server = await startChild({ MAX_PAYLOAD_BYTES: '16384' });
    servers.push(server);
    const [alice, bob] = [await pages.open(server.wsUrl), await pages.open(server.wsUrl)];
    await alice.run(({ call }) => {
      for (let i = 0; i < 4; i += 1) call.show(`camera ${i}`); // the server's limit is not known yet
    });
    await bob.enter(await alice.enter());
    await alice.connected([alice, bob]);
    await alice.until(({ call }) => call.peers()[0]?.reason?.code === 'TooLarge');
    await receive(bob, alice, 2);
    await alice.run(({ call }) => {
      call.hide('camera 0');
      call.hide('camera 1');
    });
    await alice.until(({ call }) => call.peers()[0]?.reason === undefined);
    await receive(bob, alice, 2);
    await settled([alice, bob]);
  }, 300_000);
});
