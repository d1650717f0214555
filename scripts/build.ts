import { spawnSync } from 'node:child_process';
import { cpSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Compiles src/ and machines/ to dist/, from nothing, since Node strips no types under node_modules. What
 * is no TypeScript is copied. The client is compiled apart: it has a browser's types. The call page is built to
 * web/dist/.
 */

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
const tsc = join(root, 'node_modules/typescript/bin/tsc');

rmSync(dist, { recursive: true, force: true });
for (const folder of ['src', 'machines']) {
  cpSync(join(root, folder), join(dist, folder), {
    recursive: true,
    filter: (path) => statSync(path).isDirectory() || !/\.ts$|tsconfig[^/]*\.json$/.test(path),
  });
}
for (const args of [
  [tsc, '-p', 'tsconfig.build.json'],
  [tsc, '-p', 'src/client/tsconfig.build.json'],
  [join(root, 'scripts/build-web.ts')],
]) {
  const { status, error } = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (error !== undefined) throw error;
  process.exitCode ||= status ?? 1;
}
