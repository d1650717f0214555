import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import type { Signaling } from '../../src/client/index.ts';
import { launchChromium } from '../support/chromium.ts';
import { FaultyProxy } from '../support/proxy.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { SilentProxy } from '../support/silent-proxy.ts';

/** The client in a real browser: what it makes of the network and of the page being looked at. */

/** What the page has. */
declare global {
  var client: Signaling;
  var states: string[];
  var bloom: { Signaling: typeof Signaling };
}

let browser: Browser;
let server: TestServer;
let page: Page;
const web = createServer((_, response) =>
  response.setHeader('Content-Type', 'text/html').end('<!doctype html>'),
);

beforeAll(async () => {
  const { outputFiles } = await build({
    stdin: {
      contents: "export { Signaling } from '../../src/client/index.ts';",
      resolveDir: import.meta.dirname,
      loader: 'ts',
    },
    bundle: true,
    format: 'iife',
    globalName: 'bloom',
    platform: 'browser',
    write: false,
  });
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  browser = await launchChromium();
  page = await browser.newPage();
  server = await startServer({ RESUME_GRACE_MS: '60000' });
  await page.addInitScript({ content: `${outputFiles[0]?.text}; globalThis.bloom = bloom;` });
}, 60_000);
afterAll(async () => {
  await browser?.close();
  web.close();
});

/** A fresh page whose client is in a room; it would wait an hour before it tried again by itself. */
async function open(url: URL): Promise<void> {
  await page.goto(`http://127.0.0.1:${(web.address() as AddressInfo).port}/`);
  await page.evaluate(async (address) => {
    globalThis.client = new bloom.Signaling(address, { reconnect: { baseMs: 7_200_000, capMs: 7_200_000 } });
    globalThis.states = [];
    client.on('state', ({ status }) => states.push(status));
    client.on('resumed', () => states.push('resumed'));
    await client.createRoom();
  }, url.href);
}

const status = () => page.evaluate(() => client.state.status);
const reach = (wanted: string) => page.waitForFunction((it) => client.state.status === it, wanted);

/** Whatever the browser really knows of it: the events are what the client listens to. */
const dispatch = (target: 'window' | 'document', type: string) =>
  page.evaluate(
    ([on, name]) => void globalThis[on as 'window'].dispatchEvent(new Event(name as string)),
    [target, type],
  );

test.each([
  ['the page is looked at again', 'document', 'visibilitychange'],
  ['the page is shown again', 'window', 'pageshow'],
  ['the page is not frozen any more', 'document', 'resume'],
  ['the network is back', 'window', 'online'],
] as const)('it tries at once when %s', async (_, target, type) => {
  const proxy = await FaultyProxy.listen(server.wsUrl);
  await open(proxy.wsUrl);
  proxy.passages[0]?.cut('reset');
  await reach('waiting');
  await dispatch(target, type);
  await reach('connected');
  expect(await page.evaluate(() => states)).toContain('resumed');
  await page.evaluate(() => client.close());
  await proxy.close();
});

test('without a network it waits for one', async () => {
  const proxy = await FaultyProxy.listen(server.wsUrl);
  await open(proxy.wsUrl);
  proxy.passages[0]?.cut('reset');
  await reach('waiting');
  await page.context().setOffline(true);
  await reach('offline');
  await page.context().setOffline(false);
  await reach('connected');
  await page.evaluate(() => client.close());
  await proxy.close();
});

test('a live connection stays when the page is looked at again, or the network changes', async () => {
  await open(server.wsUrl);
  await dispatch('document', 'visibilitychange');
  await dispatch('window', 'online');
  await page.evaluate(
    () =>
      new Promise<void>((resolve) => {
        client.actor.subscribe(({ value }) => value === 'connected' && resolve());
      }),
  );
  expect(await page.evaluate(() => states)).toEqual(['connecting', 'connected']);
  await page.evaluate(() => client.close());
});

test('a connection that died in silence is found out when the network changes', async () => {
  const proxy = await SilentProxy.to(server.wsUrl);
  await open(proxy.wsUrl);
  proxy.cut();
  await dispatch('window', 'online');
  expect(await status()).toBe('connected'); // it is asked first
  await reach('waiting');
  proxy.mend();
  await dispatch('window', 'online');
  await reach('connected');
  expect(await page.evaluate(() => states)).toContain('resumed');
  await page.evaluate(() => client.close());
  await proxy.close();
});
