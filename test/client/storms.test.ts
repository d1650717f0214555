import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { launchChromium, type StormBrowser } from './storm/browsers.ts';
import { PAGES } from './storm/schedule.ts';
import { runStorm } from './storm/storm.ts';

/** Two short storms of `npm run test:storm`, in Chromium alone. */

const SECONDS = 6;

let chromium: StormBrowser;
beforeAll(async () => {
  chromium = await launchChromium();
}, 60_000);
afterAll(() => chromium.close());

test.each([4, 7])(
  'after the storm of seed %d every pair is well',
  async (seed) => {
    const { faults, journals } = await runStorm(seed, SECONDS, Array(PAGES).fill(chromium));
    // The journals are for the message of a test that fails.
    if (faults.length > 0) throw new Error([...faults, ...journals.flat()].join('\n'));
    expect(journals.map(({ length }) => length > 0)).toEqual([true, true, true]);
  },
  240_000,
);
