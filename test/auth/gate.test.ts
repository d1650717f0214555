import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Authorizer } from '../../src/auth/authorizer.ts';
import { Gate, type GateParts } from '../../src/auth/gate.ts';
import { ALL_GRANTS, type Identity } from '../../src/auth/identity.ts';
import { Keyring } from '../../src/auth/keyring.ts';
import { readSecrets } from '../../src/auth/keys.ts';
import { isRefusal } from '../../src/auth/refusal.ts';
import { Revocations } from '../../src/auth/revocations.ts';
import { Tickets } from '../../src/auth/tickets.ts';
import { TokenVerifier } from '../../src/auth/token-verifier.ts';
import { hmacToken } from '../support/tokens.ts';

const SECRET = randomBytes(32);
const ADDRESS = { address: '192.0.2.7' };
let nowMs: number;
let parts: GateParts;

beforeEach(() => {
  nowMs = 1_800_000_000_000;
  const now = () => nowMs;
  const keys = new Keyring([{ keys: readSecrets(`main=${SECRET.toString('base64')}`) }]);
  parts = {
    mode: 'required',
    verifier: new TokenVerifier(keys, { maxTtlS: 3600 }, now),
    tickets: new Tickets(10, now),
    revocations: new Revocations(3600, now),
    maxTtlS: 3600,
  };
});

function gate(changes: Partial<GateParts> = {}): Gate {
  return new Gate({ ...parts, ...changes }, () => nowMs);
}

function token(claims: object = {}): string {
  const iat = nowMs / 1000;
  return hmacToken({ alg: 'HS256', kid: 'main' }, { sub: 'ada', iat, exp: iat + 600, ...claims }, SECRET);
}

const IDENTITY: Identity = {
  user_id: 'bob',
  attributes: {},
  grants: ALL_GRANTS,
  issued_at: 0,
  expires_at: 1e10,
};

describe.each(['required', 'optional'] as const)('where authentication is %s', (mode) => {
  test('a token says who a client is', async () => {
    expect(await gate({ mode }).authenticate({ ...ADDRESS, token: token() })).toMatchObject({
      user_id: 'ada',
    });
  });

  test.each([{ token: '' }, { token: 'x' }, { ticket: '' }, { ticket: 'x' }])(
    '%j is refused',
    async (brought) => {
      expect(isRefusal(await gate({ mode }).authenticate({ ...ADDRESS, ...brought }))).toBe(true);
    },
  );

  test('a token that has expired is refused', async () => {
    const old = token({ iat: nowMs / 1000 - 900, exp: nowMs / 1000 - 600 });
    expect(await gate({ mode }).authenticate({ ...ADDRESS, token: old })).toMatchObject({
      refused: 'TokenExpired',
    });
  });

  test('a ticket says it once', async () => {
    const { ticket = '' } = parts.tickets.issue({ ...IDENTITY, expires_at: nowMs / 1000 + 60 }) ?? {};
    expect(await gate({ mode }).authenticate({ ...ADDRESS, ticket })).toMatchObject({ user_id: 'bob' });
    expect(await gate({ mode }).authenticate({ ...ADDRESS, ticket })).toEqual({
      refused: 'Unauthorized',
      check: 'ticket',
    });
  });

  test('a revoked user is refused, by a ticket from before as well, until a new token', async () => {
    const brought = { ...ADDRESS, token: token() };
    const { ticket = '' } = parts.tickets.issue({ ...IDENTITY, user_id: 'ada' }) ?? {};
    parts.revocations.revoke('ada');
    const revoked = { refused: 'Unauthorized', check: 'revoked' };
    expect(await gate({ mode }).authenticate(brought)).toEqual(revoked);
    expect(await gate({ mode }).authenticate({ ...ADDRESS, ticket })).toEqual(revoked);
    nowMs += 1000;
    expect(await gate({ mode }).authenticate({ ...ADDRESS, token: token() })).toMatchObject({
      user_id: 'ada',
    });
  });

  test('the hook is asked where a client brings nothing, and only then', async () => {
    let asked = 0;
    const hook: Authorizer = {
      authenticate() {
        asked += 1;
        return IDENTITY;
      },
    };
    expect(await gate({ mode, hook }).authenticate({ ...ADDRESS, token: token() })).toMatchObject({
      user_id: 'ada',
    });
    expect(await gate({ mode, hook }).authenticate({ ...ADDRESS, token: 'x' })).toHaveProperty('refused');
    expect(asked).toBe(0);
    expect(await gate({ mode, hook }).authenticate(ADDRESS)).toEqual(IDENTITY);
  });

  test.each(['hook unavailable', 'revoked'] as const)('a hook that says %s lets nobody in', async (check) => {
    const hook: Authorizer = { authenticate: () => ({ refused: 'Unauthorized', check }) };
    expect(await gate({ mode, hook }).authenticate(ADDRESS)).toEqual({ refused: 'Unauthorized', check });
  });
});

describe('a client that brings nothing', () => {
  const unknown: Authorizer = { authenticate: () => ({ refused: 'Unauthorized', check: 'hook' }) };

  test('is refused where authentication is required', async () => {
    expect(await gate().authenticate(ADDRESS)).toEqual({ refused: 'Unauthorized', check: 'missing' });
    expect(await gate({ hook: unknown }).authenticate(ADDRESS)).toEqual({
      refused: 'Unauthorized',
      check: 'hook',
    });
  });

  test('gets an id of its own where it is optional, also where the hook does not know it', async () => {
    const first = (await gate({ mode: 'optional' }).authenticate(ADDRESS)) as Identity;
    const second = (await gate({ mode: 'optional', hook: unknown }).authenticate(ADDRESS)) as Identity;
    expect(first).toMatchObject({ anonymous: true, grants: ALL_GRANTS, expires_at: nowMs / 1000 + 3600 });
    expect(first.user_id).toMatch(/^anonymous-/);
    expect(second.user_id).not.toBe(first.user_id);
  });

  test('is refused where it is optional and the hook forbids it', async () => {
    const hook: Authorizer = { authenticate: () => ({ refused: 'Forbidden', check: 'hook' }) };
    expect(await gate({ mode: 'optional', hook }).authenticate(ADDRESS)).toMatchObject({
      refused: 'Forbidden',
    });
  });
});
