/**
 * How much of a relay's price depends on how busy its senders are: the closed loop of bench/relay.ts with 1 to 32
 * messages of each sender on their way. What arrives together, Bloom writes together; where each message comes alone
 * there is nothing to gain.
 *
 *     npm run bench -- windows [--windows 1,2,4,8,16,32] [--servers bloom,bloom no spans] [--rounds 4] [--seconds 1]
 *         [--save]
 *
 * Bare always takes part. Exit code 1 if a message or a span was lost.
 */
import { parseArgs } from 'node:util';
import { compareRelays, DEFAULTS, type Round, ratiosOf, type Turn } from './support/comparison.ts';
import { Report } from './support/report.ts';
import { median, quartiles } from './support/statistics.ts';

async function compare({ windows, servers, rounds, seconds, save }: ReturnType<typeof readOptions>) {
  const report = new Report('windows');
  const measured: { window: number; closed: Round[] }[] = [];
  for (const window of windows) {
    process.stderr.write(`window ${window}\n`);
    const options = {
      ...DEFAULTS,
      servers: ['bare', ...servers],
      kinds: ['closed' as const],
      rounds,
      starts: 1,
      seconds,
    };
    const { closed } = await compareRelays({ ...options, window });
    measured.push({ window, closed });
    const turns = closed.flatMap((round) => [...round.values()]);
    if (turns.some(({ lost, missingSpans }) => lost + missingSpans > 0)) process.exitCode = 1;
  }
  const cpu = (closed: Round[], name: string) =>
    median(closed.map((round) => (round.get(name) as Turn).cpuUs)).toFixed(1);
  report.table(
    `Closed loop, 64 senders; ${rounds} rounds of ${seconds} s for each window`,
    [
      'messages of each on their way',
      'bare µs',
      ...servers.flatMap((name) => [`${name} µs`, 'x bare', 'quartiles']),
    ],
    measured.map(({ window, closed }) => [
      String(window),
      cpu(closed, 'bare'),
      ...servers.flatMap((name) => [
        cpu(closed, name),
        median(ratiosOf(closed, name)).toFixed(2),
        quartiles(ratiosOf(closed, name))
          .map((ratio) => ratio.toFixed(2))
          .join('–'),
      ]),
    ]),
  );
  report.plot({
    kind: 'lines',
    name: 'windows',
    title: 'Processor time of a relayed offer, by how many of each sender are on their way',
    x: { label: 'messages of each sender on their way' },
    y: { label: 'times that of a bare ws relay' },
    series: servers.map((label) => ({
      label,
      points: measured.map(({ window, closed }) => [window, median(ratiosOf(closed, label))] as const),
    })),
  });
  if (save) report.save();
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      windows: { type: 'string', default: '1,2,4,8,16,32' },
      servers: { type: 'string', default: 'bloom,bloom no spans' },
      rounds: { type: 'string', default: '4' },
      seconds: { type: 'string', default: '1' },
      save: { type: 'boolean', default: false },
    },
  });
  return {
    windows: values.windows.split(',').map(Number),
    servers: values.servers.split(',').map((name) => name.trim()),
    rounds: Math.min(100, Number(values.rounds)),
    seconds: Math.min(60, Number(values.seconds)),
    save: values.save,
  };
}

await compare(readOptions());
