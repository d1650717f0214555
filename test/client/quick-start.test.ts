import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

/** The quick start of docs/client.md, run as it stands there. */

const root = join(import.meta.dirname, '../..');

test('the quick start says and does what it should, in under 20 lines', async () => {
  const text = await readFile(join(root, 'docs/client.md'), 'utf8');
  const source = /```js quick-start\n([\s\S]*?)```/.exec(text)?.[1] as string;
  expect(source.trim().split('\n').length).toBeLessThan(20);

  const server = await startServer();
  const program = source
    .replaceAll('ws://localhost:8080/ws', server.wsUrl.href)
    .replace('bloom-signaling/client', join(root, 'src/client/index.ts'));
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program]);
  let output = '';
  const take = (data: Buffer): void => {
    output += data;
  };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', take);
  const exited = once(child, 'exit');
  try {
    await until('the answer', () => output.includes('answers: v=0 the answer'));
    expect(output).toMatch(/^connecting\nconnected\n[\w-]+ calls: v=0 the offer.*\n[\w-]+ answers: .*\n$/);
  } finally {
    child.kill();
    await exited;
  }
});
