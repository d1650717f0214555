import {
  type Context,
  context as contextApi,
  isSpanContextValid,
  type Span,
  type SpanContext,
  type SpanOptions,
  TraceFlags,
  type Tracer,
  type TracerOptions,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import type { SpanBatches } from './batches.ts';
import type { Scope } from './otlp.ts';
import { alwaysOn, parentBased, type Sampler } from './sampler.ts';
import { RecordedSpan } from './span.ts';

/** A tracer provider for servers with very many short spans. */
export class SpanProvider implements TracerProvider {
  readonly #batchesOf: (scope: Scope) => SpanBatches;
  readonly #whenShut: () => Promise<void>;
  readonly #sampler: Sampler;
  readonly #tracers = new Map<string, SpanTracer>();

  /** Each scope has batches of its own; `whenShut` lets go of what they are sent by. */
  constructor(
    batchesOf: (scope: Scope) => SpanBatches,
    whenShut = async (): Promise<void> => {},
    sampler: Sampler = parentBased(alwaysOn),
  ) {
    this.#sampler = sampler;
    this.#batchesOf = batchesOf;
    this.#whenShut = whenShut;
  }

  getTracer(name: string, version?: string, options?: TracerOptions): Tracer {
    const scope = { name, version, schemaUrl: options?.schemaUrl };
    const key = JSON.stringify(scope);
    let tracer = this.#tracers.get(key);
    if (tracer === undefined) {
      tracer = new SpanTracer(this.#batchesOf(scope), this.#sampler);
      this.#tracers.set(key, tracer);
    }
    return tracer;
  }

  /** Settles when every span ended so far was sent, or could not be. */
  async flush(): Promise<void> {
    await Promise.all([...this.#tracers.values()].map(({ batches }) => batches.flush()));
  }

  /** Flushes, and records nothing from then on. */
  async shutdown(): Promise<void> {
    await Promise.all([...this.#tracers.values()].map(({ batches }) => batches.shutdown()));
    await this.#whenShut();
  }
}

class SpanTracer implements Tracer {
  readonly batches: SpanBatches;
  readonly #sampler: Sampler;

  constructor(batches: SpanBatches, sampler: Sampler) {
    this.batches = batches;
    this.#sampler = sampler;
  }

  startSpan(name: string, options: SpanOptions = {}, context: Context = contextApi.active()): Span {
    const parent = options.root ? undefined : validParent(context);
    const span = new RecordedSpan(name, options, parent, this.batches.add);
    if (this.#sampler(parent, () => span.traceId)) return span;
    return trace.wrapSpanContext({ ...span.spanContext(), traceFlags: TraceFlags.NONE });
  }

  startActiveSpan<F extends (span: Span) => unknown>(name: string, ...rest: unknown[]): ReturnType<F> {
    const work = rest.pop() as F;
    const [options = {}, context = contextApi.active()] = rest as [SpanOptions?, Context?];
    const span = this.startSpan(name, options, context);
    return contextApi.with(trace.setSpan(context, span), () => work(span)) as ReturnType<F>;
  }
}

function validParent(context: Context): SpanContext | undefined {
  const parent = trace.getSpanContext(context);
  return parent !== undefined && isSpanContextValid(parent) ? parent : undefined;
}
