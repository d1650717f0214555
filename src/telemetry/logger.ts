import {
  type Attributes,
  type Context,
  logs,
  ROOT_CONTEXT,
  SeverityNumber,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { type DestinationStream, type Logger, multistream, pino } from 'pino';
import { standardError } from './log-output.ts';
import { INSTRUMENTATION } from './names.ts';

export type { Logger } from 'pino';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * Structured JSON lines on standard error; a line about a message has the `trace_id` and `span_id` of its span: standard output is
 * left to the lines meant for people. `alsoExport` sends them to the global logger provider as well.
 */
export function createLogger(
  level: LogLevel,
  { stream = standardError(), alsoExport = false }: { stream?: DestinationStream; alsoExport?: boolean } = {},
): Logger {
  const streams = [
    { stream, level: 'trace' as const },
    { stream: openTelemetry, level: 'trace' as const },
  ];
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    alsoExport ? multistream(streams) : stream,
  );
}

const SEVERITY: Readonly<Record<string, SeverityNumber>> = {
  trace: SeverityNumber.TRACE,
  debug: SeverityNumber.DEBUG,
  info: SeverityNumber.INFO,
  warn: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
  fatal: SeverityNumber.FATAL,
};

/** Takes pino's lines and emits them as OpenTelemetry log records, in the span they name. */
const openTelemetry: DestinationStream = {
  write(line) {
    const { level, time, msg, trace_id, span_id, err, ...attributes } = JSON.parse(line);
    logs.getLogger(INSTRUMENTATION).emit({
      timestamp: new Date(time),
      severityNumber: SEVERITY[level] ?? SeverityNumber.UNSPECIFIED,
      severityText: String(level).toUpperCase(),
      body: msg,
      attributes: { ...attributes, ...(err && exceptionAttributes(err)) },
      context: contextOf(trace_id, span_id),
    });
  },
};

/** The context of the span that a line names. */
function contextOf(traceId: unknown, spanId: unknown): Context {
  if (typeof traceId !== 'string' || typeof spanId !== 'string') return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: TraceFlags.SAMPLED });
}

/** OpenTelemetry's semantic conventions for exceptions. */
function exceptionAttributes(err: { type?: string; message?: string; stack?: string }): Attributes {
  return {
    'exception.type': err.type ?? 'Error',
    'exception.message': err.message ?? '',
    'exception.stacktrace': err.stack ?? '',
  };
}
