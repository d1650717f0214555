import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, jest, test } from '@jest/globals';
import type { FrameLocator, Page } from 'playwright-core';
import { type ChildServer, startChild } from '../support/child.ts';
import { Site } from './support/site.ts';

/** The call page where a setting puts it: below a path, at an IPv6 address, in a frame of another site. */

jest.setTimeout(180_000);

const site = new Site();
const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
});

async function start(env: Record<string, string>): Promise<ChildServer> {
  const server = await startChild(env);
  undo.push(() => server.stop('SIGKILL'));
  return server;
}

test.each([
  ['below a path prefix', { BASE_PATH: '/call' }, /^http:\/\/127\.0\.0\.1:\d+\/call\/$/],
  ['at an IPv6 literal', { HOST: '::1' }, /^http:\/\/\[::1\]:\d+\/$/],
])('%s two people meet by the link, and the console stays empty', async (_, env, expected) => {
  const { url } = await start(env);
  expect(url.href).toMatch(expected);
  const [aiko, ken, link] = await site.pair(url);
  expect(link.startsWith(`${url}#`)).toBe(true);
  expect([aiko.complaints, ken.complaints]).toEqual([[], []]);
});

/** A site whose page has the call page in a frame, at any address of this machine. */
async function startFramingSite(): Promise<{ server: Server; port: number; frame(url: URL): void }> {
  let framed = '';
  const server = createServer((_, response) => {
    const allow = 'camera; microphone; display-capture; clipboard-write; screen-wake-lock';
    response
      .writeHead(200, { 'content-type': 'text/html' })
      .end(`<!doctype html><iframe src="${framed}" allow="${allow}" width="1000" height="700"></iframe>`);
  });
  undo.push(() => {
    server.closeAllConnections();
    server.close();
  });
  server.listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    server,
    port,
    frame(url) {
      framed = url.href;
    },
  };
}

async function openFraming(url: string): Promise<{ page: Page; frame: FrameLocator; errors: string[] }> {
  const context = await site.browser.newContext();
  undo.push(() => context.close());
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(url);
  return { page, frame: page.frameLocator('iframe'), errors };
}

test('in a frame of a site that is named one can call; in a frame of another site there is no page', async () => {
  const framing = await startFramingSite();
  const named = `http://127.0.0.1:${framing.port}`;
  const { url } = await start({ FRAME_ANCESTORS: named });
  framing.frame(url);

  const { page, frame, errors } = await openFraming(named);
  await frame.getByRole('button', { name: 'Create room' }).click();
  await frame.getByRole('button', { name: 'Leave', exact: true }).waitFor();
  const link = page.frames()[1]?.url() as string;
  const ken = await site.open({ name: 'Ken' }, link);
  await ken.join();
  await ken.connectedTo(1);
  await frame.getByRole('listitem').filter({ hasText: 'Ken' }).waitFor();
  expect(errors).toEqual([]);

  const other = await openFraming(`http://127.0.0.2:${framing.port}`);
  await other.page.waitForFunction(() => document.readyState === 'complete');
  expect(other.errors).toEqual([expect.stringContaining('frame-ancestors')]);
  expect(await other.frame.getByRole('button').count()).toBe(0);
});
