import { readFile } from 'node:fs/promises';
import type {
  Browser,
  BrowserContext,
  BrowserContextOptions,
  JSHandle,
  Locator,
  Page,
} from 'playwright-core';

/** People at the call page, in real Chromium with fake devices. */

const ROOT = new URL('../../../', import.meta.url);
/** Of anything a page is waited for: slow machines run eight of them at once. */
const TIMEOUT_MS = 90_000;

/** Their window, and what they are called. */
export type VisitorOptions = BrowserContextOptions & {
  readonly name?: string;
  /** Run before the page's own scripts. */
  readonly before?: string;
};

/** One browser window and whoever sits before it. */
export class Visitor {
  readonly page: Page;
  /** What no page may have: errors, violations of the policy, requests to elsewhere. */
  readonly complaints: string[] = [];

  private constructor(page: Page) {
    this.page = page;
  }

  static async open(
    browser: Browser,
    url: URL | string,
    { name, before, ...options }: VisitorOptions = {},
  ): Promise<Visitor> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    context.setDefaultTimeout(TIMEOUT_MS);
    if (before !== undefined) await context.addInitScript(before);
    const visitor = await Visitor.openIn(context, url);
    if (name !== undefined) await visitor.page.getByRole('textbox', { name: 'Your name' }).fill(name);
    return visitor;
  }

  /** A new tab of a browser window. */
  static async openIn(context: BrowserContext, url: URL | string): Promise<Visitor> {
    const page = await context.newPage();
    const visitor = new Visitor(page);
    visitor.#watch(new URL(url).host);
    await page.goto(String(url));
    return visitor;
  }

  #watch(host: string): void {
    const { page, complaints } = this;
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => {
      if (new URL(request.url()).host !== host) complaints.push(`elsewhere: ${request.url()}`);
    });
  }

  button(name: string): Locator {
    return this.page.getByRole('button', { name, exact: true });
  }

  get status(): Locator {
    return this.page.getByRole('status');
  }

  get tiles(): Locator {
    return this.page.getByRole('list', { name: 'Participants' }).getByRole('listitem');
  }

  /** The tile of somebody, by a text it has. */
  tile(text: string): Locator {
    return this.tiles.filter({ hasText: text });
  }

  /** Creates a room and returns its link. */
  async create(): Promise<string> {
    await this.button('Create room').click();
    await this.button('Leave').waitFor();
    return this.page.url();
  }

  /** Joins the room of the link the page was opened with. */
  async join(): Promise<void> {
    await this.button('Join room').click();
    await this.button('Leave').waitFor();
  }

  /** Waits until the page says that we are connected to so many others. */
  async connectedTo(others: number): Promise<void> {
    await eventually(
      () => this.status.innerText(),
      (text) => text.startsWith(`Connected to ${others} p`),
    );
  }

  /** Waits until everybody's tile is there. */
  async sees(...names: readonly string[]): Promise<void> {
    await eventually(
      () => this.tiles.allTextContents(),
      (texts) =>
        texts.length === names.length && names.every((name) => texts.some((text) => text.includes(name))),
    );
  }

  /** The captions that are added from now on: who has come, and who has left. */
  captions(): Promise<JSHandle<string[]>> {
    return this.page.evaluateHandle(() => {
      const texts: string[] = [];
      const captions = document.querySelector('.captions') as HTMLElement;
      new MutationObserver((changes) => {
        for (const { addedNodes } of changes)
          for (const node of addedNodes) texts.push(node.textContent ?? '');
      }).observe(captions, { subtree: true, childList: true });
      return texts;
    });
  }

  /** Writes to the chat, whose panel is open. */
  async write(text: string): Promise<void> {
    await this.page.getByRole('textbox', { name: 'Message' }).fill(text);
    await this.page.keyboard.press('Enter');
  }

  /** Presses a button by keyboard, and waits until what is wanted has the focus. */
  async press(name: string, focused: string): Promise<void> {
    await this.button(name).focus();
    await this.page.keyboard.press('Enter');
    await this.hasFocusOn(focused);
  }

  /** Waits until something of this tag, label or text has the focus. */
  async hasFocusOn(wanted: string): Promise<void> {
    await eventually(
      () =>
        this.page.evaluate(() => {
          const element = document.activeElement as HTMLElement;
          return [element.tagName, element.ariaLabel ?? element.textContent?.trim()];
        }),
      (focused) => focused.includes(wanted),
      10_000,
    );
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}

/** Asks until the answer is as wanted; the last answer is in the error. */
export async function eventually<T>(
  ask: () => Promise<T>,
  isWanted: (answer: T) => boolean,
  timeoutMs = TIMEOUT_MS,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (isWanted(answer)) return answer;
    if (performance.now() > end) throw new Error(`the last answer: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export interface AudioIn {
  readonly packets: number;
  readonly level: number;
}

/** What the details panel, which must be open, says of the audio received from somebody: numbers of getStats. */
export async function audioFrom({ page }: Visitor, name: string): Promise<AudioIn> {
  const text = await fact(page, name, 'Audio in').innerText();
  const [, packets, level] = /^(\d+) packets, .*level ([\d.]+)$/.exec(text) ?? [];
  return { packets: Number(packets), level: Number(level) };
}

/** Waits until the details panel has been read anew, while we send something. */
export async function nextReading({ page }: Visitor, name: string): Promise<void> {
  const sent = fact(page, name, 'Sent');
  const before = await sent.innerText();
  await eventually(
    () => sent.innerText(),
    (text) => text !== before,
  );
}

function fact(page: Page, name: string, term: string): Locator {
  return page
    .getByRole('complementary')
    .getByRole('region', { name, exact: true })
    .locator(`dt:has-text("${term}") + dd`);
}

/** Waits until audio is heard from somebody: more packets than before, and they are not silent. */
export async function hears(visitor: Visitor, name: string): Promise<void> {
  const { packets } = await audioFrom(visitor, name);
  await eventually(
    () => audioFrom(visitor, name),
    (audio) => audio.packets > packets && audio.level > 0,
  );
}

/** Waits until two pictures of a video, drawn on a canvas one after the other, differ: it plays, and it is live. */
export async function plays(video: Locator): Promise<void> {
  const picture = () =>
    video.evaluate((element) => {
      const { videoWidth: width, videoHeight: height } = element as HTMLVideoElement;
      if (width === 0) return '';
      const context = new OffscreenCanvas(width, height).getContext(
        '2d',
      ) as OffscreenCanvasRenderingContext2D;
      context.drawImage(element as HTMLVideoElement, 0, 0);
      let hash = 0;
      for (const value of context.getImageData(0, 0, width, height).data) hash = (hash * 31 + value) | 0;
      return `${width}x${height} ${hash}`;
    });
  const first = await eventually(picture, (text) => text !== '');
  await eventually(picture, (text) => text !== first);
}

const axe = await readFile(new URL('node_modules/axe-core/axe.min.js', ROOT), 'utf8');

/** What axe finds wrong for people who do not see the page, or use no mouse. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate(`axe.run(document, { iframes: false }).then(({ violations }) =>
    violations.map(({ id, help, nodes }) => id + ': ' + help + ' ' + nodes.map(({ html }) => html).join(' ')))`);
}
