import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { type ChildServer, startChild } from '../support/child.ts';
import { startTurn, type TurnServer } from '../support/turn.ts';
import { type CallPage, CallPages } from './support/pages.ts';

/** Calls over a relay alone, in Chromium, with coturn. */

const RELAY_ONLY = {
  configuration: { iceTransportPolicy: 'relay' as const },
  channels: { chat: {} },
  timing: { explainMs: 1000, disconnectedMs: 1000, politeMs: 500, restartMs: 3000, failedMs: 5000 },
};

let pages: CallPages;
const cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  pages = await CallPages.launch();
}, 60_000);
afterEach(async () => {
  await pages.closePages();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(() => pages.close());

async function turn(credential: string, port?: number): Promise<TurnServer> {
  const server = await startTurn(credential, port);
  cleanups.push(() => server.stop());
  return server;
}

async function bloom(iceServers: readonly object[], port = '0'): Promise<ChildServer> {
  const server = await startChild({ ICE_SERVERS: JSON.stringify(iceServers), PORT: port });
  cleanups.push(() => server.stop('SIGKILL'));
  return server;
}

async function enter(url: URL): Promise<[CallPage, CallPage]> {
  const call = [await pages.open(url, RELAY_ONLY), await pages.open(url, RELAY_ONLY)] as [CallPage, CallPage];
  await call[1].enter(await call[0].enter());
  return call;
}

const reason = (page: CallPage, code: string) =>
  page.until(({ call }, code) => call.peers()[0]?.reason?.code === code, code);

test('a live connection goes on with the new credentials when those of the TURN server change', async () => {
  const before = await turn('one');
  const server = await bloom([before.iceServer]);
  const call = await enter(server.wsUrl);
  await Promise.all(call.map((page) => page.connected(call)));

  await server.stop('SIGKILL');
  await bloom([{ ...before.iceServer, credential: 'two' }], server.wsUrl.port);
  for (const page of call)
    await page.until(({ call }) => call.log.some((line) => line.startsWith('renamed')));
  for (const page of call) page.id = await page.run(({ call }) => call.signaling.selfId as string);
  await before.stop();
  await turn('two', before.port);
  await Promise.all(
    call.map((page) => page.until(({ call }) => call.log.some((line) => line.startsWith('reconnecting')))),
  );
  await Promise.all(call.map((page) => page.connected(call)));
  for (const page of call) {
    const log = await page.run(({ call }) => call.log);
    expect(log.filter((line) => line.startsWith('peerClosed'))).toEqual([]);
    expect(
      await page.run(({ call }) =>
        call
          .peers()[0]
          ?.connection.getConfiguration()
          .iceServers?.map((each) => each.credential),
      ),
    ).toEqual(['two']);
  }
}, 300_000);

test('why no relay is found is told: refused, silent, or not configured', async () => {
  const { iceServer, port, stop } = await turn('one');
  const refused = await enter((await bloom([{ ...iceServer, credential: 'wrong' }])).wsUrl);
  await Promise.all(refused.map((page) => reason(page, 'TurnRefused')));
  expect(await refused[0].run(({ call }) => call.peers()[0]?.reason?.message)).toContain(`:${port}`);
  await pages.closePages();
  const without = await enter((await bloom([])).wsUrl);
  await Promise.all(without.map((page) => reason(page, 'NoTurnServer')));
  await pages.closePages();
  await stop();
  const silent = await enter((await bloom([iceServer])).wsUrl);
  await Promise.all(silent.map((page) => reason(page, 'TurnUnreachable')));
}, 300_000);

test('an ICE server that the browser refuses is left out and told, and the others are used', async () => {
  const { iceServer } = await turn('one');
  const { wsUrl } = await bloom([]);
  const options = {
    ...RELAY_ONLY,
    configuration: {
      ...RELAY_ONLY.configuration,
      iceServers: [{ urls: 'turn:127.0.0.1:3478' }, { urls: 'stun:127.0.0.1:99999' }, iceServer],
    },
  };
  const call = [await pages.open(wsUrl, options), await pages.open(wsUrl, options)] as [CallPage, CallPage];
  await call[1].enter(await call[0].enter());
  await Promise.all(call.map((page) => page.connected(call)));
  for (const page of call) {
    expect(await page.run(({ call }) => call.errors)).toEqual([
      expect.stringContaining('The ICE server turn:127.0.0.1:3478 is left out: '),
      expect.stringContaining('The ICE server stun:127.0.0.1:99999 is left out: '),
    ]);
  }
}, 300_000);
