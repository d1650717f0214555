import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SignJWT } from 'jose';
import { ALL_GRANTS, NO_GRANTS } from '../../src/auth/identity.ts';
import { Keyring } from '../../src/auth/keyring.ts';
import { readKeySet, readSecrets } from '../../src/auth/keys.ts';
import { isRefusal } from '../../src/auth/refusal.ts';
import { MAX_TOKEN_CHARACTERS, type TokenRules, TokenVerifier } from '../../src/auth/token-verifier.ts';
import { encode, hmacToken, signedToken } from '../support/tokens.ts';

const NOW_S = 1_800_000_000;
const SECRET = randomBytes(32);
const OTHER_SECRET = randomBytes(32);
const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 });
const EC = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ED = generateKeyPairSync('ed25519');

const secrets = {
  keys: readSecrets(`main=${SECRET.toString('base64')}\nold=${OTHER_SECRET.toString('base64')}`),
};
const published = {
  keys: readKeySet(
    JSON.stringify({
      keys: [
        { ...RSA.publicKey.export({ format: 'jwk' }), kid: 'rsa' },
        { ...EC.publicKey.export({ format: 'jwk' }), kid: 'ec' },
        { ...ED.publicKey.export({ format: 'jwk' }), kid: 'ed', alg: 'EdDSA', use: 'sig' },
      ],
    }),
  ),
};

function verifier(rules: Partial<TokenRules> = {}): TokenVerifier {
  return new TokenVerifier(
    new Keyring([secrets, published]),
    { maxTtlS: 86_400, ...rules },
    () => NOW_S * 1000,
  );
}

const HEADER = { alg: 'HS256', typ: 'JWT', kid: 'main' };
const CLAIMS = {
  sub: 'ada',
  iat: NOW_S - 10,
  exp: NOW_S + 3600,
  name: 'Ada',
  attributes: { team: 'engines' },
  bloom: { rooms: ['standup'], moderate: true, capacity: 4, tenant: 'acme' },
};

function token(claims: object = {}, header: object = {}): string {
  return hmacToken({ ...HEADER, ...header }, { ...CLAIMS, ...claims }, SECRET);
}

/** Header or payload with a member that this text spells. */
function spelled(object: object, member: string): string {
  return `${JSON.stringify(object).slice(0, -1)},${member}}`;
}

describe('a token that is right', () => {
  test('names a user and its grants, as plain data', async () => {
    const identity = await verifier().verify(token());
    expect(identity).toEqual({
      user_id: 'ada',
      name: 'Ada',
      attributes: { team: 'engines' },
      tenant: 'acme',
      issued_at: NOW_S - 10,
      expires_at: NOW_S + 3600,
      grants: { ...ALL_GRANTS, rooms: ['standup'], create: 'named', moderate: true, capacity: 4 },
    });
    expect(JSON.parse(JSON.stringify(identity))).toEqual(identity);
  });

  test('may be signed with any of several secrets', async () => {
    const old = hmacToken({ ...HEADER, kid: 'old' }, CLAIMS, OTHER_SECRET);
    expect(await verifier().verify(old)).toMatchObject({ user_id: 'ada' });
  });

  test.each([
    ['RS256', 'rsa', RSA.privateKey],
    ['ES256', 'ec', EC.privateKey],
    ['EdDSA', 'ed', ED.privateKey],
    ['Ed25519', 'ed', ED.privateKey],
  ])('may be signed by %s', async (alg, kid, key) => {
    expect(await verifier().verify(signedToken({ alg, kid }, CLAIMS, key))).toMatchObject({ user_id: 'ada' });
  });

  test('may come from jose itself', async () => {
    const made = await new SignJWT(CLAIMS)
      .setProtectedHeader({ alg: 'ES256', kid: 'ec' })
      .sign(EC.privateKey);
    expect(await verifier().verify(made)).toMatchObject({ user_id: 'ada', name: 'Ada' });
  });

  test('needs no typ, and may be an access token of RFC 9068', async () => {
    expect(await verifier().verify(hmacToken({ alg: 'HS256', kid: 'main' }, CLAIMS, SECRET))).toHaveProperty(
      'user_id',
    );
    expect(await verifier().verify(token({}, { typ: 'at+jwt' }))).toHaveProperty('user_id');
    expect(await verifier().verify(token({}, { typ: 'application/jwt' }))).toHaveProperty('user_id');
  });

  test('needs no kid where there is one key alone', async () => {
    const only = { keys: readSecrets(`main=${SECRET.toString('base64')}`) };
    const rules = { maxTtlS: 86_400 };
    const withoutKid = hmacToken({ alg: 'HS256' }, CLAIMS, SECRET);
    const alone = new TokenVerifier(new Keyring([only]), rules, () => NOW_S * 1000);
    expect(await alone.verify(withoutKid)).toMatchObject({ user_id: 'ada' });
    expect(await verifier().verify(withoutKid)).toMatchObject({ check: 'unknown key' });
  });

  test('without grants names a user who may do nothing, or what the operator chose', async () => {
    const plain = token({ bloom: undefined });
    expect(await verifier().verify(plain)).toMatchObject({ user_id: 'ada', grants: NO_GRANTS });
    expect(await verifier({ defaultGrants: ALL_GRANTS }).verify(plain)).toMatchObject({ grants: ALL_GRANTS });
  });

  test('is for the audience and from the issuer that are set', async () => {
    const strict = verifier({ issuer: 'https://id.example', audience: 'bloom' });
    const iss = 'https://id.example';
    expect(await strict.verify(token({ iss, aud: 'bloom' }))).toHaveProperty('user_id');
    expect(await strict.verify(token({ iss, aud: ['mail', 'bloom'] }))).toHaveProperty('user_id');
  });

  test('may be up to five seconds over, since clocks differ', async () => {
    expect(await verifier().verify(token({ exp: NOW_S - 4 }))).toHaveProperty('user_id');
    expect(await verifier().verify(token({ iat: NOW_S + 4 }))).toHaveProperty('issued_at', NOW_S);
    expect(await verifier().verify(token({ nbf: NOW_S + 4 }))).toHaveProperty('user_id');
  });
});

