/**
 * Has the relay become dearer? Measures as bench/relay.ts does and compares the ratios to the bare relay, which the
 * machine's speed changes little, with those in bench/baseline.json. For a person to run, before and after a change:
 * no test does.
 *
 *     npm run bench -- --guard [--rounds 12] [--update]
 *
 * Exit code 1 when a ratio is more than its tolerance above its baseline (0.1: ten percent), or a message or a span was
 * lost. `--update` writes what was measured as the new baseline. The open loop's tolerance is wide, since two runs of
 * the same code differ as much.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { compareRelays, DEFAULTS, KINDS, type Kind, ratiosOf } from './support/comparison.ts';
import { median, printTable, quartiles } from './support/statistics.ts';

/** CPU a message, Bloom's with every span exported over the bare relay's. */
type Baseline = Record<Kind, { readonly ratio: number; readonly tolerance: number }>;

const FILE = new URL('./baseline.json', import.meta.url);

async function guard({ rounds, update }: ReturnType<typeof readOptions>): Promise<void> {
  const baseline = JSON.parse(readFileSync(FILE, 'utf8')) as Baseline;
  const measured = await compareRelays({ ...DEFAULTS, servers: ['bare', 'bloom'], rounds });
  const ratios = KINDS.map((kind) => {
    const all = ratiosOf(measured[kind], 'bloom');
    const { ratio, tolerance } = baseline[kind];
    return { kind, all, ratio, tolerance, isDearer: median(all) > ratio * (1 + tolerance) };
  });
  printTable(
    ['load', 'baseline', 'now', 'quartiles', ''],
    ratios.map(({ kind, all, ratio, isDearer }) => [
      kind,
      ratio.toFixed(2),
      median(all).toFixed(2),
      quartiles(all)
        .map((ratio) => ratio.toFixed(2))
        .join('–'),
      isDearer ? 'dearer' : 'ok',
    ]),
  );
  const isDearer = ratios.some((one) => one.isDearer);
  const hasLost = KINDS.flatMap((kind) => measured[kind])
    .flatMap((round) => [...round.values()])
    .some(({ lost, missingSpans }) => lost + missingSpans > 0);
  if (hasLost) console.error('Messages or spans were lost.');
  if (hasLost || (isDearer && !update)) process.exitCode = 1;
  if (!update) return;
  const updated = Object.fromEntries(
    ratios.map(({ kind, all, tolerance }) => [kind, { ratio: Number(median(all).toFixed(2)), tolerance }]),
  );
  writeFileSync(FILE, `${JSON.stringify(updated, null, 2)}\n`);
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: String(DEFAULTS.rounds) },
      update: { type: 'boolean', default: false },
    },
  });
  return {
    rounds: Math.min(100, Number(values.rounds)),
    update: values.update,
  };
}

await guard(readOptions());
