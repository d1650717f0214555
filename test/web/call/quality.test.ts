import { expect, test } from '@jest/globals';
import { betterOf, qualityOf } from '../../../web/call/quality.ts';

test.each([
  [{}, 'good'],
  [{ rttMs: 400, lossRate: 0.05, frozenMs: 2000 }, 'good'],
  [{ rttMs: 401 }, 'weak'],
  [{ lossRate: 0.06 }, 'weak'],
  [{ frozenMs: 4000 }, 'weak'],
  [{ rttMs: 13_698 }, 'bad'],
  [{ lossRate: 0.3 }, 'bad'],
  [{ rttMs: 5, frozenMs: 10_000 }, 'bad'],
] as const)('%j: %s', (reading, quality) => expect(qualityOf(reading)).toBe(quality));

test('the better of two', () => {
  expect(betterOf('bad', 'weak')).toBe('weak');
  expect(betterOf('good', 'bad')).toBe('good');
});
