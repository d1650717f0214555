import { expect, test } from '@jest/globals';
import { Sessions } from '../src/sessions.ts';

const alice = { name: 'alice' };
const bob = { name: 'bob' };

test('a token has at least 128 bits, and no two are alike', () => {
  const sessions = new Sessions<object>();
  const tokens = Array.from({ length: 1000 }, () => sessions.open({}));
  expect(new Set(tokens).size).toBe(1000);
  for (const token of tokens) {
    expect(token).toMatch(/^[\w-]+$/);
    expect(Buffer.from(token, 'base64url').length).toBeGreaterThanOrEqual(16);
  }
});

test('every bit of a token varies: none of it is a counter, a clock or an id', () => {
  const sessions = new Sessions<object>();
  const tokens = Array.from({ length: 256 }, () => Buffer.from(sessions.open({}), 'base64url'));
  const bits = (tokens[0] as Buffer).length * 8;
  for (let bit = 0; bit < bits; bit++) {
    const ones = tokens.filter((token) => ((token[bit >> 3] as number) >> (bit & 7)) & 1).length;
    expect(ones).toBeGreaterThan(64); // 128 expected; eight standard deviations
    expect(ones).toBeLessThan(192);
  }
});

test('a token stands for its session, and brings the next', () => {
  const sessions = new Sessions<object>();
  const [token, other] = [sessions.open(alice), sessions.open(bob)];
  const claimed = sessions.claim(token);
  expect(claimed?.session).toBe(alice);
  expect(sessions.claim(claimed?.token ?? '')?.session).toBe(alice);
  expect(sessions.claim(other)?.session).toBe(bob);
});

test('a used token works until the client is known to have the latest, and so do those between', () => {
  const sessions = new Sessions<object>();
  const first = sessions.open(alice);
  const second = sessions.claim(first)?.token ?? '';
  sessions.claim(first);
  const latest = sessions.claim(second)?.token ?? '';
  expect(sessions.claim(first)).toBeUndefined(); // the client brought a later one
  expect(sessions.claim(second)?.session).toBe(alice);
  sessions.confirm(alice);
  sessions.confirm(alice);
  expect([sessions.claim(second), sessions.claim(latest)]).toEqual([undefined, undefined]);
});

test('of a client that never hears its Ready eight tokens work: the one it brings, and the latest', () => {
  const sessions = new Sessions<object>();
  const first = sessions.open(alice);
  const later = Array.from({ length: 20 }, () => sessions.claim(first)?.token ?? '');
  expect(sessions.claim(later[12] as string)).toBeUndefined();
  expect(sessions.claim(later[13] as string)?.session).toBe(alice);
});

test('confirming what nobody opened, or nobody claimed, changes nothing', () => {
  const sessions = new Sessions<object>();
  sessions.confirm(alice);
  const token = sessions.open(alice);
  sessions.confirm(alice);
  expect(sessions.claim(token)?.session).toBe(alice);
});

test.each(['', 'x', '__proto__', 'A'.repeat(32)])('an unknown token, %j, stands for nobody', (token) => {
  const sessions = new Sessions<object>();
  sessions.open(alice);
  expect(sessions.claim(token)).toBeUndefined();
});

test('a used token takes nothing from the session that used it', () => {
  const sessions = new Sessions<object>();
  const first = sessions.open(alice);
  const second = sessions.claim(first)?.token ?? '';
  sessions.confirm(alice);
  for (let i = 0; i < 3; i++) expect(sessions.claim(first)).toBeUndefined();
  expect(sessions.claim(second)?.session).toBe(alice);
});

test('revoked, it is over: once or twice, or before there was a token', () => {
  const sessions = new Sessions<object>();
  sessions.revoke(alice);
  const token = sessions.open(alice);
  const next = sessions.claim(token)?.token ?? '';
  sessions.revoke(alice);
  sessions.revoke(alice);
  expect([sessions.claim(token), sessions.claim(next)]).toEqual([undefined, undefined]);
  expect([...sessions.all()]).toEqual([]);
});

test('all: who has a token, each once, and nobody is kept without', () => {
  const sessions = new Sessions<object>();
  expect([...sessions.all()]).toEqual([]);
  sessions.open(alice);
  const token = sessions.open(bob);
  sessions.claim(token);
  expect(new Set(sessions.all())).toEqual(new Set([alice, bob]));
  expect([...sessions.all()]).toHaveLength(2);
  sessions.revoke(bob);
  expect([...sessions.all()]).toEqual([alice]);
});

test('all may be walked while sessions end', () => {
  const sessions = new Sessions<object>();
  sessions.open(alice);
  sessions.open(bob);
  const walked: object[] = [];
  for (const session of sessions.all()) {
    walked.push(session);
    sessions.revoke(session);
  }
  expect(walked).toEqual([alice, bob]);
  expect([...sessions.all()]).toEqual([]);
});
