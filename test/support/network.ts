import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where a server and its clients live: two network namespaces, so that what is broken is theirs alone. */
export type Side = 'server' | 'client';

export const ADDRESS: Readonly<Record<Side, string>> = { server: '10.77.4.1', client: '10.77.4.2' };
/** The interface of either side's end of the cable. */
const CABLE = 'cable';
const PREFIX = 'bloom-test';
const LOSS = 0.1;
/** Where programs are; the last two are not on every user's PATH. */
const FOLDERS = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];

/** How packets get late and lost: by netem, or where the kernel has none by what every kernel has. */
export type Impairment = 'netem' | 'tbf';

/**
 * Two network namespaces joined by a pair of veth devices: a network to break. Needs root on Linux. Throws
 * what is missing, with what to do about it. Namespaces that a killed test left behind go first.
 */
export class Network {
  readonly #names: Readonly<Record<Side, string>> = {
    server: `${PREFIX}-${process.pid}-server`,
    client: `${PREFIX}-${process.pid}-client`,
  };
  readonly #onExit = () => this.#deleteNamespaces();

  constructor() {
    sweep();
    process.once('exit', this.#onExit);
    try {
      for (const name of Object.values(this.#names)) ip('netns', 'add', name);
      const { server, client } = this.#names;
      ip('link', 'add', CABLE, 'netns', server, 'type', 'veth', 'peer', 'name', CABLE, 'netns', client);
      for (const side of ['server', 'client'] as const) {
        ip('-n', this.#names[side], 'link', 'set', 'lo', 'up');
        ip('-n', this.#names[side], 'link', 'set', CABLE, 'up');
        ip('-n', this.#names[side], 'addr', 'add', `${ADDRESS[side]}/24`, 'dev', CABLE);
      }
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** What to put before a command so that it runs on this side. */
  on(side: Side): string[] {
    return [find('ip'), 'netns', 'exec', this.#names[side]];
  }

  /** Every packet vanishes where it arrives, whichever side sent it. */
  cut(): void {
    this.#onArrival('-j', 'DROP');
  }

  /** The network is as it was built, but for addresses. */
  mend(): void {
    for (const side of ['server', 'client'] as const) {
      this.#run(side, 'iptables', '-w', '-F', 'INPUT');
      const { stdout } = this.#run(side, 'tc', 'qdisc', 'show', 'dev', CABLE);
      if (/netem|tbf/.test(stdout)) this.#run(side, 'tc', 'qdisc', 'del', 'dev', CABLE, 'root');
    }
  }

  /** The client's side has no address any more. */
  removeAddress(address: string): void {
    ip('-n', this.#names.client, 'addr', 'del', `${address}/24`, 'dev', CABLE);
  }

  addAddress(address: string): void {
    ip('-n', this.#names.client, 'addr', 'add', `${address}/24`, 'dev', CABLE);
  }

  /**
   * One packet in ten is lost, either way. By netem each is 100 ms late as well; otherwise the cable is as slow
   * as 256 kbit/s, so that packets queue and are late that way.
   */
  impair(by: Impairment): void {
    for (const side of ['server', 'client'] as const) {
      const qdisc =
        by === 'netem'
          ? ['netem', 'delay', '100ms', 'loss', `${100 * LOSS}%`]
          : ['tbf', 'rate', '256kbit', 'burst', '3000', 'latency', '2s'];
      this.#run(side, 'tc', 'qdisc', 'add', 'dev', CABLE, 'root', ...qdisc);
    }
    if (by === 'tbf')
      this.#onArrival('-m', 'statistic', '--mode', 'random', '--probability', String(LOSS), '-j', 'DROP');
  }

  /** Packets lost by `impair` so far, both ways. */
  lost(): number {
    let packets = 0;
    for (const side of ['server', 'client'] as const) {
      const { stdout: qdisc } = this.#run(side, 'tc', '-s', 'qdisc', 'show', 'dev', CABLE);
      packets += Number(/dropped (\d+)/.exec(qdisc)?.[1] ?? 0);
      const { stdout: rules } = this.#run(side, 'iptables', '-w', '-L', 'INPUT', '-v', '-x', '-n');
      packets += Number(/^\s*(\d+)\s.*\bDROP\b/m.exec(rules)?.[1] ?? 0);
    }
    return packets;
  }

  remove(): void {
    process.off('exit', this.#onExit);
    this.#deleteNamespaces();
  }

  #onArrival(...rule: string[]): void {
    for (const side of ['server', 'client'] as const) {
      this.#run(side, 'iptables', '-w', '-A', 'INPUT', '-i', CABLE, ...rule);
    }
  }

  #run(side: Side, program: string, ...args: string[]): { stdout: string } {
    return run('ip', 'netns', 'exec', this.#names[side], find(program), ...args);
  }

  #deleteNamespaces(): void {
    for (const name of Object.values(this.#names)) deleteNamespace(name);
  }
}

/** Whether the kernel has netem; tried on a namespace of its own. */
export function bestImpairment(): Impairment {
  const name = `${PREFIX}-${process.pid}-probe`;
  try {
    ip('netns', 'add', name);
    run(
      'ip',
      'netns',
      'exec',
      name,
      find('tc'),
      'qdisc',
      'add',
      'dev',
      'lo',
      'root',
      'netem',
      'delay',
      '1ms',
    );
    return 'netem';
  } catch {
    return 'tbf';
  } finally {
    deleteNamespace(name);
  }
}

/** Deletes the namespaces of test processes that are gone, and ends what still runs in them. */
function sweep(): void {
  for (const line of ip('netns', 'list').stdout.split('\n')) {
    const [, name, pid] = new RegExp(`^(${PREFIX}-(\\d+)-\\w+)`).exec(line) ?? [];
    if (name === undefined || isAlive(Number(pid))) continue;
    for (const left of ip('netns', 'pids', name).stdout.split('\n').filter(Boolean)) end(Number(left));
    deleteNamespace(name);
  }
}

/** Deletes it if it is there. */
function deleteNamespace(name: string): void {
  spawnSync('ip', ['netns', 'del', name], { env: { ...process.env, PATH: FOLDERS.join(delimiter) } });
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {} // it has ended meanwhile
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function ip(...args: string[]): { stdout: string } {
  return run('ip', ...args);
}

function run(program: string, ...args: string[]): { stdout: string } {
  const { status, error, stdout, stderr } = spawnSync(find(program), args, { encoding: 'utf8' });
  if (status === 0) return { stdout };
  throw new Error(
    `Network namespaces do not work here: "${[program, ...args].join(' ')}" failed: ` +
      `${error?.message ?? stderr.trim()}\n` +
      'Needed: Linux with CAP_SYS_ADMIN and CAP_NET_ADMIN (in a container: --privileged), veth devices, ' +
      'iptables with the statistic match, and tc with netem or tbf.',
  );
}

function find(program: string): string {
  const path = FOLDERS.map((folder) => join(folder, program)).find(isExecutable);
  if (path !== undefined) return path;
  throw new Error(
    `Needed, and not found: ${program}. On Debian: sudo apt-get install iproute2 iptables (ip, tc, iptables).`,
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
