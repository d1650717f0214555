import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { jsonLines, textOf } from './spawned.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** A server in a process of its own. */
export interface ChildServer {
  readonly process: ChildProcess;
  readonly url: URL;
  readonly wsUrl: URL;
  /** Every JSON line on standard error so far. */
  logs(): Record<string, unknown>[];
  /** Sends the signal and settles with the exit code when the process has ended. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/**
 * Starts `src/main.ts` on a free port of 127.0.0.1 and waits for its line. OTEL_* come from `env` alone.
 * `command` runs it, in a network namespace for instance.
 */
export async function startChild(
  env: Record<string, string> = {},
  command: readonly string[] = [],
): Promise<ChildServer> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('OTEL_'));
  const [program = '', ...args] = [...command, process.execPath, MAIN];
  const child = spawn(program, args, {
    env: { ...Object.fromEntries(inherited), HOST: '127.0.0.1', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr] = [textOf(child.stdout), textOf(child.stderr)];
  const exited = once(child, 'exit');
  const wsUrl = await new Promise<URL>((resolve, reject) => {
    child.stdout.on('data', () => {
      const line = /listening on (wss?:\S+)/.exec(stdout());
      if (line) resolve(new URL(line[1] as string));
    });
    exited.then(([code]) => reject(new Error(`the server exited with ${code}: ${stderr()}`)));
  });
  const url = new URL('.', wsUrl);
  url.protocol = wsUrl.protocol.replace('ws', 'http');
  return {
    process: child,
    url,
    wsUrl,
    logs: () => jsonLines(stderr()),
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      const [code] = await exited;
      return code;
    },
  };
}
