import { describe, expect, test } from '@jest/globals';
import { destinationOf, linkTo, roomIdIn, signalingUrl } from '../../../web/call/invitation.ts';

const ID = '3f2c8e0a-5b1d-4c7e-9a64-1d2e3f405162';

describe('a room id is found', () => {
  test.each([
    ['alone', ID],
    ['in upper case', ID.toUpperCase()],
    ['in a link', `https://bloom.example/#${ID}`],
    ['in a message', `Join here:\n https://bloom.example:8443/#${ID}. See you!`],
  ])('%s', (_, text) => expect(roomIdIn(text)).toBe(ID));

  test.each(['', 'tomorrow at five', ID.slice(1), `${ID.slice(0, -1)}g`, ID.replace('-4', '-1')])(
    'but not in %j',
    (text) => expect(roomIdIn(text)).toBeUndefined(),
  );
});

test.each([
  ['https://bloom.example/', undefined, false],
  ['https://bloom.example/#', undefined, false],
  [`https://bloom.example/?x=1#${ID}`, ID, false],
  ['https://bloom.example/#nonsense', undefined, true],
])('%s leads to %s', (url, roomId, isBad) => expect(destinationOf(url)).toEqual({ roomId, isBad }));

test('the link of a room has its id in the fragment, and nothing else of this page', () => {
  expect(linkTo(ID, 'https://bloom.example:8443/?x=1#old')).toBe(`https://bloom.example:8443/#${ID}`);
});

test.each([
  ['http://localhost:8080/#x', 'ws://localhost:8080/ws'],
  ['https://bloom.example/', 'wss://bloom.example/ws'],
  ['https://example.org/call/#x', 'wss://example.org/call/ws'],
  ['http://[::1]:8080/', 'ws://[::1]:8080/ws'],
])('beside %s Bloom listens at %s', (page, url) => expect(signalingUrl(page).href).toBe(url));
