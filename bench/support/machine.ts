import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';

/** Where and with what a result was measured. */
export interface Circumstances {
  /** ISO 8601, to the minute, UTC. */
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  /** Average number of processes that wanted a core in the minute before: what else the machine did. */
  readonly loadBefore: number;
  /** Bloom's and the packages'. */
  readonly versions: Readonly<Record<string, string>>;
}

export function circumstances(packages: readonly string[]): Circumstances {
  const [cpu] = cpus();
  return {
    date: `${new Date().toISOString().slice(0, 16)}Z`,
    cpu: cpu?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
    loadBefore: Number((loadavg()[0] as number).toFixed(2)),
    versions: {
      bloom: versionIn(new URL('../../package.json', import.meta.url)),
      ...Object.fromEntries(packages.map((name) => [name, versionOf(name)])),
    },
  };
}

function versionOf(name: string): string {
  for (const folder of ['../../', '../peers/']) {
    try {
      return versionIn(new URL(`${folder}node_modules/${name}/package.json`, import.meta.url));
    } catch {}
  }
  return 'not installed';
}

function versionIn(manifest: URL): string {
  return JSON.parse(readFileSync(manifest, 'utf8')).version;
}
