import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from '@jest/globals';
import { VARIABLES } from '../../src/config.ts';
import { seat, TestClient } from '../support/client.ts';
import { RawClient } from '../support/raw.ts';
import { within } from '../support/wait.ts';

/** The process itself: what it prints, how it ends, and with which exit code. */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** One run of src/main.ts, or of another program. */
class Run {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;

  constructor(args: string[], env: Record<string, string>, entry = ['src/main.ts']) {
    this.child = spawn(process.execPath, [...entry, ...args], {
      cwd: ROOT,
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout!.setEncoding('utf8').on('data', (text) => {
      this.stdout += text;
    });
    this.child.stderr!.setEncoding('utf8').on('data', (text) => {
      this.stderr += text;
    });
    this.ended = once(this.child, 'close').then(([code, signal]) => code ?? signal);
  }

  /** The address it prints when it listens. */
  async url(): Promise<URL> {
    while (!this.stdout.includes('\n') && this.child.exitCode === null) {
      await Promise.race([once(this.child.stdout!, 'data'), this.ended]);
    }
    const [address] = /wss?:\S+/.exec(this.stdout) ?? [];
    if (address === undefined) throw new Error(`it does not listen: ${this.stdout}${this.stderr}`);
    return new URL(address);
  }

  /** The lines of its log. Throws at one that is no JSON. */
  log(): Record<string, unknown>[] {
    return this.stderr
      .trimEnd()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  }
}

const runs: Run[] = [];
afterEach(async () => {
  for (const run of runs) run.child.kill('SIGKILL');
  await Promise.all(runs.splice(0).map(({ ended }) => ended));
});

function bloom(args: string[] = [], env: Record<string, string> = {}): Run {
  const run = new Run(args, env);
  runs.push(run);
  return run;
}

/** A run on a free port of this machine alone. */
function local(env: Record<string, string> = {}): Run {
  return bloom([], { HOST: '127.0.0.1', PORT: '0', ...env });
}

describe('start', () => {
  test('prints one line with the address, and serves there', async () => {
    const run = local();
    const url = await run.url();
    expect(run.stdout).toMatch(
      /^Bloom is listening on ws:\/\/127\.0\.0\.1:\d+\/ws \(health: http:\S+\/healthz\)\n$/,
    );
    const [health] = /http:[^)]+/.exec(run.stdout) ?? [];
    expect((await fetch(health as string)).status).toBe(200);
    const { clients, ids } = await seat(url, 2);
    clients[0]!.send({ type: 'Offer', to: ids[1], sdp: 'hello' });
    expect(await clients[1]!.next()).toEqual({ type: 'Offer', from: ids[0], sdp: 'hello' });
    expect(run.stdout.split('\n')).toHaveLength(2);
  });

  test('--port and --host win over the environment', async () => {
    const run = bloom(['--port', '0', '--host', '127.0.0.1'], { PORT: '1', HOST: '192.0.2.1' });
    await (await TestClient.connect(await run.url())).createRoom();
  });

  test('by default it listens on all interfaces', async () => {
    const run = bloom(['--port=0']);
    const { port } = await run.url();
    await (await TestClient.connect(`ws://127.0.0.1:${port}/ws`)).createRoom();
  });

  test('the log is JSON lines on standard error', async () => {
    const run = local({ LOG_LEVEL: 'debug' });
    const { clients } = await seat(await run.url(), 2);
    for (let i = 0; i < 30; i++) clients[0]!.send('');
    await clients[0]!.settled();
    for (const client of clients) client.close();
    await Promise.all(clients.map(({ closed }) => closed));
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(0);
    const lines = run.log();
    for (const { level, time, msg } of lines) {
      expect(['debug', 'info', 'warn']).toContain(level);
      expect(new Date(String(time)).toISOString()).toBe(time);
      expect(msg).toEqual(expect.any(String));
    }
    const messages = lines.map(({ msg }) => msg);
    expect(messages).toEqual(
      expect.arrayContaining(['listening', 'connection opened', 'room opened', 'stopped']),
    );
    expect(messages.filter((msg) => msg === 'connection is rate limited')).toHaveLength(1);
  });

  test('LOG_LEVEL=silent: nothing on standard error', async () => {
    const run = local({ LOG_LEVEL: 'silent' });
    await (await TestClient.connect(await run.url())).createRoom();
    run.child.kill('SIGINT'); // SIGTERM would drain first
    expect(await run.ended).toBe(0);
    expect(run.stderr).toBe('');
  });
});

describe('arguments and settings', () => {
  test.each(['--help', '-h'])('%s: the usage and every variable, on standard output', async (option) => {
    const run = bloom([option], { PORT: 'not even read' });
    expect(await run.ended).toBe(0);
    expect(run.stderr).toBe('');
    expect(run.stdout).toContain('Usage: bloom');
    for (const text of ['--port', '--host', '--help', '--version', ...Object.keys(VARIABLES)]) {
      expect(run.stdout).toContain(text);
    }
  });

  test.each(['--version', '-v'])('%s', async (option) => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const run = bloom([option]);
    expect(await run.ended).toBe(0);
    expect([run.stdout, run.stderr]).toEqual([`${version}\n`, '']);
  });

  test.each([
    ['an unknown option', ['--nonsense'], /--nonsense/],
    ['a value where none belongs', ['start'], /start/],
    ['an option without its value', ['--port'], /--port/],
  ])('%s: exit code 2, and where to find help', async (_, args, named) => {
    const run = bloom(args);
    expect(await run.ended).toBe(2);
    expect(run.stdout).toBe('');
    expect(run.stderr).toMatch(named);
    expect(run.stderr).toContain('--help');
    expect(run.stderr).not.toContain('    at ');
  });

  test.each<[string, string[], Record<string, string>, RegExp[]]>([
    ['PORT=abc', [], { PORT: 'abc' }, [/PORT.*"abc".*integer from 0 to 65535/]],
    ['--port 65536', ['--port', '65536'], {}, [/PORT.*"65536".*integer from 0 to 65535/]],
    ['LOG_LEVEL=loud', [], { LOG_LEVEL: 'loud' }, [/LOG_LEVEL.*"loud".*debug, info/]],
    ['ROOM_CAPACITY=0', [], { ROOM_CAPACITY: '0' }, [/ROOM_CAPACITY.*"0".*from 1 to/]],
    [
      'two at once',
      [],
      { RATE_LIMIT_MESSAGES: '-1', ALLOWED_ORIGINS: 'app.example' },
      [/RATE_LIMIT_MESSAGES.*"-1".*integer/, /ALLOWED_ORIGINS.*"app\.example".*https:\/\//],
    ],
    ['half of TLS', [], { TLS_KEY_FILE: '/key.pem' }, [/TLS_CERT_FILE.*TLS_KEY_FILE/]],
  ])('%s: exit code 2, naming variable, value and what is allowed', async (_, args, env, lines) => {
    const run = bloom(args, { HOST: '127.0.0.1', ...env });
    expect(await run.ended).toBe(2);
    expect(run.stdout).toBe('');
    const told = run.stderr.trimEnd().split('\n');
    expect(told).toHaveLength(lines.length);
    for (const [at, line] of lines.entries()) expect(told[at]).toMatch(line);
  });

  test('TLS files that cannot be read, or are none: exit code 2, naming them', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'bloom-process-'));
    try {
      const nonsense = join(directory, 'nonsense.pem');
      writeFileSync(nonsense, 'nonsense');
      for (const file of [join(directory, 'missing.pem'), nonsense, directory]) {
        const run = local({ TLS_CERT_FILE: file, TLS_KEY_FILE: file });
        expect(await run.ended).toBe(2);
        expect(run.stderr).toContain('TLS_CERT_FILE');
        expect(run.stderr).toContain(file);
        expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
        expect(run.stdout).toBe('');
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe('an address it cannot have', () => {
  test('a port in use: one clear sentence, exit code 1', async () => {
    const occupant = createServer().listen(0, '127.0.0.1');
    await once(occupant, 'listening');
    const { port } = occupant.address() as { port: number };
    try {
      const run = local({ PORT: String(port) });
      expect(await run.ended).toBe(1);
      expect(run.stdout).toBe('');
      expect(run.stderr).toMatch(
        new RegExp(`^Cannot listen on 127\\.0\\.0\\.1:${port}: it is in use\\..*\n$`),
      );
    } finally {
      occupant.close();
    }
  });

  test("another machine's address: one clear sentence, exit code 1", async () => {
    const run = bloom([], { HOST: '192.0.2.1', PORT: '0' });
    expect(await run.ended).toBe(1);
    expect(run.stderr).toMatch(/^Cannot listen on 192\.0\.2\.1:0: .*HOST.*\n$/);
  });
});

describe('an embedder', () => {
  const script = `
    import { readConfig } from './src/config.ts';
    import { createServer } from './src/server.ts';
    import { createLogger } from './src/telemetry/logger.ts';
    let server;
    try {
      server = createServer(readConfig(process.env), createLogger('silent'));
      await server.listen();
    } catch (error) {
      console.log(error.name);
      await server?.stop();
    }`;

  test.each([
    ['composed', { TLS_CERT_FILE: '/nonexistent', TLS_KEY_FILE: '/nonexistent' }, 'ConfigError'],
    ['listening', { HOST: '192.0.2.1' }, 'Error'],
  ])('whose server fails while being %s is left with nothing that runs on', async (_, env, error) => {
    const run = new Run(['--input-type=module', '--eval', script], { PORT: '0', ...env }, []);
    runs.push(run);
    expect(await within(10_000, 'the exit', run.ended)).toBe(0);
    expect([run.stdout, run.stderr]).toEqual([`${error}\n`, '']);
  });
});

describe('signals', () => {
  test.each([
    ['SIGTERM', 1012],
    ['SIGINT', 1001],
  ] as const)('%s: clients are closed %i, exit code 0', async (signal, code) => {
    const run = local({ DRAIN_TIMEOUT_MS: '300' });
    const url = await run.url();
    const { clients } = await seat(url, 3);
    const single = await TestClient.connect(url);
    run.child.kill(signal);
    for (const client of [...clients, single]) expect(await client.closed).toBe(code);
    expect(await run.ended).toBe(0);
    expect(run.log().map(({ msg }) => msg)).toEqual(['listening', 'stopping', 'stopped']);
  });

  test('as soon as it says that it listens, with no client', async () => {
    const run = local();
    await run.url();
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(0);
  });

  test('a client that never answers the close: exit code 0 all the same', async () => {
    const run = local({ DRAIN_TIMEOUT_MS: '300' });
    const stubborn = await RawClient.connect(await run.url(), { allowHalfOpen: true });
    stubborn.socket.pause();
    const idle = await fetch((await run.url()).href.replace(/^ws(.*)\/ws$/, 'http$1/healthz')); // keeps its connection
    await idle.text();
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(0);
    stubborn.socket.destroy();
  });
});

describe('what must not end it', () => {
  test.each([
    ['a type nested deep', `{"type":${'['.repeat(30_000)}${']'.repeat(30_000)}}`],
    ['a type nested deep in objects', `{"type":${'{"a":'.repeat(9000)}1${'}'.repeat(9000)}}`],
    ['a field nested deep', `{"type":"CreateRoom","x":${'['.repeat(30_000)}${']'.repeat(30_000)}}`],
    [
      'a field nested deep where text belongs',
      `{"type":"JoinRoom","room_id":${'['.repeat(30_000)}${']'.repeat(30_000)}}`,
    ],
    ['nothing but nesting', '['.repeat(65_536)],
  ])('%s: InvalidPayload, and the others go on', async (_, text) => {
    const run = local();
    const url = await run.url();
    const { clients, ids } = await seat(url, 2);
    const hostile = await TestClient.connect(url);
    hostile.send(text);
    expect(await hostile.next()).toMatchObject({ type: 'Error', code: 'InvalidPayload' });
    clients[0]!.send({ type: 'Offer', to: ids[1], sdp: 'still here' });
    expect(await clients[1]!.next()).toEqual({ type: 'Offer', from: ids[0], sdp: 'still here' });
  });

  test('nobody reads its log any more', async () => {
    const run = local({ LOG_LEVEL: 'debug' });
    const url = await run.url();
    run.child.stderr!.destroy();
    for (let i = 0; i < 20; i++) {
      const { clients } = await seat(url, 2);
      for (const client of clients) client.socket.terminate();
    }
    await (await TestClient.connect(url)).createRoom();
    expect(run.child.exitCode).toBe(null);
  });

  test('clients that come and go by the hundred', async () => {
    const run = local();
    const url = await run.url();
    for (let round = 0; round < 5; round++) {
      await Promise.all(
        Array.from({ length: 100 }, async () => {
          const client = await TestClient.connect(url);
          client.send({ type: 'CreateRoom' });
          client.socket.terminate();
        }),
      );
    }
    await (await TestClient.connect(url)).createRoom();
    expect(run.log().map(({ msg }) => msg)).toEqual(['listening']);
  });
});
