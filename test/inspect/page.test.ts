import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { type Inspector, startInspector } from '../../src/inspect/inspector.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { launchChromium } from '../support/chromium.ts';
import { seat, TestClient } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** The inspector's page in a real browser, beside a real server. */

let browser: Browser;
let inspector: Inspector;
let server: TestServer;
const pages: Page[] = [];
/** What no page may have: errors, refused resources, requests to elsewhere. */
const complaints: string[] = [];

beforeAll(async () => {
  browser = await launchChromium();
  inspector = await startInspector({ port: 0, logger: createLogger('silent') });
  server = await startServer({}, { inspect: inspector.inspect });
}, 60_000);
afterEach(async () => {
  const heard = [...complaints];
  await Promise.all(pages.splice(0).map((page) => page.close())); // what it still waits for fails
  complaints.length = 0;
  expect(heard).toEqual([]);
});
afterAll(async () => {
  await browser.close();
  await server.stop();
  await inspector.stop();
});

async function open(options: Parameters<Browser['newPage']>[0] = {}, hash = ''): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, ...options });
  pages.push(page);
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('requestfailed', (request) => complaints.push(`failed: ${request.url()}`));
  page.on('request', (request) => {
    if (new URL(request.url()).host !== inspector.url.host) complaints.push(`elsewhere: ${request.url()}`);
  });
  await page.goto(`${inspector.url}${hash}`);
  await page.waitForSelector('.chart');
  return page;
}

const option = (page: Page, id: string) => page.locator(`[role=option][title="${id}"]`);
const lit = (page: Page, state: string) => page.locator(`[data-state="${state}"].active`);

describe('the page', () => {
  test('shows the supervisor, a room and two participants, and lights what is active', async () => {
    const { room_id, ids, clients } = await seat(server.wsUrl, 2);
    const page = await open();
    await page.getByRole('heading', { name: 'Supervisor', level: 1 }).waitFor();
    await lit(page, 'supervisor.accepting').waitFor();
    for (const id of ids) await option(page, id).waitFor();

    await option(page, room_id).click();
    await lit(page, 'room.occupied').waitFor();
    expect(await page.locator('[data-state="room.idle"].active').count()).toBe(0);
    expect(await page.locator('#context').innerText()).toContain(ids[0]?.slice(0, 8));
    expect(await page.locator('.event-type').allInnerTexts()).toEqual(['join', 'create', 'started']);

    for (const client of clients) client.send({ type: 'LeaveRoom' });
    await lit(page, 'room.idle').waitFor();
    await page.locator('[data-transition="room.occupied leave 0"].last').waitFor();
    expect(await page.locator('[data-state="room.occupied"].active').count()).toBe(0);
    expect((await page.locator('.event').first().innerText()).split('\n').join(' ')).toMatch(
      /leave from participant .* → idle/,
    );
    for (const client of clients) client.close();
    await option(page, ids[0] as string)
      .locator('text=ended')
      .waitFor();
  });

  test('shows events without their secrets, and leads from an id to its actor', async () => {
    const { ids, clients } = await seat(server.wsUrl, 2);
    const page = await open({}, `#${ids[0]}`);
    await lit(page, 'participant.seat.inside').waitFor();
    await lit(page, 'participant.session.attached').waitFor();
    clients[0]?.send({ type: 'Offer', to: ids[1], sdp: 'v=0 SECRET' });
    await page.locator('.redacted', { hasText: 'redacted 10 characters' }).first().waitFor();
    expect(await page.content()).not.toContain('SECRET');

    await page.locator('.event').first().locator('.payload .reference').click();
    await page.getByRole('heading', { name: `Participant ${ids[1]?.slice(0, 8)}` }).waitFor();
    expect(page.url()).toContain(ids[1]);
    for (const client of clients) client.close();
  });

  test('is worked with the keyboard alone', async () => {
    const { room_id, ids, clients } = await seat(server.wsUrl, 1);
    const member = ids[0] as string;
    const page = await open();
    await option(page, room_id).waitFor();
    await option(page, member).waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.type(room_id.slice(0, 8));
    await option(page, member).waitFor({ state: 'hidden' });
    expect(await page.getByRole('option').count()).toBe(1);
    await page.keyboard.press('ArrowDown');
    await page.getByRole('heading', { name: `Room ${room_id.slice(0, 8)}` }).waitFor();
    const list = page.getByRole('listbox');
    expect(await list.evaluate((element) => element === element.ownerDocument.activeElement)).toBe(true);
    expect(await list.getAttribute('aria-activedescendant')).toBe(
      await option(page, room_id).getAttribute('id'),
    );
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Escape');
    await option(page, member).waitFor();
    expect(await page.getByRole('option').count()).toBeGreaterThan(1);
    await page.getByRole('searchbox').fill('no such actor');
    await page.getByText('No actor matches.').waitFor();
    for (const client of clients) client.close();
  });

  test('can be paused, and catches up', async () => {
    const { room_id, clients } = await seat(server.wsUrl, 1);
    const page = await open({}, `#${room_id}`);
    await lit(page, 'room.occupied').waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    clients[0]?.send({ type: 'LeaveRoom' });
    const resume = page.getByRole('button', { name: /^Resume \(\d+ new\)$/ });
    await resume.waitFor();
    expect(await lit(page, 'room.occupied').count()).toBe(1);
    await resume.click();
    await lit(page, 'room.idle').waitFor();
    for (const client of clients) client.close();
  });

  test('tells when the connection is lost, and comes back by itself', async () => {
    const { port } = inspector.url;
    const page = await open();
    await inspector.stop();
    await page.getByRole('alert').getByText('The connection to Bloom is lost').waitFor();
    complaints.splice(0); // that it could not connect again
    inspector = await startInspector({ port: Number(port), logger: createLogger('silent') });
    await server.stop();
    server = await startServer({}, { inspect: inspector.inspect });
    const client = await TestClient.connect(server.wsUrl);
    const { room_id } = await client.createRoom();
    await option(page, room_id).waitFor();
    expect(await page.getByRole('alert').isVisible()).toBe(false);
    await lit(page, 'supervisor.accepting').waitFor();
    complaints.splice(0);
    client.close();
  });
});

