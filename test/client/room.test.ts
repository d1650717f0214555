import { expect, test } from '@jest/globals';
import { missing } from '../../src/client/room.ts';

test('who is in the one room and not in the other', () => {
  const [before, after] = [
    ['a', 'b'],
    ['b', 'c', 'd'],
  ].map((participants) => ({ roomId: 'room', participants }));
  expect([missing(before, after), missing(after, before)]).toEqual([['c', 'd'], ['a']]);
  expect([missing(undefined, before), missing(before, undefined)]).toEqual([['a', 'b'], []]);
});
