/**
 * npm run bench: what Bloom costs, beside a bare ws relay and beside others.
 *
 *     npm run bench                      the quick set: relay, peers if installed, connections, rooms; some minutes
 *     npm run bench -- --full            everything, at full length; 80 minutes, on a machine that does nothing else
 *     npm run bench -- --guard           has the relay become dearer? compares with bench/baseline.json
 *     npm run bench -- NAME [options]    one bench; NAME --help says what it measures and takes
 *
 * With --save the quick and the full set write what they found to bench/results/; npm run docs then puts it into
 * docs/performance.md. The exit code is that of the first bench that failed: a message was lost, or the guard barked.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { hasPeers, INSTALL_PEERS } from './support/contestants.ts';

const BENCHES: Readonly<Record<string, string>> = {
  meet: 'processor time of a room whose eight people really meet, beside rooms on ws and beside others',
  relay: 'processor time of a relayed message, beside a bare ws relay; profiles with --cpu-prof',
  windows: 'the same by how many messages come together',
  hold: 'memory of a connection held open',
  actors: 'heap of an XState actor, without a socket',
  beside: 'latency of one busy room beside ten thousand connections',
  rooms: 'opening, finding and expiring up to 100,000 rooms',
  storm: 'everybody reconnects at once',
  noisy: 'one client floods the server; do the others notice?',
  spans: 'what writing a span takes, by Bloom and by OpenTelemetry’s serializer',
  soak: 'clients come and go for ten minutes; does memory return to where it began?',
  guard: 'the relay’s ratios against bench/baseline.json',
};

/** Command lines of a set, in order. */
type Set = readonly (readonly [name: string, ...options: string[]])[];

const QUICK: Set = [
  ['relay', '--seconds', '1'],
  ['relay', '--servers', 'peers', '--rounds', '5', '--starts', '1', '--seconds', '1'],
  ['hold', '--connections', '2000', '--seconds', '10', '--servers', 'bloom'],
  ['rooms', '--sizes', '1000,10000', '--rounds', '3'],
];

const FULL: Set = [
  ['relay', '--rounds', '20', '--starts', '5'],
  ['relay', '--servers', 'peers', '--rounds', '10', '--seconds', '1.5'],
  ['relay', '--load', 'closed', '--rounds', '3', '--starts', '1', '--cpu-prof', 'bench/profiles'],
  ['windows'],
  ['hold'],
  ['actors'],
  ['hold', '--servers', 'peers', '--connections', '4000', '--seconds', '20'],
  ['hold', '--servers', 'bloom', '--connections', '30000', '--idle'],
  ['rooms'],
  ['storm'],
  ['beside'],
  ['noisy'],
  ['soak'],
];

const USAGE = `${readFileSync(new URL(import.meta.url), 'utf8')
  .split('*/')[0]
  ?.replace(/^\/\*\*\n|^ \* ?/gm, '')
  .trimEnd()}

The benches:

${Object.entries(BENCHES)
  .map(([name, meaning]) => `    ${name.padEnd(8)} ${meaning}`)
  .join('\n')}
`;

/** Runs one bench in a process of its own; settles with its exit code. */
async function run(name: string, options: readonly string[]): Promise<number> {
  const script = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  const child = spawn(process.execPath, ['--expose-gc', script, ...options], { stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  return code ?? 1;
}

async function runAll(set: Set, extra: readonly string[]): Promise<number> {
  let failed = 0;
  for (const [name, ...options] of set) {
    if (options.includes('peers') && !hasPeers()) {
      console.log(`\nThe peers are left out; to compare with them: ${INSTALL_PEERS}`);
      continue;
    }
    console.log(`\n== ${name} ${options.join(' ')}`);
    failed ||= await run(name, [...options, ...extra]);
  }
  return failed;
}

function help(name: string): string {
  const source = readFileSync(new URL(`./${name}.ts`, import.meta.url), 'utf8');
  return `${/^\/\*\*\n(.*?)\n \*\//s.exec(source)?.[1]?.replaceAll(/^ \* ?/gm, '')}\n`;
}

async function main([first, ...rest]: readonly string[]): Promise<number> {
  const extra = [first, ...rest].includes('--save') ? ['--save'] : [];
  if (first === undefined || first === '--save') return runAll(QUICK, extra);
  if (first === '--full') return runAll(FULL, extra);
  if (first === '--guard') return run('guard', rest);
  if (Object.hasOwn(BENCHES, first)) {
    if (!rest.includes('--help')) return run(first, rest);
    process.stdout.write(help(first));
    return 0;
  }
  const isAsked = first === '--help';
  (isAsked ? process.stdout : process.stderr).write(isAsked ? USAGE : `No bench ${first}.\n\n${USAGE}`);
  return isAsked ? 0 : 2;
}

process.exitCode = await main(process.argv.slice(2));
