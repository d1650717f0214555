import type { RequestListener } from 'node:http';
import { type Attributes, diag, trace } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { RuntimeNodeInstrumentation } from '@opentelemetry/instrumentation-runtime-node';
import {
  defaultResource,
  detectResources,
  type Resource,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
  serviceNameEnvDetector,
} from '@opentelemetry/resources';
import {
  type IMetricReader,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics';
import { startNodeSdk } from '@opentelemetry/sdk-node';
import { diagnosticsLevel, quietDiagnostics } from '../diagnostics.ts';
import type { Logger } from '../logger.ts';
import { type Environment, exportsSignal } from '../signals.ts';
import { plainSpans, sdkOnlySettings, setSdkQueue } from './plain-spans.ts';

/** A running OpenTelemetry SDK. */
export interface TelemetrySdk {
  /** Answers GET /metrics; undefined unless Prometheus text was asked for, and nothing else decides on metrics. */
  readonly prometheus: RequestListener | undefined;
  /** Sends out what is recorded, until `deadlineMs` is over. Returns whether nothing is under way any more. */
  shutdown(deadlineMs: number): Promise<boolean>;
}

export interface TelemetryOptions {
  readonly version: string;
  readonly prometheus: boolean;
  readonly logger: Logger;
  /** False: spans take the SDK's own pipeline, which is its documented API. */
  readonly fastPaths: boolean;
}

/**
 * Starts the OpenTelemetry SDK from the standard OTEL_* variables. A signal is exported only where an exporter
 * or endpoint is configured for it. Call before the server is created, so that its metrics find their provider.
 */
export async function startTelemetry(env: Environment, options: TelemetryOptions): Promise<TelemetrySdk> {
  // A configuration file describes all readers there are.
  const servesPrometheus = options.prometheus && !env.OTEL_CONFIG_FILE;
  const prometheus = servesPrometheus ? new PrometheusExporter({ preventServerStart: true }) : undefined;
  const exportsMetrics = exportsSignal(env, 'METRICS');
  // Attributes from OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win over these.
  const baseResource = defaultResource().merge(
    resourceFromAttributes({ 'service.name': 'bloom', 'service.version': options.version }),
  );
  const exportsTraces = exportsSignal(env, 'TRACES');
  const settings = [...(options.fastPaths ? [] : ['BLOOM_FAST_PATHS']), ...sdkOnlySettings(env)];
  const isPlain = settings.length === 0;
  const warn = (problem: string) => options.logger.warn(problem);
  const spans =
    exportsTraces && isPlain ? await plainSpans(env, attributesOver(baseResource), warn) : undefined;
  if (exportsTraces && spans === undefined) {
    options.logger.info({ settings }, "spans take the SDK's pipeline, which costs several times as much");
    setSdkQueue(process.env);
  }
  if (spans) trace.setGlobalTracerProvider(spans);
  const sdk = startNodeSdk({
    baseResource,
    // The service alone, unless asked for more: command line and host are nobody's business by default.
    ...(env.OTEL_NODE_RESOURCE_DETECTORS
      ? {}
      : { resourceDetectors: [serviceInstanceIdDetector, serviceNameEnvDetector] }),
    ...(exportsTraces && !spans ? {} : { spanProcessors: [] }),
    ...(exportsSignal(env, 'LOGS') ? {} : { logRecordProcessors: [] }),
    ...(prometheus
      ? { metricReaders: [prometheus, ...(exportsMetrics ? [await otlpReader(env)] : [])] }
      : {}),
    ...(prometheus || exportsMetrics ? {} : { metricReaders: [] }),
    instrumentations: prometheus || exportsMetrics ? [new RuntimeNodeInstrumentation()] : [],
  });
  const logLevel = diagnosticsLevel(env);
  diag.setLogger(quietDiagnostics(options.logger), { logLevel, suppressOverrideMessage: true });
  return {
    prometheus: prometheus && ((request, response) => prometheus.getMetricsRequestHandler(request, response)),
    async shutdown(deadlineMs) {
      const done = Promise.all([sdk.shutdown(), spans?.shutdown()]).then(
        () => true,
        (error) => {
          diag.error('shutdown', error);
          return false;
        },
      );
      const late = new Promise<false>((resolve) => setTimeout(resolve, deadlineMs, false).unref());
      return Promise.race([done, late]);
    },
  };
}

/** The attributes the SDK would give spans of this resource, read from the same variables. */
function attributesOver(base: Resource): Attributes {
  const detectors = [serviceInstanceIdDetector, resourceAttributesEnvDetector, serviceNameEnvDetector];
  return base.merge(detectResources({ detectors })).attributes;
}

/** The OTLP reader the SDK would make of the same variables, for use beside Prometheus. */
async function otlpReader(env: Environment): Promise<IMetricReader> {
  const exporter = await otlpExporter(
    env.OTEL_EXPORTER_OTLP_METRICS_PROTOCOL ?? env.OTEL_EXPORTER_OTLP_PROTOCOL,
  );
  // As the SDK reads them: what is no number counts as unset, and no export lasts into the next.
  const exportIntervalMillis = positive(env.OTEL_METRIC_EXPORT_INTERVAL) ?? 60_000;
  const exportTimeoutMillis = positive(env.OTEL_METRIC_EXPORT_TIMEOUT) ?? 30_000;
  return new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis,
    exportTimeoutMillis: Math.min(exportTimeoutMillis, exportIntervalMillis),
  });
}

function positive(value: string | undefined): number | undefined {
  const number = Number(value);
  return number > 0 ? number : undefined;
}

async function otlpExporter(protocol: string | undefined): Promise<PushMetricExporter> {
  switch (protocol) {
    case 'grpc':
      return new (await import('@opentelemetry/exporter-metrics-otlp-grpc')).OTLPMetricExporter();
    case 'http/json':
      return new (await import('@opentelemetry/exporter-metrics-otlp-http')).OTLPMetricExporter();
    default:
      return new (await import('@opentelemetry/exporter-metrics-otlp-proto')).OTLPMetricExporter();
  }
}
