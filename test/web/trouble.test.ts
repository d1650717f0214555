import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Balancer } from '../support/balancer.ts';
import { type ChildServer, startChild } from '../support/child.ts';
import { FAKE_DEVICES, launchMortalChromium } from '../support/chromium.ts';
import { SilentProxy } from '../support/silent-proxy.ts';
import { Site } from './support/site.ts';
import { eventually, hears, plays, Visitor } from './support/visitor.ts';

/** Calls in trouble: the server goes and comes back, microphones are forbidden or missing. */

jest.setTimeout(180_000);

// A server that is killed leaves errors in the console.
const site = new Site({ mayComplain: true });

describe('the server', () => {
  let child: ChildServer;
  beforeAll(async () => {
    child = await startChild();
  });
  afterAll(() => void child.process.kill('SIGKILL'));

  test('killed during a call: the call goes on, the status says what is done; restarted: all is well', async () => {
    const { port } = child.url;
    const [aiko, ken, link] = await site.pair(child.url);
    await ken.button('Connection details').click();
    await hears(ken, 'Aiko');
    const said = await aiko.page.evaluateHandle(() => {
      const texts: (string | null)[] = [];
      const status = document.querySelector('[role=status]') as HTMLElement;
      new MutationObserver(() => texts.push(status.textContent)).observe(status, {
        subtree: true,
        childList: true,
        characterData: true,
      });
      return texts;
    });

    await child.stop('SIGKILL');
    for (const visitor of [aiko, ken]) {
      await visitor.status.filter({ hasText: /Server connection lost\. Reconnecting/ }).waitFor();
      await visitor.status.filter({ hasText: 'The call goes on.' }).waitFor();
      await visitor.page.getByText(/^\(in [1-9] s\)$/).waitFor();
    }
    await hears(ken, 'Aiko');
    await ken.sees('Aiko', 'Ken (you)');

    child = await startChild({ PORT: port });
    await Promise.all([aiko.connectedTo(1), ken.connectedTo(1)]);
    expect(ken.page.url()).toBe(link);
    // However often it was tried, a screen reader says it once.
    const lost = (await said.jsonValue()).filter((text) => text?.startsWith('Server connection lost'));
    expect(lost).toEqual(['Server connection lost. Reconnecting… The call goes on.']);
    await hears(ken, 'Aiko');
    const lea = await site.open({ name: 'Lea' }, link);
    await lea.join();
    for (const visitor of [aiko, ken, lea]) {
      await visitor.connectedTo(2);
      await visitor.sees('Aiko', 'Ken', 'Lea');
    }
  });

  test('not there when one wants to join: the status says so, and one can think better of it', async () => {
    const aiko = await site.open({ name: 'Aiko' }, child.url);
    const { port } = child.url;
    await child.stop('SIGKILL');
    await aiko.button('Create room').click();
    await aiko.status.filter({ hasText: 'The server cannot be reached. Trying again…' }).waitFor();
    await aiko.button('Cancel').click();
    await aiko.button('Create room').waitFor();
    await aiko.button('Create room').click();
    child = await startChild({ PORT: port });
    await aiko.button('Leave').waitFor();
  });
});

/** Notes each connection that the page makes, and every state it has. */
const NOTE_CONNECTIONS = `{
  globalThis.connections = [];
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    states = [];
    constructor(...input) {
      super(...input);
      connections.push(this);
      this.addEventListener('connectionstatechange', () => this.states.push(this.connectionState));
    }
    async packets() {
      const stats = [...(await this.getStats()).values()];
      return stats.reduce((sum, { packetsReceived = 0 }) => sum + packetsReceived, 0);
    }
  };
}`;

interface Ends {
  readonly states: string[];
  readonly packets: number[];
}

/** The ends of all connections that a page has made. */
const endsOf = ({ page }: Visitor): Promise<Ends> =>
  page.evaluate(`Promise.all(connections.map((each) => each.packets())).then((packets) => ({
    states: connections.map(({ states, connectionState }) => [...states, connectionState].join(' ')).sort(),
    packets,
  }))`);

