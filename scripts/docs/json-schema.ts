import { type JsonSchema, toJsonSchema } from '@valibot/to-json-schema';
import type * as v from 'valibot';
import * as client from '../../src/protocol/client.ts';
import * as server from '../../src/protocol/server.ts';
import { numbered } from '../../src/protocol/validation.ts';
import { aboutClient, aboutServer, WORDS_OF_FIELDS } from './catalogue.ts';

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
  return direction(client.BASE, client.SESSION, target, aboutClient);
}

/** What a server sends. */
export function serverSchemas(target: Target): Direction {
  return direction(server.BASE, numbered(), target, aboutServer);
}

/** `session` has what a session says in another form, or alone. */
function direction(
  base: Readonly<Record<string, v.GenericSchema>>,
  session: Readonly<Record<string, v.GenericSchema>>,
  target: Target,
  about: (type: string, inSession: boolean) => { readonly summary: string },
): Direction {
  const others = Object.entries(session).filter(([type, schema]) => schema !== base[type]);
  return {
    base: Object.fromEntries(
      Object.entries(base).map(([type, schema]) => [
        type,
        convert(schema, target, about(type, false).summary),
      ]),
    ),
    session: Object.fromEntries(
      others.map(([type, schema]) => [
        type in base ? `Session${type}` : type,
        convert(schema, target, about(type, true).summary),
      ]),
    ),
  };
}

/** What may be said in a session, by the names of the schemas. */
export function namesInSession({ base, session }: Direction): string[] {
  const kept = Object.keys(base).filter((name) => !(`Session${name}` in session));
  return [...kept, ...Object.keys(session)];
}

/** One document for one direction: `$defs` has each message, and those of the base protocol and of a session. */
export function schemaDocument(direction: 'client' | 'server'): string {
  const isClient = direction === 'client';
  const { base, session } = isClient ? clientSchemas('draft-2020-12') : serverSchemas('draft-2020-12');
  const oneOf = (names: readonly string[]) => names.map((name) => ({ $ref: `#/$defs/${name}` }));
  return `${JSON.stringify(
    {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: `urn:bloom-signaling:${direction}`,
      title: `What a ${direction} sends`,
      description: `One text frame. Generated from src/protocol/messages.ts by npm run docs; docs/protocol.md says what it means.`,
      anyOf: oneOf(['Base', 'Session']),
      $defs: {
        Base: {
          description: 'The base protocol, for a connection that said no Hello.',
          oneOf: oneOf(Object.keys(base)),
        },
        Session: {
          description: 'A session, for a connection that said Hello first.',
          oneOf: oneOf(namesInSession({ base, session })),
        },
        ...base,
        ...session,
      },
    },
    null,
    2,
  )}\n`;
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
    if (name in WORDS_OF_FIELDS) field.description = WORDS_OF_FIELDS[name as keyof typeof WORDS_OF_FIELDS];
  }
}
