import { type SpanContext, TraceFlags } from '@opentelemetry/api';

/** Whether a span is recorded. `traceId`: four words of 32 bits. */
export type Sampler = (parent: SpanContext | undefined, traceId: () => readonly number[]) => boolean;

/** A sampler, and what was wrong with the settings that named it. */
export interface ChosenSampler {
  readonly sampler: Sampler;
  readonly problem?: string;
}

export const alwaysOn: Sampler = () => true;
const alwaysOff: Sampler = () => false;

export function parentBased(root: Sampler): Sampler {
  return (parent, traceId) =>
    parent === undefined ? root(parent, traceId) : (parent.traceFlags & TraceFlags.SAMPLED) !== 0;
}

/** Decides by the trace id alone, so that all parts of a trace are decided alike. As OpenTelemetry's SDK decides. */
function traceIdRatio(ratio: number): Sampler {
  const bound = ratio === 1 ? 2 ** 32 : Math.floor(ratio * (2 ** 32 - 1));
  return (_, traceId) => {
    const words = traceId();
    let mixed = 0;
    for (const word of words) mixed ^= word;
    return words.some((word) => word !== 0) && mixed >>> 0 < bound;
  };
}

/** The sampler of OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG. What is wrong with them counts as unset, as in the SDK. */
export function chooseSampler(name: string | undefined, argument: string | undefined): ChosenSampler {
  switch (name?.trim() ? name : 'parentbased_always_on') {
    case 'always_on':
      return { sampler: alwaysOn };
    case 'always_off':
      return { sampler: alwaysOff };
    case 'parentbased_always_on':
      return { sampler: parentBased(alwaysOn) };
    case 'parentbased_always_off':
      return { sampler: parentBased(alwaysOff) };
    case 'traceidratio':
      return withRatio(argument, traceIdRatio);
    case 'parentbased_traceidratio':
      return withRatio(argument, (ratio) => parentBased(traceIdRatio(ratio)));
    default:
      return {
        sampler: parentBased(alwaysOn),
        problem: `OTEL_TRACES_SAMPLER is ${JSON.stringify(name)}: unknown, parentbased_always_on is used`,
      };
  }
}

function withRatio(argument: string | undefined, samplerOf: (ratio: number) => Sampler): ChosenSampler {
  const ratio = argument?.trim() ? Number(argument) : Number.NaN;
  if (ratio >= 0 && ratio <= 1) return { sampler: samplerOf(ratio) };
  const given = argument === undefined ? 'unset' : JSON.stringify(argument);
  return {
    sampler: samplerOf(1),
    problem: `OTEL_TRACES_SAMPLER_ARG is ${given}: not a number from 0 to 1, 1 is used`,
  };
}
