import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { Sources } from './support/sources.ts';

/**
 * Who may import whom: the rules of docs/architecture.md. TypeScript's own parser reads the imports, so a type import
 * counts as one too, where a rule says so. What code reads of packages is told by TypeScript's checker.
 */

const ROOT = new URL('..', import.meta.url).pathname;

interface Import {
  /** A path from the root of the repository, or the name of a package. */
  readonly to: string;
  readonly isTypeOnly: boolean;
}

function importsOf(sources: Sources, file: string): Import[] {
  return sources.importsOf(file).map(({ specifier, isTypeOnly }) => {
    const to = specifier.startsWith('.') ? normalize(join(dirname(file), specifier)) : specifier;
    return { to, isTypeOnly };
  });
}

const files = (globSync(['machines/**/*.ts', 'src/**/*.ts'], { cwd: ROOT }) as string[]).sort();
const page = globSync('web/**/*.{ts,tsx}', { cwd: ROOT, exclude: ['web/dist/**'] }) as string[];
const parsed = Sources.parsed(ROOT, [...files, ...page]);
const imports = new Map(files.map((file) => [file, importsOf(parsed, file)] as const));
afterAll(() => parsed.close());

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
/** What begins there may import the server: the package's face does. */
const FACES = [...ENTRIES, 'src/bloom.ts'];
const MACHINES = [
  'machines/connection.ts',
  'machines/participant.ts',
  'machines/room.ts',
  'machines/supervisor.ts',
];
const ACTORS = ['src/connection.ts', 'src/participant.ts', 'src/room.ts', 'src/supervisor.ts'];

describe('the reader of imports', () => {
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
    ["type X = import('./c.ts').X;", [['src/a/c.ts', true]]],
    ["export const from = 'x';\nexport function f(a = 'b') {}\n", []],
    ["// import { x } from './c.ts';\nexport const text = `import { x } from './c.ts'`;", []],
  ])('%j', (source, expected) => {
    const file = 'src/a/b.ts';
    const sources = Sources.parsed(ROOT, [file], { [file]: source });
    try {
      expect(importsOf(sources, file).map(({ to, isTypeOnly }) => [to, isTypeOnly])).toEqual(expected);
    } finally {
      sources.close();
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
        (file) => !FACES.includes(file),
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

  test('without cycles, those of types included', () => {
    const cycles: string[] = [];
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
      if (done.has(file) || path.includes(file)) return;
      for (const { to } of imports.get(file) ?? pageImports.get(file) ?? []) visit(to, [...path, file]);
      done.add(file);
    };
    const pageImports = new Map(page.map((file) => [file, importsOf(parsed, file)] as const));
    for (const file of [...files, ...page]) visit(file, []);
    expect(cycles).toEqual([]);
  });

  test('no class and no interface has a public member perform', () => {
    expect(files.filter((file) => parsed.membersOf(file).includes('perform'))).toEqual([]);
    expect(parsed.membersOf('src/supervisor.ts')).toContain('open');
  });
});

describe('web/, the call page', () => {
  const pageImports = page.flatMap((file) => importsOf(parsed, file).map(({ to }) => ({ file, to })));

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
    [
      'ws',
      (file: string) => /^src\/(transport\/ws|inspect|conformance)\//.test(file) || file === 'src/http.ts',
    ],
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

  test('the OpenTelemetry SDK is known to telemetry/otel/ alone; elsewhere there is its API', () => {
    expect(
      broken(
        (file) => !file.startsWith('src/telemetry/otel/'),
        (to) => to.startsWith('@opentelemetry/') && to !== '@opentelemetry/api',
      ),
    ).toEqual([]);
  });
});

/**
 * The folders that know what packages do not document. Elsewhere the members listed here are all that is read of a
 * package: each is in its documentation. A new one is looked up there before it is added here.
 */
