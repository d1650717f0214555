import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { KEY_SERVER_TIMES, KeyServer } from '../../src/auth/key-server.ts';
import { Keyring } from '../../src/auth/keyring.ts';
import { TokenVerifier } from '../../src/auth/token-verifier.ts';
import { type HttpServer, json, startHttp } from '../support/http-server.ts';
import { signedToken } from '../support/tokens.ts';
import { until } from '../support/wait.ts';

/** Against a real HTTP server. The clock is turned by hand; requests are not waited for by time. */

const first = generateKeyPairSync('ed25519');
const second = generateKeyPairSync('ed25519');
const HOUR_MS = 3_600_000;

let http: HttpServer;
let now: number;
let errors: unknown[];
let keyServer: KeyServer;

function keySet(keys: Readonly<Record<string, KeyObject>>): object {
  return { keys: Object.entries(keys).map(([kid, key]) => ({ ...key.export({ format: 'jwk' }), kid })) };
}

function tokenOf(kid: string, { privateKey }: { privateKey: KeyObject }): string {
  const iat = Math.floor(Date.now() / 1000);
  return signedToken({ alg: 'EdDSA', kid }, { sub: 'ada', iat, exp: iat + 60 }, privateKey);
}

function verify(token: string): Promise<object> {
  return new TokenVerifier(new Keyring([keyServer]), { maxTtlS: 3600 }).verify(token);
}

beforeEach(async () => {
  http = await startHttp(json(keySet({ first: first.publicKey })));
  now = 0;
  errors = [];
  const log = { info: () => {}, error: (fields: object) => void errors.push(fields) };
  keyServer = new KeyServer(http.url, log, { ...KEY_SERVER_TIMES, timeoutMs: 2000 }, () => now);
});
afterEach(async () => {
  keyServer.stop();
  await http.stop();
});

test('a key is fetched at the start, and verifies tokens without another request', async () => {
  await keyServer.start();
  expect(await verify(tokenOf('first', first))).toMatchObject({ user_id: 'ada' });
  expect(await verify(tokenOf('first', first))).toMatchObject({ user_id: 'ada' });
  expect(http.requests).toBe(1);
});

test('a key server that is down at the start is asked again; until then tokens are refused', async () => {
  http.answer(json({}, 500));
  await keyServer.start();
  expect(keyServer.keys.size).toBe(0);
  expect(errors).toEqual([{ reason: 'it answered with status 500', keys_in_use: 0 }]);
  expect(await verify(tokenOf('first', first))).toMatchObject({
    refused: 'Unauthorized',
    check: 'unknown key',
  });
  http.answer(json(keySet({ first: first.publicKey })));
  await until('the keys are here', () => keyServer.keys.size === 1);
  expect(await verify(tokenOf('first', first))).toMatchObject({ user_id: 'ada' });
});

test('a new key is fetched when a token names it, and the old one is gone', async () => {
  await keyServer.start();
  http.answer(json(keySet({ second: second.publicKey })));
  now += KEY_SERVER_TIMES.cooldownMs;
  expect(await verify(tokenOf('second', second))).toMatchObject({ user_id: 'ada' });
  expect(await verify(tokenOf('first', first))).toMatchObject({ check: 'unknown key' });
  expect(http.requests).toBe(2);
});

test('many tokens with unknown keys cost one request within the cooldown', async () => {
  await keyServer.start();
  now += KEY_SERVER_TIMES.cooldownMs;
  const unknown = Array.from({ length: 50 }, (_, i) => verify(tokenOf(`k${i}`, second)));
  for (const result of await Promise.all(unknown)) expect(result).toMatchObject({ check: 'unknown key' });
  expect(await verify(tokenOf('one more', second))).toMatchObject({ check: 'unknown key' });
  expect(http.requests).toBe(2);
});

test('an outage of an hour is survived with the last good keys, one of a day is not', async () => {
  await keyServer.start();
  await http.stop();
  now += HOUR_MS;
  await keyServer.refresh();
  expect(errors).toEqual([{ reason: expect.stringMatching(/^it was not reached/), keys_in_use: 1 }]);
  expect(await verify(tokenOf('first', first))).toMatchObject({ user_id: 'ada' });
  now += 24 * HOUR_MS;
  expect(keyServer.keys.size).toBe(0);
  expect(await verify(tokenOf('first', first))).toMatchObject({ check: 'unknown key' });
});

describe('an answer that is no key set changes nothing:', () => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
  test.each<[string, Parameters<HttpServer['answer']>[0], string]>([
    ['a page', (_, response) => response.end('<html>Login</html>'), 'it is not JSON'],
    ['an empty set', json({ keys: [] }), 'there is no key for signatures in it'],
    [
      'a symmetric key',
      json({ keys: [{ kty: 'oct', k: 'AAAA', kid: 'first' }] }),
      'there is no key for signatures in it',
    ],
    ['a weak key', json(keySet({ first: weak })), 'key 1 has 1024 bits: RSA needs 2048'],
    ['half a set', (_, response) => response.end('{"keys":[{'), 'it is not JSON'],
    [
      'too much',
      (_, response) => response.end(' '.repeat(300_000)),
      'its answer is longer than 262144 bytes',
    ],
    [
      'a redirect',
      (_, response) => response.writeHead(302, { Location: '/elsewhere' }).end(),
      'it answered with a redirect, which is not followed',
    ],
    ['an error', json({ keys: [] }, 503), 'it answered with status 503'],
    [
      'a connection that breaks',
      (_, response) => void response.socket?.destroy(),
      'it was not reached: UND_ERR_SOCKET',
    ],
  ])('%s', async (_, listener, reason) => {
    await keyServer.start();
    http.answer(listener);
    now += KEY_SERVER_TIMES.cooldownMs;
    await keyServer.refresh();
    expect(errors).toEqual([{ reason, keys_in_use: 1 }]);
    expect(await verify(tokenOf('first', first))).toMatchObject({ user_id: 'ada' });
  });
});

test.each<[string, Parameters<HttpServer['answer']>[0]]>([
  ['says nothing', () => {}],
  ['sends a byte and stalls', (_, response) => void response.write('{')],
])('a key server that %s is given up, and known keys wait for nothing', async (_, listener) => {
  await keyServer.start();
  const hasty = { ...KEY_SERVER_TIMES, timeoutMs: 50 };
  const stalled = new KeyServer(
    http.url,
    { info: () => {}, error: (fields) => void errors.push(fields) },
    hasty,
    () => now,
  );
  http.answer(listener);
  await stalled.start();
  stalled.stop();
  expect(errors).toEqual([{ reason: 'it did not answer within 50 ms', keys_in_use: 0 }]);
  now += KEY_SERVER_TIMES.cooldownMs;
  const waiting = verify(tokenOf('second', second));
  expect(await verify(tokenOf('first', first))).toMatchObject({ user_id: 'ada' });
  expect(await waiting).toMatchObject({ check: 'unknown key' });
});

test('only https is fetched, except from this machine', () => {
  const log = { info: () => {}, error: () => {} };
  for (const url of [
    'http://id.example/jwks',
    'ftp://id.example',
    'file:///etc/passwd',
    'http://127.0.0.1.evil.example/',
  ])
    expect(() => new KeyServer(new URL(url), log)).toThrow('has to begin with https://');
  for (const url of ['https://id.example/jwks', 'http://localhost:1/', 'http://[::1]/'])
    expect(() => new KeyServer(new URL(url), log)).not.toThrow();
});
