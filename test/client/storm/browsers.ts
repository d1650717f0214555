import { type Browser, chromium, type Page } from 'playwright-core';
import puppeteer from 'puppeteer-core';
import { CHROMIUM, CHROMIUM_ARGS, PLAIN_CANDIDATES } from '../../support/chromium.ts';

/** A page of either browser: as much of it as a storm needs. */
export interface BrowserPage {
  /** Evaluates an expression, and waits for the promise it gives. */
  evaluate<T>(expression: string): Promise<T>;
  close(): Promise<void>;
}

export interface StormBrowser {
  readonly name: 'chromium' | 'firefox';
  open(url: string): Promise<BrowserPage>;
  close(): Promise<void>;
}

const FIREFOX = '/usr/bin/firefox-esr';
const FIREFOX_PREFERENCES = {
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  'media.gmp-manager.updateEnabled': false,
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'dom.min_background_timeout_value': 4,
};

export async function launchChromium(): Promise<StormBrowser> {
  const args = [...CHROMIUM_ARGS, PLAIN_CANDIDATES, '--autoplay-policy=no-user-gesture-required'];
  const browser: Browser = await chromium.launch({ executablePath: CHROMIUM, args });
  return {
    name: 'chromium',
    open: async (url) => {
      const page: Page = await browser.newPage();
      await page.goto(url);
      return { evaluate: (expression) => page.evaluate(expression), close: () => page.close() };
    },
    close: () => browser.close(),
  };
}

export async function launchFirefox(): Promise<StormBrowser> {
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: FIREFOX,
    extraPrefsFirefox: FIREFOX_PREFERENCES,
  });
  return {
    name: 'firefox',
    open: async (url) => {
      const page = await browser.newPage();
      await page.goto(url);
      return {
        evaluate: <T>(expression: string) => page.evaluate(expression) as Promise<T>,
        close: () => page.close(),
      };
    },
    close: () => browser.close(),
  };
}
