import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createServer } from 'vite';

/**
 * `npm run dev`: Bloom, restarted when its sources change, and beside it the call page with hot reload, whose /ws
 * leads to that Bloom. Arguments and environment are Bloom's.
 */

const root = join(import.meta.dirname, '..');
const args = process.argv.slice(2);
const { values } = parseArgs({ args, options: { port: { type: 'string' } }, strict: false });
const port = String(values.port || process.env.PORT || '8080');

const bloom = spawn(process.execPath, ['--watch', join(root, 'src/main.ts'), '--port', port, ...args], {
  stdio: 'inherit',
});
const vite = await createServer({
  configFile: join(root, 'web/vite.config.ts'),
  server: { proxy: { '/ws': { target: `ws://localhost:${port}`, ws: true } } },
});
await vite.listen();
process.stdout.write('The call page, with hot reload:\n');
vite.printUrls();

bloom.on('exit', async (code) => {
  await vite.close();
  process.exit(code ?? 1);
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => bloom.kill(signal));
