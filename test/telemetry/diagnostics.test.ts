import { expect, test } from '@jest/globals';
import { DiagLogLevel } from '@opentelemetry/api';
import {
  type Diagnostic,
  diagnosticsLevel,
  forwardedDiagnostics,
  quietDiagnostics,
} from '../../src/telemetry/diagnostics.ts';
import type { Logger } from '../../src/telemetry/logger.ts';

/** A logger that keeps its warnings; `then` is done after each. */
function warnings(then = () => {}) {
  const lines: { detail: string; unsaid: number }[] = [];
  const warn = (line: { detail: string; unsaid: number }) => {
    lines.push(line);
    then();
  };
  return { lines, logger: { warn } as unknown as Logger };
}

test('one complaint a minute is logged, with how many went unsaid', () => {
  let now = 0;
  const { lines, logger } = warnings();
  const diagnostics = quietDiagnostics(logger, () => now);
  diagnostics.error('first');
  diagnostics.warn('second');
  now = 59_999;
  diagnostics.warn('third');
  now = 60_000;
  diagnostics.error('fourth');
  now = 120_000;
  diagnostics.warn('fifth');
  expect(lines).toEqual([
    { detail: 'first', unsaid: 0 },
    { detail: 'fourth', unsaid: 2 },
    { detail: 'fifth', unsaid: 0 },
  ]);
});

test('a complaint about the line that logs a complaint goes unsaid', () => {
  const { lines, logger } = warnings(() => diagnostics.warn('the log cannot be exported'));
  const diagnostics = quietDiagnostics(logger);
  diagnostics.error('first');
  expect(lines).toEqual([{ detail: 'first', unsaid: 0 }]);
});

test.each(['error', 'warn', 'info', 'debug', 'verbose'] as const)(
  '%s is forwarded at that level',
  (level) => {
    const forwarded: Diagnostic[] = [];
    const logger = forwardedDiagnostics((diagnostic) => forwarded.push(diagnostic));
    logger[level]('Export failed:', new Error('Not Found'), 3);
    expect(forwarded).toEqual([{ level, text: 'Export failed: Error: Not Found 3' }]);
  },
);

test('of a text without end some thousand characters are forwarded', () => {
  let text = '';
  const logger = forwardedDiagnostics((diagnostic) => {
    text = diagnostic.text;
  });
  logger.warn('a', 'b'.repeat(1e6));
  expect(text).toBe(`a ${'b'.repeat(4094)}`);
});

test.each([
  [{}, DiagLogLevel.WARN],
  [{ OTEL_LOG_LEVEL: 'debug' }, DiagLogLevel.DEBUG],
  [{ OTEL_LOG_LEVEL: 'NONE' }, DiagLogLevel.NONE],
  [{ OTEL_LOG_LEVEL: 'loud' }, DiagLogLevel.WARN],
])('%j', (env, level) => expect(diagnosticsLevel(env)).toBe(level));
