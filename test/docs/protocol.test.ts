import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { SECTIONS } from '../../src/conformance/check.ts';
import { CheckFailed } from '../../src/conformance/participant.ts';
import { Player } from '../../src/conformance/player.ts';
import { PROTOCOL_LIMITS } from '../../src/conformance/target.ts';
import { parseTranscript, type Step } from '../../src/conformance/transcript.ts';
import { ERROR_CODES } from '../../src/protocol/codes.ts';
import { CLIENT_MESSAGES, SERVER_MESSAGES } from '../../src/protocol/messages.ts';
import { startServer } from '../support/server.ts';

/** The examples of docs/protocol.md, each played against a server of its own. */

const doc = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');

interface Example {
  readonly title: string;
  readonly env: Readonly<Record<string, string>>;
  readonly text: string;
}

/** A block's first line may set the server up: ```transcript ROOM_CAPACITY=2 */
const examples: Example[] = doc.split(/^##+ /m).flatMap((section) =>
  [...section.matchAll(/^```transcript(?<settings>.*)\n(?<text>[\s\S]*?)^```$/gm)].map(
    ({ groups }, index) => ({
      title: `${section.slice(0, section.indexOf('\n'))}, ${index + 1}`,
      env: Object.fromEntries(
        [...(groups?.settings ?? '').matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name, value]),
      ),
      text: groups?.text ?? '',
    }),
  ),
);

async function play(text: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
  const server = await startServer(env);
  const player = new Player({ url: server.wsUrl, limits: PROTOCOL_LIMITS, patienceMs: 10_000, settleMs: 20 });
  let at: Step | undefined;
  try {
    await player.play(parseTranscript(text), (step) => {
      at = step;
    });
  } catch (error) {
    throw error instanceof CheckFailed ? new Error(`${at?.line ?? 'at the end'}: ${error.message}`) : error;
  } finally {
    await server.stop();
  }
}

describe('the example of', () => {
  test.each(examples)('$title goes as written', ({ text, env }) => play(text, env));
});

test('an example that is wrong fails', async () => {
  const [{ text }] = examples as [Example];
  const wrong = text.replace('participants":["ALICE","BOB"]', 'participants":["BOB","ALICE"]');
  expect(wrong).not.toBe(text);
  await expect(play(wrong)).rejects.toThrow(/"BOB","ALICE".* instead/s);
  const untold = text.slice(0, text.trimEnd().lastIndexOf('\n') + 1);
  await expect(play(untold)).rejects.toThrow(
    /^at the end: Alice heard .*RoomParticipants.*, which the check does not expect$/,
  );
});

describe('the examples', () => {
  const all = examples.map(({ text }) => text).join('');

  test('are all of the page’s transcripts', () => {
    expect(doc.match(/^.*\S [→←] /gm)?.length).toBe(all.match(/^.*\S [→←] /gm)?.length);
  });

  test.each(Object.keys(ERROR_CODES))('show %s', (code) => expect(all).toContain(`"code":"${code}"`));

  // A drain takes a signal to the server, which no client can send.
  test.each([
    ...Object.keys(CLIENT_MESSAGES),
    ...Object.keys(SERVER_MESSAGES).filter((type) => type !== 'ServerDraining'),
  ])('show %s', (type) => expect(all).toContain(`"type":"${type}"`));
});

test('the page has every section that the conformance suite proves', () => {
  const headings = [...doc.matchAll(/^##+ (.*)$/gm)].map(([, heading]) => heading);
  expect(headings).toEqual(expect.arrayContaining([...SECTIONS]));
});

test('its links within the page lead to a heading', () => {
  const anchors = [...doc.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    String(heading).toLowerCase().replaceAll(' ', '-'),
  );
  const links = [...doc.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor);
  expect(links.length).toBeGreaterThan(10);
  expect(links.filter((anchor) => !anchors.includes(anchor as string))).toEqual([]);
});