test('a rolling deploy: no media ends, and somebody who leaves meanwhile has left', async () => {
  const [old, next] = await Promise.all([startChild({ DRAIN_TIMEOUT_MS: '6000' }), startChild()]);
  const balancer = await Balancer.to(old.wsUrl);
  try {
    const url = new URL('/', balancer.wsUrl.href.replace('ws', 'http'));
    const open = (name: string, url: URL | string) => site.open({ name, before: NOTE_CONNECTIONS }, url);
    const aiko = await open('Aiko', url);
    const link = await aiko.create();
    const others = await Promise.all(['Ken', 'Lea', 'Tom'].map((name) => open(name, link)));
    await Promise.all(others.map((other) => other.join()));
    const [ken, lea, tom] = others as [Visitor, Visitor, Visitor];
    await Promise.all([aiko, ken, lea, tom].map((visitor) => visitor.connectedTo(3)));

    balancer.moveTo(next.wsUrl);
    const stopped = old.stop('SIGTERM');
    await tom.button('Leave').click();
    expect(await stopped).toBe(0); // as soon as the last has moved
    await Promise.all(
      [aiko, ken, lea].map(async (visitor) => {
        await visitor.connectedTo(2);
        await visitor.sees('Aiko', 'Ken', 'Lea');
        const before = await endsOf(visitor);
        // Those with one another, no second one with anybody, and the one with Tom.
        const stayed = 'connecting connected connected';
        // One that was closed before it began was for Tom, who left while he moved.
        const begun = before.states.filter((states) => states !== 'closed');
        expect(begun).toEqual(['connecting connected closed', stayed, stayed]);
        await eventually(
          () => endsOf(visitor),
          ({ packets }) => packets.filter((count, i) => count > (before.packets[i] as number)).length === 2,
        );
      }),
    );
  } finally {
    await balancer.close();
    for (const server of [old, next]) server.process.kill('SIGKILL');
  }
});

test('a tab of a browser that crashed is the same person when it is restored, though the room is full', async () => {
  const full = await startChild({ ROOM_CAPACITY: '2', RESUME_GRACE_MS: '60000' });
  const browser = await launchMortalChromium(...FAKE_DEVICES);
  try {
    const aiko = await site.open({ name: 'Aiko' }, full.url);
    const link = await aiko.create();
    const ken = await Visitor.open(browser.client, link, { name: 'Ken' });
    await ken.join();
    await Promise.all([aiko.connectedTo(1), ken.connectedTo(1)]);
    const stranger = await site.open({ name: 'Tom' }, link);
    const said = await aiko.captions();
    const stored = await ken.page.evaluate<string>('JSON.stringify({ ...sessionStorage })');
    await browser.kill();
    await stranger.button('Join room').click();
    await stranger.page.getByRole('alert').getByText('This room is full').waitFor();

    // The browser restores what the tab had in sessionStorage.
    const restored = await site.open({ before: `Object.assign(sessionStorage, ${stored})` }, link);
    await Promise.all([aiko.connectedTo(1), restored.connectedTo(1)]);
    await restored.sees('Aiko', 'Ken (you)');
    expect((await said.jsonValue()).filter((text) => /Ken (left|is here)/.test(text))).toEqual([]);
  } finally {
    await browser.kill();
    full.process.kill('SIGKILL');
  }
});

describe('a network that lets nothing through for a while', () => {
  let network: SilentProxy;
  beforeAll(async () => {
    network = await SilentProxy.to(site.server.url);
  });
  afterEach(() => network.mend());
  afterAll(() => network.close());

  test('a double click is one', async () => {
    const aiko = await site.open({ viewport: { width: 390, height: 844 } }, network.wsUrl);
    const { x, y, width, height } = (await aiko.button('Create room').boundingBox()) as DOMRect;
    network.cut();
    const { mouse } = aiko.page;
    await mouse.click(x + width - 40, y + height / 2);
    await aiko.button('Cancel').waitFor();
    await mouse.down({ clickCount: 2 });
    await mouse.up({ clickCount: 2 });
    network.mend();
    await aiko.button('Leave').waitFor({ timeout: 20_000 });
  });

  test('by keyboard in, and back: the focus goes along; the link that was typed is still there', async () => {
    const aiko = await site.open({ name: 'Aiko' }, network.wsUrl);
    const link = aiko.page.getByRole('textbox', { name: 'Room link or ID' });
    await link.fill('3f2c8e0a-5b1d-4c7e-9a64-1d2e3f405162');
    network.cut();
    await aiko.press('Join room', 'Connecting…Cancel');
    await aiko.press('Cancel', 'Create room');
    expect(await link.inputValue()).toBe('3f2c8e0a-5b1d-4c7e-9a64-1d2e3f405162');
    network.mend();
    await aiko.press('Create room', 'MAIN');
  });
});

