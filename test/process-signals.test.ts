import { expect, test } from '@jest/globals';
import { SignalReader, type StopCause } from '../src/process-signals.ts';

/** A reader with a clock that the test sets, and what it decided. */
function reader(hasTerminal = false) {
  const decided: string[] = [];
  const clock = { ms: 1000 };
  const signals = new SignalReader(
    {
      stop: (cause, drain) => void decided.push(`stop for ${cause}${drain ? ' with drain' : ''}`),
      stopNow: (cause) => void decided.push(`stop now for ${cause}`),
      exit: () => void decided.push('exit'),
      reload: () => void decided.push('reload'),
    },
    hasTerminal,
    () => clock.ms,
  );
  return { signals, clock, decided };
}

test.each<[StopCause, string]>([
  ['SIGTERM', 'stop for SIGTERM with drain'],
  ['SIGINT', 'stop for SIGINT'],
  ['SIGBREAK', 'stop for SIGBREAK'],
  ['parent has ended', 'stop for parent has ended with drain'],
  ['SIGHUP', 'reload'],
])('%s: %s', (cause, decision) => {
  const { signals, decided } = reader();
  signals.read(cause);
  expect(decided).toEqual([decision]);
});

test('with a terminal SIGHUP stops as SIGINT does', () => {
  const { signals, decided } = reader(true);
  signals.read('SIGHUP');
  expect(decided).toEqual(['stop for SIGHUP']);
});

test('the same signal within 200 ms counts once', () => {
  const { signals, clock, decided } = reader();
  signals.read('SIGTERM');
  clock.ms += 199;
  signals.read('SIGTERM');
  expect(decided).toHaveLength(1);
  clock.ms += 1;
  signals.read('SIGTERM');
  expect(decided).toEqual(['stop for SIGTERM with drain', 'stop now for SIGTERM']);
  clock.ms += 200;
  signals.read('SIGTERM');
  expect(decided.at(-1)).toBe('exit');
});

test('another signal counts at once', () => {
  const { signals, decided } = reader();
  signals.read('SIGTERM');
  signals.read('SIGINT');
  expect(decided).toEqual(['stop for SIGTERM with drain', 'stop now for SIGINT']);
});

test('SIGHUP reloads each time, during a drain as well, and never counts as a stop', () => {
  const { signals, clock, decided } = reader();
  signals.read('SIGHUP');
  clock.ms += 200;
  signals.read('SIGHUP');
  signals.read('SIGTERM');
  clock.ms += 200;
  signals.read('SIGHUP');
  expect(decided).toEqual(['reload', 'reload', 'stop for SIGTERM with drain', 'reload']);
});

test('a parent that ends by the same signal does not make it two', () => {
  const { signals, clock, decided } = reader();
  signals.read('SIGTERM');
  clock.ms += 300;
  signals.read('parent has ended');
  expect(decided).toEqual(['stop for SIGTERM with drain']);
});
