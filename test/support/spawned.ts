import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export type Output = number | 'pipe' | 'ignore';

export interface SpawnSettings {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: Output;
  readonly stdout?: Output;
  readonly stderr?: Output;
  /** Whether it gets a process group of its own, which is killed with it. */
  readonly isGroup?: boolean;
}

/** A process that a test has started. */
export interface Spawned {
  readonly process: ChildProcess;
  /** Code and signal, once it has ended. */
  readonly exit: Promise<unknown[]>;
  /** The same, once its output has arrived, too. */
  readonly end: Promise<unknown[]>;
  /** What it has written to standard output so far, if that is a pipe. */
  stdout(): string;
  stderr(): string;
  /** Every JSON line on standard error so far. */
  logs(): Record<string, unknown>[];
}

/** The processes of a test, and a folder for their files. Both are gone after each test. */
export class Workshop {
  directory = '';
  /** Run after the test, the last first. */
  undo: (() => unknown)[] = [];

  /** Registers the hooks: to be made once, at the top of a file. */
  constructor() {
    beforeEach(() => {
      this.directory = mkdtempSync(join(tmpdir(), 'bloom-test-'));
      this.undo = [() => rmSync(this.directory, { recursive: true })];
    });
    afterEach(async () => {
      for (const each of this.undo.reverse()) await each();
    });
  }

  /** Starts a program in the root of the repository. Its environment is PATH, HOST and PORT (any free one), and `env`. */
  spawn(command: readonly string[], settings: SpawnSettings = {}): Spawned {
    const { cwd = ROOT, env, stdin = 'ignore', stdout = 'pipe', stderr = 'pipe', isGroup = false } = settings;
    const [program = '', ...args] = command;
    const child = spawn(program, args, {
      cwd,
      env: { PATH: process.env.PATH ?? '', HOST: '127.0.0.1', PORT: '0', ...env },
      stdio: [stdin, stdout, stderr],
      detached: isGroup,
    });
    this.undo.push(() => kill(child, isGroup));
    const [out, log] = [textOf(child.stdout), textOf(child.stderr)];
    return {
      process: child,
      exit: once(child, 'exit'),
      end: once(child, 'close'),
      stdout: out,
      stderr: log,
      logs: () => jsonLines(log()),
    };
  }

  /** Starts src/main.ts. */
  spawnServer(settings: SpawnSettings = {}): Spawned {
    return this.spawn([process.execPath, 'src/main.ts'], settings);
  }
}

/** The lines of a log; other lines on standard error are not JSON. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
}

/** Gathers what a stream says. */
export function textOf(stream: NodeJS.ReadableStream | null): () => string {
  let text = '';
  stream?.on('data', (data) => {
    text += data;
  });
  return () => text;
}

function kill(child: ChildProcess, isGroup: boolean): void {
  if (!isGroup) return void child.kill('SIGKILL');
  try {
    process.kill(-(child.pid as number), 'SIGKILL');
  } catch {} // it has ended
}
