import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type Circumstances, circumstances } from './machine.ts';
import { type Cells, printTable } from './statistics.ts';
import type { Plot } from './svg.ts';

/** What a bench found out: printed as it comes, and kept in bench/results/ for docs/performance.md if `--save` is given. */
export interface Result {
  readonly name: string;
  /** The command that measured it. */
  readonly command: string;
  readonly circumstances: Circumstances;
  readonly tables: readonly {
    readonly title: string;
    readonly head: Cells;
    readonly rows: readonly Cells[];
  }[];
  readonly plots: readonly Plot[];
}

const RESULTS = new URL('../results/', import.meta.url);
const PACKAGES = ['ws', 'xstate', 'valibot', '@opentelemetry/sdk-node'];

export class Report {
  readonly #name: string;
  readonly #bench = basename(process.argv[1] ?? '', '.ts');
  readonly #circumstances: Circumstances;
  readonly #tables: Result['tables'][number][] = [];
  readonly #plots: Plot[] = [];

  /** `packages`: whose versions matter besides Bloom's own. */
  constructor(name: string, packages: readonly string[] = []) {
    this.#name = name;
    this.#circumstances = circumstances([...PACKAGES, ...packages]);
  }

  table(title: string, head: Cells, rows: readonly Cells[]): void {
    this.#tables.push({ title, head, rows });
    console.log(`\n${title}:\n`);
    printTable(head, rows);
  }

  plot(plot: Plot): void {
    this.#plots.push(plot);
  }

  save(): void {
    const result: Result = {
      name: this.#name,
      command: `npm run bench -- ${[this.#bench, ...process.argv.slice(2).filter((arg) => arg !== '--save')].map(quoted).join(' ')}`,
      circumstances: this.#circumstances,
      tables: this.#tables,
      plots: this.#plots,
    };
    mkdirSync(RESULTS, { recursive: true });
    writeFileSync(new URL(`${this.#name}.json`, RESULTS), `${JSON.stringify(result, null, 2)}\n`);
  }
}

export function readResult(name: string): Result {
  return JSON.parse(readFileSync(new URL(`${name}.json`, RESULTS), 'utf8'));
}

/** As a shell takes it for one argument. */
function quoted(argument: string): string {
  return argument.includes(' ') ? `'${argument}'` : argument;
}
