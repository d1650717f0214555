/**
 * Writes the parts of docs/ that follow from the code: `npm run docs`. `npm run docs -- --check` changes
 * nothing and exits 1 when a part is stale; a test does the same.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { connectionMachine } from '../machines/connection.ts';
import { roomMachine } from '../machines/room.ts';
import { supervisorMachine } from '../machines/supervisor.ts';
import { VARIABLES } from '../src/config.ts';
import { CLOSE_CODES, ERROR_CODES } from '../src/protocol/codes.ts';
import { METRIC } from '../src/telemetry/names.ts';
import { toMermaid } from './mermaid.ts';

/** The generated parts of each file, by the name in their `<!-- begin NAME -->` and `<!-- end NAME -->`. */
const PARTS: Readonly<Record<string, Readonly<Record<string, () => string>>>> = {
  'docs/operations.md': { variables: variablesTable, metrics: metricsTable },
  'docs/protocol.md': { 'error codes': errorTable, 'close codes': closeTable },
  'docs/statecharts.md': {
    room: () => toMermaid(roomMachine),
    connection: () => toMermaid(connectionMachine),
    supervisor: () => toMermaid(supervisorMachine),
  },
};

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

function variablesTable(): string {
  return table(
    ['variable', 'default', 'allowed', 'what it does'],
    Object.entries(VARIABLES).map(([name, { fallback, allowed, meaning }]) => [
      `\`${name}\``,
      fallback === '' ? '' : `\`${fallback}\``,
      allowed,
      meaning,
    ]),
  );
}

function errorTable(): string {
  return table(
    ['code', 'what happened', 'try again?'],
    Object.entries(ERROR_CODES).map(([code, { meaning, retry }]) => [`\`${code}\``, meaning, retry]),
  );
}

function closeTable(): string {
  return table(
    ['code', 'name', 'what happened', 'try again?'],
    Object.entries(CLOSE_CODES).map(([name, { code, meaning, retry }]) => [
      String(code),
      name,
      meaning,
      retry,
    ]),
  );
}

function metricsTable(): string {
  return table(
    ['metric', 'unit', 'what it counts'],
    Object.values(METRIC).map(([name, unit, description]) => [`\`${name}\``, `\`${unit}\``, description]),
  );
}

/** `text` with the part `name` replaced. */
function replacePart(text: string, name: string, content: string): string {
  const [begin, end] = [`<!-- begin ${name} -->`, `<!-- end ${name} -->`];
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from)
    throw new Error(`no part ${JSON.stringify(name)}: put ${begin} and ${end} in the file`);
  return `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`;
}

const check = process.argv.includes('--check');
let stale = 0;
for (const [file, parts] of Object.entries(PARTS)) {
  const url = new URL(`../${file}`, import.meta.url);
  const before = readFileSync(url, 'utf8');
  let after = before;
  for (const [name, content] of Object.entries(parts)) after = replacePart(after, name, content());
  if (before === after) continue;
  stale += 1;
  if (check) process.stderr.write(`${file} is stale: run npm run docs and commit what it writes.\n`);
  else writeFileSync(url, after);
}
if (check && stale > 0) process.exitCode = 1;
