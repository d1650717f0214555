import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Jest's global setup: the call page, and the programs that tests run besides Node. What is missing is installed,
 * as root on Debian and its kin; elsewhere it is named, with the command that installs it, and the tests that need
 * it fail. When all is there this costs a tenth of a second.
 */

interface Program {
  readonly name: string;
  /** The Debian package it comes in. */
  readonly from: string;
  readonly use: string;
}

const PROGRAMS: readonly Program[] = [
  { name: 'chromium', from: 'chromium', use: 'tests in a browser' },
  { name: 'openssl', from: 'openssl', use: 'certificates for TLS tests' },
  { name: 'ip', from: 'iproute2', use: 'network namespaces for tests of broken networks' },
  { name: 'turnserver', from: 'coturn', use: 'a TURN server for calls over a relay' },
  { name: 'ss', from: 'iproute2', use: 'which process listens on a port' },
  { name: 'script', from: 'bsdutils', use: 'a server with a terminal' },
  { name: 'iptables', from: 'iptables', use: 'packet loss for tests of broken networks' },
];

const CHROMIUM = PROGRAMS.filter(({ name }) => name === 'chromium');
/** Only storms want it, and only some of them. */
const FIREFOX: Program = { name: 'firefox-esr', from: 'firefox-esr', use: 'storms that Firefox joins' };

/** Not on the PATH of every user, but `ip` and `iptables` are there. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/sbin'];

const INSTALL_TIMEOUT_MS = 10 * 60_000;

export interface Machine {
  /** Where programs are, `apt-get` among them. */
  readonly path: readonly string[];
  readonly isRoot: boolean;
  say(line: string): void;
}

const THIS_MACHINE: Machine = {
  path: [...(process.env.PATH ?? '').split(delimiter), ...SYSTEM_FOLDERS],
  isRoot: process.getuid?.() === 0,
  say: (line) => process.stderr.write(`${line}\n`),
};

export default function setup(): void {
  provide(THIS_MACHINE);
  buildPage();
}

/** For `npm run test:storm`, which Jest does not run. */
export function provideForStorm(hasFirefox: boolean): void {
  provide(THIS_MACHINE, hasFirefox ? [...CHROMIUM, FIREFOX] : CHROMIUM);
}

/** As before `npm start`: a server that finds no page says so in its log, which is tested to hold nothing else. */
function buildPage(): void {
  const { status, error } = spawnSync(process.execPath, [join(import.meta.dirname, 'build-web.ts')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`the call page could not be built: exit code ${status}`);
}

/** Sees to it that the programs are there, as far as it can; returns those that are still missing. */
export function provide(machine: Machine, programs: readonly Program[] = PROGRAMS): readonly Program[] {
  const missing = missingOf(machine, programs);
  if (missing.length === 0) return missing;
  const packages = missing.map(({ from }) => from).join(' ');
  machine.say(`Missing for the tests: ${missing.map(({ name, use }) => `${name} (${use})`).join(', ')}.`);
  if (machine.isRoot && find(machine, 'apt-get') !== undefined) {
    machine.say(`Installing: apt-get install ${packages}`);
    aptGet(machine, 'update');
    aptGet(machine, 'install', '--yes', '--no-install-recommends', ...packages.split(' '));
  }
  const still = missingOf(machine, missing);
  if (still.length > 0) {
    machine.say(
      `Not found: ${still.map(({ name }) => name).join(', ')}. The tests that need them will fail.\n` +
        `On Debian: sudo apt-get update && sudo apt-get install ${still.map(({ from }) => from).join(' ')}\n` +
        `Elsewhere: install programs of these names, and have them on the PATH.`,
    );
  }
  return still;
}

function missingOf(machine: Machine, programs: readonly Program[]): readonly Program[] {
  return programs.filter(({ name }) => find(machine, name) === undefined);
}

function find({ path }: Machine, name: string): string | undefined {
  return path.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Says how it failed, if it did; what came of it is seen afterwards. */
function aptGet(machine: Machine, ...args: string[]): void {
  const { status, error, stdout, stderr } = spawnSync(
    find(machine, 'apt-get') as string,
    ['--quiet', '-o', 'DPkg::Lock::Timeout=120', ...args],
    {
      env: { ...process.env, PATH: machine.path.join(delimiter), DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
      timeout: INSTALL_TIMEOUT_MS,
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  if (status === 0) return;
  const lastLines = `${stdout ?? ''}${stderr ?? ''}`.trim().split('\n').slice(-10).join('\n');
  machine.say(`apt-get ${args[0]} failed (${error?.message ?? `exit code ${status}`}):\n${lastLines}`);
}
