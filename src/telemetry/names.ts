import type { ClientMessageType } from '../protocol/client.ts';
import { CLIENT_MESSAGES } from '../protocol/messages.ts';

/** Names of spans, attributes and metrics: they are public API, since dashboards query them. Messages name their own spans. */

export const INSTRUMENTATION = 'bloom-signaling';

const ofMessages = Object.fromEntries(
  Object.entries(CLIENT_MESSAGES).map(([type, { span }]) => [type, span]),
) as Readonly<Record<ClientMessageType, string>>;

export const SPAN = {
  handshake: 'handshake',
  ...ofMessages,
  /** A text frame that is no message. */
  invalid: 'refuse invalid message',
  /** A text frame dropped during a rate limit's penalty. */
  unread: 'drop unread message',
  /** The end of a connection, and the leave it causes. */
  disconnect: 'disconnect',
} as const;

/** The `message_type` of a span: the protocol's type, or what a frame was instead. */
export type WorkType = Exclude<keyof typeof SPAN, 'handshake'>;

export const ATTRIBUTE = {
  /** On every span. */
  participantId: 'participant_id',
  /** On every span that involves a room. */
  roomId: 'room_id',
  /** The protocol's `type`; `invalid`, `unread` or `disconnect` where there is none. */
  messageType: 'message_type',
  /** `ok`, or the error code the sender was answered; `refused` for a handshake answered 4xx or 5xx. */
  outcome: 'outcome',
  /** The error code of a refusal. */
  code: 'code',
  /** Participants in a room. */
  roomSize: 'room_size',
  /** Of a handshake: 101, or why not. OpenTelemetry's semantic convention for HTTP. */
  httpStatus: 'http.response.status_code',
} as const;

/** For attributes whose keys are written out: an object literal with computed keys takes a slow path in V8. */
export type KnownAttributes = {
  readonly [name in (typeof ATTRIBUTE)[keyof typeof ATTRIBUTE]]?: string | number | undefined;
};

/** Each metric: its name, UCUM unit, and what it says. The event loop's are nodejs.eventloop.* (semconv). */
export const METRIC = {
  connections: ['bloom.connections', '{connection}', 'Open WebSocket connections.'],
  rooms: ['bloom.rooms', '{room}', 'Live rooms, empty ones included.'],
  participants: ['bloom.participants', '{participant}', 'Participants, by the size of their room.'],
  messages: ['bloom.messages', '{message}', 'Messages from clients, by type and outcome.'],
  refusals: ['bloom.refusals', '{refusal}', 'Errors answered to clients, by code.'],
  handshakes: ['bloom.handshakes', '{handshake}', 'WebSocket handshakes, by HTTP status; 101 succeeded.'],
  relayDuration: ['bloom.relay.duration', 's', 'From the receipt of a relay to its write.'],
  sessions: ['bloom.sessions', '{session}', 'Hello sessions, those that lost their socket included.'],
  outboxSize: ['bloom.outbox.size', 'By', 'Bytes kept for sessions until they are known to have arrived.'],
  queueSize: ['bloom.queue.size', 'By', 'Bytes waiting for slow readers.'],
  resumes: [
    'bloom.session.resumes',
    '{resume}',
    'Sessions resumed, by outcome: complete, or lost something.',
  ],
  roomRestarts: ['bloom.room.restarts', '{restart}', 'Times a room went on after an exception.'],
  logDropped: ['bloom.log.dropped', '{line}', 'Log lines that standard error did not take.'],
} as const satisfies Record<string, readonly [name: string, unit: string, description: string]>;
