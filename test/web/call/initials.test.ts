import { expect, test } from '@jest/globals';
import { hueOf, initialsOf } from '../../../web/call/initials.ts';

test.each([
  ['Aiko', 'A'],
  ['aiko tanaka', 'AT'],
  ['  María  de la  Cruz ', 'MC'],
  ['田中 愛子', '田愛'],
  ['👩‍🚀 Sam', '👩‍🚀S'],
  ['🇯🇵', '🇯🇵'],
  ['e\u0301mile', 'E\u0301'],
  ['', ''],
  [' ', ''],
])('%j: %j', (name, initials) => expect(initialsOf(name)).toBe(initials));

test('a hue is one of eight, and always the same', () => {
  for (const name of ['', 'Aiko', '田中']) {
    expect(hueOf(name)).toBe(hueOf(name));
    expect([0, 1, 2, 3, 4, 5, 6, 7]).toContain(hueOf(name));
  }
});
