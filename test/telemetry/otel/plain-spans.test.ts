import { expect, test } from '@jest/globals';
import { sdkOnlySettings, setSdkQueue } from '../../../src/telemetry/otel/plain-spans.ts';

test.each([
  {},
  { OTEL_TRACES_EXPORTER: 'otlp' },
  { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' },
  { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
  { OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json' },
  { OTEL_TRACES_SAMPLER: 'always_on' },
  { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' },
  { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318', OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' },
  { OTEL_BSP_MAX_QUEUE_SIZE: '10', OTEL_SERVICE_NAME: 'a', OTEL_RESOURCE_ATTRIBUTES: 'a=b' },
  { OTEL_SPAN_EVENT_COUNT_LIMIT: '', OTEL_CONFIG_FILE: ' ' },
])('plain: %j', (env) => expect(sdkOnlySettings(env as Record<string, string>)).toEqual([]));

test.each([
  { OTEL_TRACES_EXPORTER: 'console' },
  { OTEL_TRACES_EXPORTER: 'otlp,console' },
  { OTEL_CONFIG_FILE: 'otel.yaml' },
  { OTEL_NODE_RESOURCE_DETECTORS: 'host' },
  { OTEL_SPAN_EVENT_COUNT_LIMIT: '3' },
  { OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: '3' },
  { OTEL_ATTRIBUTE_COUNT_LIMIT: '3' },
  { OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT: '3' },
  { OTEL_LINK_ATTRIBUTE_COUNT_LIMIT: '3' },
  { OTEL_NODE_EXPERIMENTAL_SDK_METRICS: 'true' },
])("the SDK's: %j", (env) =>
  expect(sdkOnlySettings({ ...env, OTEL_SERVICE_NAME: 'a' } as Record<string, string>)).toEqual(
    Object.keys(env),
  ),
);

test.each([
  [{}, '65536', '4096'],
  [{ OTEL_BSP_MAX_QUEUE_SIZE: '100' }, '100', '100'],
  [{ OTEL_BSP_MAX_QUEUE_SIZE: ' ', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '7' }, '65536', '7'],
])("the SDK's queue with %j", (env, queue, batch) => {
  const set: Record<string, string | undefined> = { ...env };
  setSdkQueue(set);
  expect([set.OTEL_BSP_MAX_QUEUE_SIZE, set.OTEL_BSP_MAX_EXPORT_BATCH_SIZE]).toEqual([queue, batch]);
});