test('a camera that is unplugged: its user is told, the others see it no more, and it can be turned on again', async () => {
  const [aiko, ken] = await site.pair();
  await ken.button('Turn camera on').click();
  await plays(aiko.tile('Ken').locator('video'));
  await ken
    .tile('Ken')
    .locator('video')
    .evaluate((video) => {
      const [track] = ((video as HTMLVideoElement).srcObject as MediaStream).getTracks();
      track?.stop();
      track?.dispatchEvent(new Event('ended')); // what the browser does: fake devices have no plug
    });
  await ken.page.getByRole('alert').getByText('Your camera has stopped').waitFor({ timeout: 10_000 });
  await aiko.tile('Ken').locator('video').waitFor({ state: 'detached' });
  await ken.button('Turn camera on').click();
  await plays(aiko.tile('Ken').locator('video'));
  expect(await ken.page.getByRole('alert').count()).toBe(0);
});

test('a shared tab is closed: sharing has stopped, and it is no trouble', async () => {
  const aiko = await site.open({ name: 'Aiko' });
  const link = await aiko.create();
  // Without the fake permissions, under which Chromium captures a made-up screen.
  const args = ['--use-fake-device-for-media-stream', '--auto-select-tab-capture-source-by-title=A talk'];
  const ken = await site.openElsewhere(args, { name: 'Ken', permissions: ['microphone'] }, link);
  await ken.join();
  const talk = await ken.page.context().newPage();
  await talk.setContent('<title>A talk</title><h1>Slide 1</h1>');
  await ken.page.bringToFront();
  await ken.button('Share screen').click();
  await aiko.page.getByRole('region', { name: 'Shared screens' }).locator('video').waitFor();
  await talk.close();
  await aiko.page.getByRole('region', { name: 'Shared screens' }).waitFor({ state: 'detached' });
  await ken.button('Share screen').waitFor();
  await ken.page.getByText('You stopped sharing').waitFor();
  expect(await ken.page.getByRole('alert').count()).toBe(0);
});

test.each([
  [
    'forbidden',
    ['--use-fake-device-for-media-stream'],
    '127.0.0.1',
    'Your microphone is blocked',
    'Your camera is blocked',
  ],
  [
    'missing',
    ['--use-fake-ui-for-media-stream', '--disable-audio-input'],
    '127.0.0.1',
    'No microphone found',
    'No camera found',
  ],
  [
    'withheld from a page by plain http',
    ['--host-resolver-rules=MAP bloom.test 127.0.0.1'],
    'bloom.test',
    'open this page by https',
    'Browsers give the camera only to pages from https',
  ],
])('devices are %s: one is in the call all the same, listens, and is told what to do', async (...its) => {
  const [, args, host, microphone, camera] = its;
  const aiko = await site.open({ name: 'Aiko' });
  const link = new URL(await aiko.create());
  link.hostname = host;
  const ken = await site.openElsewhere(args, { name: 'Ken' }, link);
  await ken.button('Check microphone').click();
  await ken.button('Unmute').waitFor();
  await ken.join();
  await ken.page.getByRole('alert').getByText(microphone).waitFor();
  await Promise.all([aiko.connectedTo(1), ken.connectedTo(1)]);
  await ken.button('Unmute').waitFor();
  await aiko.tile('Ken').filter({ hasText: 'muted' }).waitFor();
  await ken.button('Connection details').click();
  await hears(ken, 'Aiko');

  await ken.button('Turn camera on').click();
  const alert = ken.page.getByRole('alert').filter({ hasText: camera });
  await alert.getByRole('button', { name: 'Dismiss' }).click();
  await alert.waitFor({ state: 'detached' });
  await ken.button('Turn camera on').waitFor();
  expect(await aiko.tile('Ken').locator('video').count()).toBe(0);
  for (const visitor of [aiko, ken]) expect(visitor.complaints).toEqual([]);
});
