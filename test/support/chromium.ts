import { type Browser, chromium } from 'playwright-core';

/** How the tests start Chromium: nothing fetched, nothing asked, every screen shared that a page asks for. */

export const CHROMIUM = '/usr/bin/chromium';

export const CHROMIUM_ARGS: readonly string[] = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--auto-select-desktop-capture-source=Entire screen',
];

/** A camera and a microphone that are made up, and no question whether a page may use them. */
export const FAKE_DEVICES: readonly string[] = [
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
];

/** Addresses of this machine are candidates as they are: nobody here resolves mDNS names. */
export const PLAIN_CANDIDATES = '--disable-features=WebRtcHideLocalIpsWithMdns';

export function launchChromium(...args: readonly string[]): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: [...CHROMIUM_ARGS, ...args] });
}

/** A browser that can be killed, which leaves it no time for a goodbye to any server. */
export async function launchMortalChromium(
  ...args: readonly string[]
): Promise<{ readonly client: Browser; kill(): Promise<void> }> {
  const server = await chromium.launchServer({
    executablePath: CHROMIUM,
    args: [...CHROMIUM_ARGS, ...args],
  });
  const client = await chromium.connect(server.wsEndpoint());
  return { client, kill: () => server.kill() };
}
