import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { DialectName } from './dialects.ts';

/** The servers compared, each in a process of its own that ends with this one. */

export interface RunningServer {
  readonly pid: number;
  readonly url: URL;
  readonly dialect: DialectName;
  stop(): Promise<void>;
}

export interface StartOptions {
  /** Added to the environment of the process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Options of node itself, --cpu-prof for instance. */
  readonly nodeOptions?: readonly string[];
}

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const STOP_MS = 5000;
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts one of the scripts beside this file, which tells its port and goes when the channel closes. */
export async function startScript(
  script: string,
  dialect: DialectName,
  { env = {}, nodeOptions = [] }: StartOptions = {},
): Promise<RunningServer & { readonly process: ChildProcess }> {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), {
    env: { ...ownEnvironment(), ...env },
    execArgv: [...nodeOptions],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const failed = once(child, 'exit').then(([code]) => Promise.reject(new Error(`${script}: exit ${code}`)));
  const [{ port }] = await Promise.race([once(child, 'message'), failed]);
  failed.catch(() => {});
  return {
    process: child,
    pid: child.pid as number,
    url: new URL(`ws://127.0.0.1:${port}`),
    dialect,
    async stop() {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

/** Starts Bloom as `npm start` does, on a free port. `main` is another tree's src/main.ts, to compare two. */
export async function startBloom(
  { env = {}, nodeOptions = [] }: StartOptions = {},
  main = MAIN,
): Promise<RunningServer> {
  const child = spawn(process.execPath, [...nodeOptions, main], {
    env: { ...ownEnvironment(), HOST: '127.0.0.1', PORT: '0', LOG_LEVEL: 'error', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const url = await new Promise<URL>((resolve, reject) => {
    let output = '';
    child.stdout.on('data', (data) => {
      output += data;
      const line = /listening on (ws:\S+)/.exec(output);
      if (line) resolve(new URL(line[1] as string));
    });
    child.once('exit', (code) => reject(new Error(`Bloom has exited with ${code}`)));
  });
  return {
    pid: child.pid as number,
    url,
    dialect: 'bloom',
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGINT');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Nothing exports telemetry unless the bench says so. */
function ownEnvironment(): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('OTEL_')));
}
