import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { CircuitBreaker } from '../../src/auth/circuit-breaker.ts';
import { AuthHook } from '../../src/auth/hook.ts';
import { type HttpServer, json, startHttp } from '../support/http-server.ts';

const SETTINGS = { timeoutMs: 2000, maxTtlS: 7200, maxFailures: 2, pauseMs: 60_000 };
const NOW_MS = 1_800_000_000_000;
const HANDSHAKE = {
  address: '192.0.2.7',
  origin: 'https://app.example',
  cookie: 'session=s3cret',
  userAgent: 'Test/1',
};

let http: HttpServer;
let asked: { request: IncomingMessage; body: unknown }[];
let errors: object[];

beforeEach(async () => {
  asked = [];
  errors = [];
  http = await startHttp(json({ user_id: 'ada' }));
});
afterEach(() => http.stop());

function hook(settings = SETTINGS): AuthHook {
  return new AuthHook(http.url, { error: (fields) => void errors.push(fields) }, settings, () => NOW_MS);
}

test('the service hears what the handshake brought, and says who it is', async () => {
  http.answer(async (request, response) => {
    asked.push({ request, body: JSON.parse(await text(request)) });
    const answer = {
      user_id: 'ada',
      name: 'Ada',
      attributes: { team: 'a' },
      grants: { rooms: ['lab'] },
      expires_in: 600,
    };
    response.end(JSON.stringify(answer));
  });
  expect(await hook().authenticate(HANDSHAKE)).toMatchObject({
    user_id: 'ada',
    name: 'Ada',
    attributes: { team: 'a' },
    grants: { rooms: ['lab'], join: true, moderate: false },
    issued_at: NOW_MS / 1000,
    expires_at: NOW_MS / 1000 + 600,
  });
  const [{ request, body }] = asked as [(typeof asked)[0]];
  expect([request.method, request.headers['content-type']]).toEqual(['POST', 'application/json']);
  expect(body).toEqual({
    address: '192.0.2.7',
    origin: 'https://app.example',
    cookie: 'session=s3cret',
    user_agent: 'Test/1',
  });
});

test('an identity lives an hour unless the service says otherwise, and never longer than AUTH_MAX_TTL_S', async () => {
  expect(await hook().authenticate(HANDSHAKE)).toMatchObject({ expires_at: NOW_MS / 1000 + 3600 });
  http.answer(json({ user_id: 'ada', expires_in: 1e9 }));
  expect(await hook().authenticate(HANDSHAKE)).toMatchObject({ expires_at: NOW_MS / 1000 + 7200 });
});

test.each([
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
])('%i is the refusal %s, and no failure of the service', async (status, refused) => {
  http.answer(json({}, status));
  const subject = hook();
  for (let i = 0; i < 5; i += 1)
    expect(await subject.authenticate(HANDSHAKE)).toEqual({ refused, check: 'hook' });
  expect(http.requests).toBe(5);
  expect(errors).toEqual([]);
});

describe('a service that fails lets nobody in:', () => {
  const unavailable = { refused: 'Unauthorized', check: 'hook unavailable' };

  test.each<[string, Parameters<HttpServer['answer']>[0]]>([
    ['an error', json({ user_id: 'ada' }, 500)],
    ['a status of success without an identity', json({ user_id: 'ada' }, 204)],
    ['a redirect', (_, response) => response.writeHead(302, { Location: '/' }).end()],
    ['a page', (_, response) => response.end('<html>')],
    ['no user', json({ name: 'Ada' })],
    ['grants that are wrong', json({ user_id: 'ada', grants: { rooms: 'lab' } })],
    ['a life that is wrong', json({ user_id: 'ada', expires_in: -1 })],
    ['a name of a prototype', (_, response) => response.end('{"user_id":"ada","__proto__":{}}')],
    ['the user twice', (_, response) => response.end('{"user_id":"ada","user_id":"eve"}')],
    ['too much', (_, response) => response.end(`{"user_id":"ada","x":"${'x'.repeat(70_000)}"}`)],
    ['a connection that breaks', (_, response) => void response.socket?.destroy()],
  ])('%s', async (_, listener) => {
    http.answer(listener);
    expect(await hook().authenticate(HANDSHAKE)).toEqual(unavailable);
    expect(errors).toHaveLength(1);
    expect(JSON.stringify(errors)).not.toContain('s3cret');
  });

  test('silence', async () => {
    http.answer(() => {});
    expect(await hook({ ...SETTINGS, timeoutMs: 30 }).authenticate(HANDSHAKE)).toEqual(unavailable);
    expect(errors).toEqual([{ reason: 'it did not answer within 30 ms' }]);
  });

  test('after some failures it is not asked any more for a while', async () => {
    http.answer(json({}, 500));
    const subject = hook();
    for (let i = 0; i < 10; i += 1) expect(await subject.authenticate(HANDSHAKE)).toEqual(unavailable);
    expect(http.requests).toBe(SETTINGS.maxFailures);
  });

  test('what is asked at the same time is bounded', async () => {
    http.answer(() => {});
    const subject = hook({ ...SETTINGS, timeoutMs: 500 });
    const results = await Promise.all(Array.from({ length: 300 }, () => subject.authenticate(HANDSHAKE)));
    expect(results).toEqual(Array(300).fill(unavailable));
    expect(http.requests).toBeLessThanOrEqual(256);
  });
});

test('the circuit breaker lets one question through after its pause, and that decides', () => {
  let now = 0;
  const breaker = new CircuitBreaker(2, 100, () => now);
  breaker.failed();
  expect(breaker.mayAsk()).toBe(true);
  breaker.failed();
  expect(breaker.mayAsk()).toBe(false);
  now = 100;
  expect([breaker.mayAsk(), breaker.mayAsk()]).toEqual([true, false]);
  breaker.failed();
  now = 199;
  expect(breaker.mayAsk()).toBe(false);
  now = 200;
  expect(breaker.mayAsk()).toBe(true);
  breaker.succeeded();
  expect([breaker.mayAsk(), breaker.mayAsk()]).toEqual([true, true]);
});
