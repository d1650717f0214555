import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { describe, expect, test } from '@jest/globals';

/**
 * Who may import whom: the rules of docs/architecture.md. Read from the import statements themselves, so that
 * a type import counts as one too, where a rule says so.
 */

const ROOT = new URL('..', import.meta.url).pathname;

interface Import {
  /** A path from the root of the repository, or the name of a package. */
  readonly to: string;
  readonly isTypeOnly: boolean;
}

const STATEMENT =
  /^(?:import|export)\s+(?:(?<type>type)\s+)?(?:[\w$*{][^;'"]*?\sfrom\s*)?['"](?<from>[^'"]+)['"]|\bimport\(\s*['"](?<dynamic>[^'"]+)['"]\s*\)/gm;

function importsOf(source: string, file: string): Import[] {
  return [...source.matchAll(STATEMENT)].map(({ groups: { type, from, dynamic } = {} }) => {
    const specifier = (from ?? dynamic) as string;
    const to = specifier.startsWith('.') ? normalize(join(dirname(file), specifier)) : specifier;
    return { to, isTypeOnly: type !== undefined };
  });
}

const files = globSync(['machines/**/*.ts', 'src/**/*.ts'], { cwd: ROOT }).sort();
const imports = new Map(
  files.map((file) => [file, importsOf(readFileSync(join(ROOT, file), 'utf8'), file)] as const),
);

const isPackage = (to: string) => !to.startsWith('src/') && !to.startsWith('machines/');
const isIn =
  (...folders: string[]) =>
  (path: string) =>
    folders.some((folder) => path.startsWith(folder));

/** Every import that breaks a rule, as text: an empty list is what a rule wants. */
function broken(
  from: (file: string) => boolean,
  isBroken: (to: string, isTypeOnly: boolean, file: string) => boolean,
) {
  return [...imports].flatMap(([file, list]) =>
    !from(file)
      ? []
      : list
          .filter(({ to, isTypeOnly }) => isBroken(to, isTypeOnly, file))
          .map(({ to, isTypeOnly }) => `${file} imports ${isTypeOnly ? 'type ' : ''}${to}`),
  );
}

const any = () => true;
/** Where things begin: the process, and the package. Nothing imports them; they alone import the server. */
const ENTRIES = ['src/main.ts', 'src/index.ts'];
const MACHINES = [
  'machines/connection.ts',
  'machines/participant.ts',
  'machines/room.ts',
  'machines/supervisor.ts',
];
const ACTORS = ['src/connection.ts', 'src/participant.ts', 'src/room.ts', 'src/supervisor.ts'];

describe('the reader of imports', () => {
  const read = (source: string) =>
    importsOf(source, 'src/a/b.ts').map(({ to, isTypeOnly }) => [to, isTypeOnly]);

  test.each([
    ["import { x } from './c.ts';", [['src/a/c.ts', false]]],
    ["import type { X } from '../c.ts';", [['src/c.ts', true]]],
    ["import x, { type Y } from 'pkg';", [['pkg', false]]],
    ["import * as v from 'pkg/sub';", [['pkg/sub', false]]],
    ["import {\n  a,\n  type B,\n} from 'node:fs';", [['node:fs', false]]],
    ["import './c.ts';", [['src/a/c.ts', false]]],
    ["export { x } from './c.ts';", [['src/a/c.ts', false]]],
    ["export type * from './c.ts';", [['src/a/c.ts', true]]],
    ["export * from './c.ts';", [['src/a/c.ts', false]]],
    ["const { x } = await import('./c.ts');", [['src/a/c.ts', false]]],
    [
      "import a from 'a';\nimport type b from 'b';\n",
      [
        ['a', false],
        ['b', true],
      ],
    ],
    ["export const from = 'x';\nexport function f(a = 'b') {}\n", []],
    ["export type Level = 'a' | 'b';\nexport interface I { type: 'x' }\n", []],
    [" * import { x } from './c.ts';", []],
  ])('%j', (source, expected) => expect(read(source)).toEqual(expected));

  test('overlooks none in the sources: each `from` at a line’s end is read', () => {
    for (const [file, list] of imports) {
      const source = readFileSync(join(ROOT, file), 'utf8');
      const lines = source.match(/^(?:import|export|\})[^\n]*\sfrom\s'[^']+';$/gm) ?? [];
      expect([file, list.length]).toEqual([file, expect.any(Number)]);
      expect(list.length).toBeGreaterThanOrEqual(lines.length);
    }
  });

  test('finds every file there is: relative imports lead to one', () => {
    expect(files).toEqual(
      expect.arrayContaining([...MACHINES, ...ACTORS, 'src/attachment.ts', 'src/server.ts']),
    );
    expect(broken(any, (to) => !isPackage(to) && !files.includes(to))).toEqual([]);
  });
});

