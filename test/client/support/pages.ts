import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { MeshOptions } from '../../../src/client/index.ts';
import { CHROMIUM, CHROMIUM_ARGS, FAKE_DEVICES, PLAIN_CANDIDATES } from '../../support/chromium.ts';
import type { Call } from './call-page.ts';

/** Waits in pages as long as that: eight of them share the CI's two cores. */
const PATIENCE_MS = 150_000;

type Scope = { readonly call: Call };

/** A participant in a page of its own. */
export class CallPage {
  readonly page: Page;
  /** Its participant id. */
  id = '';
  /** Every Error the server has sent it. */
  readonly refusals: string[] = [];

  /** Loads what the page runs. */
  readonly #begin: (page: Page) => Promise<void>;

  constructor(page: Page, begin: (page: Page) => Promise<void>) {
    this.page = page;
    this.#begin = begin;
    page.on('websocket', (socket) =>
      socket.on('framereceived', ({ payload }) => {
        if (String(payload).includes('"type":"Error"')) this.refusals.push(String(payload));
      }),
    );
  }

  async enter(roomId?: string): Promise<string> {
    const room = await this.run(({ call }, id) => call.enter(id), roomId);
    this.id = await this.run(({ call }) => call.signaling.selfId as string);
    return room;
  }

  async reload(): Promise<void> {
    await this.page.reload();
    await this.#begin(this.page);
  }

  /** Another tab, with a copy of this one's `sessionStorage`. */
  async duplicate(): Promise<CallPage> {
    const opened = this.page.waitForEvent('popup');
    await this.page.evaluate('void open(location.href)');
    const page = await opened;
    await page.waitForLoadState();
    await this.#begin(page);
    return new CallPage(page, this.#begin);
  }

  /** Runs a function in the page, on its globals. */
  run<T, A>(body: (scope: Scope, argument: A) => T | Promise<T>, argument?: A): Promise<T> {
    return this.page.evaluate(`(${body})(globalThis, ${JSON.stringify(argument)})`) as Promise<T>;
  }

  /** Waits until a function says true in the page. */
  async until<A>(isTrue: (scope: Scope, argument: A) => unknown, argument?: A): Promise<void> {
    const expression = `(${isTrue})(globalThis, ${JSON.stringify(argument)})`;
    try {
      await this.page.waitForFunction(expression, undefined, { timeout: PATIENCE_MS, polling: 200 });
    } catch (error) {
      const seen = await this.run(({ call }) => JSON.stringify([call.log, call.errors, call.standing()]));
      throw new Error(`${error}\nThe page has seen: ${seen}`);
    }
  }

  /** Waits until it is connected with exactly these. */
  connected(others: readonly CallPage[]): Promise<void> {
    return this.until(
      ({ call }, ids) =>
        call.peers().length === ids.length &&
        call.peers().every(({ id, state }) => state === 'connected' && ids.includes(id)),
      others.filter((other) => other !== this).map(({ id }) => id),
    );
  }

  /** Waits until more sound has come from every peer than now. */
  async hearsAll(): Promise<void> {
    const before = await this.run(({ call }) => call.packets());
    await this.until(async ({ call }, former) => {
      const now = await call.packets();
      return Object.entries(now).every(([id, packets]) => packets > (former[id] ?? 0));
    }, before);
  }
}

/** A browser whose pages are participants. */
export class CallPages {
  readonly #browser: Browser;
  readonly #script: string;
  readonly #pages: Page[] = [];

  /** `command` runs the browser, in a network namespace for instance. Pages of `secure` origins get a microphone. */
  static async launch(command: readonly string[] = [], secure = ''): Promise<CallPages> {
    const entryPoints = [fileURLToPath(new URL('call-page.ts', import.meta.url))];
    const { outputFiles } = await build({ entryPoints, bundle: true, write: false, format: 'iife' });
    const folder = await mkdtemp(join(tmpdir(), 'bloom-browser-'));
    const executablePath = join(folder, 'chromium');
    await writeFile(executablePath, `#!/bin/sh\nexec ${command.join(' ')} ${CHROMIUM} "$@"\n`, {
      mode: 0o755,
    });
    const args = [
      ...CHROMIUM_ARGS,
      ...FAKE_DEVICES,
      PLAIN_CANDIDATES,
      `--unsafely-treat-insecure-origin-as-secure=${secure}`,
    ];
    const browser = await chromium.launch({ executablePath, args });
    await rm(folder, { recursive: true });
    return new CallPages(browser, outputFiles[0]?.text as string);
  }

  private constructor(browser: Browser, script: string) {
    this.#browser = browser;
    this.#script = script;
  }

  /** A participant that is in no room yet. `before` is run in the page before the client is. */
  async open(
    url: URL,
    options: MeshOptions = {},
    { before = '', ...more }: { readonly session?: boolean; readonly before?: string } = {},
  ): Promise<CallPage> {
    const page = await this.#browser.newPage();
    this.#pages.push(page);
    const begin = async (page: Page): Promise<void> => {
      const inputs = [url, options, more].map((input) => JSON.stringify(input));
      await page.evaluate(`${before}\n${this.#script}`);
      await page.evaluate(`globalThis.call = new Call(${inputs.join(', ')})`);
    };
    const participant = new CallPage(page, begin);
    // Any page of the server's own: Chromium lets none from elsewhere connect to this machine.
    await page.goto(new URL('/healthz', url).href.replace('ws', 'http'));
    await begin(page);
    return participant;
  }

  async closePages(): Promise<void> {
    await Promise.all(this.#pages.splice(0).map((page) => page.close()));
  }

  async close(): Promise<void> {
    await this.#browser.close();
  }
}
