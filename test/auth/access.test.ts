import { randomBytes, randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { Access } from '../../src/auth/access.ts';
import { readGrants } from '../../src/auth/claims.ts';
import {
  ALL_GRANTS,
  type Grants,
  type Identity,
  mayReach,
  mayTakeFloor,
  NO_GRANTS,
} from '../../src/auth/identity.ts';
import { RoomNames } from '../../src/auth/room-names.ts';

const names = new RoomNames(randomBytes(32));
const ID = randomUUID();

function identityOf(grants: Grants, about: Partial<Identity> = {}): Identity {
  return { user_id: 'ada', attributes: {}, grants, issued_at: 0, expires_at: 1, ...about };
}

/** Of a room by its id: may it be joined, and opened. */
function rights(grants: object, id: string, about: Partial<Identity> = {}): [boolean, boolean] {
  const access = new Access(identityOf(readGrants(grants), about), names);
  return [access.mayJoin(id), access.mayOpen(id)];
}

test.each<[string, object, string, [boolean, boolean]]>([
  ['a room by its name', { rooms: ['standup'] }, names.idOf('standup'), [true, true]],
  ['a room by its id', { rooms: [ID.toUpperCase()] }, ID, [true, true]],
  ['another room', { rooms: ['standup'] }, names.idOf('retro'), [false, false]],
  ['a room of another tenant', { rooms: ['standup'] }, names.idOf('standup', 'acme'), [false, false]],
  [
    'a room that it may not open',
    { rooms: ['standup'], create: false },
    names.idOf('standup'),
    [true, false],
  ],
  ['no room at all', {}, ID, [false, false]],
  ['every room, and none to open', { rooms: ['*'] }, ID, [true, false]],
  ['every room, and all to open', { rooms: ['*'], create: true }, names.idOf('x'), [true, true]],
  ['every room, without joining', { rooms: ['*'], create: true, join: false }, ID, [false, false]],
  ['a room called *', { rooms: ['x'] }, names.idOf('*'), [false, false]],
])('%s', (_, grants, id, expected) => {
  expect(rights(grants, id)).toEqual(expected);
});

test('a tenant’s names are its own', () => {
  expect(rights({ rooms: ['standup'] }, names.idOf('standup', 'acme'), { tenant: 'acme' })).toEqual([
    true,
    true,
  ]);
  expect(rights({ rooms: ['standup'] }, names.idOf('standup'), { tenant: 'acme' })).toEqual([false, false]);
});

test('somebody anonymous enters rooms by their ids, and none that has a name', () => {
  const anonymous = new Access(identityOf(ALL_GRANTS, { anonymous: true }), names);
  expect([anonymous.mayJoin(ID), anonymous.mayOpen(ID), anonymous.mayCreate]).toEqual([true, true, true]);
  expect([anonymous.mayJoin(names.idOf('standup')), anonymous.mayOpen(names.idOf('standup'))]).toEqual([
    false,
    false,
  ]);
});

test('a new room needs the grant to create', () => {
  const mayCreate = (grants: Grants) => new Access(identityOf(grants), names).mayCreate;
  expect([readGrants({}), readGrants({ create: true }), NO_GRANTS].map(mayCreate)).toEqual([
    false,
    true,
    false,
  ]);
});

test('floors are granted by name', () => {
  expect(mayTakeFloor(readGrants({ floors: ['screen'] }), 'screen')).toBe(true);
  expect(mayTakeFloor(readGrants({ floors: ['screen'] }), 'stage')).toBe(false);
  expect(mayTakeFloor(readGrants({}), 'stage')).toBe(true);
  expect(mayTakeFloor(readGrants({ floors: [] }), 'stage')).toBe(false);
});

test('two users reach each other when neither list of peers forbids it', () => {
  const user = (user_id: string, peers?: string[]) =>
    identityOf(readGrants({ ...(peers && { peers }) }), { user_id });
  const both = (a: Identity, b: Identity) => [mayReach(a, b), mayReach(b, a)];
  expect(both(user('alice', ['bob']), user('bob'))).toEqual([true, true]);
  expect(both(user('alice', ['bob']), user('eve'))).toEqual([false, false]);
  expect(both(user('alice', ['bob']), user('bob', ['carol']))).toEqual([false, false]);
  expect(both(user('alice'), user('eve'))).toEqual([true, true]);
});
