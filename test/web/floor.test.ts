import { jest, test } from '@jest/globals';
import { OLD_BROWSER } from '../support/floor.ts';
import { Site } from './support/site.ts';
import { plays } from './support/visitor.ts';

/** The page in a browser that has nothing newer than the oldest ones that docs/call-page.md names. */

jest.setTimeout(180_000);

const site = new Site();

test('two people talk and see each other in the oldest browsers that the docs name', async () => {
  const aiko = await site.open({ name: 'Aiko', before: OLD_BROWSER });
  const ken = await site.open({ name: 'Ken', before: OLD_BROWSER }, await aiko.create());
  await ken.join();
  await Promise.all([aiko.connectedTo(1), ken.connectedTo(1)]);
  await ken.button('Turn camera on').click();
  await plays(aiko.tile('Ken').locator('video'));
  await ken.button('Turn camera off').click();
  await aiko.tile('Ken').locator('video').waitFor({ state: 'detached' });
});
