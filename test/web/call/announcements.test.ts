import { expect, test } from '@jest/globals';
import { announcementsBetween } from '../../../web/call/announcements.ts';
import type { Person } from '../../../web/call/people.ts';
import { person } from './people-fixture.ts';

const SELF = person('me', { isSelf: true });
const SCREEN = { screen: {} as MediaStreamTrack };

const told = (before: readonly Person[], after: readonly Person[]) =>
  announcementsBetween([SELF, ...before], [SELF, ...after]).map(
    ({ type, person }) => `${person.name} ${type}`,
  );

test.each<[string, Person[], Person[], string[]]>([
  ['nothing', [person('Ken')], [person('Ken')], []],
  ['a stranger comes', [], [person('', { isKnown: false })], []],
  ['a stranger says who they are', [person('Ken', { isKnown: false })], [person('Ken')], ['Ken joined']],
  ['somebody leaves', [person('Ken'), person('Lea')], [person('Lea')], ['Ken left']],
  ['a stranger leaves', [person('', { isKnown: false })], [], []],
  ['a screen is shared', [person('Ken')], [person('Ken', SCREEN)], ['Ken shares']],
  ['and no more', [person('Ken', SCREEN)], [person('Ken')], ['Ken sharesNoMore']],
  ['somebody comes, sharing', [], [person('Ken', SCREEN)], ['Ken joined', 'Ken shares']],
  ['a connection is lost', [person('Ken')], [person('Ken', { state: 'reconnecting' })], ['Ken lost']],
  [
    'given up',
    [person('Ken', { state: 'reconnecting' })],
    [person('Ken', { state: 'failed' })],
    ['Ken failed'],
  ],
  ['back', [person('Ken', { state: 'failed' })], [person('Ken')], ['Ken back']],
  ['connected for the first time', [person('Ken', { state: 'connecting' })], [person('Ken')], []],
  ['their server connection', [person('Ken')], [person('Ken', { state: 'interrupted' })], []],
])('%s', (_, before, after, expected) => expect(told(before, after)).toEqual(expected));

test('of oneself nothing is told', () => {
  expect(announcementsBetween([], [person('me', { isSelf: true, ...SCREEN })])).toEqual([]);
});
