import { expect, test } from '@jest/globals';
import { isPlain } from '../../src/telemetry/sdk-spans.ts';

test.each([
  {},
  { OTEL_TRACES_EXPORTER: 'otlp' },
  { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' },
  { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf' },
  { OTEL_TRACES_SAMPLER: 'parentbased_always_on' },
  { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318', OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' },
  { OTEL_BSP_MAX_QUEUE_SIZE: '10', OTEL_SERVICE_NAME: 'a', OTEL_RESOURCE_ATTRIBUTES: 'a=b' },
  { OTEL_SPAN_EVENT_COUNT_LIMIT: '', OTEL_CONFIG_FILE: ' ' },
])('plain: %j', (env) => expect(isPlain(env as Record<string, string>)).toBe(true));

test.each([
  { OTEL_TRACES_EXPORTER: 'console' },
  { OTEL_TRACES_EXPORTER: 'otlp,console' },
  { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
  { OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json' },
  { OTEL_TRACES_SAMPLER: 'always_on' },
  { OTEL_TRACES_SAMPLER: 'traceidratio' },
  { OTEL_CONFIG_FILE: 'otel.yaml' },
  { OTEL_NODE_RESOURCE_DETECTORS: 'host' },
  { OTEL_SPAN_EVENT_COUNT_LIMIT: '3' },
  { OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: '3' },
  { OTEL_ATTRIBUTE_COUNT_LIMIT: '3' },
  { OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT: '3' },
  { OTEL_LINK_ATTRIBUTE_COUNT_LIMIT: '3' },
  { OTEL_NODE_EXPERIMENTAL_SDK_METRICS: 'true' },
])("the SDK's: %j", (env) => expect(isPlain(env as Record<string, string>)).toBe(false));
