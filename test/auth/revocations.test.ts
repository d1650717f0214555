import { expect, test } from '@jest/globals';
import { Revocations } from '../../src/auth/revocations.ts';

const MAX_TTL_S = 3600;

test('a revocation counts for tokens issued before it, and for no newer one', () => {
  let now = 1_000_500;
  const revocations = new Revocations(MAX_TTL_S, () => now);
  expect(revocations.isRevoked('ada', 999)).toBe(false);
  revocations.revoke('ada');
  now += 10_000;
  expect(revocations.isRevoked('ada', 999)).toBe(true);
  expect(revocations.isRevoked('ada', 1000)).toBe(true);
  expect(revocations.isRevoked('ada', 1001)).toBe(false);
  expect(revocations.isRevoked('bob', 999)).toBe(false);
  expect(revocations.isRevoked('ada', 999, 'room')).toBe(true);
});

test('in one room it counts there alone', () => {
  const revocations = new Revocations(MAX_TTL_S, () => 1_000_000);
  revocations.revoke('ada', 'room');
  expect(revocations.isRevoked('ada', 999, 'room')).toBe(true);
  expect(revocations.isRevoked('ada', 999, 'other')).toBe(false);
  expect(revocations.isRevoked('ada', 999)).toBe(false);
});

test('users and rooms with the same letters together are not the same', () => {
  const revocations = new Revocations(MAX_TTL_S, () => 1_000_000);
  revocations.revoke('a', 'b","c');
  expect(revocations.isRevoked('c","a', 1, 'b')).toBe(false);
  expect(revocations.isRevoked('a', 1, 'b","c')).toBe(true);
});

test('the latest of several revocations counts', () => {
  let now = 1_000_000;
  const revocations = new Revocations(MAX_TTL_S, () => now);
  revocations.revoke('ada');
  now += 60_000;
  revocations.revoke('ada');
  expect(revocations.isRevoked('ada', 1030)).toBe(true);
  expect(revocations.size).toBe(1);
});

test('what no token can be older than is forgotten', () => {
  let now = 1_000_000;
  const revocations = new Revocations(MAX_TTL_S, () => now);
  for (let i = 0; i < 1000; i += 1) revocations.revoke(`user ${i}`, i % 2 === 0 ? undefined : 'room');
  expect(revocations.size).toBe(1000);
  now += (MAX_TTL_S + 61) * 1000;
  revocations.revoke('ada');
  expect(revocations.size).toBe(1);
});
