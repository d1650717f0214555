/**
 * What runs in the thread that sends spans (export-thread.ts): OpenTelemetry's own OTLP transport with its retries,
 * headers, compression and certificates, as the OTEL_EXPORTER_OTLP_* variables say.
 */
import type { Agent } from 'node:http';
import { parentPort } from 'node:worker_threads';
import { diag } from '@opentelemetry/api';
import type { IOtlpExportDelegate } from '@opentelemetry/otlp-exporter-base';
import {
  convertLegacyHttpOptions,
  createOtlpHttpExportDelegate,
} from '@opentelemetry/otlp-exporter-base/node-http';
import {
  convertLegacyOtlpGrpcOptions,
  createOtlpGrpcExportDelegate,
} from '@opentelemetry/otlp-grpc-exporter-base';
import {
  type ISerializer,
  JsonTraceSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer';
import { diagnosticsLevel, forwardedDiagnostics } from '../diagnostics.ts';
import { tracesProtocol } from '../signals.ts';
import { jsonOf } from '../spans/json.ts';
import type { SpanRequest } from '../spans/otlp.ts';
import type { ThreadMessage, ThreadRequest } from './export-thread.ts';

const tell = (message: ThreadMessage) => parentPort?.postMessage(message);

diag.setLogger(
  forwardedDiagnostics((diagnostic) => tell({ type: 'diagnostic', ...diagnostic })),
  { logLevel: diagnosticsLevel(process.env) },
);

/** What the connections of a request have beyond its timeout, in milliseconds. */
const OVERTIME_MS = 1000;

const COUNTED = { name: 'span', countItems: ({ count }: SpanRequest) => count } as const;
let agent: Agent | undefined;
/** OTEL_EXPORTER_OTLP_TIMEOUT; undefined with gRPC, where it is kept. */
let timeoutMs: number | undefined;

/** As the SDK chooses. For an unknown protocol plainSpans has logged a warning. */
function delegateOf(protocol: string | undefined): IOtlpExportDelegate<SpanRequest> {
  const { deserializeResponse } = ProtobufTraceSerializer;
  const protobuf = { serializeRequest: ({ bytes }: SpanRequest) => bytes, deserializeResponse };
  switch (protocol) {
    case 'grpc':
      return createOtlpGrpcExportDelegate(
        convertLegacyOtlpGrpcOptions({}, 'TRACES'),
        protobuf,
        'otlp_grpc_span_exporter',
        COUNTED,
        undefined,
        'TraceExportService',
        '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
      );
    case 'http/json':
      return httpDelegate('application/json', {
        serializeRequest: ({ bytes }) => jsonOf(bytes),
        deserializeResponse: JsonTraceSerializer.deserializeResponse,
      });
    default:
      return httpDelegate('application/x-protobuf', protobuf);
  }
}

function httpDelegate<Response>(
  contentType: string,
  serializer: ISerializer<SpanRequest, Response>,
): IOtlpExportDelegate<SpanRequest> {
  const options = convertLegacyHttpOptions({}, 'TRACES', 'v1/traces', { 'Content-Type': contentType });
  const { agentFactory: factory } = options;
  if (typeof factory !== 'function') throw new Error('agentFactory is not a function');
  timeoutMs = options.timeoutMillis;
  const agentFactory: typeof factory = async (protocol) => {
    agent = await factory(protocol);
    return agent;
  };
  return createOtlpHttpExportDelegate(
    { ...options, agentFactory },
    serializer,
    'otlp_http_span_exporter',
    COUNTED,
    undefined,
  );
}

/** What is not as this file uses it, though TypeScript compiled it: another version may be installed. */
function problemWith(made: unknown): string | undefined {
  const isDelegate = typeof (made as Partial<typeof delegate>)?.export === 'function';
  if (!isDelegate) return 'the export delegate has no function export';
  if (timeoutMs !== undefined && typeof timeoutMs !== 'number') return 'timeoutMillis is not a number';
  return undefined;
}

const delegate = delegateOf(tracesProtocol(process.env));
const problem = problemWith(delegate);
tell({ type: 'checked', ...(problem !== undefined && { problem }) });

/**
 * What the latest request was sent from. This thread makes so little garbage of its own that the memory of hundreds of
 * requests would wait for a collection; so each is copied here, and its own is let go of at once.
 */
let memory = Buffer.alloc(0);
let underWay = 0;

/** A request may be answered before all of it was written; its socket is free when it was. */
function isMemoryInUse(): boolean {
  return underWay > 0 || Object.keys(agent?.sockets ?? {}).length > 0;
}

/** The transport's own timeout begins again with each byte: a collector that answers without end would hold all spans up. */
function endConnectionsWhenOverdue(): NodeJS.Timeout | undefined {
  return timeoutMs === undefined ? undefined : setTimeout(() => agent?.destroy(), timeoutMs + OVERTIME_MS);
}

parentPort?.on('message', ({ id, count, bytes }: ThreadRequest) => {
  if (isMemoryInUse() || memory.length < bytes.length) memory = Buffer.allocUnsafeSlow(bytes.length);
  memory.set(bytes);
  const request = { count, bytes: memory.subarray(0, bytes.length) };
  bytes.buffer.transfer(0);
  underWay += 1;
  const overdue = endConnectionsWhenOverdue();
  delegate.export(request, ({ error }) => {
    clearTimeout(overdue);
    underWay -= 1;
    tell({ type: 'settled', id, ...(error && { error: String(error) }) });
  });
});
