import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { type ChildServer, startChild } from '../support/child.ts';
import { FAKE_DEVICES, launchChromium } from '../support/chromium.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { callPage, hears, Visitor } from './support/visitor.ts';

/** Calls in trouble: the server goes and comes back, microphones are forbidden or missing. */

jest.setTimeout(180_000);

const visitors: Visitor[] = [];
let server: TestServer;

beforeAll(async () => {
  server = await startServer({}, { page: callPage() });
}, 120_000);
afterEach(async () => {
  await Promise.all(visitors.splice(0).map((visitor) => visitor.close()));
});
afterAll(() => server.stop());

async function open(browser: Browser, url: URL | string, name: string): Promise<Visitor> {
  const visitor = await Visitor.open(browser, url, { name });
  visitors.push(visitor);
  return visitor;
}

describe('the server', () => {
  let browser: Browser;
  let child: ChildServer;
  beforeAll(async () => {
    browser = await launchChromium(...FAKE_DEVICES);
    child = await startChild();
  }, 60_000);
  afterAll(async () => {
    await browser.close();
    child.process.kill('SIGKILL');
  });

  test('killed during a call: the call goes on, the status says what is done; restarted: all is well', async () => {
    const { port } = child.url;
    const aiko = await open(browser, child.url, 'Aiko');
    const link = await aiko.create();
    const ken = await open(browser, link, 'Ken');
    await ken.join();
    await Promise.all([aiko.connectedTo(1), ken.connectedTo(1)]);
    await ken.button('Connection details').click();
    await hears(ken, 'Aiko');

    await child.stop('SIGKILL');
    for (const visitor of [aiko, ken]) {
      await visitor.status.filter({ hasText: /Server connection lost\. Reconnecting/ }).waitFor();
      await visitor.status.filter({ hasText: 'The call with 1 person goes on.' }).waitFor();
      await visitor.status.filter({ hasText: /in \d+ s/ }).waitFor();
    }
    await hears(ken, 'Aiko');
    await ken.sees('Aiko', 'Ken (you)');

    child = await startChild({ PORT: port });
    await Promise.all([aiko.connectedTo(1), ken.connectedTo(1)]);
    expect(ken.page.url()).toBe(link);
    await hears(ken, 'Aiko');
    const lea = await open(browser, link, 'Lea');
    await lea.join();
    for (const visitor of [aiko, ken, lea]) {
      await visitor.connectedTo(2);
      await visitor.sees('Aiko', 'Ken', 'Lea');
    }
  });

  test('not there when one wants to join: the status says so, and one can think better of it', async () => {
    const aiko = await open(browser, child.url, 'Aiko');
    const { port } = child.url;
    await child.stop('SIGKILL');
    await aiko.button('Create room').click();
    await aiko.status.filter({ hasText: /^The server cannot be reached. Trying again in \d+ s…/ }).waitFor();
    await aiko.button('Cancel').click();
    await aiko.status.filter({ hasText: 'Not connected' }).waitFor();
    await aiko.button('Create room').click();
    child = await startChild({ PORT: port });
    await aiko.button('Leave').waitFor();
  });
});

test.each([
  [
    'forbidden',
    ['--use-fake-device-for-media-stream'],
    '127.0.0.1',
    'Your microphone is blocked',
    'Your camera is blocked',
  ],
  [
    'missing',
    ['--use-fake-ui-for-media-stream', '--disable-audio-input'],
    '127.0.0.1',
    'No microphone found',
    'No camera found',
  ],
  [
    'withheld from a page by plain http',
    ['--host-resolver-rules=MAP bloom.test 127.0.0.1'],
    'bloom.test',
    'open this page by https',
    'Browsers give the camera only to pages from https',
  ],
])('devices are %s: one is in the call all the same, listens, and is told what to do', async (...its) => {
  const [, args, host, microphone, camera] = its;
  const [browser, normal] = await Promise.all([launchChromium(...args), launchChromium(...FAKE_DEVICES)]);
  try {
    const aiko = await open(normal, server.url, 'Aiko');
    const link = new URL(await aiko.create());
    link.hostname = host;
    const ken = await open(browser, link, 'Ken');
    await ken.join();
    await ken.page.getByRole('alert').getByText(microphone).waitFor();
    await Promise.all([aiko.connectedTo(1), ken.connectedTo(1)]);
    await ken.button('Unmute').waitFor();
    await aiko.tile('Ken').filter({ hasText: 'muted' }).waitFor();
    await ken.button('Connection details').click();
    await hears(ken, 'Aiko');

    await ken.button('Turn camera on').click();
    const alert = ken.page.getByRole('alert').filter({ hasText: camera });
    await alert.getByRole('button', { name: 'Dismiss' }).click();
    await alert.waitFor({ state: 'detached' });
    await ken.button('Turn camera on').waitFor();
    expect(await aiko.tile('Ken').locator('video').count()).toBe(0);
    for (const visitor of [aiko, ken]) expect(visitor.complaints).toEqual([]);
  } finally {
    await Promise.all(visitors.splice(0).map((visitor) => visitor.close()));
    await Promise.all([browser.close(), normal.close()]);
  }
});
