import { expect, test } from '@jest/globals';
import { arrange } from '../../../web/call/arrange.ts';
import { person } from './people-fixture.ts';

const SELF = person('self', { isSelf: true });
const SCREEN = { screen: {} as MediaStreamTrack };
const KEN = person('Ken');
const LEA = person('Lea');

const keys = (...its: Parameters<typeof arrange>) => {
  const { big, others, isFloating } = arrange(...its);
  return [big.map(({ key }) => key), others.map(({ key }) => key), isFloating];
};
const NONE = new Map<string, number>();

test.each([
  [[SELF], undefined, [], ['self'], false],
  [[SELF, KEN], undefined, ['Ken'], ['self'], true],
  [[SELF, KEN], 'self', ['self'], ['Ken'], true],
  [[SELF, KEN, LEA], undefined, [], ['self', 'Ken', 'Lea'], false],
  [[SELF, KEN, LEA], 'Ken', ['Ken'], ['self', 'Lea'], false],
  [[SELF, KEN, LEA], 'somebody who has left', [], ['self', 'Ken', 'Lea'], false],
  [[SELF, person('Ken', SCREEN)], undefined, ['Ken screen'], ['self', 'Ken'], false],
  [
    [SELF, person('Ken', SCREEN), person('Lea', SCREEN)],
    undefined,
    ['Ken screen', 'Lea screen'],
    ['self', 'Ken', 'Lea'],
    false,
  ],
  [
    [SELF, person('Ken', SCREEN), person('Lea', SCREEN)],
    'Lea screen',
    ['Lea screen'],
    ['Ken screen', 'self', 'Ken', 'Lea'],
    false,
  ],
  // Our own screen would show itself.
  [[person('self', { isSelf: true, ...SCREEN }), KEN], undefined, ['Ken'], ['self'], true],
] as const)('case %#', (people, chosen, big, others, isFloating) => {
  expect(keys(people, chosen, NONE)).toEqual([big, others, isFloating]);
});

test('a picture has the ratio of its video', () => {
  expect(arrange([SELF, KEN], undefined, new Map([['Ken', 0.75]])).big).toEqual([
    { key: 'Ken', ratio: 0.75 },
  ]);
});
