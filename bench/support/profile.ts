import { readFileSync } from 'node:fs';

/** What V8's `--cpu-prof` writes, as far as it is read here. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
  }[];
  /** The node that was running at each sample, and the microseconds since the sample before. */
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Shares of the time a process was busy, by where the code that ran is at home; the largest first, together 1. */
export function sharesOf(file: string): [home: string, share: number][] {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8')) as CpuProfile;
  const homes = new Map(nodes.map(({ id, callFrame }) => [id, homeOf(callFrame)]));
  const times = new Map<string, number>();
  let busy = 0;
  for (const [i, id] of samples.entries()) {
    const home = homes.get(id) as string;
    const time = timeDeltas[i] as number;
    if (home === '(idle)') continue;
    busy += time;
    times.set(home, (times.get(home) ?? 0) + time);
  }
  return [...times].map(([home, time]): [string, number] => [home, time / busy]).sort((a, b) => b[1] - a[1]);
}

/**
 * A package's name, a folder or file of this tree, `node` for its own library, `native functions` for what that and V8
 * have in C++ (`writev`, `JSON.parse`), or V8's word for what is no function.
 */
function homeOf({ functionName, url }: CpuProfile['nodes'][number]['callFrame']): string {
  if (url === '') return functionName.startsWith('(') ? functionName : 'native functions';
  if (url.startsWith('node:')) return 'node';
  const inPackage = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url);
  if (inPackage) return inPackage[1] as string;
  return /.*\/((?:src|machines|bench)\/[^/]+)/.exec(url)?.[1] ?? url;
}
