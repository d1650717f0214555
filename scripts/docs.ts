/**
 * Writes what follows from the code in docs/: `npm run docs`. `npm run docs -- --check` changes nothing and
 * exits 1 when something is stale; a test does the same.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connectionMachine } from '../machines/connection.ts';
import { participantMachine } from '../machines/participant.ts';
import { roomMachine } from '../machines/room.ts';
import { supervisorMachine } from '../machines/supervisor.ts';
import { negotiationMachine } from '../src/client/machines/negotiation.ts';
import { seatMachine } from '../src/client/machines/seat.ts';
import { signalingMachine } from '../src/client/machines/signaling.ts';
import { asyncapi } from './docs/asyncapi.ts';
import { schemaDocument } from './docs/json-schema.ts';
import * as tables from './docs/tables.ts';
import { toMermaid } from './mermaid.ts';
import { performanceParts, plotFiles } from './performance.ts';
import { toXState } from './xstate-chart.ts';

/** Files that are generated whole. */
const FILES: Readonly<Record<string, () => string>> = {
  'docs/asyncapi.yaml': asyncapi,
  'docs/schema/client.json': () => schemaDocument('client'),
  'docs/schema/server.json': () => schemaDocument('server'),
  ...plotFiles(),
};

/** The generated parts of each file, by the name in their `<!-- begin NAME -->` and `<!-- end NAME -->`. */
const PARTS: Readonly<Record<string, Readonly<Record<string, () => string>>>> = {
  'docs/operations.md': { variables: tables.variablesTable, metrics: tables.metricsTable },
  'docs/performance.md': performanceParts(),
  'docs/protocol.md': {
    'client messages': tables.clientTable,
    'server messages': tables.serverTable,
    'client session messages': tables.clientSessionTable,
    'server session messages': tables.serverSessionTable,
    'error codes': tables.errorTable,
    'close codes': tables.closeTable,
    'client close codes': tables.clientCloseTable,
  },
  'docs/statecharts.md': {
    room: () => toMermaid(roomMachine),
    connection: () => toMermaid(connectionMachine),
    participant: () => toMermaid(participantMachine),
    supervisor: () => toMermaid(supervisorMachine),
    signaling: () => toMermaid(toXState(signalingMachine)),
    seat: () => toMermaid(toXState(seatMachine)),
    negotiation: () => toMermaid(negotiationMachine),
  },
};

/** `text` with the part `name` replaced. */
function replacePart(text: string, name: string, content: string): string {
  const [begin, end] = [`<!-- begin ${name} -->`, `<!-- end ${name} -->`];
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from)
    throw new Error(`no part ${JSON.stringify(name)}: put ${begin} and ${end} in the file`);
  return `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`;
}

function replaceParts(text: string, parts: Readonly<Record<string, () => string>>): string {
  return Object.entries(parts).reduce((all, [name, content]) => replacePart(all, name, content()), text);
}

const check = process.argv.includes('--check');
let stale = 0;

function write(file: string, change: (before: string) => string): void {
  const url = new URL(`../${file}`, import.meta.url);
  const before = existsSync(url) ? readFileSync(url, 'utf8') : '';
  const after = change(before);
  if (before === after) return;
  stale += 1;
  if (check) process.stderr.write(`${file} is stale: run npm run docs and commit what it writes.\n`);
  else writeFileSync(url, after);
}

for (const [file, content] of Object.entries(FILES)) write(file, content);
for (const [file, parts] of Object.entries(PARTS)) write(file, (before) => replaceParts(before, parts));
if (check && stale > 0) process.exitCode = 1;
