import {
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { ErrorCode } from '../protocol/codes.ts';
import type { ParticipantId, RoomId } from '../protocol/server.ts';
import { ATTRIBUTE, INSTRUMENTATION, type KnownAttributes, SPAN, type WorkType } from './names.ts';
import type { RoomName } from './room-ids.ts';
import type { Tally } from './tally.ts';

const tracer = trace.getTracer(INSTRUMENTATION);

/**
 * One piece of work, a handshake or a message: its span, and what it adds to the metrics. Payloads never
 * reach it. Times are `performance.now()`, given explicitly, since a span that starts in the past would
 * otherwise end by the coarser wall clock.
 */
export class Work {
  readonly span: Span;
  readonly #tally: Tally;
  readonly #type: WorkType | 'handshake';
  readonly #startedAt: number;
  #outcome: ErrorCode | 'ok' | 'refused' = 'ok';
  #isOver = false;
  readonly #roomName: RoomName;
  /** What is gone on with when this is over. */
  readonly #outer: Work | undefined;

  constructor(
    span: Span,
    tally: Tally,
    type: WorkType | 'handshake',
    startedAt: number,
    roomName: RoomName,
    outer?: Work,
  ) {
    this.#roomName = roomName;
    this.#outer = outer;
    this.span = span;
    this.#tally = tally;
    this.#type = type;
    this.#startedAt = startedAt;
  }

  /** Of what the client that this handshake lets in will say. */
  messagesOf(participantId: ParticipantId): MessageTracer {
    return new MessageTracer(this.#tally, participantId, this.span.spanContext(), this.#roomName);
  }

  involves(roomId: RoomId): void {
    this.span.setAttribute(ATTRIBUTE.roomId, this.#roomName(roomId));
  }

  /** It is another participant's than it seemed: a Hello that takes up an earlier session is that session's. */
  isOf(participantId: ParticipantId): void {
    this.span.setAttribute(ATTRIBUTE.participantId, participantId);
  }

  /** A message of `type` was written to a participant's socket, or waits for it to have one again. */
  delivered(to: ParticipantId, type: string, how: 'sent' | 'queued'): void {
    const now = performance.now();
    if (how === 'sent' && type === this.#type)
      this.#tally.relayDuration?.record((now - this.#startedAt) / 1000);
    if (!this.span.isRecording()) return;
    const attributes = { participant_id: to, message_type: type } satisfies KnownAttributes;
    this.span.addEvent(how === 'sent' ? 'delivered' : 'queued', attributes, now);
  }

  /** The sender was answered with an error; one of the server's own making makes the span an error too. */
  refused(to: ParticipantId, code: ErrorCode): void {
    this.#outcome = code;
    this.#tally.refusal(code);
    const attributes = { participant_id: to, code } satisfies KnownAttributes;
    this.span.addEvent('refused', attributes, performance.now());
    if (code === 'Internal') this.span.setStatus({ code: SpanStatusCode.ERROR, message: code });
  }

  /** An exception was caught while doing it. */
  failed(error: unknown): void {
    if (error instanceof Error) this.span.recordException(error, performance.now());
    this.span.setStatus({ code: SpanStatusCode.ERROR });
  }

  /** A handshake was answered with this HTTP status, and is over. Idempotent. */
  answered(status: number): void {
    if (this.#isOver) return;
    if (status >= 400) this.#outcome = 'refused';
    this.#tally.handshake(status);
    this.span.setAttribute(ATTRIBUTE.httpStatus, status);
    this.end();
  }

  /** Idempotent. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (current === this) current = this.#outer;
    if (this.#type !== 'handshake' && this.#type !== 'disconnect')
      this.#tally.message(this.#type, this.#outcome);
    if (this.#outcome !== 'ok') this.span.setAttribute(ATTRIBUTE.outcome, this.#outcome);
    this.span.end(performance.now());
  }
}

/**
 * The work being done in this turn of the event loop. Everything a message causes in this process happens
 * synchronously, so one variable does what a context manager would, at no cost.
 */
let current: Work | undefined;

export function currentWork(): Work | undefined {
  return current;
}

/** Opens the span of a handshake, continuing the trace the client's `traceparent` header names, if any. */
export function traceHandshake(
  tally: Tally,
  participantId: ParticipantId,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  roomName: RoomName = (roomId) => roomId,
): Work {
  const now = performance.now();
  const attributes = { participant_id: participantId, outcome: 'ok' } satisfies KnownAttributes;
  const parent = propagation.extract(ROOT_CONTEXT, headers);
  const span = tracer.startSpan(
    SPAN.handshake,
    { kind: SpanKind.SERVER, attributes, startTime: now },
    parent,
  );
  return new Work(span, tally, 'handshake', now, roomName);
}

/** The messages of one connection, each a trace of its own that links to the connection's handshake. */
export class MessageTracer {
  readonly #tally: Tally;
  readonly participantId: ParticipantId;
  readonly #handshake: SpanContext;
  readonly #roomName: RoomName;

  constructor(tally: Tally, participantId: ParticipantId, handshake: SpanContext, roomName: RoomName) {
    this.#roomName = roomName;
    this.#tally = tally;
    this.participantId = participantId;
    this.#handshake = handshake;
  }

  /** Of the same handshake, whose messages are another participant's: a session it took up. */
  of(participantId: ParticipantId): MessageTracer {
    return new MessageTracer(this.#tally, participantId, this.#handshake, this.#roomName);
  }

  /** Until its `end`, whatever is done is what a message caused; `startedAt` is when its frame was received. */
  begin(type: WorkType, startedAt: number, roomId: RoomId | null): Work {
    const attributes = {
      participant_id: this.participantId,
      message_type: type,
      outcome: 'ok',
      room_id: roomId === null ? undefined : this.#roomName(roomId),
    } satisfies KnownAttributes;
    const span = tracer.startSpan(
      SPAN[type],
      {
        kind: SpanKind.SERVER,
        root: true,
        links: [{ context: this.#handshake }],
        startTime: startedAt,
        attributes,
      },
      ROOT_CONTEXT,
    );
    current = new Work(span, this.#tally, type, startedAt, this.#roomName, current);
    return current;
  }
}
