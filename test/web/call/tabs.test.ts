import { afterEach, expect, test } from '@jest/globals';
import type { KeptCall } from '../../../web/call/kept.ts';
import { Tabs } from '../../../web/call/tabs.ts';

/** Tabs of one browser, over Node's BroadcastChannel. */

const ROOM = '3f2c8e0a-5b1d-4c7e-9a64-1d2e3f405162';
const OTHER = '7a1b2c3d-5b1d-4c7e-9a64-1d2e3f405162';

const channels: BroadcastChannel[] = [];
afterEach(() => {
  for (const channel of channels.splice(0)) channel.close();
});

const kept = (name: string): KeptCall => ({
  roomId: ROOM,
  name,
  isMuted: true,
  hasCamera: false,
  messages: [],
  draft: '',
  at: Date.now(),
});

function tab(name = ''): Tabs {
  const channel = new BroadcastChannel('bloom test');
  channels.push(channel);
  const tabs = new Tabs(channel, () => {
    tabs.update(ROOM, undefined);
    return kept(name);
  });
  return tabs;
}

const changed = (tabs: Tabs) =>
  new Promise<void>((resolve) => {
    const stop = tabs.elsewhere.subscribe(() => {
      stop();
      resolve();
    });
  });

test('a tab with the link of a call finds the tab that is in it', async () => {
  const [first, second, third] = [tab(), tab(), tab()];
  first.update(ROOM, ROOM);
  second.update(ROOM, undefined);
  third.update(OTHER, undefined);
  expect(await second.isElsewhere()).toBe(true);
  expect(second.elsewhere.get()).toBe(ROOM);
  expect(await third.isElsewhere()).toBe(false);
});

test('it hears when the other tab enters the call, and when it leaves', async () => {
  const [first, second] = [tab(), tab()];
  second.update(ROOM, undefined);
  const entered = changed(second);
  first.update(ROOM, ROOM);
  await entered;
  expect(second.elsewhere.get()).toBe(ROOM);
  const left = changed(second);
  first.update(ROOM, undefined);
  await left;
  expect(second.elsewhere.get()).toBeUndefined();
});

test('the call moves with its state: the other tab leaves it', async () => {
  const [first, second] = [tab('Aiko'), tab()];
  first.update(ROOM, ROOM);
  second.update(ROOM, undefined);
  expect((await second.take(ROOM))?.name).toBe('Aiko');
  second.update(ROOM, ROOM);
  expect(await first.isElsewhere()).toBe(true);
});

test('a tab that does not answer hands nothing over', async () => {
  expect(await tab().take(ROOM)).toBeUndefined();
});

test('without a channel every tab is alone', async () => {
  const tabs = new Tabs(undefined, () => undefined);
  tabs.update(ROOM, undefined);
  expect(await tabs.isElsewhere()).toBe(false);
});
