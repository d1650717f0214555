import { expect, test } from '@jest/globals';
import { read } from '../../src/client/description.ts';
import { answeredBy, Pairing } from '../../src/client/pairing.ts';

const sdpOf = (fingerprint: string) => `v=0\r\nm=application 9\r\na=fingerprint:sha-256 ${fingerprint}\r\n`;

/** What one end sends to the other. */
const say = (from: Pairing, offer: number, fingerprint = 'AA') =>
  read(from.mark(sdpOf(fingerprint), from.tagOf(offer)));

test('the first description may belong; from then on those of the same two ends do', () => {
  const [here, there] = [new Pairing(), new Pairing()];
  const first = say(there, 1);
  expect(here.accepts(first)).toBe('maybe');
  here.learn(first);
  expect(here.accepts(say(there, 2))).toBe('yes');
  there.learn(say(here, 1));
  expect(here.accepts(say(there, 3))).toBe('yes');
});

test('those of a connection that took the place of the other end, or are meant for one that is no more, do not', () => {
  const [here, there, later] = [new Pairing(), new Pairing(), new Pairing()];
  here.learn(say(there, 1));
  there.learn(say(here, 1));
  expect(here.accepts(say(later, 2))).toBe('no');
  expect(here.accepts(say(there, 2, 'BB'))).toBe('no'); // without the keys of the other end
  expect(later.accepts(say(there, 2))).toBe('no');
});

test('another client than a Mesh is known by its fingerprint alone', () => {
  const here = new Pairing();
  here.learn(read(sdpOf('AA')));
  expect([here.accepts(read(sdpOf('AA'))), here.accepts(read(sdpOf('BB')))]).toEqual(['yes', 'no']);
});

test('an answer repeats the number of its offer', () => {
  const [here, there] = [new Pairing(), new Pairing()];
  const { tag = '' } = say(here, 7);
  expect(answeredBy(read(there.mark(sdpOf('AA'), tag)))).toBe(7);
  expect(answeredBy(read(sdpOf('AA')))).toBeUndefined();
});
