import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { AccessToken, type VideoGrant } from 'livekit-server-sdk';
import { Access } from '../../src/auth/access.ts';
import { Keyring } from '../../src/auth/keyring.ts';
import { readSecrets } from '../../src/auth/keys.ts';
import { isRefusal } from '../../src/auth/refusal.ts';
import { RoomNames } from '../../src/auth/room-names.ts';
import { TokenVerifier } from '../../src/auth/token-verifier.ts';

/** Tokens that livekit-server-sdk mints work as they are. Its API key is the kid, its API secret is text. */

const API_KEY = 'APIbloomtest';
const API_SECRET = randomBytes(32).toString('base64url');

const keys = readSecrets(
  `${API_KEY}=${Buffer.from(API_SECRET).toString('base64')}\nother=${randomBytes(32).toString('base64')}`,
);
const verifier = new TokenVerifier(new Keyring([{ keys }]), { maxTtlS: 86_400 });

async function mint(grant: VideoGrant, secret = API_SECRET): Promise<string> {
  const token = new AccessToken(API_KEY, secret, {
    identity: 'ada',
    name: 'Ada',
    attributes: { team: 'engines' },
  });
  token.addGrant(grant);
  return token.toJwt();
}

test('a token for a room lets its holder into that room, and open it', async () => {
  const identity = await verifier.verify(await mint({ roomJoin: true, room: 'standup' }));
  if (isRefusal(identity)) throw new Error(identity.check);
  const { user_id, name, attributes, grants } = identity;
  expect({ user_id, name, attributes }).toEqual({
    user_id: 'ada',
    name: 'Ada',
    attributes: { team: 'engines' },
  });
  expect(grants).toMatchObject({ rooms: ['standup'], broadcast: true, moderate: false, profile: false });
  const names = new RoomNames(randomBytes(32));
  const access = new Access(identity, names);
  expect([access.mayJoin(names.idOf('standup')), access.mayOpen(names.idOf('standup'))]).toEqual([
    true,
    true,
  ]);
  expect([access.mayJoin(names.idOf('retro')), access.mayCreate]).toEqual([false, false]);
});

test.each<[VideoGrant, object]>([
  [
    { roomJoin: true, room: 'a', roomAdmin: true },
    { moderate: true, lobby: 'skip' },
  ],
  [{ roomJoin: true, room: 'a', canPublishData: false }, { broadcast: false }],
  [{ roomJoin: true, room: 'a', canUpdateOwnMetadata: true }, { profile: true }],
  [{ roomJoin: true, room: 'a', hidden: true }, { hidden: true }],
  [{ roomCreate: true }, { create: 'any', join: false, rooms: [] }],
  [{ roomJoin: true }, { join: false, rooms: [] }],
  [{ room: 'a' }, { join: false, rooms: [] }],
  [
    { roomJoin: true, room: 'a', canPublish: true, canSubscribe: true, recorder: true },
    { join: true, rooms: ['a'] },
  ],
])('the grants %j', async (grant, expected) => {
  expect(await verifier.verify(await mint(grant))).toHaveProperty(
    'grants',
    expect.objectContaining(expected),
  );
});

test('a token that another secret signed is refused', async () => {
  const forged = await mint({ roomJoin: true, room: 'standup' }, randomBytes(32).toString('base64url'));
  expect(await verifier.verify(forged)).toEqual({ refused: 'Unauthorized', check: 'signature' });
});
