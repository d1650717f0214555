import * as v from 'valibot';
import type { Dialect } from './client.ts';
import { BASE, Ready, SESSION, seq } from './server.ts';

const NUMBERED = numbered({ ...BASE, ...SESSION });
const BY_DIALECT = { base: v.variant('type', Object.values(BASE)), session: v.variant('type', NUMBERED) };

/**
 * What is wrong with a message that a server sent, in a sentence; undefined when nothing is. For those who
 * have reason to doubt the server: the conformance kit, and tests.
 */
export function misfit(message: unknown, dialect: Dialect): string | undefined {
  const result = v.safeParse(BY_DIALECT[dialect], message, { abortEarly: true });
  if (result.success) return undefined;
  const path = v.getDotPath(result.issues[0]);
  return `${path === null ? '' : `${path}: `}${result.issues[0].message}`;
}

function numbered(schemas: Omit<typeof BASE, keyof typeof SESSION> & typeof SESSION) {
  return [
    Ready,
    ...Object.values(schemas).map(({ entries }) => v.strictObject({ ...entries, seq })),
  ] as const;
}
