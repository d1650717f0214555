import { expect, jest, test } from '@jest/globals';
import { Site } from './support/site.ts';
import { eventually } from './support/visitor.ts';

/** The page without a mouse: everything is reached, and the focus is never lost. */

jest.setTimeout(180_000);

const site = new Site();

test('a call is had with the keyboard alone', async () => {
  const aiko = await site.open();
  const { page } = aiko;
  const reach = async (name: string): Promise<void> => {
    for (let i = 0; i < 30; i++) {
      await page.keyboard.press('Tab');
      const focused = await page.evaluate(() => {
        const element = document.activeElement as HTMLElement;
        const { outlineStyle } = getComputedStyle(element);
        return [element.ariaLabel ?? element.textContent, outlineStyle];
      });
      if (focused[0] === name) return expect([name, focused[1]]).toEqual([name, 'solid']);
    }
    throw new Error(`${name} is not reached`);
  };
  await reach('Create room');
  await page.keyboard.press('Enter');
  await aiko.button('Leave').waitFor();
  expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('MAIN');
  await reach('Mute');
  await page.keyboard.press('Space');
  await aiko.button('Unmute').waitFor();
  await reach('Chat');
  await page.keyboard.press('Enter');
  await page.getByRole('log').waitFor();
  await page.keyboard.type('to nobody');
  await page.keyboard.press('Enter');
  await page.getByText('Nobody else is here to read it.').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('log').waitFor({ state: 'detached' });
  await eventually(
    () => page.evaluate(() => document.activeElement?.ariaLabel),
    (name) => name === 'Chat',
  );
  await reach('Leave');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'You left the room' }).waitFor();
});

test('a button that goes away, or can do nothing now, hands the focus on', async () => {
  const aiko = await site.open({ name: 'Aiko' });
  await aiko.create();
  await aiko.press('Share screen', 'Stop sharing');
  await aiko.press('Stop sharing', 'Share screen');
  await aiko.button('Chat').click();
  await aiko.page.getByRole('textbox', { name: 'Message' }).fill('Hello');
  await aiko.press('Send', 'TEXTAREA');
  await aiko.press('Leave', 'MAIN');
  await aiko.press('Check microphone', 'Microphone');
  await aiko.page.getByRole('meter').waitFor();
  await aiko.hasFocusOn('Microphone');
});

test('where the browser gives no clipboard, the link is copied all the same, and the focus stays', async () => {
  const url = new URL(site.server.url);
  url.hostname = 'bloom.test';
  const args = ['--host-resolver-rules=MAP bloom.test 127.0.0.1'];
  const aiko = await site.openElsewhere(args, { name: 'Aiko' }, url);
  await aiko.create();
  await aiko.press('Dismiss', 'MAIN');
  await aiko.press('Copy link', 'Copy link');
  await aiko.page.getByText('Link copied').waitFor();
  await aiko.hasFocusOn('Copy link');
});
