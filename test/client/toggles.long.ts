import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type ChildServer, startChild } from '../support/child.ts';
import { CallPages } from './support/pages.ts';
import { toggleAll } from './support/toggles.ts';

/** Part of `npm run test:long`: more than CI has time for. */

let pages: CallPages;
let server: ChildServer;
beforeAll(async () => {
  pages = await CallPages.launch();
  server = await startChild();
}, 60_000);
afterAll(async () => {
  await pages.close();
  await server.stop('SIGKILL');
});

test('descriptions do not grow when three people turn cameras and screens off and on a hundred times', async () => {
  const call = await Promise.all([1, 2, 3].map(() => pages.open(server.wsUrl)));
  let room: string | undefined;
  for (const page of call) room = await page.enter(room);
  await Promise.all(call.map((page) => page.connected(call)));
  const { before, after } = await toggleAll(call, 100);
  process.stdout.write(`The largest offers have ${before} bytes before, and ${after} bytes after.\n`);
  for (const [i, bytes] of after.entries()) expect(bytes).toBeLessThan((before[i] as number) * 1.1);
  for (const page of call) expect(await page.run(({ call }) => call.errors)).toEqual([]);
}, 900_000);
