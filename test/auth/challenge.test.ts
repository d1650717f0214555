import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type ChallengeServices,
  Challenges,
  type IssuedToken,
  signedText,
} from '../../src/auth/challenge.ts';
import { readEntities } from '../../src/auth/entities.ts';
import { Keyring } from '../../src/auth/keyring.ts';
import { KeysError, readKeySet } from '../../src/auth/keys.ts';
import { isRefusal } from '../../src/auth/refusal.ts';
import { SigningKey } from '../../src/auth/signing-key.ts';
import { LocalSpentNonces } from '../../src/auth/spent-nonces.ts';
import { TokenVerifier } from '../../src/auth/token-verifier.ts';

const AUDIENCE = 'wss://bloom.example/ws';
const ALICE = generateKeyPairSync('ed25519');
const EVE = generateKeyPairSync('ed25519');
const KEY = textOf(ALICE.publicKey);

let nowMs: number;
let spentNonces: LocalSpentNonces;
let services: ChallengeServices;
let challenges: Challenges;

function textOf(key: KeyObject): string {
  return key.export({ format: 'jwk' }).x as string;
}

beforeEach(() => {
  nowMs = 1_800_000_000_000;
  spentNonces = new LocalSpentNonces(3, () => nowMs);
  services = {
    audience: AUDIENCE,
    secret: randomBytes(32),
    entities: () =>
      readEntities(JSON.stringify({ alice: { keys: [KEY], grants: { rooms: ['lab'] }, peers: ['bob'] } })),
    spentNonces,
    signingKey: new SigningKey(AUDIENCE),
    tokenTtlS: 3600,
  };
  challenges = new Challenges(services, () => nowMs);
});

function nonceFor(entity: string, key: string, from = challenges): string {
  const challenge = from.issue(entity, key);
  if (isRefusal(challenge)) throw new Error(challenge.check);
  return challenge.nonce;
}

interface Answer {
  readonly entity_id: string;
  readonly pubkey: string;
  readonly nonce: string;
  readonly timestamp: number;
  readonly signature: string;
}

/** What a client sends; `changes` are made before it signs. */
function answer(changes: Partial<Answer> & { audience?: string; key?: KeyObject } = {}): Answer {
  const { entity_id = 'alice', pubkey = KEY, key = ALICE.privateKey, audience = AUDIENCE } = changes;
  const { nonce = nonceFor(entity_id, pubkey), timestamp = nowMs / 1000 } = changes;
  const text = signedText(audience, entity_id, pubkey, nonce, timestamp);
  const signature = sign(null, Buffer.from(text), key).toString('base64url');
  return { entity_id, pubkey, nonce, timestamp, signature };
}

describe('a challenge', () => {
  test('names nonce, audience and end, and costs no memory', () => {
    expect(challenges.issue('alice', KEY)).toEqual({
      nonce: expect.stringMatching(/^[\w-]{72}$/),
      audience: AUDIENCE,
      expires_at: new Date(nowMs + 60_000).toISOString(),
    });
    expect(spentNonces.size).toBe(0);
  });

  test('is given for an entity that is unknown as for one that is known', () => {
    expect(Object.keys(challenges.issue('nobody', textOf(EVE.publicKey)))).toEqual([
      'nonce',
      'audience',
      'expires_at',
    ]);
  });

  test.each([
    [undefined, KEY],
    ['', KEY],
    ['a\nb', KEY],
    [['alice'], KEY],
    ['alice', undefined],
    ['alice', 'AAAA'],
    ['alice', `${KEY}=`],
  ])('is refused for %j and %j', (entity, key) => {
    expect(challenges.issue(entity, key)).toEqual({ refused: 'Unauthorized', check: 'challenge' });
  });
});

