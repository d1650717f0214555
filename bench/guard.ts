/**
 * Has the relay become dearer? Measures as bench/relay.ts does and compares the ratios to the bare relay, which the
 * machine's speed changes little, with those in bench/baseline.json. For a person to run, before and after a change:
 * no test does.
 *
 *     npm run bench -- --guard [--rounds 10] [--tolerance 0.1] [--update]
 *
 * Exit code 1 when a ratio is more than --tolerance above its baseline (0.1: ten percent), or a message or a span was
 * lost. `--update` writes what was measured as the new baseline.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { compareRelays, DEFAULTS, KINDS, type Kind, ratiosOf } from './support/comparison.ts';
import { median, printTable, quartiles } from './support/statistics.ts';

/** CPU a message, Bloom's with every span exported over the bare relay's. */
type Baseline = Record<Kind, number>;

const FILE = new URL('./baseline.json', import.meta.url);

async function guard({ rounds, tolerance, update }: ReturnType<typeof readOptions>): Promise<void> {
  const baseline = JSON.parse(readFileSync(FILE, 'utf8')) as Baseline;
  const measured = await compareRelays({ ...DEFAULTS, servers: ['bare', 'bloom'], rounds });
  const ratios = KINDS.map((kind) => ({ kind, all: ratiosOf(measured[kind], 'bloom') }));
  printTable(
    ['load', 'baseline', 'now', 'quartiles', ''],
    ratios.map(({ kind, all }) => [
      kind,
      baseline[kind].toFixed(2),
      median(all).toFixed(2),
      quartiles(all)
        .map((ratio) => ratio.toFixed(2))
        .join('–'),
      median(all) > baseline[kind] * (1 + tolerance) ? 'dearer' : 'ok',
    ]),
  );
  const isDearer = ratios.some(({ kind, all }) => median(all) > baseline[kind] * (1 + tolerance));
  const hasLost = KINDS.flatMap((kind) => measured[kind])
    .flatMap((round) => [...round.values()])
    .some(({ lost, missingSpans }) => lost + missingSpans > 0);
  if (hasLost) console.error('Messages or spans were lost.');
  if (hasLost || (isDearer && !update)) process.exitCode = 1;
  if (!update) return;
  const updated = Object.fromEntries(ratios.map(({ kind, all }) => [kind, Number(median(all).toFixed(2))]));
  writeFileSync(FILE, `${JSON.stringify(updated, null, 2)}\n`);
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '10' },
      tolerance: { type: 'string', default: '0.1' },
      update: { type: 'boolean', default: false },
    },
  });
  return {
    rounds: Math.min(100, Number(values.rounds)),
    tolerance: Number(values.tolerance),
    update: values.update,
  };
}

await guard(readOptions());
