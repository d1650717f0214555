import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { FAKE_DEVICES, launchChromium, PLAIN_CANDIDATES } from './support/chromium.ts';

/** The examples, as their readers start them, in two windows of a real browser. */

let browser: Browser;
const started: ChildProcess[] = [];
const complaints: string[] = [];

beforeAll(async () => {
  browser = await launchChromium(...FAKE_DEVICES, PLAIN_CANDIDATES);
}, 60_000);
afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  for (const process of started.splice(0)) {
    process.kill();
    await once(process, 'exit');
  }
  expect(complaints.splice(0)).toEqual([]);
});
afterAll(() => browser.close());

/** What `npm run example:NAME` runs, on any free ports; returns the page's address. */
async function start(name: string, port = '0'): Promise<string> {
  const serve = fileURLToPath(new URL('../examples/serve.ts', import.meta.url));
  const env = { ...process.env, PORT: port };
  const child = spawn(process.execPath, [serve, name], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(child);
  for await (const line of createInterface(child.stdout)) {
    const [url] = /http:\S+/.exec(line) ?? [];
    if (url !== undefined) return url;
  }
  throw new Error(`the example ${name} ended before it had started`);
}

async function open(url: string, script = ''): Promise<Page> {
  const page = await browser.newPage();
  await page.addInitScript(script);
  page.setDefaultTimeout(60_000);
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(url);
  await page.waitForFunction('location.hash.length > 1');
  return page;
}

test('an example runs beside whatever has its port', async () => {
  const { port } = new URL(await start('chat'));
  const beside = new URL(await start('chat', port));
  expect(beside.port).not.toBe(port);
  expect(await (await fetch(beside)).text()).toContain('<title>Chat</title>');
});

test('chat: two windows talk, and one notices that the other is gone', async () => {
  const alice = await open(await start('chat'));
  const bob = await open(alice.url());
  await Promise.all([alice, bob].map((page) => page.getByText(/^\w{8}: is here$/).waitFor()));
  for (const [from, to] of [
    [alice, bob],
    [bob, alice],
  ] as const) {
    await from.getByLabel('Message').fill('hello');
    await from.keyboard.press('Enter');
    await from.getByText('You: hello').waitFor();
    await to.getByText(/^\w{8}: hello$/).waitFor();
  }
  await bob.close();
  await alice.getByText(/^\w{8}: has left$/).waitFor();
}, 180_000);

test('call: two windows see one another, and only as long as both are there', async () => {
  const alice = await open(await start('call'));
  const bob = await open(alice.url());
  for (const page of [alice, bob]) {
    await page.getByText('connected', { exact: true }).waitFor();
    await page.waitForFunction(
      `[...document.querySelectorAll('video')].length === 2 &&
       [...document.querySelectorAll('video')].every((video) => video.currentTime > 0 && video.videoWidth > 0)`,
    );
  }
  await bob.close();
  await alice.waitForFunction(`document.querySelectorAll('video').length === 1`);
}, 180_000);

/** A camera and a microphone that cost little, since eight pages send them to seven others each: small pictures, no sound. */
const LIGHT_DEVICES = `{
  const canvas = Object.assign(document.createElement('canvas'), { width: 32, height: 32 });
  const pen = canvas.getContext('2d');
  let frames = 0;
  setInterval(() => {
    pen.fillStyle = frames++ % 2 ? 'red' : 'blue';
    pen.fillRect(0, 0, 32, 32);
  }, 500);
  navigator.mediaDevices.getUserMedia = async () => {
    const { stream } = new AudioContext().createMediaStreamDestination();
    return new MediaStream([...stream.getTracks(), ...canvas.captureStream(2).getTracks()]);
  };
}`;

/** What a window shows of each other one: what its data channel has said, and whether each video plays. */
const tilesOf = (page: Page): Promise<string[]> =>
  page.evaluate(`[...document.querySelectorAll('figure')].map((figure) =>
    [figure.innerText, ...[...figure.querySelectorAll('video')].map((video) => video.currentTime > 0)].join(' '))`);

/** Waits until a window has these tiles; what it has instead is in the error. */
async function shows(page: Page, tiles: readonly string[]): Promise<void> {
  const end = performance.now() + 150_000;
  for (;;) {
    const shown = await tilesOf(page);
    if (shown.toSorted().join() === tiles.toSorted().join()) return;
    if (performance.now() > end) throw new Error(`${await page.locator('#own').innerText()} shows ${shown}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

test('simple-peer: eight windows all reach one another, and one asks the others for new offers', async () => {
  const first = await open(await start('simple-peer'), LIGHT_DEVICES);
  const others = Array.from({ length: 7 }, () => open(first.url(), LIGHT_DEVICES));
  const pages = [first, ...(await Promise.all(others))];
  const reached = 'says hello true';
  await Promise.all(pages.map((page) => shows(page, Array(7).fill(reached))));
  // The initiator is the end with the lower id: the page with the highest one can only ask for offers.
  const ids = await Promise.all(pages.map((page) => page.locator('#own').innerText()));
  const asker = pages[ids.indexOf(ids.toSorted().at(-1) as string)] as Page;
  await asker.getByRole('button', { name: 'Send a second picture' }).click();
  await Promise.all(
    pages.map((page) => {
      const tiles = Array(7).fill(reached);
      return shows(page, page === asker ? tiles : tiles.with(0, `${reached} true`));
    }),
  );
}, 360_000);