describe('an answer that is right', () => {
  test('gets a token of this server, whose key is published', async () => {
    const issued = (await challenges.verify(answer())) as IssuedToken;
    expect(issued.expires_at).toBe(new Date(nowMs + 3_600_000).toISOString());
    const own = new TokenVerifier(
      new Keyring([services.signingKey]),
      { maxTtlS: 86_400, issuer: 'https://id.example', audience: 'other' },
      () => nowMs,
    );
    const identity = await own.verify(issued.token);
    expect(identity).toMatchObject({ user_id: 'alice', grants: { rooms: ['lab'], peers: ['bob'] } });
    const published = { keys: readKeySet(JSON.stringify(services.signingKey.keySet)) };
    const other = new TokenVerifier(
      new Keyring([published]),
      { maxTtlS: 86_400, issuer: 'bloom', audience: AUDIENCE },
      () => nowMs,
    );
    expect(await other.verify(issued.token)).toEqual(identity);
  });

  test('works once', async () => {
    const given = answer();
    expect(await challenges.verify(given)).toHaveProperty('token');
    expect(await challenges.verify(given)).toEqual({ refused: 'Unauthorized', check: 'nonce spent' });
  });

  test('works once, also when it comes twice at the same time', async () => {
    const given = answer();
    const results = await Promise.all([challenges.verify(given), challenges.verify(given)]);
    expect(results.filter((result) => 'token' in result)).toHaveLength(1);
  });

  test('works after failures with the same nonce: these spend nothing', async () => {
    const { nonce } = answer();
    for (let i = 0; i < 5; i += 1) {
      const forged = await challenges.verify(answer({ nonce, key: EVE.privateKey }));
      expect(forged).toEqual({ refused: 'Unauthorized', check: 'signature' });
    }
    expect(spentNonces.size).toBe(0);
    expect(await challenges.verify(answer({ nonce }))).toHaveProperty('token');
  });

  test('may be from a clock that is a minute off', async () => {
    expect(await challenges.verify(answer({ timestamp: nowMs / 1000 - 60 }))).toHaveProperty('token');
    expect(await challenges.verify(answer({ timestamp: nowMs / 1000 + 60 }))).toHaveProperty('token');
  });
});

describe('an answer that is refused:', () => {
  test('a clock that is too far off is told the time', async () => {
    for (const off of [-61, 61]) {
      expect(await challenges.verify(answer({ timestamp: nowMs / 1000 + off }))).toEqual({
        refused: 'Unauthorized',
        check: 'clock',
        server_time: nowMs / 1000,
      });
    }
  });

  test('a nonce that is too old', async () => {
    const { nonce } = answer();
    nowMs += 59_000;
    expect(await challenges.verify(answer({ nonce }))).toHaveProperty('token');
    nowMs += 1000;
    expect(await challenges.verify(answer({ nonce }))).toMatchObject({ check: 'nonce' });
  });

  test.each<[string, () => object, string]>([
    ['the key of another', () => answer({ key: EVE.privateKey }), 'signature'],
    ['a signature for another server', () => answer({ audience: 'wss://evil.example/ws' }), 'signature'],
    ['a changed timestamp', () => ({ ...answer(), timestamp: nowMs / 1000 + 1 }), 'signature'],
    ['a nonce for another entity', () => answer({ nonce: nonceFor('bob', KEY) }), 'nonce'],
    ['a nonce for another key', () => answer({ nonce: nonceFor('alice', textOf(EVE.publicKey)) }), 'nonce'],
    [
      'a nonce of another server',
      () =>
        answer({
          nonce: nonceFor(
            'alice',
            KEY,
            new Challenges({ ...services, secret: randomBytes(32) }, () => nowMs),
          ),
        }),
      'nonce',
    ],
    ['a nonce that is made up', () => answer({ nonce: randomBytes(54).toString('base64url') }), 'nonce'],
    ['a nonce that is short', () => answer({ nonce: 'AAAA' }), 'nonce'],
    [
      'a key that is not on the list',
      () => answer({ pubkey: textOf(EVE.publicKey), key: EVE.privateKey }),
      'unknown entity',
    ],
    ['an entity that is not on the list', () => answer({ entity_id: 'nobody' }), 'unknown entity'],
    ['an entity of a prototype', () => answer({ entity_id: 'constructor' }), 'unknown entity'],
    ['a timestamp in milliseconds', () => answer({ timestamp: nowMs }), 'clock'],
    ['a timestamp that is text', () => ({ ...answer(), timestamp: String(nowMs / 1000) }), 'challenge'],
    ['a timestamp with a fraction', () => answer({ timestamp: nowMs / 1000 + 0.5 }), 'challenge'],
    ['a short signature', () => ({ ...answer(), signature: 'AAAA' }), 'challenge'],
    ['no signature', () => ({ ...answer(), signature: undefined }), 'challenge'],
    ['an entity with a line feed', () => ({ ...answer(), entity_id: 'alice\nbob' }), 'challenge'],
  ])('%s', async (_, given, check) => {
    expect(await challenges.verify(given())).toEqual(
      expect.objectContaining({ refused: 'Unauthorized', check }),
    );
    expect(spentNonces.size).toBe(0);
  });

  test('one more than can be remembered, until the first ones are forgotten', async () => {
    for (let i = 0; i < 3; i += 1) expect(await challenges.verify(answer())).toHaveProperty('token');
    expect(await challenges.verify(answer())).toMatchObject({ check: 'nonces are full' });
    nowMs += 60_000;
    expect(await challenges.verify(answer())).toHaveProperty('token');
    expect(spentNonces.size).toBe(1);
  });
});

