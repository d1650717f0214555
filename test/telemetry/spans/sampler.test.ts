import { afterAll, expect, test } from '@jest/globals';
import { ROOT_CONTEXT, type SpanContext, SpanKind, trace } from '@opentelemetry/api';
import {
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
} from '@opentelemetry/sdk-trace';
import fc from 'fast-check';
import { chooseSampler } from '../../../src/telemetry/spans/sampler.ts';

/** Each decision is the one that the SDK's sampler takes, chosen by the SDK from the same variables. */

const FROM_ENV = '../../../node_modules/@opentelemetry/sdk-node/dist/create-from-env.mjs';
const { createSamplerFromEnv } = (await import(new URL(FROM_ENV, import.meta.url).href)) as {
  createSamplerFromEnv(): Sampler | undefined;
};

const NAME = 'OTEL_TRACES_SAMPLER';
const ARGUMENT = 'OTEL_TRACES_SAMPLER_ARG';
afterAll(() => {
  set(NAME, undefined);
  set(ARGUMENT, undefined);
});

function set(variable: string, value: string | undefined): void {
  if (value === undefined) delete process.env[variable];
  else process.env[variable] = value;
}

function sdkSampler(name: string | undefined, argument: string | undefined): Sampler {
  set(NAME, name);
  set(ARGUMENT, argument);
  return createSamplerFromEnv() ?? new ParentBasedSampler({ root: new AlwaysOnSampler() });
}

const hex = (digits: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: digits, maxLength: digits });
const names = fc.constantFrom(
  undefined,
  '',
  ' ',
  ' always_on',
  'ALWAYS_ON',
  'sometimes',
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
);
const ratios = fc.oneof(
  fc.constantFrom(
    undefined,
    '',
    ' ',
    '0',
    '1',
    ' 0.5 ',
    '1.0',
    '-0',
    '-0.1',
    '1.1',
    'NaN',
    'Infinity',
    'half',
  ),
  fc.constantFrom('0x1', '1e-3', '0,5', '5e-324', '0.9999999999'),
  fc.double({ min: 0, max: 1, noNaN: true }).map(String),
);
const traceIds = fc.oneof(hex(32), fc.constantFrom(`${'0'.repeat(31)}1`, 'f'.repeat(32), '0'.repeat(32)));
const parents = fc.option(
  fc.record({
    spanId: hex(16).filter((id) => !/^0+$/.test(id)),
    traceFlags: fc.integer({ min: 0, max: 255 }),
    isRemote: fc.boolean(),
  }),
  { nil: undefined },
);

test('as the SDK decides, whatever the settings, the parent and the trace id', () => {
  fc.assert(
    fc.property(
      names,
      ratios,
      fc.array(fc.tuple(traceIds, parents), { minLength: 1 }),
      (name, ratio, spans) => {
        const theirs = sdkSampler(name, ratio);
        const { sampler } = chooseSampler(name, ratio);
        for (const [traceId, given] of spans) {
          const isValid = !/^0+$/.test(traceId);
          const parent: SpanContext | undefined = given && isValid ? { traceId, ...given } : undefined;
          const context = parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
          const { decision } = theirs.shouldSample(context, traceId, 'span', SpanKind.SERVER, {}, []);
          const words = (traceId.match(/.{8}/g) ?? []).map((word) => Number.parseInt(word, 16) | 0);
          expect(sampler(parent, () => words)).toBe(decision === SamplingDecision.RECORD_AND_SAMPLED);
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test.each([
  ['sometimes', undefined, /OTEL_TRACES_SAMPLER is "sometimes"/],
  ['traceidratio', undefined, /OTEL_TRACES_SAMPLER_ARG is unset/],
  ['parentbased_traceidratio', '2', /OTEL_TRACES_SAMPLER_ARG is "2"/],
  ['traceidratio', 'half', /OTEL_TRACES_SAMPLER_ARG is "half"/],
])('%s with the argument %s is told of', (name, argument, problem) => {
  expect(chooseSampler(name, argument).problem).toMatch(problem);
});

test.each([
  [undefined, 'ignored'],
  ['always_on', undefined],
  ['traceidratio', '0.5'],
])('%s with the argument %s is in order', (name, argument) => {
  expect(chooseSampler(name, argument).problem).toBeUndefined();
});
