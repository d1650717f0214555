import { describe, expect, test } from '@jest/globals';
import {
  decode,
  encode,
  MAX_NAME_LENGTH,
  MAX_TEXT_LENGTH,
  nameIn,
  type PageMessage,
} from '../../../web/call/messages.ts';

test.each<PageMessage>([
  { type: 'profile', name: 'Aiko', isMuted: true },
  { type: 'profile', name: '', isMuted: false, camera: 'c', screen: 's' },
  { type: 'chat', text: 'Hello' },
])('%j is read as it was written', (message) => expect(decode(encode(message))).toEqual(message));

describe('what strangers may send', () => {
  test.each([
    'not JSON',
    'null',
    '[]',
    '{}',
    '{"type":"chat"}',
    '{"type":"chat","text":5}',
    '{"type":"chat","text":"  "}',
    '{"type":"profile","name":"Aiko"}',
    '{"type":"profile","name":{},"isMuted":true}',
    '{"type":"other","text":"x"}',
  ])('%s is ignored', (data) => expect(decode(data)).toBeUndefined());

  test('binary data is ignored', () => expect(decode(new ArrayBuffer(2))).toBeUndefined());

  test('what is too long is cut, what is not known is left out', () => {
    const name = ` ${'n'.repeat(100)}`;
    expect(
      decode(JSON.stringify({ type: 'profile', name, isMuted: false, camera: 7, isAdmin: true })),
    ).toEqual({ type: 'profile', name: 'n'.repeat(MAX_NAME_LENGTH), isMuted: false });
    expect(decode(JSON.stringify({ type: 'chat', text: 'x'.repeat(10_000) }))).toEqual({
      type: 'chat',
      text: 'x'.repeat(MAX_TEXT_LENGTH),
    });
  });

  test('nothing is cut in the middle of a character', () => {
    const long = `${'x'.repeat(MAX_NAME_LENGTH - 1)}😀`;
    expect(nameIn(long)).toBe('x'.repeat(MAX_NAME_LENGTH - 1));
    expect(nameIn(long.slice(1))).toBe(long.slice(1));
    const text = `${'x'.repeat(MAX_TEXT_LENGTH - 1)}😀`;
    expect(decode(encode({ type: 'chat', text }))).toEqual({ type: 'chat', text: text.slice(0, -2) });
  });
});

test.each([
  ['<b>Aiko</b>', '<b>Aiko</b>'],
  ['  Aiko \n Tanaka\u0000', 'Aiko Tanaka'],
  ['turned \u202Earound\u202C', 'turned around'],
  ['\u2066\u200FAiko', 'Aiko'],
  ['👩\u200D🚀', '👩\u200D🚀'],
  ['می\u200Cخواهم', 'می\u200Cخواهم'],
  [' ', ''],
  ['\u200B\u2060', ''],
  ['\u3164', ''],
])('the name %j is shown as %j, by everybody', (name, shown) => {
  expect(nameIn(name)).toBe(shown);
  expect(decode(encode({ type: 'profile', name, isMuted: false }))).toMatchObject({ name: shown });
});