test('the parser of answers never throws, and a strange answer is refused', async () => {
  const right = answer();
  const field = fc.oneof(fc.constantFrom(...Object.values(right)), fc.anything());
  const given = fc.oneof(
    fc.anything(),
    fc.record(Object.fromEntries(Object.keys(right).map((name) => [name, field]))),
  );
  await fc.assert(
    fc.asyncProperty(given, async (value) => {
      const result = await challenges.verify(value);
      if ('token' in result) expect(value).toEqual(right);
    }),
    { numRuns: 200 },
  );
});

describe('AUTH_ENTITIES_FILE', () => {
  test('has entities with keys, grants and peers', () => {
    const entities = readEntities(
      JSON.stringify({ alice: { keys: [KEY], peers: ['bob'] }, bob: { keys: [KEY] } }),
    );
    expect([...entities]).toEqual([
      ['alice', { keys: [KEY], claim: { peers: ['bob'] } }],
      ['bob', { keys: [KEY], claim: {} }],
    ]);
  });

  test.each([
    ['[]', 'it is not a JSON object'],
    ['{', 'it is not a JSON object'],
    [`{"alice":{"keys":["${KEY}"]},"alice":{"keys":["${KEY}"]}}`, 'it has a duplicate name'],
    [`{"__proto__":{"keys":["${KEY}"]}}`, 'it has a prototype name'],
    [`{"":{"keys":["${KEY}"]}}`, 'the id of an entity is not 1 to 128 bytes without control characters'],
    ['{"alice":[]}', 'entity "alice": it is not an object'],
    ['{"alice":{}}', 'entity "alice": keys is not a list of Ed25519 keys, each 32 bytes in base64url'],
    [
      '{"alice":{"keys":["AAAA"]}}',
      'entity "alice": keys is not a list of Ed25519 keys, each 32 bytes in base64url',
    ],
    [`{"alice":{"keys":["${KEY}"],"peers":"bob"}}`, 'entity "alice": its grants or peers are not valid'],
    [
      `{"alice":{"keys":["${KEY}"],"grants":{"moderate":1}}}`,
      'entity "alice": its grants or peers are not valid',
    ],
    [`{"alice":{"keys":["${KEY}"],"grants":null}}`, 'entity "alice": its grants or peers are not valid'],
    [`{"alice":{"keys":["${KEY}"],"peer":["bob"]}}`, 'entity "alice": "peer" is not keys, grants or peers'],
  ])('%s is refused', (text, problem) => {
    expect(() => readEntities(text)).toThrow(new KeysError(problem));
  });
});

describe('AUTH_SIGNING_KEY_FILE', () => {
  test('has an Ed25519 key in PEM, with the same kid each time', () => {
    const pem = ALICE.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    expect(new SigningKey(AUDIENCE, pem).kid).toBe(new SigningKey(AUDIENCE, pem).kid);
    expect(JSON.stringify(new SigningKey(AUDIENCE, pem).keySet)).not.toContain(
      ALICE.privateKey.export({ format: 'jwk' }).d,
    );
  });

  test('with another key is refused', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    expect(() => new SigningKey(AUDIENCE, pem)).toThrow('its key is not Ed25519');
    expect(() => new SigningKey(AUDIENCE, 'key')).toThrow('it is not a private key in PEM');
  });
});
