import type { ParticipantId } from '../protocol/server.ts';

/** What a Mesh tells the other end of a connection over its own data channel: the id it has now. */

const MAX_LENGTH = 256;

export function writeIdentity(id: ParticipantId): string {
  return JSON.stringify({ type: 'identity', id });
}

/** Undefined for anything else: whoever is at the other end may send what it likes. */
export function readIdentity(text: string): ParticipantId | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  try {
    const { type, id } = Object(JSON.parse(text));
    return type === 'identity' && typeof id === 'string' ? id : undefined;
  } catch {
    return undefined;
  }
}
