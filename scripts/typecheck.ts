/**
 * npm run typecheck: every tsconfig.json that checks without writing. TypeScript keeps what it found out in
 * node_modules/.cache/tsc, so that the next check reads only what has changed.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const PROJECTS = ['.', 'src/client', 'test/client', 'web', 'test/web'];

for (const project of PROJECTS) {
  const cache = join('node_modules/.cache/tsc', `${project.replaceAll('/', '-')}.tsbuildinfo`);
  const { status } = spawnSync('tsc', ['-p', project, '--incremental', '--tsBuildInfoFile', cache], {
    cwd: ROOT,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) process.exitCode = 1;
}
