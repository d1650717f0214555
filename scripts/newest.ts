import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * npm run test:newest [-- test paths]: runs the tests of the folders that know a package's internals with the newest minor
 * versions of xstate, ws, valibot and OpenTelemetry, in a copy of the committed files. The working tree stays as it is.
 */

const ROOT = join(import.meta.dirname, '..');
const IS_FENCED = /^(?:xstate|ws|valibot|@opentelemetry\/.+)$/;
const TESTS = [
  ...[
    'test/actor',
    'test/transport/ws',
    'test/protocol',
    'test/telemetry',
    'test/client/xstate',
    'test/machines',
  ],
  ...['test/server/base.test.ts', 'test/server/session.test.ts', 'test/server/resume.test.ts'],
];

const copy = mkdtempSync(join(tmpdir(), 'bloom-newest-'));
const npm = (...args: string[]): number =>
  spawnSync('npm', args, { cwd: copy, stdio: 'inherit', shell: process.platform === 'win32' }).status ?? 1;

interface Manifest {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
}

/** The newest version of the same major, or of 0.x the newest there is. */
function widened(ranges: Record<string, string>): Record<string, string> {
  const widen = (name: string, range: string) => {
    const version = range.replace(/^[~^]/, '');
    if (!IS_FENCED.test(name)) return range;
    return version.startsWith('0.') ? `>=${version} <1` : `^${version}`;
  };
  return Object.fromEntries(Object.entries(ranges).map(([name, range]) => [name, widen(name, range)]));
}

function versions(folder: string): string[] {
  const { dependencies, devDependencies } = JSON.parse(
    readFileSync(join(ROOT, 'package.json'), 'utf8'),
  ) as Manifest;
  return Object.keys({ ...dependencies, ...devDependencies })
    .filter((name) => IS_FENCED.test(name))
    .map((name) => {
      const path = join(folder, 'node_modules', name, 'package.json');
      return `${name} ${JSON.parse(readFileSync(path, 'utf8')).version}`;
    });
}

try {
  const files = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' }).split('\0');
  for (const file of files.filter((each) => each !== '')) {
    cpSync(join(ROOT, file), join(copy, file), { recursive: true });
  }
  const path = join(copy, 'package.json');
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as Manifest;
  const { dependencies, devDependencies } = manifest;
  writeFileSync(
    path,
    JSON.stringify(
      { ...manifest, dependencies: widened(dependencies), devDependencies: widened(devDependencies) },
      null,
      2,
    ),
  );
  const names = Object.keys({ ...dependencies, ...devDependencies }).filter((name) => IS_FENCED.test(name));
  // `update` goes as far as the ranges allow, and leaves every other package as the lock file has it.
  process.exitCode = npm('update', '--no-audit', '--no-fund', ...names);
  if (process.exitCode === 0) {
    const before = versions(ROOT);
    console.log(
      versions(copy)
        .map((each) => `${before.includes(each) ? '  ' : '* '}${each}`)
        .join('\n'),
    );
    const tests = process.argv.slice(2);
    process.exitCode = npm('test', '--', ...(tests.length > 0 ? tests : TESTS));
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
