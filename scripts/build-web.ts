import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  globSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/**
 * Builds the call page to web/dist/: `npm run build:web`, and before `npm start`. What is built already from the same
 * sources is left as it is. Where Vite is not installed (`npm ci --omit=dev`) nothing is built, and Bloom serves what
 * is there, or says that nothing is.
 */

const root = join(import.meta.dirname, '..');
const dist = join(root, 'web/dist');
const stamp = join(dist, '.sources');

/** All that the built page depends on. */
const SOURCES = [
  'web/**/*.{ts,tsx,css,html,svg,json}',
  'tsconfig.json',
  'src/client/**/*.ts',
  'src/protocol/**/*.ts',
  'package-lock.json',
];

/** A hash of the sources' names and contents: times mean nothing after a checkout. */
function hashSources(): string {
  const hash = createHash('sha256');
  const files = globSync(SOURCES, { cwd: root, exclude: ['web/dist/**', 'web/.dist-*/**'] }) as string[];
  for (const file of files.sort()) {
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0');
  }
  return hash.digest('hex');
}

async function build(): Promise<void> {
  const sources = hashSources();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === sources) return;
  process.env.NODE_ENV = 'production'; // whoever builds: Vite would build for a test otherwise
  const vite = await import('vite').catch(() => undefined);
  if (vite === undefined) {
    process.stderr.write('The call page is not built: that takes the dev dependencies (npm ci).\n');
    return;
  }
  process.stderr.write('Building the call page ...\n');
  // Beside what is served, and put in its place when whole, for builds may run side by side.
  const fresh = mkdtempSync(join(root, 'web/.dist-'));
  const old = `${fresh}-old`;
  try {
    await vite.build({
      configFile: join(root, 'web/vite.config.ts'),
      logLevel: 'warn',
      build: { outDir: fresh, emptyOutDir: true },
    });
    writeFileSync(join(fresh, '.sources'), sources);
    chmodSync(fresh, 0o755); // who serves it may be somebody else
    put(fresh, old);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
    rmSync(old, { recursive: true, force: true });
  }
}

/** Two builds that end together leave either's page: they are the same. */
function put(fresh: string, old: string): void {
  try {
    if (existsSync(dist)) renameSync(dist, old);
    renameSync(fresh, dist);
  } catch (error) {
    if (!existsSync(stamp)) throw error;
  }
}

await build();
