import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

/**
 * A new message for sessions is an entry, a transition and a handler: three files of a copy of the sources are edited here, and
 * the rest of the copy has to follow by itself.
 */

const run = promisify(execFile);
const ROOT = new URL('../..', import.meta.url).pathname;
const SPEAK = join(ROOT, 'test/support/new-message/speak.ts');

/** What is inserted, before the line that begins so. */
type Edits = Readonly<Record<string, readonly (readonly [before: string, text: string])[]>>;

const EDITS: Edits = {
  'src/protocol/messages.ts': [
    [
      '  LeaveRoom: client({',
      `  Wave: client({
        schema: v.strictObject({ type: v.literal('Wave'), greeting: v.pipe(v.string(), v.maxLength(5)) }),
        knownTo: 'session',
        feature: 'waving',
        when: 'inside',
        span: 'wave',
        summary: 'Waves.',
        example: { type: 'Wave', greeting: 'hello' },
      }),\n`,
    ],
    [
      '  ServerDraining: server({',
      `  Waved: server({
        schema: v.strictObject({ type: v.literal('Waved'), greeting: v.string() }),
        knownTo: 'session',
        summary: 'The answer to a wave.',
        example: { type: 'Waved', greeting: 'hello' },
      }),\n`,
    ],
    ['  // None yet.', "  waving: 'People wave.',\n"],
    ["  room_id: 'A room", "  greeting: 'What is waved.',\n"],
  ],
  'machines/participant.ts': [
    [
      "  | ({ readonly type: 'message.leave' }",
      "  | ({ readonly type: 'message.wave'; readonly greeting: string } & Refusable)\n",
    ],
    ["  | ({ readonly type: 'leave';", "  | { readonly type: 'wave'; readonly greeting: string }\n"],
    [
      '    leave: emit((',
      "    wave: emit((_, { greeting }: { greeting: string }) => ({ type: 'wave', greeting })),\n",
    ],
    [
      "            'message.relay': {",
      "            'message.wave': { actions: { type: 'wave', params: ({ event }) => event } },\n",
    ],
  ],
  'src/participant.ts': [
    [
      "    case 'LeaveRoom':",
      "    case 'Wave':\n      return { type: 'message.wave', greeting: message.greeting, refusal };\n",
    ],
    [
      "      case 'leave':",
      "      case 'wave':\n        this.write(new Outgoing({ type: 'Waved', greeting: decision.greeting }));\n        return;\n",
    ],
  ],
};

let copy: string;
beforeAll(async () => {
  copy = mkdtempSync(join(tmpdir(), 'bloom-message-'));
  const parts = ['src', 'machines', 'scripts', 'docs', 'bench', 'package.json', 'tsconfig.json'];
  for (const part of parts)
    cpSync(join(ROOT, part), join(copy, part), {
      recursive: true,
      filter: (from) => !/\/(node_modules|peers)(\/|$)/.test(from.slice(ROOT.length)),
    });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  for (const [file, edits] of Object.entries(EDITS)) {
    const path = join(copy, file);
    let text = readFileSync(path, 'utf8');
    for (const [before, inserted] of edits) {
      const at = text.indexOf(`\n${before}`) + 1;
      if (at === 0) throw new Error(`${file} has no line that begins with ${before}`);
      text = text.slice(0, at) + inserted + text.slice(at);
    }
    writeFileSync(path, text);
  }
});
afterAll(() => rmSync(copy, { recursive: true, force: true }));

interface Spoken {
  readonly heard: readonly { readonly type: string; readonly code?: string; readonly message?: string }[];
  readonly spans: readonly (readonly [name: string, type: string, outcome: string])[];
}

/** What a server with the new message answers to these texts, over one socket. */
async function speak(...texts: string[]): Promise<Spoken> {
  const { stdout } = await run(process.execPath, ['--no-warnings', SPEAK, ...texts], { cwd: copy });
  return JSON.parse(stdout);
}

const HELLO = '{"type":"Hello","features":["x-ray","waving"]}';
const CREATE = '{"type":"CreateRoom"}';
const WAVE = '{"type":"Wave","greeting":"hello"}';

test('three files are edited', () => expect(Object.keys(EDITS)).toHaveLength(3));

describe('the message', () => {
  test('is refused outside a room, validated, answered in a room, and has a span', async () => {
    const { heard, spans } = await speak(HELLO, WAVE, CREATE, '{"type":"Wave","greeting":"too long"}', WAVE);
    expect(heard).toEqual([
      {
        type: 'Error',
        code: 'InvalidPayload',
        message: 'You are outside a room: create or join one first.',
        seq: 1,
      },
      {
        type: 'Error',
        code: 'InvalidPayload',
        message: expect.stringMatching(/^Wave\.greeting: Invalid length/),
        seq: 4,
      },
      { type: 'Waved', greeting: 'hello', seq: 5 },
    ]);
    expect(spans).toContainEqual(['wave', 'Wave', 'ok']);
    expect(spans).toContainEqual(['wave', 'Wave', 'InvalidPayload']);
  });

  test('is refused in a session that did not ask for its feature', async () => {
    const { heard } = await speak('{"type":"Hello","features":["x-ray"]}', CREATE, WAVE);
    expect(heard).toEqual([
      {
        type: 'Error',
        code: 'InvalidPayload',
        message: 'Wave needs the feature "waving", which Hello did not ask for.',
        seq: 3,
      },
    ]);
  });

  test('is unknown in the base protocol, whose words do not name it', async () => {
    const { heard } = await speak('', CREATE, WAVE);
    expect(heard).toEqual([
      { type: 'Error', code: 'InvalidPayload', message: expect.stringMatching(/^Unknown type "Wave";/) },
    ]);
    expect(heard[0]?.message?.match(/Wave/g)).toHaveLength(1);
  });

  test('is in the documents after npm run docs', async () => {
    await run(process.execPath, ['--no-warnings', 'scripts/docs.ts'], { cwd: copy });
    const read = (file: string) => readFileSync(join(copy, 'docs', file), 'utf8');
    expect(read('protocol.md')).toContain('| `Wave` | `greeting` (string) | in a room | Waves. |');
    expect(read('protocol.md')).toContain('| `Waved` | `greeting` (string) | The answer to a wave. |');
    expect(JSON.parse(read('schema/client.json')).$defs.Wave.properties.greeting).toEqual({
      type: 'string',
      maxLength: 5,
      description: 'What is waved.',
    });
    expect(JSON.parse(read('schema/server.json')).$defs.Waved.required).toEqual(['type', 'greeting', 'seq']);
    expect(read('asyncapi.yaml')).toContain('#/channels/ws/messages/client.Wave');
    expect(read('statecharts.md')).toContain('message.wave');
  });
});
