import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Challenges, signedText } from '../../src/auth/challenge.ts';
import { readEntities } from '../../src/auth/entities.ts';
import { Keyring } from '../../src/auth/keyring.ts';
import { readSecrets } from '../../src/auth/keys.ts';
import type { Refusal } from '../../src/auth/refusal.ts';
import { Revocations } from '../../src/auth/revocations.ts';
import { authRoutes } from '../../src/auth/routes.ts';
import { SigningKey } from '../../src/auth/signing-key.ts';
import { LocalSpentNonces } from '../../src/auth/spent-nonces.ts';
import { Tickets } from '../../src/auth/tickets.ts';
import { TokenVerifier } from '../../src/auth/token-verifier.ts';
import { type HttpServer, startHttp } from '../support/http-server.ts';
import { hmacToken } from '../support/tokens.ts';

/** Over real HTTP: what src/http.ts will do with these routes is to write their replies. */

const SECRET = randomBytes(32);
const AUDIENCE = 'wss://bloom.example/ws';
const ALICE = generateKeyPairSync('ed25519');
const KEY = ALICE.publicKey.export({ format: 'jwk' }).x as string;

const signingKey = new SigningKey(AUDIENCE);
const verifier = new TokenVerifier(
  new Keyring([{ keys: readSecrets(`main=${SECRET.toString('base64')}`) }, signingKey]),
  { maxTtlS: 3600 },
);
const revocations = new Revocations(3600);
const tickets = new Tickets(2);
let refusals: [string, Refusal][];
let http: HttpServer;

beforeAll(async () => {
  const challenges = new Challenges({
    audience: AUDIENCE,
    secret: randomBytes(32),
    entities: () => readEntities(JSON.stringify({ alice: { keys: [KEY] } })),
    spentNonces: new LocalSpentNonces(10),
    signingKey,
    tokenTtlS: 600,
  });
  const refused = (path: string, refusal: Refusal) => void refusals.push([path, refusal]);
  const routes = authRoutes({ verifier, revocations, tickets, challenges, signingKey, refused });
  http = await startHttp(async (request, response) => {
    const route = routes[(request.url ?? '').split('?')[0] as string];
    if (route === undefined || route.method !== request.method) return void response.writeHead(404).end();
    const { status, body, headers } = await route.answer(request);
    response.writeHead(status, headers).end(JSON.stringify(body));
  });
});
afterAll(() => http.stop());
beforeEach(() => {
  refusals = [];
});

async function ask(path: string, init: RequestInit = {}) {
  const response = await fetch(new URL(path, http.url), init);
  const body = (await response.json()) as Record<string, unknown>;
  return { status: response.status, headers: response.headers, body };
}

function token(claims: object = {}): string {
  const iat = Math.floor(Date.now() / 1000);
  return hmacToken({ alg: 'HS256', kid: 'main' }, { sub: 'ada', iat, exp: iat + 600, ...claims }, SECRET);
}

function post(body: unknown): RequestInit {
  return { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) };
}

describe('POST /auth/ticket', () => {
  const withToken = (given: string) => ({ method: 'POST', headers: { Authorization: `Bearer ${given}` } });

  test('gives a ticket for a token, until there are too many', async () => {
    const { status, body } = await ask('/auth/ticket', withToken(token()));
    expect([status, body.expires_in]).toEqual([200, 30]);
    expect(tickets.spend(body.ticket as string)).toMatchObject({ user_id: 'ada' });
    for (const sub of ['b', 'c'])
      expect((await ask('/auth/ticket', withToken(token({ sub })))).status).toBe(200);
    const refused = await ask('/auth/ticket', withToken(token({ sub: 'd' })));
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '30']);
  });

  test.each<[RequestInit, string, string]>([
    [{ method: 'POST' }, 'Unauthorized', 'missing'],
    [withToken('x'), 'Unauthorized', 'form'],
    [withToken(token({ exp: 2, iat: 1 })), 'TokenExpired', 'expired'],
  ])('%# tells the client the code alone, and the log the check', async (init, error, check) => {
    const { status, body, headers } = await ask('/auth/ticket', init);
    expect([status, body, headers.get('www-authenticate')]).toEqual([401, { error }, 'Bearer']);
    expect(refusals).toEqual([['/auth/ticket', { refused: error, check }]]);
  });

  test('takes no token from the URL', async () => {
    expect(
      (await ask(`/auth/ticket?token=${token()}&access_token=${token()}`, { method: 'POST' })).status,
    ).toBe(401);
  });

  test('refuses a revoked user', async () => {
    revocations.revoke('mallory');
    expect((await ask('/auth/ticket', withToken(token({ sub: 'mallory' })))).status).toBe(401);
    expect(refusals).toEqual([['/auth/ticket', { refused: 'Unauthorized', check: 'revoked' }]]);
  });
});

describe('the challenge', () => {
  const path = `/auth/token?entity_id=alice&pubkey=${KEY}`;

  async function answer(timestamp = Math.floor(Date.now() / 1000)) {
    const { nonce = '', audience = '' } = (await ask(path)).body as Record<string, string>;
    const text = signedText(audience, 'alice', KEY, nonce, timestamp);
    const signature = sign(null, Buffer.from(text), ALICE.privateKey).toString('base64url');
    return { entity_id: 'alice', pubkey: KEY, nonce, timestamp, signature };
  }

  test('ends in a token of this server', async () => {
    const { status, body } = await ask('/auth/verify', post(await answer()));
    expect([status, Object.keys(body)]).toEqual([200, ['token', 'expires_at']]);
    expect(await verifier.verify(body.token)).toMatchObject({ user_id: 'alice' });
    expect((await ask('/.well-known/jwks.json')).body).toEqual(signingKey.keySet);
  });

  test('tells a wrong clock the time, and nothing else to anybody', async () => {
    const late = await ask('/auth/verify', post(await answer(1000)));
    expect([late.status, late.body]).toEqual([
      401,
      { error: 'Unauthorized', server_time: expect.any(Number) },
    ]);
    const forged = { ...(await answer()), signature: 'A'.repeat(86) };
    expect((await ask('/auth/verify', post(forged))).body).toEqual({ error: 'Unauthorized' });
    expect(refusals.map(([, { check }]) => check)).toEqual(['clock', 'signature']);
  });

  test.each(['/auth/token', '/auth/token?entity_id=alice', `${path}&entity_id=bob`, `${path}&pubkey=${KEY}`])(
    '%s is answered 400',
    async (given) => expect((await ask(given)).status).toBe(400),
  );

  test.each(['', '{', `"${'x'.repeat(9000)}"`])(
    'a body that is no JSON, or too long, is answered 400',
    async (body) => {
      expect((await ask('/auth/verify', post(body))).status).toBe(400);
    },
  );

  test.each(['null', '[]', '7', '{"__proto__":{}}'])('the body %s is answered 401', async (body) => {
    expect((await ask('/auth/verify', post(body))).status).toBe(401);
  });
});

test('without an allow-list there is no challenge', () => {
  const routes = authRoutes({ verifier, revocations, tickets, refused: () => {} });
  expect(Object.keys(routes)).toEqual(['/auth/ticket']);
});
