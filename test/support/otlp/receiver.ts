import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import * as grpc from '@grpc/grpc-js';
import protobuf from 'protobufjs';

/** A span as received, attributes flattened, ids in hex. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly attributes: Record<string, unknown>;
  readonly events: readonly { name: string; attributes: Record<string, unknown> }[];
  readonly links: readonly { traceId: string; spanId: string }[];
  readonly statusCode: number;
  readonly startNanos: bigint;
  readonly endNanos: bigint;
  readonly resource: Record<string, unknown>;
}

/** One data point of a metric; a histogram's value is its count. */
export interface ReceivedPoint {
  readonly name: string;
  readonly unit: string;
  readonly attributes: Record<string, unknown>;
  readonly value: number;
}

export interface ReceivedLog {
  readonly body: unknown;
  readonly severity: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: Record<string, unknown>;
}

/** An OTLP collector for tests: decodes what it is sent, and answers as told. */
export interface OtlpReceiver {
  readonly url: string;
  readonly spans: ReceivedSpan[];
  /** The last exported value of each metric and attribute set comes last. */
  readonly points: ReceivedPoint[];
  readonly logs: ReceivedLog[];
  /** Content types, or `grpc`, of the requests received. */
  readonly protocols: Set<string>;
  readonly requests: () => number;
  close(): Promise<void>;
}

/** How requests are answered: with a status, never, or that they were taken but for one span that was `too old`. */
export type Behaviour = 200 | 500 | 'never' | 'partial';

/** An ExportTraceServiceResponse: partial_success (1), with rejected_spans (1) and error_message (2). */
const PARTIAL_SUCCESS = Buffer.from('\x0a\x0b\x08\x01\x12\x07too old', 'latin1');

// biome-ignore lint/suspicious/noExplicitAny: decoded protobuf and JSON, read by the functions below
type Decoded = any;

const SIGNALS = {
  traces: { request: 'ExportTraceServiceRequest', service: 'trace.v1.TraceService' },
  metrics: { request: 'ExportMetricsServiceRequest', service: 'metrics.v1.MetricsService' },
  logs: { request: 'ExportLogsServiceRequest', service: 'logs.v1.LogsService' },
} as const;
type Signal = keyof typeof SIGNALS;

const schema = protobuf.loadSync(new URL('./otlp.proto', import.meta.url).pathname);

function decode(signal: Signal, bytes: Uint8Array): Decoded {
  const type = schema.lookupType(`opentelemetry.proto.${SIGNALS[signal].request}`);
  return type.toObject(type.decode(bytes), { longs: String, arrays: true });
}

class Store {
  readonly spans: ReceivedSpan[] = [];
  readonly points: ReceivedPoint[] = [];
  readonly logs: ReceivedLog[] = [];

  add(signal: Signal, request: Decoded): void {
    if (signal === 'traces') this.#addSpans(request);
    if (signal === 'metrics') this.#addPoints(request);
    if (signal === 'logs') this.#addLogs(request);
  }

  #addSpans(request: Decoded): void {
    for (const { resource, scopeSpans } of request.resourceSpans) {
      for (const span of scopeSpans.flatMap((scope: Decoded) => scope.spans)) {
        this.spans.push({
          traceId: hex(span.traceId),
          spanId: hex(span.spanId),
          parentSpanId: hex(span.parentSpanId),
          name: span.name,
          attributes: flat(span.attributes),
          events: span.events.map((event: Decoded) => ({
            name: event.name,
            attributes: flat(event.attributes),
          })),
          links: span.links.map((link: Decoded) => ({
            traceId: hex(link.traceId),
            spanId: hex(link.spanId),
          })),
          statusCode: span.status?.code ?? 0,
          startNanos: BigInt(span.startTimeUnixNano),
          endNanos: BigInt(span.endTimeUnixNano),
          resource: flat(resource.attributes),
        });
      }
    }
  }

  #addPoints(request: Decoded): void {
    for (const { scopeMetrics } of request.resourceMetrics) {
      for (const metric of scopeMetrics.flatMap((scope: Decoded) => scope.metrics)) {
        const { dataPoints } = metric.gauge ?? metric.sum ?? metric.histogram;
        for (const point of dataPoints) {
          const value = Number(point.asInt ?? point.asDouble ?? point.count);
          this.points.push({
            name: metric.name,
            unit: metric.unit,
            attributes: flat(point.attributes),
            value,
          });
        }
      }
    }
  }

  #addLogs(request: Decoded): void {
    for (const { scopeLogs } of request.resourceLogs) {
      for (const record of scopeLogs.flatMap((scope: Decoded) => scope.logRecords)) {
        this.logs.push({
          body: plain(record.body),
          severity: record.severityText,
          traceId: hex(record.traceId),
          spanId: hex(record.spanId),
          attributes: flat(record.attributes),
        });
      }
    }
  }
}

function hex(id: Uint8Array | string | undefined): string {
  return typeof id === 'string' ? id : Buffer.from(id ?? []).toString('hex');
}

function flat(attributes: Decoded[] = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]));
}

function plain(value: Decoded): unknown {
  if (value?.arrayValue) return value.arrayValue.values.map(plain);
  if (value?.intValue !== undefined) return Number(value.intValue);
  return value?.stringValue ?? value?.boolValue ?? value?.doubleValue;
}

/** Receives http/protobuf and http/json at /v1/traces, /v1/metrics and /v1/logs. */
export async function receiveHttp(behaviour: Behaviour = 200): Promise<OtlpReceiver> {
  const store = new Store();
  const protocols = new Set<string>();
  let requests = 0;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    requests += 1;
    const type = request.headers['content-type'] ?? '';
    protocols.add(type);
    if (behaviour === 'never') return;
    if (behaviour === 200) {
      const raw = Buffer.concat(chunks);
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
      const signal = request.url?.replace('/v1/', '') as Signal;
      store.add(signal, type === 'application/json' ? JSON.parse(body.toString()) : decode(signal, body));
    }
    if (behaviour === 'partial')
      return void response.writeHead(200, { 'Content-Type': type }).end(PARTIAL_SUCCESS);
    response.writeHead(behaviour, { 'Content-Type': type }).end(type === 'application/json' ? '{}' : '');
  };
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    ...store,
    protocols,
    requests: () => requests,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Receives OTLP over gRPC. */
export async function receiveGrpc(): Promise<OtlpReceiver> {
  const store = new Store();
  const server = new grpc.Server();
  let requests = 0;
  for (const [signal, { service }] of Object.entries(SIGNALS) as [Signal, (typeof SIGNALS)[Signal]][]) {
    server.addService(
      {
        Export: {
          path: `/opentelemetry.proto.collector.${service}/Export`,
          requestStream: false,
          responseStream: false,
          requestSerialize: (value: Buffer) => value,
          requestDeserialize: (bytes: Buffer) => decode(signal, bytes),
          responseSerialize: () => Buffer.alloc(0),
          responseDeserialize: () => ({}),
        },
      },
      {
        Export: (call: { request: Decoded }, done: (error: null, response: object) => void) => {
          requests += 1;
          store.add(signal, call.request);
          done(null, {});
        },
      },
    );
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return {
    url: `http://127.0.0.1:${port}`,
    ...store,
    protocols: new Set(['grpc']),
    requests: () => requests,
    async close() {
      server.forceShutdown();
    },
  };
}
