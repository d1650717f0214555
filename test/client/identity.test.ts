import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readIdentity, writeIdentity } from '../../src/client/identity.ts';

test('what is written is read', () => {
  expect(readIdentity(writeIdentity('2f1b6b0e-9a3c-4c53-8f0d-1a2b3c4d5e6f'))).toBe(
    '2f1b6b0e-9a3c-4c53-8f0d-1a2b3c4d5e6f',
  );
});

test.each([
  '',
  'null',
  '1',
  '[]',
  '{}',
  '{"type":"identity"}',
  '{"type":"identity","id":1}',
  '{"type":"other","id":"a"}',
])('%j is none', (text) => expect(readIdentity(text)).toBeUndefined());

test('one that is too long is none, and nothing makes it throw', () => {
  expect(readIdentity(writeIdentity('x'.repeat(300)))).toBeUndefined();
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void readIdentity(text)));
});
