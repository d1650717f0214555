import type { Check } from '../check.ts';
import { canSignal, creates, isGone, joins, lines, refused, seated } from '../scenes.ts';
import type { Limits } from '../target.ts';

/** More than this the suite neither seats in one room nor sends in one window. */
const MOST_SEATS = 50;
const MOST_MESSAGES = 1000;
const MOST_BYTES = 16 * 1024 * 1024;
/** An Offer with next to nothing in it has so many. */
const LEAST_BYTES = 128;

/** Added to what the server counts by its own clock. */
const MARGIN_MS = 150;

const names = (count: number) => Array.from({ length: count }, (_, index) => `P${index + 1}`);

const tooManySeats = ({ capacity }: Limits) =>
  capacity > MOST_SEATS
    ? `${capacity} participants are more than the suite seats (${MOST_SEATS})`
    : undefined;
const tooManyMessages = ({ messages }: Limits) =>
  messages > MOST_MESSAGES
    ? `${messages} messages are more than the suite sends at once (${MOST_MESSAGES})`
    : undefined;
export const tooFewMessages = ({ messages }: Limits) =>
  messages < 3
    ? `${messages} messages are too few to say something first`
    : tooManyMessages({ messages } as Limits);

const unfitBytes = ({ maxPayloadBytes: bytes }: Limits) => {
  if (bytes < LEAST_BYTES) return `${bytes} bytes are too few for an Offer`;
  return bytes > MOST_BYTES ? `${bytes} bytes are more than the suite sends (${MOST_BYTES})` : undefined;
};

/** An Offer whose frame has exactly so many bytes. */
function offerOf(bytes: number, to: string, prefix: 'to' | 'from'): string {
  // A placeholder is shorter than the UUID in its place.
  const idBytes = 36;
  const rest = Buffer.byteLength(`{"type":"Offer","${prefix}":"","sdp":""}`) + idBytes;
  return `{"type":"Offer","${prefix}":"${to}","sdp":"${'x'.repeat(bytes - rest)}"}`;
}

export const LIMITS: readonly Check[] = [
  {
    name: 'whoever is too many for a room is refused with RoomFull, the others hear nothing, and a free seat is taken',
    section: 'Limits',
    obstacle: tooManySeats,
    steps: ({ capacity }) => {
      const members = names(capacity);
      const [first = '', ...rest] = members;
      return lines(
        seated(...members),
        'Late → {"type":"JoinRoom","room_id":"ROOM"}',
        refused('Late', 'RoomFull'),
        'Late ← nothing',
        `${first} → {"type":"LeaveRoom"}`,
        isGone(first, rest),
        `${first} ← nothing`,
        joins('Late', rest),
      );
    },
  },
  {
    name: 'one frame more than the limit within the window is RateLimited at once, valid or not',
    section: 'Limits',
    obstacle: tooManyMessages,
    steps: ({ messages }) =>
      lines(
        `Alice → {"type":"LeaveRoom"} ×${Math.ceil(messages / 2)} at once`,
        `Alice → hello ×${Math.floor(messages / 2) + 1} at once`,
        refused('Alice', 'InvalidPayload', messages),
        refused('Alice', 'RateLimited'),
      ),
  },
  {
    name: 'a frame within the penalty is dropped and answered RateLimited; then the count starts afresh',
    section: 'Limits',
    obstacle: tooManyMessages,
    steps: ({ messages, windowMs }) =>
      lines(
        `Alice → {"type":"LeaveRoom"} ×${messages + 3} at once`,
        'Alice → {"type":"CreateRoom"} ×1 at once',
        refused('Alice', 'InvalidPayload', messages),
        refused('Alice', 'RateLimited', 4),
        `wait ${windowMs + MARGIN_MS} ms`,
        `Alice → {"type":"LeaveRoom"} ×${messages} at once`,
        refused('Alice', 'InvalidPayload', messages),
      ),
  },
  {
    name: 'a relay over the limit does not arrive, and its sender stays a member',
    section: 'Limits',
    obstacle: tooFewMessages,
    steps: ({ messages, windowMs }) =>
      lines(
        seated('Alice', 'Bob'),
        `wait ${windowMs + MARGIN_MS} ms`,
        `Bob → {"type":"Offer","to":"ALICE","sdp":"in time"} ×${messages} at once`,
        'Bob → {"type":"Offer","to":"ALICE","sdp":"too much"} ×2 at once',
        `Alice ← {"type":"Offer","from":"BOB","sdp":"in time"} ×${messages}`,
        refused('Bob', 'RateLimited', 2),
        'Alice ← nothing',
        canSignal('Alice', 'Bob'),
      ),
  },
  {
    name: 'the rate of one socket is no other’s',
    section: 'Limits',
    obstacle: tooManyMessages,
    steps: ({ messages }) =>
      lines(
        'Bob connects',
        `Alice → {"type":"LeaveRoom"} ×${messages + 1} at once`,
        refused('Alice', 'InvalidPayload', messages),
        refused('Alice', 'RateLimited'),
        creates('Bob'),
      ),
  },
  {
    name: 'a binary frame is closed 1003, which counts as leaving',
    section: 'Limits',
    steps: lines(
      seated('Alice', 'Bob'),
      'Bob sends a binary frame',
      isGone('Bob', ['Alice']),
      'Bob ← close 1003',
    ),
  },
  {
    name: 'text that is not UTF-8 is closed 1007, which counts as leaving',
    section: 'Limits',
    steps: lines(
      seated('Alice', 'Bob'),
      'Bob sends text that is not UTF-8',
      isGone('Bob', ['Alice']),
      'Bob ← close 1007',
    ),
  },
  {
    name: 'a frame over the limit is closed 1009, which counts as leaving',
    section: 'Limits',
    obstacle: unfitBytes,
    steps: ({ maxPayloadBytes }) =>
      lines(
        seated('Alice', 'Bob'),
        `Bob → ${offerOf(maxPayloadBytes + 1, 'ALICE', 'to')}`,
        isGone('Bob', ['Alice']),
        'Bob ← close 1009',
      ),
  },
  {
    name: 'a frame of just the limit arrives',
    section: 'Limits',
    obstacle: unfitBytes,
    steps: ({ maxPayloadBytes }) => {
      const sent = offerOf(maxPayloadBytes, 'ALICE', 'to');
      const heard = sent.replace('"to":"ALICE"', '"from":"BOB"');
      return lines(seated('Alice', 'Bob'), `Bob → ${sent}`, `Alice ← ${heard}`);
    },
  },
];
