import { afterAll, afterEach, beforeAll, expect } from '@jest/globals';
import type { Browser } from 'playwright-core';
import type { Routes } from '../../../src/http.ts';
import { findPage } from '../../../src/web.ts';
import { FAKE_DEVICES, launchChromium } from '../../support/chromium.ts';
import { startServer, type TestServer } from '../../support/server.ts';
import { Visitor, type VisitorOptions } from './visitor.ts';

/** Where the tests of a file meet: a server that has the call page, and a browser. Visitors go home after each test. */
export class Site {
  server!: TestServer;
  /** With fake devices. */
  browser!: Browser;
  /** Of this test, in the order they came. */
  readonly visitors: Visitor[] = [];
  readonly #browsers: Browser[] = [];

  /** Registers the hooks: to be made once, at the top of a file. `mayComplain`: pages may have errors in the console. */
  constructor({ mayComplain = false }: { readonly mayComplain?: boolean } = {}) {
    beforeAll(async () => {
      this.browser = await launchChromium(...FAKE_DEVICES);
      // scripts/test-setup.ts has built it.
      this.server = await startServer({}, { page: findPage() as Routes });
    }, 120_000);
    afterEach(async () => {
      const complaints = this.visitors.flatMap((visitor) => visitor.complaints);
      await Promise.all(this.visitors.splice(0).map((visitor) => visitor.close()));
      await Promise.all(this.#browsers.splice(0).map((browser) => browser.close()));
      if (!mayComplain) expect(complaints).toEqual([]);
    });
    afterAll(async () => {
      await this.browser.close();
      await this.server.stop();
    });
  }

  /** Somebody opens the page: the start page, or a link. */
  async open(options: VisitorOptions = {}, url: URL | string = this.server.url): Promise<Visitor> {
    const visitor = await Visitor.open(this.browser, url, options);
    this.visitors.push(visitor);
    return visitor;
  }

  /** Another tab of somebody's browser. */
  async openBeside({ page }: Visitor, url: URL | string): Promise<Visitor> {
    const visitor = await Visitor.openIn(page.context(), url);
    this.visitors.push(visitor);
    return visitor;
  }

  /** The same in a browser of their own, started with these arguments. */
  async openElsewhere(
    args: readonly string[],
    options: VisitorOptions,
    url: URL | string = this.server.url,
  ): Promise<Visitor> {
    const browser = await launchChromium(...args);
    this.#browsers.push(browser);
    const visitor = await Visitor.open(browser, url, options);
    this.visitors.push(visitor);
    return visitor;
  }

  /** Aiko has created a room, and Ken has joined it by her link. */
  async pair(url: URL | string = this.server.url): Promise<[Visitor, Visitor, string]> {
    const aiko = await this.open({ name: 'Aiko' }, url);
    const link = await aiko.create();
    const ken = await this.open({ name: 'Ken' }, link);
    await ken.join();
    await Promise.all([aiko.connectedTo(1), ken.connectedTo(1)]);
    return [aiko, ken, link];
  }
}
