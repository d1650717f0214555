import {
  isSpanContextValid,
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
import type { Counters } from './counters.ts';
import { ATTRIBUTE, INSTRUMENTATION, type KnownAttributes, SPAN, type WorkType } from './names.ts';
import type { RoomName } from './room-ids.ts';

const tracer = trace.getTracer(INSTRUMENTATION);

/** The span of a message, for another process to go on with. */
export type TraceContext = SpanContext;

/** The fields of a log line that name a span. */
export interface TraceIds {
  readonly trace_id: string;
  readonly span_id: string;
}

/**
 * One handshake or message: its span, and what it adds to the metrics. It is passed along with the message, so that an
 * answer which comes later still belongs to it. Payloads never reach it. Times are `performance.now()`, given
 * explicitly, since a span that starts in the past would otherwise end by the coarser wall clock.
 */
export class Trace {
  readonly span: Span;
  readonly #counters: Counters;
  readonly #type: WorkType | 'handshake';
  readonly #startedAt: number;
  #outcome: ErrorCode | 'ok' | 'refused' = 'ok';
  /** How many still work on it: the one that began it, and those that hold it. */
  #holders = 1;
  readonly #roomName: RoomName;

  constructor(
    span: Span,
    counters: Counters,
    type: WorkType | 'handshake',
    startedAt: number,
    roomName: RoomName,
  ) {
    this.#roomName = roomName;
    this.span = span;
    this.#counters = counters;
    this.#type = type;
    this.#startedAt = startedAt;
  }

  /** What another process needs to make its spans children of this one. */
  get context(): TraceContext {
    return this.span.spanContext();
  }

  /** For the log lines that this message causes. */
  get ids(): TraceIds | undefined {
    const context = this.context;
    if (!isSpanContextValid(context)) return undefined;
    return { trace_id: context.traceId, span_id: context.spanId };
  }

  /** Of the messages of the client that this handshake admits. */
  messagesOf(participantId: ParticipantId): MessageTracer {
    return new MessageTracer(this.#counters, participantId, this.span.spanContext(), this.#roomName);
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
      this.#counters.relayDuration?.record((now - this.#startedAt) / 1000);
    if (!this.span.isRecording()) return;
    const attributes = { participant_id: to, message_type: type } satisfies KnownAttributes;
    this.span.addEvent(how === 'sent' ? 'delivered' : 'queued', attributes, now);
  }

  /** The sender was answered with an error; one of the server's own making makes the span an error too. */
  refused(to: ParticipantId, code: ErrorCode): void {
    this.#outcome = code;
    this.#counters.refusal(code);
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
    if (this.#holders === 0) return;
    if (status >= 400) this.#outcome = 'refused';
    this.#counters.handshake(status);
    this.span.setAttribute(ATTRIBUTE.httpStatus, status);
    this.end();
  }

  /** The message waits for an answer: its span ends only after as many calls of `end` as of `hold`, and one more. */
  hold(): void {
    this.#holders += 1;
  }

  /** One of those that work on it is done. Calls beyond the last have no effect. */
  end(): void {
    if (this.#holders === 0) return;
    this.#holders -= 1;
    if (this.#holders > 0) return;
    if (this.#type !== 'handshake' && this.#type !== 'disconnect')
      this.#counters.message(this.#type, this.#outcome);
    if (this.#outcome !== 'ok') this.span.setAttribute(ATTRIBUTE.outcome, this.#outcome);
    this.span.end(performance.now());
  }
}

/** Opens the span of a handshake, continuing the trace the client's `traceparent` header names, if any. */
export function traceHandshake(
  counters: Counters,
  participantId: ParticipantId,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  roomName: RoomName = (roomId) => roomId,
): Trace {
  const now = performance.now();
  const attributes = { participant_id: participantId, outcome: 'ok' } satisfies KnownAttributes;
  const parent = propagation.extract(ROOT_CONTEXT, headers);
  const span = tracer.startSpan(
    SPAN.handshake,
    { kind: SpanKind.SERVER, attributes, startTime: now },
    parent,
  );
  return new Trace(span, counters, 'handshake', now, roomName);
}

/** The messages of one connection, each a trace of its own that links to the connection's handshake. */
export class MessageTracer {
  readonly #counters: Counters;
  readonly participantId: ParticipantId;
  readonly #handshake: SpanContext;
  readonly #roomName: RoomName;

  constructor(counters: Counters, participantId: ParticipantId, handshake: SpanContext, roomName: RoomName) {
    this.#roomName = roomName;
    this.#counters = counters;
    this.participantId = participantId;
    this.#handshake = handshake;
  }

  /** Of the same handshake, whose messages are another participant's: a session it took up. */
  of(participantId: ParticipantId): MessageTracer {
    return new MessageTracer(this.#counters, participantId, this.#handshake, this.#roomName);
  }

  /** The trace of one message; `startedAt` is when its frame was received. */
  begin(type: WorkType, startedAt: number, roomId: RoomId | null): Trace {
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
    return new Trace(span, this.#counters, type, startedAt, this.#roomName);
  }
}