test('the page for Stately hands the frame every event, once it listens', async () => {
  const { ids, clients } = await seat(server.wsUrl, 2);
  const page = await browser.newPage();
  pages.push(page);
  const hosted = `<script>
    const heard = (window.heard = []);
    addEventListener('message', ({ data }) => heard.push(data));
    parent.postMessage({ type: '@statelyai.connected' }, '*');
  </script>`;
  await page.route('https://stately.ai/inspect', (route) =>
    route.fulfill({ contentType: 'text/html', body: hosted }),
  );
  await page.goto(new URL('/stately', inspector.url).href);
  const frame = await (await page.waitForSelector('iframe[src]')).contentFrame();
  const hears = (condition: string) =>
    frame?.waitForFunction(`globalThis.heard?.some((event) => ${condition})`);
  await hears(`event.type === '@xstate.actor'`);
  clients[0]?.send({ type: 'Offer', to: ids[1], sdp: 'v=0 SECRET' });
  await hears(`event.event?.message?.type === 'Offer'`);
  await hears(`event.type === '@xstate.snapshot'`);
  const heard = JSON.stringify(await frame?.evaluate('heard'));
  expect(heard).toContain('[redacted 10 characters]');
  expect(heard).not.toContain('SECRET');
  expect(await page.locator('#problem').isVisible()).toBe(false);
  expect(await violations(page)).toEqual([]);
  for (const client of clients) client.close();
});

describe.each([
  ['desktop', { width: 1440, height: 900 }],
  ['tablet', { width: 820, height: 1180 }],
  ['phone', { width: 390, height: 844 }],
  ['narrow phone', { width: 360, height: 640 }],
] as const)('on a %s', (_, viewport) => {
  test.each(['light', 'dark'] as const)(
    '%s: nothing is cut off, text has contrast, and axe finds nothing',
    async (colorScheme) => {
      const { room_id, clients } = await seat(server.wsUrl, 3);
      const page = await open({ viewport, colorScheme }, `#${room_id}`);
      await lit(page, 'room.occupied').waitFor();
      const size = await page.evaluate('[document.documentElement.scrollWidth, innerWidth]');
      expect(size).toEqual([viewport.width, viewport.width]);
      expect(await lowContrasts(page)).toEqual([]);
      expect(await violations(page)).toEqual([]);
      for (const client of clients) client.close();
    },
  );
});

const axe = await readFile(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

/** What axe finds wrong for people who do not see the page, or use no mouse. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate(`axe.run(document, { iframes: false }).then(({ violations }) =>
    violations.map(({ id, help, nodes }) => id + ': ' + help + ' ' + nodes.map(({ html }) => html).join(' ')))`);
}

/** Texts whose contrast with their ground is below 4.5, as WCAG AA wants it. */
async function lowContrasts(page: Page): Promise<string[]> {
  return page.evaluate(`(() => {
    const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
    const rgba = (color) => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      return [r, g, b, a / 255];
    };
    const luminance = ([r, g, b]) => {
      const [x, y, z] = [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
      return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const over = (top, ground) => [0, 1, 2].map((i) => top[i] * top[3] + ground[i] * (1 - top[3])).concat(1);
    const groundOf = (element) => {
      const layers = [];
      for (let each = element; each; each = each.parentElement) {
        if (each.namespaceURI.endsWith('svg')) {
          const shape = each.matches('g') && each.querySelector(':scope > .body, :scope > .label');
          if (shape && !shape.matches('.inner')) layers.push(rgba(getComputedStyle(shape).fill));
          const flash = each.matches('g') && each.querySelector(':scope > .flash');
          if (flash) layers.push(rgba(getComputedStyle(flash).fill));
        } else layers.push(rgba(getComputedStyle(each).backgroundColor));
      }
      return layers.reverse().reduce((ground, layer) => over(layer, ground), [255, 255, 255, 1]);
    };
    const low = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
      const style = getComputedStyle(element);
      const ground = groundOf(element);
      const text = over(rgba(element.namespaceURI.endsWith('svg') ? style.fill : style.color), ground);
      const [a, b] = [luminance(text), luminance(ground)].sort((x, y) => y - x);
      const ratio = (a + 0.05) / (b + 0.05);
      if (ratio < 4.5) low.push(walker.currentNode.data.trim() + ' ' + ratio.toFixed(2));
    }
    return [...new Set(low)];
  })()`);
}
