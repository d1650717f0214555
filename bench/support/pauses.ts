import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

/**
 * When a processor was kept from what was due: by the hypervisor, by kernel threads, by system calls that do not give
 * way. Times are milliseconds of clock.ts. On a shared machine these make up most of a p99, whoever is measured.
 */
export interface Pause {
  readonly from: number;
  readonly to: number;
}

const LOOKOUT = fileURLToPath(new URL('./lookout.ts', import.meta.url));
/** What a pause has dammed up is gone so many milliseconds after it. */
const AFTERMATH_MS = 3;
/** Undisturbed, nearly all messages arrive in less. */
const FORESIGHT_MS = 5;
const NEEDS =
  '--watch needs Linux with two processors, chrt and taskset (util-linux), and the right to real-time priority, root’s for one';

/** A lookout on each processor; Linux only. */
export class Lookouts {
  readonly #processes: readonly ChildProcess[];

  /** Throws where real-time priority is not to be had. */
  static async start(): Promise<Lookouts> {
    const processes = cpus().map((_, cpu) => {
      const command = ['-f', '50', 'taskset', '-c', String(cpu), process.execPath, LOOKOUT];
      return spawn('chrt', command, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    });
    await Promise.all(processes.map(started));
    return new Lookouts(processes);
  }

  private constructor(processes: readonly ChildProcess[]) {
    this.#processes = processes;
  }

  /** Of all processors, since the last time. */
  async pauses(): Promise<Pause[]> {
    const told = this.#processes.map(async (one) => {
      const answer = once(one, 'message');
      one.send('report');
      return (await answer)[0] as Pause[];
    });
    return (await Promise.all(told)).flat();
  }

  stop(): void {
    for (const one of this.#processes) one.disconnect();
  }
}

/**
 * Lets the process of this pid run on the processor with the highest number, if it is a `server`, or on all but that.
 * What it starts inherits that. Left to the scheduler, server, generator and collector wait for each other on one of two
 * processors.
 */
export function giveProcessor(pid: number, to: 'server' | 'rest'): void {
  const last = cpus().length - 1;
  if (last === 0) throw new Error(NEEDS);
  execFileSync('taskset', ['-a', '-c', '-p', to === 'server' ? String(last) : `0-${last - 1}`, String(pid)]);
}

/**
 * Whether no pause can have had to do with a message sent at `sentAt`. Not asked of how long it took: then slow messages
 * would be left out more often than others.
 */
export function isUndisturbed(sentAt: number, pauses: readonly Pause[]): boolean {
  return !pauses.some(({ from, to }) => from < sentAt + FORESIGHT_MS && sentAt < to + AFTERMATH_MS);
}

async function started(one: ChildProcess): Promise<void> {
  try {
    const isUp = await Promise.race([
      once(one, 'message').then(() => true),
      once(one, 'exit').then(() => false),
    ]);
    if (isUp) return;
  } catch (cause) {
    throw new Error(NEEDS, { cause });
  }
  throw new Error(NEEDS);
}
