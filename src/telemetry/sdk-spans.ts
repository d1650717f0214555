import type { Attributes } from '@opentelemetry/api';
import { ExportThread } from './export-thread.ts';
import type { Environment } from './signals.ts';
import { type BatchLimits, SpanBatches } from './spans/batches.ts';
import { type Scope, SpanWriter } from './spans/otlp.ts';
import { SpanProvider } from './spans/provider.ts';

/** A collector's hiccup of a second or two at tens of thousands of spans a second. */
const QUEUE_SPANS = 65_536;
const QUEUE_BYTES = 32 * 1024 * 1024;
/** Some 2 MB: collectors take 4 and more. */
const BATCH_SPANS = 4096;
/** At leisure 500 kB at a time: 2 MB in one go hold up whatever else runs, even when another thread sends them. */
const EARLY_SPANS = 1024;
const EARLY_MS = 250;
const DELAY_MS = 5000;

/** What asks for more than `SpanProvider` does: other samplers, exporters and encodings, limits, host attributes. */
const SDK_ONLY =
  /^OTEL_(CONFIG_FILE|NODE_RESOURCE_DETECTORS|NODE_EXPERIMENTAL_SDK_METRICS|(SPAN|ATTRIBUTE|EVENT|LINK)_.*LIMIT)$/;

/** Whether spans can be exported without the SDK's own pipeline: as protobuf over HTTP, sampled as by default. */
export function isPlain(env: Environment): boolean {
  const isAsked = (name: string) => Boolean(env[name]?.trim());
  const oneOf = (value: string | undefined, ...allowed: string[]) =>
    !value?.trim() || allowed.includes(value.trim());
  return (
    oneOf(env.OTEL_TRACES_EXPORTER, 'otlp') &&
    oneOf(env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL || env.OTEL_EXPORTER_OTLP_PROTOCOL, 'http/protobuf') &&
    oneOf(env.OTEL_TRACES_SAMPLER, 'parentbased_always_on') &&
    !Object.keys(env).some((name) => SDK_ONLY.test(name) && isAsked(name))
  );
}

/**
 * Exports spans through OpenTelemetry's own OTLP transport, set up by the same OTEL_EXPORTER_OTLP_* and OTEL_BSP_*
 * variables; what is our own is how they are recorded, batched and written, which in the SDK costs more than all
 * else a relay does.
 */
export function plainSpans(env: Environment, resource: Attributes): SpanProvider {
  const number = (name: string, fallback: number) => {
    const value = Number(env[name]?.trim() || Number.NaN);
    return value >= 0 ? value : fallback;
  };
  const queueSpans = number('OTEL_BSP_MAX_QUEUE_SIZE', QUEUE_SPANS);
  const limits: BatchLimits = {
    queueSpans,
    queueBytes: QUEUE_BYTES,
    batchSpans: Math.max(1, Math.min(queueSpans, number('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', BATCH_SPANS))),
    earlySpans: EARLY_SPANS,
    earlyMs: EARLY_MS,
    delayMs: number('OTEL_BSP_SCHEDULE_DELAY', DELAY_MS),
  };
  const thread = new ExportThread();
  const batchesOf = (scope: Scope) => new SpanBatches(limits, new SpanWriter(resource, scope), thread.send);
  return new SpanProvider(batchesOf, () => thread.stop());
}
