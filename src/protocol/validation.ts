import * as v from 'valibot';
import type { Dialect } from './client.ts';
import { seq } from './fields.ts';
import { SERVER_MESSAGES } from './messages.ts';
import { BASE, SESSION } from './server.ts';

type NumberedSchema = v.StrictObjectSchema<{ readonly type: v.LiteralSchema<string, undefined> }, undefined>;

const BY_DIALECT = {
  base: v.variant('type', Object.values(BASE)),
  session: v.variant('type', Object.values(numbered())),
};

/**
 * Validates a message from a server. Returns the problem as a sentence, undefined when the message is valid. The
 * conformance kit and tests use it.
 */
export function validateServerMessage(message: unknown, dialect: Dialect): string | undefined {
  const result = v.safeParse(BY_DIALECT[dialect], message, { abortEarly: true });
  if (result.success) return undefined;
  const path = v.getDotPath(result.issues[0]);
  return `${path === null ? '' : `${path}: `}${result.issues[0].message}`;
}

/** The schemas of a session, by type, with the number. */
export function numbered(): Readonly<Record<keyof typeof SESSION, NumberedSchema>> {
  const types = Object.keys(SESSION) as (keyof typeof SESSION)[];
  const schemas = types.map((type) => {
    const { entries } = SESSION[type];
    const isNumbered = SERVER_MESSAGES[type].startsNumbers !== true;
    return [type, v.strictObject({ ...entries, ...(isNumbered && { seq }) })] as const;
  });
  return Object.fromEntries(schemas) as unknown as Record<keyof typeof SESSION, NumberedSchema>;
}
