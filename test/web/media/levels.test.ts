import { expect, test } from '@jest/globals';
import { levelOf } from '../../../web/media/levels.ts';

test.each([
  [0, 0],
  [0.0001, 0],
  [0.001, 0],
  [10 ** (-30 / 20), 0.5],
  [1, 1],
  [1.5, 1],
])('%f is at %f', (linear, level) => expect(levelOf(linear)).toBeCloseTo(level));
