/**
 * What runs in the thread that sends spans (export-thread.ts): OpenTelemetry's own OTLP transport with its retries,
 * headers, compression and certificates, as the OTEL_EXPORTER_OTLP_* variables say.
 */
import type { Agent } from 'node:http';
import { parentPort } from 'node:worker_threads';
import { diag } from '@opentelemetry/api';
import {
  convertLegacyHttpOptions,
  createOtlpHttpExportDelegate,
} from '@opentelemetry/otlp-exporter-base/node-http';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { diagnosticsLevel, forwardedDiagnostics } from './diagnostics.ts';
import type { ThreadMessage, ThreadRequest } from './export-thread.ts';
import type { SpanRequest } from './spans/otlp.ts';

const tell = (message: ThreadMessage) => parentPort?.postMessage(message);

diag.setLogger(
  forwardedDiagnostics((diagnostic) => tell({ type: 'diagnostic', ...diagnostic })),
  { logLevel: diagnosticsLevel(process.env) },
);

const options = convertLegacyHttpOptions({}, 'TRACES', 'v1/traces', {
  'Content-Type': 'application/x-protobuf',
});
let agent: Agent | undefined;
const delegate = createOtlpHttpExportDelegate(
  {
    ...options,
    agentFactory: async (protocol) => {
      agent = await options.agentFactory(protocol);
      return agent;
    },
  },
  {
    serializeRequest: ({ bytes }: SpanRequest) => bytes,
    deserializeResponse: ProtobufTraceSerializer.deserializeResponse,
  },
  'otlp_http_span_exporter',
  { name: 'span', countItems: ({ count }) => count },
  undefined,
);

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

parentPort?.on('message', ({ id, count, bytes }: ThreadRequest) => {
  if (isMemoryInUse() || memory.length < bytes.length) memory = Buffer.allocUnsafeSlow(bytes.length);
  memory.set(bytes);
  const request = { count, bytes: memory.subarray(0, bytes.length) };
  bytes.buffer.transfer(0);
  underWay += 1;
  delegate.export(request, ({ error }) => {
    underWay -= 1;
    tell({ type: 'settled', id, ...(error && { error: String(error) }) });
  });
});
