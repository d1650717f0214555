/**
 * The thread that sends spans (export-thread.ts), through OpenTelemetry's own OTLP transport: its retries, headers,
 * compression and certificates, as the OTEL_EXPORTER_OTLP_* variables say.
 */
import { parentPort } from 'node:worker_threads';
import { diag } from '@opentelemetry/api';
import {
  convertLegacyHttpOptions,
  createOtlpHttpExportDelegate,
} from '@opentelemetry/otlp-exporter-base/node-http';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { diagnosticsLevel, forwardedDiagnostics } from './diagnostics.ts';
import type { ThreadNews, ThreadRequest } from './export-thread.ts';
import type { SpanRequest } from './spans/otlp.ts';

const tell = (news: ThreadNews) => parentPort?.postMessage(news);

diag.setLogger(forwardedDiagnostics(tell), { logLevel: diagnosticsLevel(process.env) });

const delegate = createOtlpHttpExportDelegate(
  convertLegacyHttpOptions({}, 'TRACES', 'v1/traces', { 'Content-Type': 'application/x-protobuf' }),
  {
    serializeRequest: ({ bytes }: SpanRequest) => bytes,
    deserializeResponse: ProtobufTraceSerializer.deserializeResponse,
  },
  'otlp_http_span_exporter',
  { name: 'span', countItems: ({ count }) => count },
  undefined,
);

/**
 * Memory that the next request is sent from. This thread makes so little garbage of its own that the memory of hundreds
 * of requests would wait for a collection; so each is copied here, and its own is let go of at once.
 */
let spare = Buffer.alloc(0);

parentPort?.on('message', ({ id, count, bytes }: ThreadRequest) => {
  const memory = spare.length < bytes.length ? Buffer.allocUnsafeSlow(bytes.length) : spare;
  spare = Buffer.alloc(0); // another request can come while this one is under way
  memory.set(bytes);
  const request = { count, bytes: memory.subarray(0, bytes.length) };
  bytes.buffer.transfer(0);
  delegate.export(request, ({ error }) => {
    spare = memory;
    tell({ id, ...(error && { error: String(error) }) });
  });
});
