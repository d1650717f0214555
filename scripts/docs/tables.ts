import type { JsonSchema } from '@valibot/to-json-schema';
import { VARIABLES } from '../../src/config.ts';
import { CLIENT_CLOSE_CODES, CLOSE_CODES, ERROR_CODES } from '../../src/protocol/codes.ts';
import { RETRY_AFTER } from '../../src/protocol/retry.ts';
import { METRIC } from '../../src/telemetry/names.ts';
import { CLIENT, CLIENT_IN_SESSION, SERVER } from './catalogue.ts';
import { clientSchemas, type Schemas, serverSchemas } from './json-schema.ts';

/** The generated tables of docs/, in Markdown. */

export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

export function variablesTable(): string {
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

export function errorTable(): string {
  return table(
    ['code', 'what happened', 'try again?'],
    Object.entries(ERROR_CODES).map(([code, { meaning, retry }]) => [`\`${code}\``, meaning, retry]),
  );
}

export function closeTable(): string {
  return table(
    ['code', 'name', 'what happened', 'try again?', 'the SDK then waits'],
    Object.entries(CLOSE_CODES).map(([name, { code, meaning, retry }]) => [
      String(code),
      name,
      meaning,
      retry,
      waitOf(code),
    ]),
  );
}

export function clientCloseTable(): string {
  return table(
    ['code', 'name', 'what it says', 'the seat of a session'],
    Object.entries(CLIENT_CLOSE_CODES).map(([name, { code, meaning, seat }]) => [
      String(code),
      name,
      meaning,
      seat,
    ]),
  );
}

function waitOf(code: number): string {
  const [afterMs = 0, withinMs = 0] = RETRY_AFTER[code] ?? [];
  if (afterMs === false) return 'does not come back';
  const pause = afterMs > 0 ? `${afterMs / 1000} s, then ` : '';
  return `${pause}${withinMs > 0 ? `a random part of ${withinMs / 1000} s` : 'the back-off'}`;
}

export function metricsTable(): string {
  return table(
    ['metric', 'unit', 'what it counts'],
    Object.values(METRIC).map(([name, unit, description]) => [`\`${name}\``, `\`${unit}\``, description]),
  );
}

const { base: toServer, session: toServerInSession } = clientSchemas('draft-2020-12');
const { base: toClient, session: toClientInSession } = serverSchemas('draft-2020-12');
const CLIENT_HEADER = ['message', 'fields', 'what it asks for'];
const SERVER_HEADER = ['message', 'fields', 'to whom, and when'];

export function clientTable(): string {
  return messageTable(CLIENT_HEADER, toServer, CLIENT);
}

export function serverTable(): string {
  return messageTable(SERVER_HEADER, toClient, SERVER);
}

export function clientSessionTable(): string {
  const { Hello, SessionJoinRoom } = toServerInSession;
  return messageTable(
    CLIENT_HEADER,
    { Hello: Hello as JsonSchema, JoinRoom: SessionJoinRoom as JsonSchema },
    { Hello: CLIENT.Hello, ...CLIENT_IN_SESSION },
  );
}

/** Those that are new in a session; all but Ready have `seq`, which the prose says. */
export function serverSessionTable(): string {
  const isNew = ([name]: [string, unknown]) => name in SERVER;
  return messageTable(
    SERVER_HEADER,
    Object.fromEntries(Object.entries(toClientInSession).filter(isNew)),
    SERVER,
  );
}

function messageTable(
  header: readonly string[],
  schemas: Schemas,
  about: Readonly<Record<string, { readonly summary: string }>>,
): string {
  return table(
    header,
    Object.entries(schemas).map(([type, schema]) => [
      `\`${type}\``,
      fieldsOf(schema),
      about[type]?.summary ?? '',
    ]),
  );
}

function fieldsOf({ properties = {}, required = [] }: JsonSchema): string {
  return Object.entries(properties)
    .filter(([name]) => name !== 'type' && name !== 'seq')
    .map(([name, field]) => {
      const optional = required.includes(name) ? '' : 'optional ';
      return `${optional}\`${name}\` (${kindOf(field as JsonSchema)})`;
    })
    .join(', ');
}

function kindOf(schema: JsonSchema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map((each) => kindOf(each as JsonSchema)).join(', or ');
  if (schema.title !== undefined) return schema.title;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return 'one of those below';
  if (schema.format === 'uuid') return 'UUID';
  switch (schema.type) {
    case 'integer': {
      const { minimum, maximum } = schema;
      return maximum === undefined || maximum === Number.MAX_SAFE_INTEGER
        ? 'integer'
        : `integer from ${minimum} to ${maximum}`;
    }
    case 'array':
      return `array of ${kindOf(schema.items as JsonSchema)}`;
    case 'object':
      return fieldsOf(schema);
    default:
      return String(schema.type);
  }
}
