import { expect, test } from '@jest/globals';
import { EarlyCandidates } from '../../src/client/early.ts';

const of = (usernameFragment: string, candidate = `candidate of ${usernameFragment}`) => ({
  candidate,
  usernameFragment,
});
const sdp = (ufrag: string) => `v=0\r\nm=audio 9\r\na=ice-ufrag:${ufrag}\r\n`;

test('holds candidates until their description is applied, and returns them in the order they came', () => {
  const early = new EarlyCandidates();
  for (const name of ['1', '2']) expect(early.admit(of('a', name))).toBe(false);
  expect(early.admit(null)).toBe(false);
  expect(early.applied(sdp('a'))).toEqual([of('a', '1'), of('a', '2'), null]);
  expect(early.admit(of('a', '3'))).toBe(true);
  expect(early.admit(null)).toBe(true);
});

test('those of a description that comes later, after an ICE restart for instance, wait for that one', () => {
  const early = new EarlyCandidates();
  early.applied(sdp('a'));
  expect(early.admit(of('b'))).toBe(false);
  expect(early.applied(sdp('a'))).toEqual([]);
  expect(early.applied(sdp('b'))).toEqual([of('b')]);
});

test('one that does not say to which description it belongs is taken for the latest; SDP may say it', () => {
  const early = new EarlyCandidates();
  early.applied(sdp('a'));
  expect(early.admit({ candidate: 'candidate:1 1 udp 1 10.0.0.1 9 typ host' })).toBe(true);
  expect(early.admit({ candidate: 'candidate:1 1 udp 1 10.0.0.1 9 typ host ufrag b network-id 1' })).toBe(
    false,
  );
});

test('holds no more than its limit: the oldest go', () => {
  const early = new EarlyCandidates(2);
  for (const name of ['1', '2', '3']) early.admit(of('a', name));
  expect(early.applied(sdp('a'))).toEqual([of('a', '2'), of('a', '3')]);
});
