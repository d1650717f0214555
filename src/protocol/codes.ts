/**
 * Error and close codes: public API. Each is defined here once, says what it means and whether the same
 * thing is worth trying again; docs/protocol.md prints these tables.
 */

export interface CodeEntry {
  /** What happened, in a sentence a client's developer can act on. */
  readonly meaning: string;
  /** Whether, and when, to try again. */
  readonly retry: string;
}

/** The `code` of an `Error` message. */
export const ERROR_CODES = {
  InvalidPayload: {
    meaning: 'The message is malformed, or not allowed now (a relay outside a room, a join inside one).',
    retry: 'No: correct the message. Membership is as it was.',
  },
  ParticipantNotFound: {
    meaning: 'The addressee is not in your room. Nothing is kept for it.',
    retry: 'Only after a PeerConnected for that participant.',
  },
  RoomNotFound: {
    meaning: 'No room has this id: it never was, or it expired.',
    retry: 'No: create a room.',
  },
  RoomFull: {
    meaning: 'The room has reached its capacity.',
    retry: 'Later, when somebody may have left.',
  },
  RateLimited: {
    meaning: 'Too many frames within the rolling window; this frame was dropped.',
    retry: 'After the penalty (as long as the window, 1 s): frames sent sooner are dropped too.',
  },
  Internal: {
    meaning: 'The server could not do it: it failed, or it is at its room limit.',
    retry: 'Yes, after a pause. If the message says that the room was closed, create or join another.',
  },
} as const satisfies Record<string, CodeEntry>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** WebSocket close codes the server sends (RFC 6455 section 7.4; from 4000 on they are Bloom's own). */
export const CLOSE_CODES = {
  GoingAway: { code: 1001, meaning: 'The server stops at once.', retry: 'Yes, with back-off.' },
  ProtocolError: {
    code: 1002,
    meaning: 'A frame that is not WebSocket as RFC 6455 has it.',
    retry: 'With back-off, if the client’s WebSocket is sound: something on the way is not.',
  },
  UnsupportedData: {
    code: 1003,
    meaning: 'A binary frame: Bloom speaks text only.',
    retry: 'No: a defect in the client.',
  },
  InvalidText: {
    code: 1007,
    meaning: 'A text frame that is not UTF-8.',
    retry: 'No: a defect in the client.',
  },
  PolicyViolation: {
    code: 1008,
    meaning: 'A message in far too many fragments.',
    retry: 'No: a defect in the client.',
  },
  MessageTooBig: {
    code: 1009,
    meaning: 'A frame over MAX_PAYLOAD_BYTES.',
    retry: 'No: send less.',
  },
  InternalError: {
    code: 1011,
    meaning: 'This connection failed inside the server.',
    retry: 'Yes, with back-off.',
  },
  ServiceRestart: {
    code: 1012,
    meaning: 'The server has drained and stops.',
    retry: 'Yes, after a random part of the jitter ServerDraining named, or of 5 s.',
  },
  TryAgainLater: {
    code: 1013,
    meaning: 'The client reads too slowly, or sends on while its room is silent: its queue is full.',
    retry: 'Yes, after a pause; a session can be resumed.',
  },
  Unauthorized: {
    code: 4401,
    meaning: 'The token of this connection has expired, and so has its grace.',
    retry: 'No, unless the client has a new token.',
  },
  Silent: {
    code: 4408,
    meaning: 'No first message came in time, or the connection was outside a room for too long.',
    retry: 'Yes, when there is something to say.',
  },
  Replaced: {
    code: 4409,
    meaning: 'The session was resumed on another socket.',
    retry: 'No: the other socket has it.',
  },
  TooManyAttempts: {
    code: 4429,
    meaning: 'Too many attempts from this address: connections, rooms asked for, joins in vain.',
    retry: 'Yes, after a minute.',
  },
} as const satisfies Record<string, CodeEntry & { readonly code: number }>;

export type CloseReason = keyof typeof CLOSE_CODES;

/** WebSocket close codes that a client sends, and what the server makes of them. */
export const CLIENT_CLOSE_CODES = {
  Goodbye: { code: 1000, meaning: 'The client leaves.', seat: 'Free at once.' },
  PageClosed: { code: 1001, meaning: 'A browser closes the page.', seat: 'Free at once.' },
  Moved: {
    code: 4000,
    meaning: 'The client goes on with another socket, here or on another server.',
    seat: 'Kept, as after any other code: for the grace, in a drain until the server stops.',
  },
  Away: {
    code: 4001,
    meaning: 'The page of the client is left or reloaded.',
    seat: 'Kept for RELOAD_GRACE_MS.',
  },
} as const satisfies Record<
  string,
  { readonly code: number; readonly meaning: string; readonly seat: string }
>;
