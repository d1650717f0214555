import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Probe } from './probe.ts';

/** Servers in processes of their own, which end with this one. */
export interface RunningServer {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly url: URL;
  /** Starts to watch the event loop; the next probe tells the longest stall. */
  watch(): void;
  /** Collects garbage and measures; writes a heap snapshot into the folder, if one is given. */
  probe(snapshotFolder?: string): Promise<Probe>;
  stop(): Promise<void>;
}

export interface StartOptions {
  /** Added to the environment of the process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Options of node itself, --cpu-prof for instance. */
  readonly nodeOptions?: readonly string[];
}

const MAIN = path('../../src/main.ts');
const PROBE = path('./probe.ts');
const STOP_MS = 5000;
const running = new Set<ChildProcess>();
/** Rejects when the process has ended. */
const ends = new WeakMap<ChildProcess, Promise<never>>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

function path(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url));
}

/** Starts a script by its path from bench/support/. It tells its port and goes when the channel closes. */
export async function startScript(script: string, options: StartOptions = {}): Promise<RunningServer> {
  const child = start(path(script), options, 'ignore');
  const listening = new Promise<number>((resolve) => {
    child.on('message', ({ port }: { port?: number }) => {
      if (port !== undefined) resolve(port);
    });
  });
  const port = await unlessEnded(child, listening);
  return server(child, new URL(`ws://127.0.0.1:${port}`), () => child.disconnect());
}

/** Starts Bloom as `npm start` does, on a free port. `main` is another tree's src/main.ts, to compare two. */
export async function startBloom(options: StartOptions = {}, main = MAIN): Promise<RunningServer> {
  const env = { HOST: '127.0.0.1', PORT: '0', LOG_LEVEL: 'error', ...options.env };
  const nodeOptions = [...npmStartOptions(main), ...(options.nodeOptions ?? [])];
  const child = start(main, { env, nodeOptions }, 'pipe');
  const listening = new Promise<URL>((resolve) => {
    let output = '';
    child.stdout?.on('data', (data) => {
      output += data;
      const line = /listening on (ws:\S+)/.exec(output);
      if (line) resolve(new URL(line[1] as string));
    });
  });
  const url = await unlessEnded(child, listening);
  return server(child, url, () => child.kill('SIGINT'));
}

/** Options that `npm start` gives to node, in the tree of this src/main.ts. */
function npmStartOptions(main: string): string[] {
  const { scripts } = JSON.parse(readFileSync(join(main, '../../package.json'), 'utf8'));
  return scripts.start.split(' ').filter((word: string) => word.startsWith('--'));
}

function start(
  script: string,
  { env, nodeOptions = [] }: StartOptions,
  stdout: 'ignore' | 'pipe',
): ChildProcess {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('OTEL_'));
  const child = fork(script, {
    // The native parts that ws takes when it finds them are found for some of the servers only.
    env: { ...Object.fromEntries(inherited), WS_NO_BUFFER_UTIL: '1', WS_NO_UTF_8_VALIDATE: '1', ...env },
    execArgv: ['--expose-gc', '--import', PROBE, ...nodeOptions],
    stdio: ['ignore', stdout, 'inherit', 'ipc'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const ended = once(child, 'exit').then(([code]) =>
    Promise.reject(new Error(`${script} has exited with ${code}`)),
  );
  ended.catch(() => {});
  ends.set(child, ended);
  return child;
}

function unlessEnded<T>(child: ChildProcess, settled: Promise<T>): Promise<T> {
  return Promise.race([settled, ends.get(child) as Promise<never>]);
}

function server(child: ChildProcess, url: URL, askToStop: () => void): RunningServer {
  return {
    process: child,
    pid: child.pid as number,
    url,
    watch: () => void child.send({ watch: true }),
    probe(snapshotFolder) {
      const answered = new Promise<Probe>((resolve) => {
        const hear = ({ probe }: { probe?: Probe }) => {
          if (probe === undefined) return;
          child.off('message', hear);
          resolve(probe);
        };
        child.on('message', hear);
      });
      child.send({ probe: true, snapshotFolder });
      return unlessEnded(child, answered);
    },
    async stop() {
      if (child.exitCode !== null) return;
      const ended = once(child, 'exit');
      askToStop();
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}
