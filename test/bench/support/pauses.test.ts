import { expect, test } from '@jest/globals';
import { isUndisturbed } from '../../../bench/support/pauses.ts';

const PAUSES = [
  { from: 100, to: 104 },
  { from: 200, to: 201 },
];

test.each([
  ['long before', 90, true],
  ['too shortly before to have arrived', 96, false],
  ['during', 102, false],
  ['shortly after, in what was dammed up', 106, false],
  ['after that', 108, true],
  ['before another', 198, false],
])('a message sent %s a pause', (_, sentAt, undisturbed) => {
  expect(isUndisturbed(sentAt, PAUSES)).toBe(undisturbed);
});