describe('a token that is refused', () => {
  const input = `${encode(HEADER)}.${encode(CLAIMS)}`;
  const [header = '', payload = '', signature = ''] = token().split('.');
  const pem = RSA.publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const attributes = (members: string) =>
    spelled(CLAIMS, `"attributes":{${members}}`).replace('"attributes":{"team":"engines"},', '');

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'form'],
    ['an object', { token: token() }, 'form'],
    ['the empty text', '', 'form'],
    ['text without dots', 'bloom', 'form'],
    ['two parts', `${header}.${payload}`, 'form'],
    ['four parts', `${token()}.x`, 'form'],
    ['five parts, as of an encrypted token', `${token()}.x.y`, 'form'],
    ['no header', `.${payload}.${signature}`, 'form'],
    ['no payload', `${header}..${signature}`, 'form'],
    ['one character more than is read', 'x'.repeat(MAX_TOKEN_CHARACTERS + 1), 'size'],
    ['a token that is too long', token({ attributes: { long: 'x'.repeat(8192) } }), 'size'],
    ['padding', `${header}.${payload}.${signature}=`, 'encoding'],
    ['characters of plain base64', `${header}.${payload}+/.${signature}`, 'encoding'],
    ['white space', ` ${token()}`, 'encoding'],
    [
      'bits after the last byte',
      `${header}.${payload}.${signature.slice(0, -1)}${signature.endsWith('B') ? 'C' : 'B'}`,
      'encoding',
    ],
    [
      'bytes that are not UTF-8',
      `${header}.${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}.${signature}`,
      'encoding',
    ],
    ['a header that is not JSON', hmacToken('{', CLAIMS, SECRET), 'json'],
    ['a payload that is not JSON', hmacToken(HEADER, 'sub=ada', SECRET), 'json'],
    ['a payload that is a list', hmacToken(HEADER, [CLAIMS], SECRET), 'json'],
    ['a payload that is null', hmacToken(HEADER, 'null', SECRET), 'json'],
    [
      'a payload behind a byte order mark',
      hmacToken(HEADER, `\ufeff${JSON.stringify(CLAIMS)}`, SECRET),
      'json',
    ],
    ['claims that are nested too deep', token({ x: JSON.parse('['.repeat(20) + ']'.repeat(20)) }), 'json'],

    ['no signature', `${input}.`, 'signature'],
    ['alg none', `${encode({ ...HEADER, alg: 'none' })}.${encode(CLAIMS)}.`, 'algorithm'],
    ['alg None', hmacToken({ ...HEADER, alg: 'None' }, CLAIMS, SECRET), 'algorithm'],
    ['no alg', hmacToken({ kid: 'main' }, CLAIMS, SECRET), 'header'],
    ['an alg that is no text', hmacToken({ ...HEADER, alg: ['HS256'] }, CLAIMS, SECRET), 'header'],
    [
      'HS256 with the public key as secret',
      hmacToken({ alg: 'HS256', kid: 'rsa' }, CLAIMS, pem),
      'algorithm',
    ],
    [
      'HS256 with the DER of the public key',
      hmacToken({ alg: 'HS256', kid: 'rsa' }, CLAIMS, RSA.publicKey.export({ type: 'spki', format: 'der' })),
      'algorithm',
    ],
    ['RS256 for a secret', signedToken({ alg: 'RS256', kid: 'main' }, CLAIMS, RSA.privateKey), 'algorithm'],
    ['ES256 for an RSA key', signedToken({ alg: 'ES256', kid: 'rsa' }, CLAIMS, EC.privateKey), 'algorithm'],
    [
      'RS512 where the key has no alg',
      signedToken({ alg: 'RS512', kid: 'rsa' }, CLAIMS, RSA.privateKey),
      'algorithm',
    ],
    ['a signature with another secret', hmacToken(HEADER, CLAIMS, OTHER_SECRET), 'signature'],
    ['a signature with the empty secret', hmacToken(HEADER, CLAIMS, ''), 'signature'],
    [
      'the signature of another payload',
      `${header}.${encode({ ...CLAIMS, sub: 'eve' })}.${signature}`,
      'signature',
    ],
    ['an unknown kid', token({}, { kid: 'nobody' }), 'unknown key'],
    ['a kid of a prototype', token({}, { kid: 'constructor' }), 'unknown key'],
    ['an empty kid', token({}, { kid: '' }), 'unknown key'],
    ['a kid that is a number', token({}, { kid: 7 }), 'unknown key'],
    ['a kid with a path in it', token({}, { kid: '../../dev/null\u0000' }), 'unknown key'],
    ['no kid where there are several keys', token({}, { kid: undefined }), 'unknown key'],
    [
      'an iss in the place of the kid, without LiveKit’s claim',
      token({ iss: 'main' }, { kid: undefined }),
      'unknown key',
    ],
    ['jku', token({}, { jku: 'https://evil.example/jwks.json' }), 'key reference in header'],
    ['x5u', token({}, { x5u: 'https://evil.example/cert.pem' }), 'key reference in header'],
    ['jwk', token({}, { jwk: ED.publicKey.export({ format: 'jwk' }) }), 'key reference in header'],
    ['x5c', token({}, { x5c: ['AAAA'] }), 'key reference in header'],
    ['crit', token({}, { crit: ['exp'] }), 'critical header'],
    ['b64', token({}, { b64: false }), 'critical header'],
    ['zip', token({}, { zip: 'DEF' }), 'critical header'],
    ['the typ of a logout token', token({}, { typ: 'logout+jwt' }), 'typ'],
    ['the typ of a DPoP proof', token({}, { typ: 'dpop+jwt' }), 'typ'],
    ['a typ that is no text', token({}, { typ: null }), 'typ'],

    ['sub twice', hmacToken(HEADER, spelled(CLAIMS, '"sub":"eve"'), SECRET), 'duplicate name'],
    [
      'sub twice, once with an escape',
      hmacToken(HEADER, spelled(CLAIMS, '"s\\u0075b":"eve"'), SECRET),
      'duplicate name',
    ],
    [
      'a grant twice',
      hmacToken(
        HEADER,
        JSON.stringify(CLAIMS).replace('"moderate":true', '"moderate":true,"moderate":false'),
        SECRET,
      ),
      'duplicate name',
    ],
    ['alg twice', hmacToken(spelled(HEADER, '"alg":"none"'), CLAIMS, SECRET), 'duplicate name'],
    [
      '__proto__ as a claim',
      hmacToken(HEADER, spelled(CLAIMS, '"__proto__":{"moderate":true}'), SECRET),
      'prototype name',
    ],
    [
      '__proto__ with escapes',
      hmacToken(HEADER, spelled(CLAIMS, '"\\u005f_proto__":{}'), SECRET),
      'prototype name',
    ],
    [
      '__proto__ in the grants',
      hmacToken(HEADER, spelled(CLAIMS, '"bloom2":{"__proto__":1}'), SECRET),
      'prototype name',
    ],
    [
      '__proto__ in the header',
      hmacToken(spelled(HEADER, '"__proto__":{"jku":"x"}'), CLAIMS, SECRET),
      'prototype name',
    ],
    [
      'constructor as an attribute',
      hmacToken(HEADER, attributes('"constructor":"x"'), SECRET),
      'prototype name',
    ],

    ['no exp', token({ exp: undefined }), 'exp'],
    ['an exp that is text', token({ exp: String(CLAIMS.exp) }), 'exp'],
    [
      'an exp beyond all numbers',
      hmacToken(HEADER, JSON.stringify(CLAIMS).replace(String(CLAIMS.exp), '1e999'), SECRET),
      'exp',
    ],
    ['a negative exp', token({ exp: -1 }), 'exp'],
    ['no iat', token({ iat: undefined }), 'iat'],
    ['an iat in the future', token({ iat: NOW_S + 6 }), 'iat'],
    ['an nbf in the future', token({ nbf: NOW_S + 6 }), 'nbf'],
    ['an nbf that is text', token({ nbf: 'now' }), 'nbf'],
    ['a life that is too long', token({ exp: CLAIMS.iat + 86_401 }), 'lifetime'],
    ['an exp before its iat', token({ iat: NOW_S, exp: NOW_S - 1 }), 'lifetime'],

    ['no sub', token({ sub: undefined }), 'subject'],
    ['an empty sub', token({ sub: '' }), 'subject'],
    ['a sub that is a number', token({ sub: 7 }), 'subject'],
    ['a sub with a line feed', token({ sub: 'ada\neve' }), 'subject'],
    ['a sub that is too long', token({ sub: 'x'.repeat(129) }), 'subject'],
    ['a name that is an object', token({ name: {} }), 'profile'],
    ['an attribute whose key is no name', token({ attributes: { '0': 'x' } }), 'profile'],
    ['an attribute that is a number', token({ attributes: { age: 36 } }), 'profile'],
    [
      'too many attributes',
      token({ attributes: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`a${i}`, ''])) }),
      'profile',
    ],
    ['attributes that are too long', token({ attributes: { a: 'é'.repeat(2048) } }), 'profile'],
    ['grants that are text', token({ bloom: '*' }), 'grants'],
    ['rooms that are text', token({ bloom: { rooms: '*' } }), 'grants'],
    ['a grant that is text', token({ bloom: { moderate: 'false' } }), 'grants'],
    ['a capacity of none', token({ bloom: { capacity: 0 } }), 'grants'],
    ['LiveKit’s grants that are text', token({ bloom: undefined, video: 'all' }), 'grants'],
  ])('%s', async (_, given, check) => {
    expect(await verifier().verify(given)).toEqual({ refused: 'Unauthorized', check });
  });

  test('expired: this alone has a code of its own', async () => {
    const expired = token({ exp: NOW_S - 5 });
    expect(await verifier().verify(expired)).toEqual({ refused: 'TokenExpired', check: 'expired' });
  });

  test('expired and forged: it is told nothing of the time', async () => {
    const forged = hmacToken(HEADER, { ...CLAIMS, exp: NOW_S - 5 }, OTHER_SECRET);
    expect(await verifier().verify(forged)).toEqual({ refused: 'Unauthorized', check: 'signature' });
  });

  test.each([
    ['another issuer', { iss: 'https://evil.example', aud: 'bloom' }, 'issuer'],
    ['no issuer', { aud: 'bloom' }, 'issuer'],
    ['another audience', { iss: 'https://id.example', aud: 'mail' }, 'audience'],
    ['an audience that only begins alike', { iss: 'https://id.example', aud: 'bloom2' }, 'audience'],
    ['a list without the audience', { iss: 'https://id.example', aud: ['mail', 'bloo'] }, 'audience'],
    ['no audience', { iss: 'https://id.example' }, 'audience'],
  ])('%s', async (_, claims, check) => {
    const strict = verifier({ issuer: 'https://id.example', audience: 'bloom' });
    expect(await strict.verify(token(claims))).toEqual({ refused: 'Unauthorized', check });
  });
});

