import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Result } from '../bench/support/report.ts';
import { toSvg } from '../bench/support/svg.ts';

/** What `npm run bench -- … --save` measured, as docs/performance.md shows it. */

const RESULTS = new URL('../bench/results/', import.meta.url);

function results(): Result[] {
  return globSync('*.json', { cwd: RESULTS.pathname })
    .sort()
    .map((file) => JSON.parse(readFileSync(new URL(file, RESULTS), 'utf8')));
}

/** A part of docs/performance.md for each result, by its name. */
export function performanceParts(): Record<string, () => string> {
  return Object.fromEntries(results().map((result) => [result.name, () => section(result)]));
}

/** Every plot, by its path. */
export function plotFiles(): Record<string, () => string> {
  const plots = results().flatMap((result) => result.plots);
  return Object.fromEntries(plots.map((plot) => [pathOf(plot.name), () => toSvg(plot)]));
}

function pathOf(plot: string): string {
  return `docs/images/performance/${plot}.svg`;
}

function section({ command, circumstances, tables, plots }: Result): string {
  const { date, cpu, cores, memoryGiB, system, node, loadBefore, versions } = circumstances;
  const of = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    ...tables.map(({ title, head, rows }) => `${title}:\n\n${table(head, rows)}`),
    ...plots.map(({ name, title }) => `![${title}](images/performance/${basename(pathOf(name))})`),
    `\`${command}\`, ${date}; ${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}, load average ${loadBefore} ` +
      `before; Node ${node}, ${of.join(', ')}.`,
  ].join('\n\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}
