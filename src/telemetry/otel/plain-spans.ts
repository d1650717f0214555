import type { Attributes } from '@opentelemetry/api';
import { type Environment, tracesProtocol } from '../signals.ts';
import { type BatchLimits, SpanBatches } from '../spans/batches.ts';
import { type Scope, SpanWriter } from '../spans/otlp.ts';
import { SpanProvider } from '../spans/provider.ts';
import { chooseSampler } from '../spans/sampler.ts';
import { ExportThread } from './export-thread.ts';

/** A collector's hiccup of a second or two at tens of thousands of spans a second. */
const QUEUE_SPANS = 65_536;
const QUEUE_BYTES = 32 * 1024 * 1024;
/** Some 2 MB: collectors take 4 and more. */
const BATCH_SPANS = 4096;
/** At leisure 500 kB at a time: 2 MB in one go hold up whatever else runs, even when another thread sends them. */
const EARLY_SPANS = 1024;
const EARLY_MS = 250;
const DELAY_MS = 5000;

const PROTOCOLS = ['http/protobuf', 'http/json', 'grpc'];

/** What asks for more than `SpanProvider` does: limits, host attributes, a configuration file. */
const SDK_ONLY =
  /^OTEL_(CONFIG_FILE|NODE_RESOURCE_DETECTORS|NODE_EXPERIMENTAL_SDK_METRICS|(SPAN|ATTRIBUTE|EVENT|LINK)_.*LIMIT)$/;

/** The settings for which spans take the SDK's own pipeline, which costs several times as much. */
export function sdkOnlySettings(env: Environment): string[] {
  const isSet = (name: string) => Boolean(env[name]?.trim());
  const names = Object.keys(env).filter((name) => SDK_ONLY.test(name) && isSet(name));
  const isOtlp = !isSet('OTEL_TRACES_EXPORTER') || env.OTEL_TRACES_EXPORTER?.trim() === 'otlp';
  return isOtlp ? names : ['OTEL_TRACES_EXPORTER', ...names];
}

/** Where the SDK's pipeline is used its queue is as long as ours: its own 2048 spans are a tenth of a second's. */
export function setSdkQueue(env: Record<string, string | undefined>): void {
  env.OTEL_BSP_MAX_QUEUE_SIZE = env.OTEL_BSP_MAX_QUEUE_SIZE?.trim() || String(QUEUE_SPANS);
  env.OTEL_BSP_MAX_EXPORT_BATCH_SIZE =
    env.OTEL_BSP_MAX_EXPORT_BATCH_SIZE?.trim() ||
    String(Math.min(BATCH_SPANS, Number(env.OTEL_BSP_MAX_QUEUE_SIZE)));
}

/**
 * Exports spans through OpenTelemetry's own OTLP transport, set up by the same OTEL_EXPORTER_OTLP_* and OTEL_BSP_*
 * variables. Bloom records, batches and writes them itself, since in the SDK that costs more than all else a relay does.
 * Undefined where the transport at hand is not as the thread that sends uses it.
 */
export async function plainSpans(
  env: Environment,
  resource: Attributes,
  warn: (problem: string) => void,
): Promise<SpanProvider | undefined> {
  const thread = new ExportThread();
  const unfit = await thread.checked();
  if (unfit !== undefined) {
    warn(`Bloom does not know this version of @opentelemetry/otlp-exporter-base: ${unfit}`);
    await thread.stop();
    return undefined;
  }
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
  const { sampler, problem } = chooseSampler(env.OTEL_TRACES_SAMPLER, env.OTEL_TRACES_SAMPLER_ARG);
  if (problem !== undefined) warn(problem);
  const protocol = tracesProtocol(env);
  if (protocol !== undefined && !PROTOCOLS.includes(protocol)) {
    warn(`The OTLP protocol ${JSON.stringify(protocol)} is unknown: http/protobuf is used`);
  }
  const batchesOf = (scope: Scope) => new SpanBatches(limits, new SpanWriter(resource, scope), thread.send);
  return new SpanProvider(batchesOf, () => thread.stop(), sampler);
}
