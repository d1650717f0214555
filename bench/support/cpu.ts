import { readdirSync, readFileSync } from 'node:fs';

/**
 * Processor time of a process so far, all its threads, in milliseconds. From the scheduler's counters, in nanoseconds;
 * a thread that has ended is no longer counted, but neither Node nor its pools end any on the way. Linux only.
 */
export function cpuTime(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const [onCpu] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ');
    nanoseconds += Number(onCpu);
  }
  return nanoseconds / 1e6;
}

/** Memory of a process that is resident and its own (private pages), in bytes. */
export function residentMemory(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return 1024 * Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1]);
}
