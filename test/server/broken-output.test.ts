import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, jest, test } from '@jest/globals';
import { TestClient } from '../support/client.ts';
import { type Output, type Spawned, Workshop } from '../support/spawned.ts';
import { until, within } from '../support/wait.ts';

/**
 * Standard error and standard output that take nothing: the server serves and stops all the same. It cannot say where it
 * listens then, so its port is chosen beforehand.
 */

const SOON = 100_000;
jest.setTimeout(300_000);

const workshop = new Workshop();

interface Started extends Spawned {
  readonly url: string;
}

async function start(stdout: Output, stderr: Output, env: Record<string, string> = {}): Promise<Started> {
  const PORT = String(await freePort());
  const spawned = workshop.spawnServer({ stdout, stderr, env: { PORT, METRICS: 'prometheus', ...env } });
  return { ...spawned, url: `http://127.0.0.1:${PORT}` };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Waits a little when it is not: a process that starts must have the processor. */
async function isReady({ url }: Started): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`)).ok;
  } catch {
    await pause(100);
    return false;
  }
}

/** It answers, and a client that is too fast (which is logged) gets its answers. */
async function expectServing(server: Started): Promise<void> {
  await until('it is ready', () => isReady(server), SOON);
  const client = await TestClient.connect(`${server.url.replace('http', 'ws')}/ws`);
  for (let i = 0; i < 25; i++) client.send('?');
  await client.settled();
  client.close();
  expect(await isReady(server)).toBe(true);
}

async function expectStopping(server: Started, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  server.process.kill(signal);
  expect(await within(SOON, 'the exit', server.exit)).toEqual([0, null]);
}

async function droppedLines({ url }: Started): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^bloom_log_dropped_total\S* (\d+)/m.exec(text)?.[1]);
}

function opened(path: string, flags: string | number): number {
  const fd = openSync(path, flags);
  workshop.undo.push(() => closeSync(fd));
  return fd;
}

test('standard error without space', async () => {
  const server = await start('pipe', opened('/dev/full', 'w'), { METRICS: 'prometheus' });
  await expectServing(server);
  expect(await droppedLines(server)).toBeGreaterThan(0);
  await expectStopping(server);
});

test('standard output without space: the log says where it listens', async () => {
  const log = join(workshop.directory, 'log');
  const server = await start(opened('/dev/full', 'w'), opened(log, 'a'));
  await expectServing(server);
  expect(readFileSync(log, 'utf8')).toContain(`"url":"${server.url}/"`);
  await expectStopping(server);
});

const asRoot = process.getuid?.() === 0 ? test : test.skip;

asRoot('a log disk that fills up, and has space again: the log goes on and tells what it lost', async () => {
  const disk = join(workshop.directory, 'disk');
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
  workshop.undo.push(() => execFileSync('umount', ['-l', disk]));
  const log = join(disk, 'log');
  const ballast = join(disk, 'ballast');
  const server = await start('pipe', opened(log, 'a'), { LOG_LEVEL: 'debug', METRICS: 'prometheus' });
  await until('it is ready', () => isReady(server), SOON);

  writeFileSync(ballast, '');
  fill(ballast);
  while ((await droppedLines(server)) === 0) await expectServing(server);
  const before = readFileSync(log, 'utf8');
  rmSync(ballast);
  const told = () => readFileSync(log, 'utf8').includes('log lines were dropped');
  await until('it says so', told, SOON);
  await expectServing(server);
  await expectStopping(server);

  const after = readFileSync(log, 'utf8').slice(before.length);
  const lines = after.split('\n').filter((line) => line.startsWith('{"level"'));
  const [notice] = lines.map((line) => JSON.parse(line)).filter(({ dropped }) => dropped > 0);
  expect(notice).toMatchObject({ level: 'warn', reason: expect.stringContaining('ENOSPC') });
  expect(notice.first.time <= notice.since).toBe(true);
  expect(JSON.parse(lines.at(-1) as string)).toMatchObject({ msg: 'stopped' });
});

/** Takes all the space of the file's disk. */
function fill(file: string): void {
  const { bsize } = statfsSync(file);
  try {
    for (;;) appendFileSync(file, Buffer.alloc(bsize));
  } catch {}
}

describe('a pipe that is full', () => {
  /** A pipe with a reader that is stopped; the server's end, and the reader. */
  async function fullPipe() {
    const path = join(workshop.directory, 'pipe');
    execFileSync('mkfifo', [path]);
    const end = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writing = opened(path, constants.O_WRONLY);
    const reader = workshop.spawn(['cat'], { stdin: opened(path, 'r') });
    closeSync(end);
    reader.process.kill('SIGSTOP');
    const status = `/proc/${reader.process.pid}/stat`;
    await until('it is stopped', () => / T /.test(readFileSync(status, 'utf8')));
    const filling = opened(path, constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      for (;;) writeSync(filling, '\n'.repeat(4096));
    } catch {}
    return { writing, reader };
  }

  test.each([
    ['standard error', (pipe: number) => ['pipe', pipe] as const],
    ['standard output', (pipe: number) => [pipe, 'pipe'] as const],
    ['both', (pipe: number) => [pipe, pipe] as const],
  ])('and whose reader is stopped: %s', async (_, outputs) => {
    const { writing } = await fullPipe();
    const [stdout, stderr] = outputs(writing);
    const server = await start(stdout, stderr);
    await expectServing(server);
    await expectStopping(server);
  });

  test('is written to when its reader goes on', async () => {
    const { writing, reader } = await fullPipe();
    const server = await start('pipe', writing);
    await expectServing(server);
    reader.process.kill('SIGCONT');
    await until(
      'the log arrives',
      () => reader.stdout().includes('"msg":"connection is rate limited"'),
      SOON,
    );
    await expectStopping(server);
  });

  test('does not keep a process that has failed', async () => {
    const { writing } = await fullPipe();
    const occupant = createServer().listen(0, '127.0.0.1');
    workshop.undo.push(() => occupant.close());
    await once(occupant, 'listening');
    const { port } = occupant.address() as { port: number };
    const late = await start('pipe', writing, { PORT: String(port) });
    expect(await within(SOON, 'the exit', late.exit)).toEqual([1, null]);
  });
});

describe('a reader that has gone', () => {
  test.each(['stdout', 'stderr', 'both'] as const)('%s', async (which) => {
    const server = await start('pipe', 'pipe');
    if (which !== 'stderr') server.process.stdout?.destroy();
    if (which !== 'stdout') server.process.stderr?.destroy();
    await expectServing(server);
    await expectStopping(server);
  });
});

test('closed before the start', async () => {
  const PORT = String(await freePort());
  const command = `exec ${process.execPath} src/main.ts >&- 2>&-`;
  const settings = { env: { PORT }, stdout: 'ignore', stderr: 'ignore' } as const;
  const server = { ...workshop.spawn(['sh', '-c', command], settings), url: `http://127.0.0.1:${PORT}` };
  await expectServing(server);
  await expectStopping(server);
});

describe('an uncaught exception', () => {
  const script = `
    process.argv[1] = new URL('src/main.ts', 'file://' + process.cwd() + '/').pathname;
    await import(process.argv[1]);
    setImmediate(() => { throw new Error('out of luck'); });`;
  const fail = (stderr: Output) =>
    workshop.spawn([process.execPath, '--input-type=module', '--eval', script], { stdout: 'ignore', stderr });

  test.each(['a file', 'a pipe'])('ends the process with a line in the log: %s', async (kind) => {
    const log = join(workshop.directory, 'log');
    const child = fail(kind === 'a file' ? opened(log, 'a') : 'pipe');
    expect(await within(SOON, 'the exit', child.end)).toEqual([1, null]);
    const text = kind === 'a file' ? readFileSync(log, 'utf8') : child.stderr();
    const lines = text.trimEnd().split('\n');
    expect(JSON.parse(lines.at(-1) as string)).toMatchObject({
      level: 'fatal',
      err: { message: 'out of luck' },
    });
  });

  test('ends the process though nothing can be logged', async () => {
    expect(await within(SOON, 'the exit', fail(opened('/dev/full', 'w')).exit)).toEqual([1, null]);
  });
});
