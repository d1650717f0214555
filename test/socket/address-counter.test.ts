import { expect, test } from '@jest/globals';
import { AddressCounter } from '../../src/socket/address-counter.ts';

test('an address takes as many as the limit, and one more for each that it gives back', () => {
  const counter = new AddressCounter(2);
  const take = () => counter.take('192.0.2.1');
  expect([take(), take(), take(), take()]).toEqual([true, true, false, false]);
  counter.release('192.0.2.1');
  expect([take(), take()]).toEqual([true, false]);
  for (let i = 0; i < 5; i++) counter.release('192.0.2.1'); // as often as it likes
  expect([take(), take(), take()]).toEqual([true, true, false]);
});

test('one address costs no other; one /64 is one address; loopback has no limit', () => {
  const counter = new AddressCounter(1);
  expect(['192.0.2.1', '192.0.2.2', '::ffff:192.0.2.1'].map((it) => counter.take(it))).toEqual([
    true,
    true,
    false,
  ]);
  expect(['2001:db8::1', '2001:db8::2', '2001:db8:0:1::1'].map((it) => counter.take(it))).toEqual([
    true,
    false,
    true,
  ]);
  expect(['127.0.0.1', '127.0.0.1', '::1', '::1'].map((it) => counter.take(it))).toEqual([
    true,
    true,
    true,
    true,
  ]);
});

test('a limit of 0 allows any number', () => {
  const counter = new AddressCounter(0);
  expect(Array.from({ length: 100 }, () => counter.take('192.0.2.1'))).toEqual(Array(100).fill(true));
});