describe('the parser of tokens', () => {
  const subject = verifier();

  test('never throws, whatever it is given', async () => {
    const part = fc.oneof(fc.base64String(), fc.string(), fc.json().map(encode), fc.object().map(encode));
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.anything(),
          fc.array(part, { maxLength: 5 }).map((parts) => parts.join('.')),
        ),
        async (given) => {
          expect(isRefusal(await subject.verify(given))).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('never throws at claims that are signed but strange', async () => {
    const claim = fc.oneof(fc.constantFrom(...Object.values(CLAIMS)), fc.jsonValue(), fc.constant(undefined));
    const claims = fc.dictionary(
      fc.constantFrom(...Object.keys(CLAIMS), 'nbf', 'aud', 'iss', 'video'),
      claim,
    );
    await fc.assert(
      fc.asyncProperty(claims, async (changed) => {
        const result = await subject.verify(token(changed));
        if (!isRefusal(result)) expect(result.user_id).toBe({ ...CLAIMS, ...changed }.sub);
      }),
      { numRuns: 100 },
    );
  });

  test('refuses every token in which one character is another', async () => {
    const right = token();
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=';
    const changes = fc.tuple(fc.nat(right.length - 1), fc.constantFrom(...alphabet));
    await fc.assert(
      fc.asyncProperty(changes, async ([at, character]) => {
        fc.pre(right[at] !== character);
        const changed = `${right.slice(0, at)}${character}${right.slice(at + 1)}`;
        expect(isRefusal(await subject.verify(changed))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});
