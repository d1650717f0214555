import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { CLOSE_CODES, type CodeEntry, ERROR_CODES } from '../../src/protocol/codes.ts';
import { RETRY_AFTER } from '../../src/protocol/retry.ts';

const errors: [string, CodeEntry][] = Object.entries(ERROR_CODES);
const closings: [string, CodeEntry & { code: number }][] = Object.entries(CLOSE_CODES);

/** RFC 6455, section 5.5: a control frame carries 125 bytes, two of which are the code. */
const MAX_REASON_BYTES = 123;
/** Section 7.4: what an endpoint may send of the registered codes; 1005, 1006 and 1015 are not for the wire. */
const REGISTERED = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];

test('the error codes are those of the protocol', () => {
  expect(Object.keys(ERROR_CODES).sort()).toEqual([
    'Internal',
    'InvalidPayload',
    'ParticipantNotFound',
    'RateLimited',
    'RoomFull',
    'RoomNotFound',
  ]);
});

test.each([...errors, ...closings])('%s says what it means and whether to try again', (_, entry) => {
  expect(entry.meaning).toMatch(/^[A-Z].*\.$/);
  expect(entry.retry).toMatch(/^[A-Z].*\.$/);
});

describe('close codes', () => {
  test('are each used once', () => {
    const codes = closings.map(([, { code }]) => code);
    expect(new Set(codes).size).toBe(codes.length);
  });

  test.each(closings)('%s: the SDK comes back unless the prose says No', (_, { code, retry }) => {
    expect(RETRY_AFTER[code]?.[0] === false).toBe(retry.startsWith('No'));
  });

  test.each(closings)('%s: may be sent, by the standard or by an application', (_, { code }) => {
    const isPrivate = code >= 4000 && code <= 4999;
    expect(isPrivate || REGISTERED.includes(code)).toBe(true);
  });

  test.each(closings)('%s: its meaning fits into a close frame', (_, { meaning }) => {
    expect(Buffer.byteLength(meaning)).toBeLessThanOrEqual(MAX_REASON_BYTES);
  });

  test('have all that ws itself closes with', () => {
    const known = closings.map(([, { code }]) => code);
    expect(known).toEqual(expect.arrayContaining([...new Set(codesOfWs())]));
  });

  test.each([
    ['UnsupportedData', 1003],
    ['MessageTooBig', 1009],
    ['TryAgainLater', 1013],
    ['GoingAway', 1001],
  ] as const)('%s is %s', (name, code) => expect(CLOSE_CODES[name].code).toBe(code));
});

/** The codes in ws's receiver, whose every error it answers with one. */
function codesOfWs(): number[] {
  const receiver = new URL('../../node_modules/ws/lib/receiver.js', import.meta.url);
  const codes = [...readFileSync(receiver, 'utf8').matchAll(/^\s+(1\d{3}),$/gm)].map(([, code]) =>
    Number(code),
  );
  expect(codes).toContain(1002);
  return codes;
}
