import type { RoomId } from '../../src/client/index.ts';
import type { ChatMessage } from './chat.ts';

/** What this tab keeps of a call, so that a reload or a crash does not end it. It is in sessionStorage. */
export interface KeptCall {
  readonly roomId: RoomId;
  readonly name: string;
  readonly isMuted: boolean;
  readonly hasCamera: boolean;
  readonly messages: readonly ChatMessage[];
  readonly draft: string;
  /** When it was kept, in milliseconds since the epoch. */
  readonly at: number;
  /** The session, where another tab hands it over. Over a reload the SDK keeps it. */
  readonly session?: string;
}

const KEY = 'bloom.call';
/** The key of the SDK's own record in the same storage. */
export const SESSION_KEY = 'bloom-session';
const MAX_MESSAGES = 200;
/** A tab that is restored later does not open the microphone by itself. */
const MAX_AGE_MS = 2 * 60_000;

type Kept = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

export function keepCall(call: KeptCall, storage: () => Kept): void {
  const messages = call.messages.slice(-MAX_MESSAGES);
  try {
    storage().setItem(KEY, JSON.stringify({ ...call, messages }));
  } catch {
    // The browser gives no storage, or it is full: then a reload begins anew.
  }
}

export function forgetCall(storage: () => Kept): void {
  try {
    storage().removeItem(KEY);
  } catch {
    // There is no storage.
  }
}

/** The call this tab was in a moment ago. */
export function recallCall(storage: () => Kept, now: number): KeptCall | undefined {
  try {
    return readCall(JSON.parse(storage().getItem(KEY) ?? 'null'), now);
  } catch {
    return undefined;
  }
}

/** Undefined when it does not read: another version of the page may have written it. */
export function readCall(value: unknown, now: number): KeptCall | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { roomId, name, isMuted, hasCamera, messages, draft, at, session } = value as Record<string, unknown>;
  const isRead =
    [roomId, name, draft].every((text) => typeof text === 'string') &&
    [isMuted, hasCamera].every((flag) => typeof flag === 'boolean') &&
    Array.isArray(messages) &&
    typeof at === 'number' &&
    ['undefined', 'string'].includes(typeof session) &&
    Math.abs(now - at) < MAX_AGE_MS;
  return isRead ? { ...(value as KeptCall), messages: (messages as unknown[]).filter(isMessage) } : undefined;
}

function isMessage(value: unknown): value is ChatMessage {
  const { key, isOwn, name, text, at } = (value ?? {}) as Record<string, unknown>;
  return (
    typeof isOwn === 'boolean' &&
    [key, at].every((number) => Number.isFinite(number)) &&
    [name, text].every((string) => typeof string === 'string')
  );
}
