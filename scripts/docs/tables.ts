import type { JsonSchema } from '@valibot/to-json-schema';
import { VARIABLES } from '../../src/config.ts';
import { CLIENT_CLOSE_CODES, CLOSE_CODES, ERROR_CODES } from '../../src/protocol/codes.ts';
import { CLIENT_MESSAGES, SERVER_MESSAGES } from '../../src/protocol/messages.ts';
import { WHEN } from '../../src/protocol/registry.ts';
import { RETRY_AFTER } from '../../src/protocol/retry.ts';
import { METRIC } from '../../src/telemetry/names.ts';
import { aboutClient, aboutServer } from './catalogue.ts';
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

const toServer = clientSchemas('draft-2020-12');
const toClient = serverSchemas('draft-2020-12');

export function clientTable(): string {
  return clientMessages(Object.keys(toServer.base), false);
}

/** Those that are new in a session, or say more there. */
export function clientSessionTable(): string {
  const types = Object.entries(CLIENT_MESSAGES)
    .filter(([, { knownTo, inSession }]) => knownTo === 'session' || inSession !== undefined)
    .map(([type]) => type);
  return clientMessages(types, true);
}

export function serverTable(): string {
  return serverMessages(Object.keys(toClient.base), false);
}

/** Those that are new in a session; all but Ready have `seq`, which the prose says. */
export function serverSessionTable(): string {
  const types = Object.entries(SERVER_MESSAGES)
    .filter(([, { knownTo }]) => knownTo === 'session')
    .map(([type]) => type);
  return serverMessages(types, true);
}

function clientMessages(types: readonly string[], inSession: boolean): string {
  const header = ['message', 'fields', 'allowed', 'what it asks for'];
  return table(
    header,
    types.map((type) => {
      const { when } = CLIENT_MESSAGES[type as keyof typeof CLIENT_MESSAGES];
      const fields = fieldsOf(schemaOf(toServer, type, inSession));
      return [`\`${type}\``, fields, WHEN[when].meaning, aboutClient(type, inSession).summary];
    }),
  );
}

function serverMessages(types: readonly string[], inSession: boolean): string {
  const header = ['message', 'fields', 'to whom, and when'];
  return table(
    header,
    types.map((type) => [
      `\`${type}\``,
      fieldsOf(schemaOf(toClient, type, inSession)),
      aboutServer(type, inSession).summary,
    ]),
  );
}

function schemaOf(
  { base, session }: { readonly base: Schemas; readonly session: Schemas },
  type: string,
  inSession: boolean,
): JsonSchema {
  const form = inSession ? (session[`Session${type}`] ?? session[type]) : undefined;
  return form ?? (base[type] as JsonSchema);
}

function fieldsOf({ properties = {}, required = [] }: JsonSchema): string {
  return (
    Object.entries(properties)
      .filter(([name]) => name !== 'type' && name !== 'seq')
      // The prose says that any message may have one.
      .filter(([name]) => name !== 'request_id' || required.includes(name))
      .map(([name, field]) => {
        const optional = required.includes(name) ? '' : 'optional ';
        return `${optional}\`${name}\` (${kindOf(field as JsonSchema)})`;
      })
      .join(', ')
  );
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
