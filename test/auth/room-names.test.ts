import { randomBytes, randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { validate, version } from 'uuid';
import { RoomNames } from '../../src/auth/room-names.ts';

const names = new RoomNames(randomBytes(32));
const text = fc.string({ unit: 'grapheme', maxLength: 40 });

test('every name becomes the same version 4 UUID each time', () => {
  fc.assert(
    fc.property(text, fc.option(text, { nil: undefined }), (name, tenant) => {
      const id = names.idOf(name, tenant);
      expect([validate(id), version(id)]).toEqual([true, 4]);
      expect(names.idOf(name, tenant)).toBe(id);
      expect(names.isOfName(id)).toBe(true);
    }),
    { numRuns: 200 },
  );
});

test('other names, tenants and secrets give other ids', () => {
  const ids = [
    names.idOf('standup'),
    names.idOf('Standup'),
    names.idOf('standup '),
    names.idOf('standup', ''),
    names.idOf('standup', 'acme'),
    names.idOf('acme', 'standup'),
    names.idOf('b', 'a\n1'),
    names.idOf('1\nb', 'a'),
    new RoomNames(randomBytes(32)).idOf('standup'),
  ];
  expect(new Set(ids).size).toBe(ids.length);
});

test('an id tells whether it was made from a name', () => {
  const id = names.idOf('standup');
  expect(names.isOfName(id.toUpperCase())).toBe(true);
  for (let i = 0; i < 100; i += 1) expect(names.isOfName(randomUUID())).toBe(false);
  expect(new RoomNames(randomBytes(32)).isOfName(id)).toBe(false);
  expect(names.isOfName('standup')).toBe(false);
});

test('a name in the shape of a UUID is an id, whatever the tenant', () => {
  const id = 'F47AC10B-58CC-4372-A567-0E02B2C3D479';
  expect(names.idOf(id)).toBe(id.toLowerCase());
  expect(names.idOf(id, 'acme')).toBe(id.toLowerCase());
  expect(names.idOf(`${id}0`)).not.toBe(`${id}0`.toLowerCase());
});
