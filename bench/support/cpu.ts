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

/** Processor time of all processes of the machine so far, and what the hypervisor took away, in milliseconds. */
export function machineTime(): number {
  const [, user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'latin1')
    .split(/\s+/)
    .map(Number);
  const ticks = [user, nice, system, irq, softirq, steal] as number[];
  return 10 * ticks.reduce((sum, each) => sum + each); // hundredths of a second
}
