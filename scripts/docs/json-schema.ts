import { type JsonSchema, toJsonSchema } from '@valibot/to-json-schema';
import * as v from 'valibot';
import * as client from '../../src/protocol/client.ts';
import * as server from '../../src/protocol/server.ts';
import { CLIENT, CLIENT_IN_SESSION, FIELDS, SERVER } from './catalogue.ts';

/** The JSON Schemas of docs/schema/, and the message schemas of docs/asyncapi.yaml: all from the valibot schemas. */

export type Target = 'draft-2020-12' | 'draft-07';
export type Schemas = Readonly<Record<string, JsonSchema>>;

/** Schemas without title and description, those of a session's variants under names of their own. */
interface Direction {
  readonly base: Schemas;
  readonly session: Schemas;
}

/** What refuses or changes a value in a way JSON Schema cannot express; `v.metadata` beside it says what it can. */
const NOT_IN_JSON_SCHEMA = ['check', 'to_lower_case', 'readonly'];

const UUID = '^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$';

/** What a client sends. */
export function clientSchemas(target: Target): Direction {
  const base = convertAll(client.BASE, target, ({ type }) => CLIENT[type].summary);
  const SessionJoinRoom = convert(client.SESSION.JoinRoom, target, CLIENT_IN_SESSION.JoinRoom.summary);
  const Hello = convert(client.Hello, target, CLIENT.Hello.summary);
  return { base, session: { Hello, SessionJoinRoom } };
}

/** What a server sends. */
export function serverSchemas(target: Target): Direction {
  const summary = ({ type }: { type: keyof typeof SERVER }) => SERVER[type].summary;
  const { BASE, SESSION, Ready, seq } = server;
  const numbered = Object.entries({ ...BASE, ...SESSION }).map(([name, { entries }]) => [
    name in BASE ? `Session${name}` : name,
    convert(v.strictObject({ ...entries, seq }), target, summary({ type: name as keyof typeof SERVER })),
  ]);
  return {
    base: convertAll(BASE, target, summary),
    session: { Ready: convert(Ready, target, SERVER.Ready.summary), ...Object.fromEntries(numbered) },
  };
}

/** One document for one direction: `$defs` has each message, and those of the base protocol and of a session. */
export function schemaDocument(direction: 'client' | 'server'): string {
  const isClient = direction === 'client';
  const { base, session } = isClient ? clientSchemas('draft-2020-12') : serverSchemas('draft-2020-12');
  const inSession = isClient
    ? Object.keys({ ...base, ...session }).filter((name) => name !== 'JoinRoom')
    : Object.keys(session);
  const oneOf = (names: readonly string[]) => names.map((name) => ({ $ref: `#/$defs/${name}` }));
  return `${JSON.stringify(
    {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: `urn:bloom-signaling:${direction}`,
      title: `What a ${direction} sends`,
      description: `One text frame. Generated from src/protocol/${direction}.ts by npm run docs; docs/protocol.md says what it means.`,
      anyOf: oneOf(['Base', 'Session']),
      $defs: {
        Base: {
          description: 'The base protocol, for a connection that said no Hello.',
          oneOf: oneOf(Object.keys(base)),
        },
        Session: {
          description: 'A session, for a connection that said Hello first.',
          oneOf: oneOf(inSession),
        },
        ...base,
        ...session,
      },
    },
    null,
    2,
  )}\n`;
}

function convertAll<S extends Record<string, v.GenericSchema>>(
  schemas: S,
  target: Target,
  summary: (message: { type: keyof S & string }) => string,
): Schemas {
  return Object.fromEntries(
    Object.entries(schemas).map(([type, schema]) => [
      type,
      convert(schema, target, summary({ type: type as keyof S & string })),
    ]),
  );
}

function convert(schema: v.GenericSchema, target: Target, summary: string): JsonSchema {
  const { $schema: _, ...converted } = toJsonSchema(schema, {
    target,
    typeMode: 'input',
    ignoreActions: NOT_IN_JSON_SCHEMA,
  });
  explain(converted);
  return { description: summary, ...converted };
}

/** Describes each field, and says what a UUID is in a pattern too: to JSON Schema a format is but a comment. */
function explain(schema: JsonSchema): void {
  if (schema.format === 'uuid') schema.pattern ??= UUID;
  for (const part of [...(schema.anyOf ?? []), schema.items]) {
    if (typeof part === 'object' && !Array.isArray(part)) explain(part);
  }
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    if (typeof field === 'boolean') continue;
    explain(field);
    if (name in FIELDS) field.description = FIELDS[name as keyof typeof FIELDS];
  }
}
