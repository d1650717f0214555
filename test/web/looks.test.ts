import { describe, expect, jest, test } from '@jest/globals';
import type { Locator } from 'playwright-core';
import { Site } from './support/site.ts';
import { type Visitor, violations } from './support/visitor.ts';

/** Every state of the page as people with different eyes, hands, screens and languages meet it. */

jest.setTimeout(180_000);

const site = new Site();

const PHONE = { width: 390, height: 844 };

const box = async (place: Locator) => (await place.boundingBox()) as { x: number; width: number };

/** axe is content, one status is there, and nothing is wider than the window. */
async function isSound({ page }: Visitor, state: string): Promise<void> {
  // What still fades in has not its own colours yet.
  await page.evaluate(
    'Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {})))',
  );
  const [width, wide] = await page.evaluate(() => [innerWidth, document.documentElement.scrollWidth]);
  expect([state, await violations(page)]).toEqual([state, []]);
  expect([state, await page.getByRole('status').count(), wide]).toEqual([state, 1, width]);
}

describe.each([
  ['a desktop', 'light', { viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' }],
  ['a desktop', 'dark', { viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' }],
  ['a narrow phone', 'light', { viewport: { width: 320, height: 568 }, reducedMotion: 'reduce' }],
  ['a narrow phone', 'dark', { viewport: { width: 320, height: 568 }, reducedMotion: 'reduce' }],
  ['a wall', 'light', { viewport: { width: 3840, height: 2160 }, reducedMotion: 'reduce' }],
] as const)('on %s, %s', (_, colorScheme, options) => {
  test('every state is sound', async () => {
    const aiko = await site.open({ ...options, colorScheme, name: 'Aiko' });
    await aiko.page.getByText('Devices', { exact: true }).click();
    await aiko.button('Turn camera on').click();
    await aiko.button('Turn camera off').waitFor();
    await isSound(aiko, 'start');
    await aiko.button('Turn camera off').click();
    const link = await aiko.create();
    await isSound(aiko, 'alone');

    const ken = await site.open({ ...options, colorScheme, name: 'Ken' }, link);
    await isSound(ken, 'invited');
    await ken.join();
    await Promise.all([aiko.connectedTo(1), ken.connectedTo(1)]);
    await isSound(ken, 'in the room');
    await ken.button('Share screen').click();
    await aiko.page.getByRole('region', { name: 'Shared screens' }).locator('video').first().waitFor();
    await isSound(aiko, 'a shared screen');
    await aiko.button('Connection details').click();
    await aiko.page.getByText('Audio in').first().waitFor();
    await isSound(aiko, 'details');
    await aiko.button('Settings').click();
    await isSound(aiko, 'settings');
    await aiko.button('Chat').click();
    await aiko.page.getByRole('textbox', { name: 'Message' }).fill('See https://example.org/a');
    await aiko.page.keyboard.press('Enter');
    await aiko.page.getByRole('log').getByRole('link').waitFor();
    await isSound(aiko, 'chat');
    await ken.button('Leave').click();
    await ken.page.getByRole('heading', { name: 'You left the room' }).waitFor();
    await isSound(ken, 'left');
    const lost = await site.open(
      { ...options, colorScheme },
      new URL('/#3f2c8e0a-5b1d-4c7e-9a64-1d2e3f405162', site.server.url),
    );
    await lost.button('Join room').click();
    await lost.button('Open it again').waitFor();
    await isSound(lost, 'not found');
  });
});

test.each([
  ['at 200 % on a laptop', { width: 640, height: 400 }],
  ['at 400 % on a laptop', { width: 320, height: 256 }],
  ['on a phone on its side', { width: 844, height: 390 }],
])('%s: nothing covers the invitation', async (_, viewport) => {
  const aiko = await site.open({ name: 'Aiko', viewport, reducedMotion: 'reduce' });
  await aiko.create();
  await isSound(aiko, 'alone');
  for (const place of [
    aiko.page.getByRole('heading', { name: 'Nobody else is here yet' }),
    aiko.page.getByRole('textbox', { name: 'Room link' }),
    aiko.button('Copy link'),
  ]) {
    await place.click({ trial: true, timeout: 5_000 });
  }
});

test('of a long name the end is cut off, and not who it is', async () => {
  const aiko = await site.open({ name: 'María José Fernández de la Vega Llamazares', viewport: PHONE });
  await aiko.create();
  await aiko.button('Share screen').click();
  await aiko.button('Stop sharing').waitFor();
  const tile = await box(aiko.tile('María'));
  const you = await box(aiko.tile('María').getByText('(you)', { exact: true }));
  expect(you.x).toBeGreaterThan(tile.x);
  expect(you.x + you.width).toBeLessThan(tile.x + tile.width);
});

test('a Japanese browser gets Japanese; the language is changed, and remembered', async () => {
  const aiko = await site.open({ locale: 'ja-JP' });
  const { page } = aiko;
  await page.getByRole('heading', { name: '話すための部屋' }).waitFor();
  expect(await page.getAttribute('html', 'lang')).toBe('ja');
  await isSound(aiko, 'start, in Japanese');
  await aiko.button('部屋を作る').click();
  await aiko.button('退出').waitFor();
  await page
    .getByRole('list', { name: '参加者' })
    .getByRole('listitem')
    .filter({ hasText: '自分' })
    .waitFor();
  await aiko.status.filter({ hasText: '接続済み' }).waitFor();
  await isSound(aiko, 'alone, in Japanese');
  await aiko.button('設定').click();
  await aiko.button('English').click();
  await aiko.button('Leave').waitFor();
  await aiko.button('Leave').click();
  await page.reload();
  await page.getByRole('heading', { name: 'You are invited' }).waitFor();
  expect(await page.getAttribute('html', 'lang')).toBe('en');
});
