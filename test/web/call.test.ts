import { describe, expect, jest, test } from '@jest/globals';
import { seat } from '../support/client.ts';
import { Site } from './support/site.ts';
import { audioFrom, eventually, hears, nextReading, plays, type Visitor } from './support/visitor.ts';

/** Calls on the page: real browsers, real media between them, a real server. */

jest.setTimeout(180_000);

const site = new Site();

describe('two people', () => {
  test('create, copy the link, join by it; names are exchanged, and voices heard until one mutes', async () => {
    const aiko = await site.open({ name: 'Aiko', permissions: ['clipboard-read', 'clipboard-write'] });
    const link = await aiko.create();
    expect(link).toMatch(/\/#[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    await aiko.sees('Aiko (you)');
    await aiko.button('Copy link').click();
    await aiko.page.getByText('Link copied').waitFor();
    expect(await aiko.page.evaluate('navigator.clipboard.readText()')).toBe(link);

    const ken = await site.open({ name: 'Ken' }, link);
    await ken.join();
    await Promise.all([aiko.sees('Aiko (you)', 'Ken'), ken.sees('Aiko', 'Ken (you)')]);
    await Promise.all([aiko.connectedTo(1), ken.connectedTo(1)]);
    await ken.page.getByText('Aiko is here').waitFor();

    for (const visitor of [aiko, ken]) await visitor.button('Connection details').click();
    await Promise.all([hears(ken, 'Aiko'), hears(aiko, 'Ken')]);
    await ken.tile('Aiko').filter({ hasText: 'speaking' }).waitFor();

    await aiko.button('Mute').click();
    await aiko.button('Unmute').waitFor();
    await ken.tile('Aiko').filter({ hasText: 'muted' }).waitFor();
    const isStill = async () => {
      const before = await audioFrom(ken, 'Aiko');
      await nextReading(ken, 'Aiko');
      const after = await audioFrom(ken, 'Aiko');
      return after.level === 0 && after.packets === before.packets;
    };
    await eventually(isStill, (is) => is);
    expect(await ken.tile('Aiko').filter({ hasText: 'speaking' }).count()).toBe(0);
    await hears(aiko, 'Ken');
    await aiko.button('Unmute').click();
    await hears(ken, 'Aiko');
  });

  test('a camera and a screen are told apart, both live, and go away again', async () => {
    const [aiko, ken] = await site.pair();
    const screen = aiko.page.getByRole('region', { name: 'Shared screens' });
    const camera = aiko.tile('Ken').locator('video');

    await ken.button('Turn camera on').click();
    await plays(camera);
    await ken.button('Share screen').click();
    await ken.button('Stop sharing').waitFor();
    await screen.getByText('Ken is sharing their screen').waitFor();
    await plays(screen.locator('video'));
    await plays(camera);
    expect(await aiko.tiles.count()).toBe(2);
    // Beside a screen a person is small. Enter makes them big, and small again.
    const tile = (role: string) => aiko.tile('Ken').and(aiko.page.locator(`[data-role=${role}]`));
    await tile('small').waitFor();
    for (const role of ['big', 'small']) {
      await aiko.button('Make Ken big').press('Enter');
      await tile(role).waitFor();
    }

    await ken.button('Turn camera off').click();
    await camera.waitFor({ state: 'detached' });
    await plays(screen.locator('video'));
    await ken.button('Stop sharing').click();
    await screen.waitFor({ state: 'detached' });
    await ken.button('Share screen').waitFor();
  });

  test('who comes later sees the camera and the screen too', async () => {
    const aiko = await site.open({ name: 'Aiko' });
    const link = await aiko.create();
    await aiko.button('Turn camera on').click();
    await aiko.button('Share screen').click();
    await aiko.button('Stop sharing').waitFor();
    const ken = await site.open({ name: 'Ken' }, link);
    await ken.join();
    await plays(ken.tile('Aiko').locator('video'));
    await plays(ken.page.getByRole('region', { name: 'Shared screens' }).locator('video'));
  });

  test('another microphone is chosen during the call, and heard', async () => {
    const [aiko, ken] = await site.pair();
    await ken.button('Connection details').click();
    await hears(ken, 'Aiko');
    await aiko.button('Settings').click();
    const microphones = aiko.page.getByRole('combobox', { name: 'Microphone' });
    const other = await microphones.locator('option').last().innerText();
    await microphones.selectOption({ label: other });
    await hears(ken, 'Aiko');
    // Remembered: the next time it is chosen already.
    const again = await aiko.page.context().newPage();
    await again.goto(site.server.url.href);
    await again.getByText('Devices', { exact: true }).click();
    const chosen = again.getByRole('combobox', { name: 'Microphone' }).locator('option:checked');
    await eventually(
      () => chosen.innerText(),
      (text) => text === other,
    );
  });

  test('chat: written, read, counted while nobody looks, links to be followed', async () => {
    const [aiko, ken] = await site.pair();
    await aiko.button('Chat').click();
    await aiko.write('See https://example.org/a.');
    await ken.page.getByText('Aiko: See https://example.org/a.').waitFor();
    await ken.button('Chat, 1 new').click();
    const log = ken.page.getByRole('log', { name: 'Chat' });
    await log.getByRole('link', { name: 'https://example.org/a', exact: true }).waitFor();
    await ken.page.getByRole('textbox', { name: 'Message' }).fill('<b>Thank you</b>');
    await ken.button('Send').click();
    await aiko.page.getByRole('log').getByText('<b>Thank you</b>').waitFor();
    await ken.button('Close').click();
    await ken.button('Chat').waitFor();
  });

  test('chat: who reads what was written before is not torn away from it', async () => {
    const [aiko, ken] = await site.pair();
    for (const visitor of [aiko, ken]) await visitor.button('Chat').click();
    const log = ken.page.getByRole('log', { name: 'Chat' });
    const last = (text: string) => log.getByText(text, { exact: true });
    for (let i = 1; i <= 20; i++) await aiko.write(`${i}`);
    await last('20').waitFor();
    await eventually(
      () => log.evaluate((element) => element.scrollHeight - element.clientHeight - element.scrollTop),
      (below) => below < 2,
    );
    await log.evaluate((element) => element.scrollTo(0, 0));
    await aiko.write('another');
    await last('another').waitFor();
    expect(await log.evaluate((element) => element.scrollTop)).toBe(0);
    await ken.button('1 new message').click();
    await ken.button('1 new message').waitFor({ state: 'detached' });
    await log.evaluate((element) => element.scrollTo(0, 0));
    await ken.write('my own');
    await eventually(
      () => log.evaluate((element) => element.scrollHeight - element.clientHeight - element.scrollTop),
      (below) => below < 2,
    );
  });

  test('chat: who is still being reached reads what was written meanwhile, once', async () => {
    const aiko = await site.open({ name: 'Aiko' });
    const ken = await site.open({ name: 'Ken' }, await aiko.create());
    await ken.page.evaluate(() => {
      const { prototype } = RTCPeerConnection as {
        prototype: Pick<RTCPeerConnection, 'setRemoteDescription'>;
      };
      const original: (description: RTCSessionDescriptionInit) => Promise<void> =
        prototype.setRemoteDescription;
      const released = new Promise((release) => Object.assign(globalThis, { release }));
      prototype.setRemoteDescription = async function (description: RTCSessionDescriptionInit) {
        await released;
        return original.call(this, description);
      };
    });
    await ken.join();
    for (const visitor of [aiko, ken]) await visitor.button('Chat').click();
    await aiko.tiles.nth(1).waitFor();
    for (const text of ['Welcome', 'to the room']) await aiko.write(text);
    await ken.page.evaluate(() => (globalThis as unknown as { release(): void }).release());
    await ken.connectedTo(1);
    await aiko.write('Do you hear me?');
    const log = ken.page.getByRole('log', { name: 'Chat' });
    await log.getByText('Do you hear me?').waitFor();
    expect(await log.locator('.message-text').allTextContents()).toEqual([
      'Welcome',
      'to the room',
      'Do you hear me?',
    ]);
  });

  test('a name that is none: one is a guest, to oneself as to others', async () => {
    const [aiko, ken] = await site.pair();
    await ken.button('Settings').click();
    await ken.page.getByRole('textbox', { name: 'Your name' }).fill(' \u200b ');
    await aiko.sees('Aiko (you)', 'Guest');
    await ken.sees('Aiko', 'Guest (you)');
  });

  test('leave, and return; a new name is told at once', async () => {
    const [aiko, ken] = await site.pair();
    await ken.button('Leave').click();
    await ken.page.getByRole('heading', { name: 'You left the room' }).waitFor();
    await aiko.page.getByText('Ken left').waitFor();
    await aiko.sees('Aiko (you)');
    await aiko.status.filter({ hasText: /^Connected$/ }).waitFor();

    await ken.join();
    await Promise.all([aiko.connectedTo(1), ken.connectedTo(1)]);
    await ken.button('Settings').click();
    await ken.page.getByRole('textbox', { name: 'Your name' }).fill('Kenta');
    await aiko.sees('Aiko (you)', 'Kenta');
    await aiko.button('Connection details').click();
    await hears(aiko, 'Kenta');
  });

  test('a reload goes on with the call: name, mute, camera, chat and what was being written', async () => {
    const [aiko, ken, link] = await site.pair();
    await ken.button('Chat').click();
    await ken.write('before the reload');
    await ken.page.getByRole('textbox', { name: 'Message' }).fill('half a sent');
    await ken.button('Mute').click();
    await ken.button('Turn camera on').click();
    await plays(aiko.tile('Ken').locator('video'));
    const said = await aiko.captions();
    await ken.page.reload();
    await ken.button('Leave').waitFor();
    expect(ken.page.url()).toBe(link);
    await ken.button('Unmute').waitFor();
    await ken.button('Chat').click();
    await ken.page.getByRole('log').getByText('before the reload').waitFor();
    expect(await ken.page.getByRole('textbox', { name: 'Message' }).inputValue()).toBe('half a sent');
    await Promise.all([aiko.connectedTo(1), ken.connectedTo(1)]);
    await aiko.sees('Aiko (you)', 'Ken');
    await plays(aiko.tile('Ken').locator('video'));
    // The same participant, who has neither left nor come.
    expect((await said.jsonValue()).filter((text) => /Ken (left|is here)/.test(text))).toEqual([]);
    // Who has left is not taken back by a reload.
    await ken.button('Leave').click();
    await ken.page.reload();
    await ken.page.getByRole('heading', { name: 'You are invited' }).waitFor();
  });

  test('a second tab offers to move the call there, and nobody is in the room twice', async () => {
    const [aiko, ken, link] = await site.pair();
    await ken.button('Chat').click();
    await ken.write('from the first tab');
    const second = await site.openBeside(ken, link);
    await second.page.getByText('You are in this call in another tab').waitFor();
    await second.button('Move the call here').click();
    await second.button('Leave').waitFor();
    await ken.page.getByRole('heading', { name: 'The call is in another tab' }).waitFor();
    await Promise.all([aiko.connectedTo(1), second.connectedTo(1)]);
    await aiko.sees('Aiko (you)', 'Ken');
    await second.button('Chat').click();
    await second.page.getByRole('log').getByText('from the first tab').waitFor();
    await ken.button('Move the call here').click();
    await ken.button('Leave').waitFor();
    await second.page.getByRole('heading', { name: 'The call is in another tab' }).waitFor();
  });

  test('who closes the window is gone when the grace for a reload is over', async () => {
    const [aiko, ken] = await site.pair();
    await ken.page.close({ runBeforeUnload: false });
    await aiko.sees('Aiko (you)');
  });
});

test('eight people: everybody sees everybody, and whoever unmutes is heard by the last to come', async () => {
  const names = ['Aiko', 'Ken', 'María', 'Tom', 'Yuki', 'Sam', 'Lea', 'Noor'];
  // Small, still and muted at first: one machine draws, encodes and decodes for all of them.
  const enter = async (name: string, url?: string): Promise<Visitor> => {
    const viewport = { width: 480, height: 480 };
    const visitor = await site.open({ name, viewport, reducedMotion: 'reduce' }, url);
    await visitor.button('Mute').click();
    return visitor;
  };
  const link = await (await enter(names[0] as string)).create();
  for (const name of names.slice(1)) await (await enter(name, link)).join();
  for (const visitor of site.visitors) {
    await visitor.connectedTo(7);
    await visitor.sees(...names);
  }
  const last = site.visitors.at(-1) as Visitor;
  await last.button('Connection details').click();
  for (const [i, name] of names.slice(0, -1).entries()) {
    const visitor = site.visitors[i] as Visitor;
    await visitor.button('Unmute').click();
    await hears(last, name);
    await visitor.button('Leave').click();
    await last.sees(...names.slice(i + 1));
  }
});

describe('links', () => {
  test('a dead one says that the room is not found, and offers to open it again', async () => {
    const link = new URL('/#3f2c8e0a-5b1d-4c7e-9a64-1d2e3f405162', site.server.url).href;
    const aiko = await site.open({ name: 'Aiko' }, link);
    await aiko.button('Join room').click();
    await aiko.page.getByRole('alert').getByText('Room not found').waitFor();
    await aiko.button('Open it again').click();
    await aiko.button('Leave').waitFor();
    expect(aiko.page.url()).toBe(link);
    const ken = await site.open({}, link);
    await ken.join();
    await aiko.connectedTo(1);
  });

  test('a full room says so, is asked again by itself, and lets one in when somebody has left', async () => {
    const { room_id, clients } = await seat(site.server.wsUrl, 8);
    const aiko = await site.open({ name: 'Aiko' }, new URL(`/#${room_id}`, site.server.url));
    await aiko.button('Join room').click();
    await aiko.page.getByRole('alert').getByText('This room is full').waitFor();
    await aiko.page.getByText('Waiting for a free place').waitFor();
    clients.pop()?.close();
    await aiko.button('Leave').waitFor(); // it is asked again by itself
    await eventually(
      () => aiko.tiles.count(),
      (count) => count === 8,
    );
    for (const client of clients) client.close();
    await aiko.sees('Aiko (you)');
  });

  test('a room is joined by its id too, and what is no id is explained', async () => {
    const { room_id, clients } = await seat(site.server.wsUrl, 1);
    const aiko = await site.open();
    const field = aiko.page.getByRole('textbox', { name: 'Room link or ID' });
    await aiko.button('Join room').click();
    await aiko.page.getByText('Paste the link you were sent').waitFor();
    await field.fill('tomorrow at five');
    await aiko.button('Join room').click();
    await aiko.page.getByText('There is no room ID in this').waitFor();
    await field.fill(room_id.toUpperCase());
    await aiko.join();
    expect(aiko.page.url()).toBe(new URL(`/#${room_id}`, site.server.url).href);
    await aiko.tiles.nth(1).waitFor();
    for (const client of clients) client.close();
  });

  test.each([
    '3f2c8e0a',
    '3f2c8e0a-5b1d-1c7e-9a64-1d2e3f405162', // a UUID, but none that a room has
  ])('a broken one is explained: %s', async (id) => {
    const aiko = await site.open({}, new URL(`/#${id}`, site.server.url));
    await aiko.page.getByText('There is no room in this link').waitFor();
    await aiko.create();
  });

  test('Back asks before it leaves the call', async () => {
    const [aiko, ken, link] = await site.pair();
    const question = aiko.page.getByRole('dialog', { name: 'Leave the call?' });
    await aiko.page.goBack();
    await question.getByRole('button', { name: 'Stay' }).click();
    await question.waitFor({ state: 'detached' });
    expect(aiko.page.url()).toBe(link);
    await aiko.connectedTo(1);
    await ken.connectedTo(1);

    await aiko.page.goBack();
    await question.getByRole('button', { name: 'Leave the call' }).click();
    await aiko.page.getByRole('heading', { name: 'You left the room' }).waitFor();
    expect(aiko.page.url()).toBe(link);
    await ken.sees('Ken (you)');
  });
});
