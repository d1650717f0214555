import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { KeysError, readKeySet, readSecrets } from '../../src/auth/keys.ts';

const SECRET = randomBytes(32).toString('base64');
const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 });
const RSA_JWK = RSA.publicKey.export({ format: 'jwk' });
const EC_JWK = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
const ED_JWK = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });

function keySet(...keys: unknown[]): string {
  return JSON.stringify({ keys });
}

describe('AUTH_SECRETS_FILE', () => {
  test('has lines of kid=base64, with empty lines and comments between', () => {
    const keys = readSecrets(
      `# of 2026\r\n main = ${SECRET} \r\n\nold=${randomBytes(64).toString('base64url')}\n`,
    );
    expect([...keys.values()].map(({ kid, algorithms }) => [kid, algorithms])).toEqual([
      ['main', ['HS256']],
      ['old', ['HS256']],
    ]);
    expect(keys.get('main')?.key.export().toString('base64')).toBe(SECRET);
  });

  test.each([
    ['', 'there is no secret in it'],
    ['# nothing', 'there is no secret in it'],
    ['main', 'line 1: it is not kid=base64'],
    [`=${SECRET}`, 'line 1: the kid is not 1 to 128 printable ASCII characters'],
    [`a b=${SECRET}`, 'line 1: the kid is not 1 to 128 printable ASCII characters'],
    [`main=${SECRET}\nmain=${SECRET}`, 'line 2: its kid is that of an earlier line'],
    ['main=', 'line 1: the secret is not base64'],
    ['main=not a secret at all', 'line 1: the secret is not base64'],
    [`main=${randomBytes(31).toString('base64')}`, 'line 1: the secret has 31 bytes, and needs at least 32'],
  ])('%j is refused', (text, problem) => {
    expect(() => readSecrets(text)).toThrow(new KeysError(problem));
  });

  test('no error has a secret in it', () => {
    const short = randomBytes(20).toString('base64');
    for (const text of [short, `=${short}`, `main=${short}`, `main=${short}!`, `a b=${short}`]) {
      expect(() => readSecrets(text)).toThrow(KeysError);
      expect(() => readSecrets(text)).not.toThrow(short);
    }
  });
});

describe('a JWK set', () => {
  test('says which algorithm a key is for, or its type does', () => {
    const keys = readKeySet(
      keySet(
        { ...RSA_JWK, kid: 'r' },
        { ...RSA_JWK, kid: 'p', alg: 'PS384' },
        { ...EC_JWK, kid: 'e', use: 'sig' },
        { ...ED_JWK, kid: 'd', key_ops: ['verify'] },
      ),
    );
    expect([...keys.values()].map(({ kid, algorithms }) => [kid, algorithms])).toEqual([
      ['r', ['RS256']],
      ['p', ['PS384']],
      ['e', ['ES256']],
      ['d', ['EdDSA', 'Ed25519']],
    ]);
  });

  test('may have keys for other uses and of unknown types, which are left out', () => {
    const others = [
      { ...RSA_JWK, kid: 'encrypts', use: 'enc' },
      { ...RSA_JWK, kid: 'encrypts too', alg: 'RSA-OAEP' },
      { ...EC_JWK, kid: 'signs', key_ops: ['sign'] },
      { ...EC_JWK, kid: 'of another curve', alg: 'ES384' },
      { kty: 'oct', k: SECRET, kid: 'symmetric', alg: 'HS256' },
      { ...RSA_JWK, kid: 'confused', alg: 'HS256' },
      { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AA', kid: 'of tomorrow' },
      { kty: 'constructor', kid: 'odd' },
    ];
    expect([...readKeySet(keySet(...others, { ...ED_JWK, kid: 'd' })).keys()]).toEqual(['d']);
    expect(() => readKeySet(keySet(...others))).toThrow('there is no key for signatures in it');
  });

  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
  test.each([
    ['<html>', 'it is not JSON'],
    ['null', 'it is not a JWK set: an object with an array "keys"'],
    ['{}', 'it is not a JWK set: an object with an array "keys"'],
    ['{"keys":{}}', 'it is not a JWK set: an object with an array "keys"'],
    [keySet(), 'there is no key for signatures in it'],
    [keySet('key'), 'key 1 is not an object'],
    [keySet(...Array(101).fill(ED_JWK)), 'it has more than 100 keys'],
    [keySet({ ...ED_JWK, kid: 'a' }, { ...EC_JWK, kid: 'a' }), 'key 2 has the kid of an earlier key'],
    [keySet({ ...ED_JWK, kid: 7 }), 'key 1 has a kid that is not printable ASCII'],
    [keySet({ ...ED_JWK, x: 'AA' }), 'key 1 is not a valid key of its type'],
    [keySet({ ...EC_JWK, x: EC_JWK.y }), 'key 1 is not a valid key of its type'],
    [keySet(RSA.privateKey.export({ format: 'jwk' })), 'key 1 is private: publish its public part alone'],
    [keySet(weak), 'key 1 has 1024 bits: RSA needs 2048'],
  ])('%s is refused', (text, problem) => {
    expect(() => readKeySet(text)).toThrow(new KeysError(problem));
  });

  test('is read or refused, whatever it is', () => {
    const member = fc.oneof(fc.constantFrom('RSA', 'EC', 'OKP', 'P-256', 'sig', 'AQAB'), fc.jsonValue());
    const names = ['kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'use', 'alg', 'key_ops'];
    const jwk = fc.dictionary(fc.constantFrom(...names), member);
    const text = fc.oneof(
      fc.json(),
      fc.array(jwk).map((keys) => keySet(...keys)),
    );
    fc.assert(
      fc.property(text, (given) => {
        try {
          readKeySet(given);
        } catch (error) {
          expect(error).toBeInstanceOf(KeysError);
        }
      }),
      { numRuns: 200 },
    );
  });
});
