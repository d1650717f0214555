import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { type ChildServer, startChild } from '../support/child.ts';
import { ADDRESS, Network } from '../support/network.ts';
import { type CallPage, CallPages } from './support/pages.ts';

/**
 * A participant whose whole network is gone for a while, signalling and media: two browsers with a network between
 * them that breaks, in network namespaces. Needs root on Linux.
 */

// A real minute is the server's default grace of 15 s and much more: here the grace is short, and so is the minute.
const HASTY = { HOST: ADDRESS.server, PORT: '8080', HEARTBEAT_INTERVAL_MS: '300' };
const ORIGIN = `http://${HASTY.HOST}:${HASTY.PORT}`;
const OPTIONS = { channels: { chat: {} }, timing: { disconnectedMs: 1000, politeMs: 1000, restartMs: 4000 } };

let network: Network;
let nearBrowser: CallPages;
let farBrowser: CallPages;
let server: ChildServer;

beforeAll(async () => {
  network = new Network();
  nearBrowser = await CallPages.launch(network.on('server'), ORIGIN);
  farBrowser = await CallPages.launch(network.on('client'), ORIGIN);
}, 300_000);
afterEach(async () => {
  network.mend();
  await Promise.all([nearBrowser, farBrowser].map((browser) => browser.closePages()));
  await server.stop('SIGKILL');
});
afterAll(async () => {
  await Promise.all([nearBrowser, farBrowser].map((browser) => browser.close()));
  network.remove();
});

async function meet(graceMs: number): Promise<[CallPage, CallPage]> {
  server = await startChild({ ...HASTY, RESUME_GRACE_MS: String(graceMs) }, network.on('server'));
  const near = await nearBrowser.open(server.wsUrl, OPTIONS);
  const far = await farBrowser.open(server.wsUrl, OPTIONS);
  await Promise.all([near, far].map((page) => page.run(({ call }) => call.speak())));
  await far.enter(await near.enter());
  await talk(near, far, 'before');
  return [near, far];
}

async function talk(near: CallPage, far: CallPage, text: string): Promise<void> {
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    await from.connected([near, far]);
    await from.until(({ call }, text) => call.mesh.send('chat', text) === 1, text);
    await to.until(({ call }, line) => call.log.includes(line), `message chat ${from.id} ${text}`);
    await to.hearsAll();
  }
}

test('for a short while: the connection is the same afterwards', async () => {
  const [near, far] = await meet(60_000);
  network.cut();
  await near.until(({ call }, id) => call.log.includes(`reconnecting ${id}`), far.id);
  network.mend();
  await far.until(({ call }) => call.log.includes('resumed'));
  await talk(near, far, 'after');
  for (const page of [near, far]) {
    expect(
      await page.run(({ call }) => call.log.filter((line) => /peerClosed|restarted/.test(line))),
    ).toEqual([]);
  }
  expect(await far.run(({ call }) => call.decisions.includes('restartIce'))).toBe(true);
}, 300_000);

test('for longer than the server waits: it has left, comes back, and there is another connection', async () => {
  const [near, far] = await meet(1000);
  network.cut();
  await near.until(({ call }, id) => call.log.includes(`peerClosed ${id}`), far.id);
  network.mend();
  await far.until(
    ({ call }) => call.log.includes('restarted') && call.signaling.room?.participants.length === 2,
  );
  far.id = await far.run(({ call }) => call.signaling.selfId as string);
  await talk(near, far, 'after');
}, 300_000);
