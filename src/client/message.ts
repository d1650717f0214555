import type { ServerMessage } from '../protocol/server.ts';

/**
 * A message of the server's; its number, in a session, is `seq`. Of a type that is not known, maybe of a later
 * protocol, nothing else is.
 */
export type Numbered = ServerMessage & { readonly seq?: number };

type Fields = Readonly<Record<string, unknown>>;

const isText = (value: unknown) => typeof value === 'string';
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
const isPositive = (value: unknown) => isCount(value) && value !== 0;
const isOptional = (isValid: (value: unknown) => boolean) => (value: unknown) =>
  value === undefined || isValid(value);
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isTexts = (value: unknown) => Array.isArray(value) && value.every(isText);

const ofParticipant = { participant_id: isText };
const relayedSdp = { from: isText, sdp: isText };

/** What the client relies on. Fields it does not read may be anything, and be there or not. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, (value: unknown) => boolean>>>> = {
  Ready: {
    ...ofParticipant,
    resume_token: isText,
    received: isOptional(isCount),
    heartbeat_ms: isCount,
    limits: (value) =>
      isFields(value) &&
      [value.messages, value.window_ms, value.max_payload_bytes].every((limit) => isPositive(limit)),
    ice_servers: Array.isArray,
  },
  PeerInterrupted: ofParticipant,
  PeerResumed: ofParticipant,
  PeerConnected: ofParticipant,
  RoomParticipants: { room_id: isText, participants: isTexts },
  ServerDraining: { deadline_ms: isCount, jitter_ms: isCount },
  Offer: relayedSdp,
  Answer: relayedSdp,
  IceCandidate: { from: isText, candidate: isText },
  Done: { request_id: isText },
  Pong: { request_id: isText, room_id: (value) => value === null || isText(value) },
  Error: { code: isText, message: isText, frame: isOptional(isPositive) },
};

/**
 * Reads a frame of the server's; undefined when the client could not go by it. The schemas say more, but weigh more
 * than the client may; and what a server adds to its messages later must not break clients of today.
 */
export function readMessage(data: unknown): Numbered | undefined {
  if (typeof data !== 'string') return undefined;
  let message: unknown;
  try {
    message = JSON.parse(data);
  } catch {
    return undefined;
  }
  if (!isFields(message) || !isText(message.type)) return undefined;
  const { type, seq } = message as { type: string; seq?: unknown };
  if (seq !== undefined && !isPositive(seq)) return undefined;
  const fields = Object.hasOwn(FIELDS, type) ? FIELDS[type] : {};
  const fits = Object.entries(fields ?? {}).every(([name, isValid]) => isValid(message[name]));
  return fits ? (message as unknown as Numbered) : undefined;
}
