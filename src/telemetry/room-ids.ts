import { createHmac, randomBytes } from 'node:crypto';
import type { RoomId } from '../protocol/server.ts';

/** How LOG_ROOM_IDS has room ids in logs and spans. */
export const ROOM_ID_FORMS = ['plain', 'hashed'] as const;
export type RoomIdForm = (typeof ROOM_ID_FORMS)[number];

/** What stands for a room's id in logs and spans. */
export type RoomName = (roomId: RoomId) => string;

/** Rooms whose hashes are remembered: each message of a room would cost one otherwise. */
const MAX_REMEMBERED = 10_000;
const HASH_CHARACTERS = 22;

/**
 * `hashed`: an HMAC with a key of this process, so that lines and spans of one room can be found by each other, and
 * no id by what is logged.
 */
export function roomNames(form: RoomIdForm): RoomName {
  if (form === 'plain') return (roomId) => roomId;
  const key = randomBytes(32);
  const remembered = new Map<RoomId, string>();
  return (roomId) => {
    const known = remembered.get(roomId);
    if (known !== undefined) return known;
    const hash = createHmac('sha256', key).update(roomId).digest('base64url').slice(0, HASH_CHARACTERS);
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(roomId, hash);
    return hash;
  };
}