const FENCES: Readonly<Record<string, { readonly folder: string; readonly documented: string }>> = {
  xstate: {
    folder: 'src/actor/xstate/',
    documented: `createMachine setTimeout clearTimeout provide matches hasTag can value tags children context on subscribe start getSnapshot send stop transition defer emit
      root id machine path type description entry exit target initial states transitions always after eventType delay
      sessionId logic status output error actorRef event sourceRef action params snapshot`,
  },
  ws: {
    folder: 'src/transport/ws/',
    documented: `readyState CONNECTING OPEN CLOSING CLOSED on once off addEventListener removeEventListener pong pause
      resume isPaused url extensions address close ping terminate send on off bufferedAmount clients handleUpgrade protocol`,
  },
  valibot: { folder: 'src/protocol/valibot/', documented: 'entries success output issues message value' },
  '@opentelemetry/': { folder: 'src/telemetry/otel/', documented: '' },
};
/** The client takes nothing of the server, so it has a folder of its own. */
const CLIENT_FENCE = 'src/client/xstate/';

describe('what packages do not document', () => {
  const server = new Sources(ROOT, 'tsconfig.json');
  afterAll(() => server.close());
  const reads = new Map(
    files
      .filter((file) => !file.startsWith('src/client/'))
      .map((file) => [file, server.readsOf(file)] as const),
  );
  const outside = (folder: string) => [...reads].filter(([file]) => !file.startsWith(folder));
  const folders = Object.values(FENCES).map(({ folder }) => folder);

  test.each(Object.entries(FENCES))('of %s its folder alone reads', (name, { folder, documented }) => {
    const isOf = (from: string | undefined) =>
      from !== '@opentelemetry/api' && (name.endsWith('/') ? from?.startsWith(name) : from === name);
    const found = outside(folder).flatMap(([file, list]) =>
      list.filter((read) => isOf(read.package)).map((read) => ({ file, name: read.name })),
    );
    const known = documented.split(/\s+/);
    expect(found.filter((read) => !known.includes(read.name))).toEqual([]);
  });

  test('no property is read elsewhere that TypeScript does not know of, but of JSON', () => {
    const unknown = [...reads].filter(
      ([file, list]) => !folders.some((each) => file.startsWith(each)) && list.some((read) => read.isUnknown),
    );
    expect(unknown.map(([file]) => file)).toEqual([
      'src/actor/inspected-actor.ts', // context and hasTag of a snapshot
      'src/conformance/player.ts',
      'src/conformance/runner.ts',
      'src/main.ts',
      'src/protocol/registry.ts', // the entries of a schema of valibot
      'src/telemetry/logger.ts',
    ]);
  });

  test('nothing elsewhere hides a type by `as unknown as`, but for what valibot infers too widely', () => {
    const hiding = [...reads.keys()].filter((file) => server.doubleAssertionsOf(file) > 0);
    expect(hiding.filter((file) => !folders.some((each) => file.startsWith(each)))).toEqual([
      'src/config.ts',
      'src/protocol/validation.ts', // Object.fromEntries
    ]);
  });

  const namesIn = (folder: string) => {
    const text = readFileSync(join(ROOT, folder, 'README.md'), 'utf8');
    return [...text.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name as string);
  };

  test.each(folders)('%s tells in its README every property that TypeScript does not know of', (folder) => {
    const unknown = [...reads]
      .filter(([file]) => file.startsWith(folder))
      .flatMap(([, list]) => list.filter((read) => read.isUnknown).map(({ name }) => name));
    expect(unknown.filter((name) => !namesIn(folder).includes(name))).toEqual([]);
  });

  test.each([...folders, CLIENT_FENCE])('%s still uses every name that its README tells of', (folder) => {
    const code = files
      .filter((file) => file.startsWith(folder))
      .map((file) => readFileSync(join(ROOT, file), 'utf8'))
      .join('\n');
    const names = namesIn(folder);
    expect(names).not.toEqual([]);
    expect(names.filter((name) => !code.includes(name))).toEqual([]);
  });
});
