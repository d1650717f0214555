import { describe, expect, test } from '@jest/globals';
import { keyOf } from '../../src/socket/address.ts';

describe('what an address counts under', () => {
  const sameAs: [address: string, other: string][] = [
    ['192.0.2.7', '::ffff:192.0.2.7'],
    ['192.0.2.7', '::ffff:c000:207'],
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff'],
    ['2001:db8:1:2::1', '2001:0DB8:0001:0002:0000:0000:0000:0009'],
    ['2001:db8::1', '2001:db8:0:0:a:b:c:d'],
    ['fe80::1%eth0', 'fe80::2%eth1'],
    ['192.0.2.7', '192.0.2.7:50123'],
    ['2001:db8::1', '[2001:db8::2]'],
    ['2001:db8::1', '[2001:db8::2]:50123'],
  ];
  test.each(sameAs)('%s and %s: the same', (address, other) => {
    expect(keyOf(address)).toBeDefined();
    expect(keyOf(address)).toBe(keyOf(other));
  });

  const notAs: [address: string, other: string][] = [
    ['192.0.2.7', '192.0.2.8'],
    ['2001:db8:1:2::1', '2001:db8:1:3::1'],
    ['2001:db8:1:2::1', '2001:db8:2:2::1'],
    ['::ffff:192.0.2.7', '::ffff:192.0.2.8'],
    ['2001:db8::1', '192.0.2.7'],
    ['unknown', '192.0.2.7'],
  ];
  test.each(notAs)('%s and %s: different', (address, other) => {
    expect(keyOf(address)).toBeDefined();
    expect(keyOf(address)).not.toBe(keyOf(other));
  });

  test.each(['127.0.0.1', '127.9.8.7', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', '::ffff:7f00:1'])(
    '%s: loopback is not limited',
    (address) => expect(keyOf(address)).toBeUndefined(),
  );

  test.each(['', 'unknown', '_hidden', 'example.org', '192.0.2.7.9', '2001:db8::1::2', ':::'])(
    '%j: no address counts as it is',
    (address) => expect(keyOf(address)).toBe(address),
  );
});
