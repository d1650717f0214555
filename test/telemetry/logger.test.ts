import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from '@jest/globals';

/** The log as it leaves a process, which is another one, since this one's standard error is Jest's. */

const LINES = 5000;
const LOGGER = JSON.stringify(new URL('../../src/telemetry/logger.ts', import.meta.url).href);
const OUTPUT = JSON.stringify(new URL('../../src/telemetry/log-output.ts', import.meta.url).href);

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Logs lines, says on standard output when they are `written`, and ends as `end` says. */
function log(lines: number, end: string) {
  const script = `
    import { createLogger } from ${LOGGER};
    import { standardError } from ${OUTPUT};
    const stream = standardError();
    const logger = createLogger('info', { stream });
    for (let i = 0; i < ${lines}; i++) {
      logger.info({ i }, 'a line');
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await stream.written(60_000);
    process.stdout.write('written', () => ${end});`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  return child;
}

describe('written', () => {
  test('settles when every line is out, in order: nothing is left for the exit to write', async () => {
    const child = log(LINES, "process.kill(process.pid, 'SIGKILL')");
    const lines = (await text(child.stderr)).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).i)).toEqual(Array.from({ length: LINES }, (_, i) => i));
  });

  test('settles at once when there is nothing to write', async () => {
    const child = log(0, 'process.exit(0)');
    const said = text(child.stdout);
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(await said).toBe('written');
  });

  test('settles when nobody can read any more', async () => {
    const child = log(LINES, 'process.exit(0)');
    child.stderr.destroy();
    expect(await text(child.stdout)).toBe('written');
  });
});
