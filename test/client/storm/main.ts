import { mkdir, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { provideForStorm } from '../../../scripts/test-setup.ts';
import { launchChromium, launchFirefox, type StormBrowser } from './browsers.ts';
import { PAGES, type Step } from './schedule.ts';
import { runStorm, type StormResult } from './storm.ts';

/**
 * Storms of the Mesh: `npm run test:storm -- --seeds 20`, or one again: `npm run test:storm -- --seed 7 --seconds 20`.
 * Exit code 1 if a pair was not as it should be 60 s after its storm; then the schedule is printed.
 */

const USAGE = `npm run test:storm -- [options]
  --seeds N       storms of the seeds from --from on (default 20)
  --from N        the first seed (default 1)
  --seed N        this seed alone
  --seconds S     how long each storm lasts (default 20)
  --firefox HOW   "some" (the default: the third page of each fourth seed), "all" or "none"
  --journals DIR  writes what each page did and heard into DIR, one file for each storm
`;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '20' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    seconds: { type: 'string', default: '20' },
    firefox: { type: 'string', default: 'some' },
    journals: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  process.stdout.write(USAGE);
} else {
  const first = Number(values.seed ?? values.from);
  const count = values.seed === undefined ? Number(values.seeds) : 1;
  const seeds = Array.from({ length: count }, (_, i) => first + i);
  const failed = await run(seeds, Number(values.seconds));
  process.stdout.write(`${seeds.length - failed.length} of ${seeds.length} storms are well.`);
  process.stdout.write(failed.length === 0 ? '\n' : ` Failed: ${failed.join(', ')}.\n`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}

function hasFirefox(seed: number): boolean {
  return values.firefox === 'all' || (values.firefox === 'some' && seed % 4 === 0);
}

async function run(seeds: readonly number[], seconds: number): Promise<number[]> {
  provideForStorm(seeds.some(hasFirefox));
  const failed: number[] = [];
  for (const seed of seeds) {
    const result = await runOne(seed, seconds);
    report(result);
    if (values.journals !== undefined) await save(values.journals, result);
    if (result.faults.length > 0) failed.push(seed);
  }
  return failed;
}

async function runOne(seed: number, seconds: number): Promise<StormResult> {
  const chromium = await launchChromium();
  const firefox = hasFirefox(seed) ? await launchFirefox() : undefined;
  const browsers: StormBrowser[] = Array.from({ length: PAGES }, () => chromium);
  if (firefox !== undefined) browsers[PAGES - 1] = firefox;
  try {
    return await runStorm(seed, seconds, browsers);
  } finally {
    await chromium.close();
    await firefox?.close();
  }
}

function report({
  seed,
  seconds,
  browsers,
  steps,
  faults,
  settledMs,
  largestDescription,
}: StormResult): void {
  const what = `seed ${seed}, ${seconds} s, ${steps.length} steps${browsers.includes('firefox') ? ', Firefox' : ''}`;
  const size = `largest description ${largestDescription}`;
  if (faults.length === 0) {
    process.stdout.write(`${what}: well after ${settledMs} ms; ${size}\n`);
    return;
  }
  process.stdout.write(`${what}: FAILED after ${settledMs} ms; ${size}\n`);
  for (const fault of faults) process.stdout.write(`  ${fault}\n`);
  process.stdout.write(
    `  the schedule (again: npm run test:storm -- --seed ${seed} --seconds ${seconds}):\n`,
  );
  for (const step of steps) process.stdout.write(`    ${describeStep(step)}\n`);
}

export function describeStep({ at, page, ...action }: Step): string {
  return `${at} ms, page ${page}: ${JSON.stringify(action)}`;
}

async function save(folder: string, { seed, journals }: StormResult): Promise<void> {
  await mkdir(folder, { recursive: true });
  const text = journals.map((lines, page) => [`page ${page}`, ...lines].join('\n')).join('\n\n');
  await writeFile(`${folder}/${seed}.txt`, `${text}\n`);
}