describe('machines/', () => {
  test('imports xstate, helpers beside it, and types of the protocol: nothing else', () => {
    const isAllowed = (to: string, isTypeOnly: boolean) =>
      to === 'xstate' ||
      (to.startsWith('machines/') && !MACHINES.includes(to)) ||
      (to.startsWith('src/protocol/') && isTypeOnly);
    expect(broken(isIn('machines/'), (to, isTypeOnly) => !isAllowed(to, isTypeOnly))).toEqual([]);
  });

  test('is imported by the server and the package; as types by the files of the same names', () => {
    const isAllowed = (to: string, isTypeOnly: boolean, file: string) =>
      ['src/server.ts', 'src/index.ts'].includes(file) || (isTypeOnly && basename(to) === basename(file));
    expect(
      broken(
        isIn('src/'),
        (to, isTypeOnly, file) => to.startsWith('machines/') && !isAllowed(to, isTypeOnly, file),
      ),
    ).toEqual([]);
  });
});

describe('dependencies point one way', () => {
  test('nothing imports main or server, but where things begin', () => {
    expect(broken(any, (to) => ENTRIES.includes(to))).toEqual([]);
    expect(
      broken(
        (file) => !ENTRIES.includes(file),
        (to) => to === 'src/server.ts',
      ),
    ).toEqual([]);
  });

  test('connection, participant, room and supervisor never import each other, nor http, not even types', () => {
    expect(
      broken(
        (file) => ACTORS.includes(file),
        (to) => [...ACTORS, 'src/http.ts'].includes(to),
      ),
    ).toEqual([]);
  });

  test('attachment, where a connection and its participant meet, knows neither, and imports types alone', () => {
    expect(
      broken(
        (file) => file === 'src/attachment.ts',
        (to, isTypeOnly) =>
          !isTypeOnly || !isIn('src/codec/', 'src/protocol/', 'src/transport/', 'src/telemetry/')(to),
      ),
    ).toEqual([]);
  });

  test('participants, which rooms answer to, knows no actor', () => {
    expect(
      broken(
        (file) => file === 'src/participants.ts',
        (to) => !isIn('src/codec/', 'src/protocol/', 'src/routing/', 'src/telemetry/')(to),
      ),
    ).toEqual([]);
  });

  test('http reaches them through what it is given', () => {
    expect(
      broken(
        (file) => file === 'src/http.ts',
        (to) => ACTORS.includes(to) || to.startsWith('src/routing/') || to.startsWith('machines/'),
      ),
    ).toEqual([]);
  });

  test('routing/, socket/ and telemetry/ know none of those who use them', () => {
    expect(
      broken(isIn('src/routing/', 'src/socket/', 'src/telemetry/', 'src/transport/'), (to) =>
        [...ACTORS, 'src/http.ts'].includes(to),
      ),
    ).toEqual([]);
    expect(broken(isIn('src/routing/'), isIn('src/socket/'))).toEqual([]);
  });

  test('codec/ imports protocol/ and itself', () => {
    expect(broken(isIn('src/codec/'), (to) => !isIn('src/codec/', 'src/protocol/')(to))).toEqual([]);
  });

  test('protocol/ imports valibot and itself, and so runs in a browser', () => {
    expect(
      broken(isIn('src/protocol/'), (to) => to !== 'valibot' && !to.startsWith('src/protocol/')),
    ).toEqual([]);
  });

  test('client/ imports xstate, protocol/ and itself', () => {
    expect(
      broken(isIn('src/client/'), (to) => to !== 'xstate' && !isIn('src/client/', 'src/protocol/')(to)),
    ).toEqual([]);
  });

  test('auth/ knows neither sockets nor actors', () => {
    const isAllowed = (to: string) =>
      isPackage(to) || isIn('src/auth/', 'src/protocol/', 'src/ice-servers.ts')(to);
    expect(broken(isIn('src/auth/'), (to) => !isAllowed(to))).toEqual([]);
  });

  test('protocol/index, which browsers load, imports at run time nothing but the codes', () => {
    expect(
      broken(
        (file) => ['src/protocol/index.ts', 'src/protocol/codes.ts'].includes(file),
        (to, isTypeOnly) => !isTypeOnly && to !== 'src/protocol/codes.ts',
      ),
    ).toEqual([]);
  });

  test('nothing on the server imports client/', () => {
    expect(broken((file) => !file.startsWith('src/client/'), isIn('src/client/'))).toEqual([]);
  });

  test('conformance/ imports protocol/, ws and itself: it sees a server from outside', () => {
    const isAllowed = (to: string) => isIn('src/conformance/', 'src/protocol/', 'node:')(to) || to === 'ws';
    expect(broken(isIn('src/conformance/'), (to) => !isAllowed(to))).toEqual([]);
  });

  test('main alone imports conformance/', () => {
    const isAllowed = (file: string) => file === 'src/main.ts' || file.startsWith('src/conformance/');
    expect(broken((file) => !isAllowed(file), isIn('src/conformance/'))).toEqual([]);
  });

  test('without cycles', () => {
    const runtime = (file: string) =>
      (imports.get(file) ?? []).filter(({ isTypeOnly }) => !isTypeOnly).map(({ to }) => to);
    const cycles: string[] = [];
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
      if (done.has(file) || path.includes(file)) return;
      for (const next of runtime(file)) visit(next, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });
});

describe('web/, the call page', () => {
  const page = globSync('web/**/*.{ts,tsx}', { cwd: ROOT, exclude: ['web/dist/**'] }) as string[];
  const pageImports = page.flatMap((file) =>
    importsOf(readFileSync(join(ROOT, file), 'utf8'), file).map(({ to }) => ({ file, to })),
  );

  test('is built on the SDK as any other client: its public surface, and of the server nothing', () => {
    const outside = pageImports.filter(({ to }) => isIn('src/', 'machines/')(to));
    expect(outside).not.toEqual([]);
    expect(outside.filter(({ to }) => to !== 'src/client/index.ts')).toEqual([]);
  });

  test('imports few packages', () => {
    const packages = pageImports
      .filter(({ file, to }) => file !== 'web/vite.config.ts' && !isIn('src/', 'web/')(to))
      .map(({ to }) => to);
    expect([...new Set(packages)].sort()).toEqual([
      '@xstate/react',
      'lucide-react',
      'react',
      'react-dom/client',
      'xstate',
    ]);
  });

  test('what is no component knows none, nor React but for Store', () => {
    const parts = pageImports.filter(({ file }) => isIn('web/call/')(file));
    expect(parts.filter(({ to }) => isIn('web/components/')(to) || to.startsWith('react'))).toEqual([]);
  });

  test('is imported by nothing', () => {
    expect(broken(any, isIn('web/'))).toEqual([]);
  });
});

describe('packages', () => {
  test.each([
    ['ws', (file: string) => /^src\/(socket|inspect|conformance)\//.test(file) || file === 'src/http.ts'],
    [
      'valibot',
      (file: string) => isIn('src/protocol/')(file) || ['src/config.ts', 'src/auth/claims.ts'].includes(file),
    ],
    ['jose', isIn('src/auth/')],
  ])('%s has its places', (name, isPlace) => {
    const users = [...imports].filter(([, list]) => list.some(({ to }) => to === name)).map(([file]) => file);
    expect(users).not.toEqual([]);
    expect(users.filter((file) => !isPlace(file))).toEqual([]);
  });

  test('the OpenTelemetry SDK is known to telemetry/sdk* alone; elsewhere there is its API', () => {
    expect(
      broken(
        (file) => !file.startsWith('src/telemetry/sdk'),
        (to) => to.startsWith('@opentelemetry/') && to !== '@opentelemetry/api',
      ),
    ).toEqual([]);
  });
});
