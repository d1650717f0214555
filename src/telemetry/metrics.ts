import { type MetricOptions, metrics, type ObservableResult } from '@opentelemetry/api';
import type { Counters } from './counters.ts';
import { ATTRIBUTE, INSTRUMENTATION, METRIC } from './names.ts';

/** What is looked up, not counted, when metrics are collected. */
export interface Gauges {
  connections(): number;
  rooms(): number;
  /** Bytes waiting in the queues of all sinks. */
  queuedBytes(): number;
  /** Sessions, those without a socket included. */
  sessions(): number;
  /** Bytes kept for sessions until they are known to have arrived. */
  outboxBytes(): number;
}

/** Seconds: a relay within this process takes tens of microseconds; a stalled event loop shows in the tail. */
const RELAY_BUCKETS = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
];

/**
 * Registers a server's metrics with the global meter provider. Without a provider, as when no endpoint is
 * configured, nothing is ever collected. Call after the SDK has started.
 */
export function registerMetrics(counters: Counters, gauges: Gauges): void {
  const meter = metrics.getMeter(INSTRUMENTATION);
  const observe = (
    kind: 'createObservableUpDownCounter' | 'createObservableCounter',
    metric: (typeof METRIC)[keyof typeof METRIC],
    read: (result: ObservableResult) => void,
  ): void => {
    const [name, ...rest] = metric;
    meter[kind](name, options(rest)).addCallback(read);
  };

  observe('createObservableUpDownCounter', METRIC.connections, (result) =>
    result.observe(gauges.connections()),
  );
  observe('createObservableUpDownCounter', METRIC.rooms, (result) => result.observe(gauges.rooms()));
  observe('createObservableUpDownCounter', METRIC.queueSize, (result) =>
    result.observe(gauges.queuedBytes()),
  );
  observe('createObservableUpDownCounter', METRIC.sessions, (result) => result.observe(gauges.sessions()));
  observe('createObservableUpDownCounter', METRIC.outboxSize, (result) =>
    result.observe(gauges.outboxBytes()),
  );
  observe('createObservableUpDownCounter', METRIC.participants, (result) => {
    for (const [size, rooms] of counters.roomsBySize)
      result.observe(size * rooms, { [ATTRIBUTE.roomSize]: size });
  });
  observe('createObservableCounter', METRIC.messages, (result) => {
    for (const [type, outcomes] of counters.messages) {
      for (const [outcome, { value }] of outcomes) {
        result.observe(value, { [ATTRIBUTE.messageType]: type, [ATTRIBUTE.outcome]: outcome });
      }
    }
  });
  observe('createObservableCounter', METRIC.refusals, (result) => {
    for (const [code, count] of counters.refusals) result.observe(count, { [ATTRIBUTE.code]: code });
  });
  observe('createObservableCounter', METRIC.handshakes, (result) => {
    for (const [status, count] of counters.handshakes)
      result.observe(count, { [ATTRIBUTE.httpStatus]: status });
  });
  observe('createObservableCounter', METRIC.resumes, (result) => {
    for (const [outcome, count] of Object.entries(counters.resumes))
      result.observe(count, { [ATTRIBUTE.outcome]: outcome });
  });
  observe('createObservableCounter', METRIC.roomRestarts, (result) => result.observe(counters.roomRestarts));

  const [name, ...rest] = METRIC.relayDuration;
  counters.relayDuration = meter.createHistogram(name, {
    ...options(rest),
    advice: { explicitBucketBoundaries: RELAY_BUCKETS },
  });
}

/** The metric of the process's log, which all servers of a process share. Call after the SDK has started. */
export function registerLogMetrics(output: { readonly dropped: number }): void {
  const [name, ...rest] = METRIC.logDropped;
  const counter = metrics.getMeter(INSTRUMENTATION).createObservableCounter(name, options(rest));
  counter.addCallback((result) => result.observe(output.dropped));
}

function options([unit, description]: readonly [string, string]): MetricOptions {
  return { unit, description };
}
