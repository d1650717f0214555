import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { conformance } from '../../src/conformance/command.ts';
import { startServer } from '../support/server.ts';

/**
 * Bloom uses what xstate, ws and valibot do not document. Where a version does it in another way, the server has to fall
 * back to their documented API: slower, and never more lenient. Each doctored copy has one undocumented part changed.
 */

interface Doctoring {
  readonly name: string;
  readonly package: string;
  readonly edits: readonly (readonly [RegExp, string])[];
  /** Of ws: the file that is edited, unless it is the list of exports. */
  readonly file?: string;
  /** Whether a line in the log has to say that the package's fast path is off. */
  readonly isTold: boolean;
}

const DOCTORINGS: readonly Doctoring[] = [
  {
    name: 'xstate marks its guards by another field',
    package: 'xstate',
    edits: [
      [/\b(stateIn|not|and|or)\.check =/g, '$1.evaluate ='],
      [/'check' in resolved/g, "'evaluate' in resolved"],
      [/builtinGuard\.check\(/g, 'builtinGuard.evaluate('],
    ],
    isTold: true,
  },
  {
    name: 'xstate keeps the parts of a guard in another field',
    package: 'xstate',
    edits: [
      [/\b(not|and|or)\.guards =/g, '$1.parts ='],
      [/\}, \{\n {2}guards\n\}\) \{/g, '}, {\n  parts: guards\n}) {'],
    ],
    isTold: true,
  },
  {
    name: 'xstate keeps eventless transitions in another field',
    package: 'xstate',
    edits: [[/\b(this|s|node|stateNode)\.always\b/g, '$1.eventless']],
    isTold: true,
  },
  {
    name: 'xstate marks its actions by another field',
    package: 'xstate',
    edits: [
      [/\b(\w+)\.resolve = resolve/g, '$1.carry = resolve'],
      [/'resolve' in/g, "'carry' in"],
      [/builtinAction\.resolve\(/g, 'builtinAction.carry('],
    ],
    isTold: false,
  },
  {
    name: 'ws exports no Sender, as in Bun',
    package: 'ws',
    edits: [[/^ {2}Sender,\n/m, '']],
    isTold: true,
  },
  {
    name: 'ws frames in another shape',
    package: 'ws',
    edits: [
      [/^ {2}Sender,\n/m, '  OtherSender as Sender,\n'],
      [/$/, 'class OtherSender { static frame(data) { return [data]; } }\n'],
    ],
    isTold: true,
  },
  {
    name: 'ws answers a close frame without its method close',
    package: 'ws',
    file: 'lib/websocket.js',
    edits: [
      [
        /if \(code === 1005\) websocket\.close\(\);/,
        'if (code === 1005) WebSocket.prototype.close.call(websocket);',
      ],
      [
        /else websocket\.close\(code, reason\);/,
        'else WebSocket.prototype.close.call(websocket, code, reason);',
      ],
    ],
    isTold: true,
  },
  {
    name: 'valibot keeps pipes in another field',
    package: 'valibot',
    edits: [[/\bpipe: pipe\$1,/g, 'steps: pipe$1,']],
    isTold: true,
  },
  {
    name: 'valibot keeps requirements in another field',
    package: 'valibot',
    edits: [
      [/\bthis\.requirement\b/g, 'this.rule'],
      [/^(\t+)requirement,/gm, '$1rule: requirement,'],
      [/^(\t+)requirement([:(])/gm, '$1rule$2'],
    ],
    isTold: true,
  },
];

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SUPPORT = join(ROOT, 'test/support/fast-paths');
const SLOW_MS = 120_000;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bloom-doctored-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Answer {
  /** What each client heard, in order. */
  readonly heard: readonly (readonly string[])[];
  readonly logs: readonly { readonly msg: string; readonly packages?: readonly string[] }[];
}

async function probe(env: Record<string, string>, ...options: string[]): Promise<Answer> {
  const { stdout } = await promisify(execFile)(process.execPath, [...options, join(SUPPORT, 'probe.ts')], {
    env: { ...process.env, ...env },
  });
  return JSON.parse(stdout);
}

/** Copies a package and edits its code. Throws for an edit that finds nothing to change. */
async function doctor(
  { package: name, edits, file: only = 'wrapper.mjs' }: Doctoring,
  into: string,
): Promise<void> {
  const copy = join(into, 'node_modules', name);
  await cp(join(ROOT, 'node_modules', name), copy, { recursive: true });
  const files = await readdir(copy, { recursive: true });
  const unused = new Set(edits);
  for (const file of files.filter((each) => /\.m?js$/.test(each) && !each.includes('.min.'))) {
    const code = await readFile(join(copy, file), 'utf8');
    const isOfWs = name === 'ws' && file !== only;
    if (isOfWs) continue;
    let edited = code;
    for (const edit of edits) {
      const before = edited;
      edited = edited.replace(...edit);
      if (edited !== before) unused.delete(edit);
    }
    if (edited !== code) await writeFile(join(copy, file), edited);
  }
  if (unused.size > 0) throw new Error(`${name} is not as this test knows it: ${[...unused].join(', ')}`);
}

let reference: Promise<Answer>;
const asItIs = () => {
  reference ??= probe({ BLOOM_FAST_PATHS: 'on' });
  return reference;
};

describe('the same is refused and the same is relayed', () => {
  test(
    'with the packages as they are, on the fast paths: nothing is said of them in the log',
    async () => {
      const { heard, logs } = await asItIs();
      const all = heard.flat().join('\n');
      expect(all).toContain('"sdp":"v=0\\r\\n"');
      expect(all).toContain('ParticipantNotFound');
      expect(all).toContain('RateLimited');
      expect(all).not.toContain('to a stranger');
      expect(all).not.toContain('from an outsider');
      expect(all).not.toContain('with a field');
      expect(logs.filter(({ msg }) => msg.includes('fast paths'))).toEqual([]);
    },
    SLOW_MS,
  );

  test(
    'with BLOOM_FAST_PATHS=off',
    async () => {
      const { heard, logs } = await probe({ BLOOM_FAST_PATHS: 'off' });
      expect(heard).toEqual((await asItIs()).heard);
      expect(logs).toContainEqual({ msg: 'fast paths are off: BLOOM_FAST_PATHS' });
    },
    SLOW_MS,
  );

  test.each(DOCTORINGS)(
    'where $name',
    async (doctoring) => {
      const into = await mkdtemp(join(folder, 'copy-'));
      await doctor(doctoring, into);
      const doctored = join(SUPPORT, 'doctored.ts');
      const { heard, logs } = await probe({ DOCTORED: into, BLOOM_FAST_PATHS: 'on' }, '--import', doctored);
      expect(heard).toEqual((await asItIs()).heard);
      const told = logs
        .filter(({ msg }) => msg.startsWith('fast paths are off'))
        .map(({ packages }) => packages);
      expect(told).toEqual(doctoring.isTold ? [[doctoring.package]] : []);
    },
    SLOW_MS,
  );
});

test(
  'the conformance suite passes with the fast paths off',
  async () => {
    const { wsUrl } = await startServer({
      BLOOM_FAST_PATHS: 'off',
      ROOM_IDLE_TIMEOUT_MS: '2000',
      RESUME_GRACE_MS: '3000',
    });
    const told: string[] = [];
    const code = await conformance([wsUrl.href], {
      out: (text) => void told.push(text),
      error: (text) => void told.push(text),
    });
    expect([code, told.join('')]).toEqual([0, expect.any(String)]);
  },
  SLOW_MS,
);
