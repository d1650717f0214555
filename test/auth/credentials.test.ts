import { describe, expect, test } from '@jest/globals';
import { tokenOf } from '../../src/auth/credentials.ts';

const b64 = (text: string) => Buffer.from(text).toString('base64url');

describe('the token of an upgrade', () => {
  test.each([
    [{}, undefined],
    [{ authorization: 'Bearer a.b.c' }, 'a.b.c'],
    [{ authorization: 'bearer  a.b.c' }, 'a.b.c'],
    [{ authorization: 'Basic YTpi' }, undefined],
    [{ authorization: 'Bearer' }, undefined],
    [{ authorization: 'Bearer a b' }, undefined],
    [{ 'sec-websocket-protocol': 'bloom' }, undefined],
    [{ 'sec-websocket-protocol': `bloom, base64url.bearer.bloom.${b64('a.b.c')}` }, 'a.b.c'],
    [{ 'sec-websocket-protocol': `base64url.bearer.bloom.${b64('a.b.c')},bloom` }, 'a.b.c'],
    [
      { authorization: 'Bearer a.b.c', 'sec-websocket-protocol': `base64url.bearer.bloom.${b64('a.b.c')}` },
      'a.b.c',
    ],
  ])('of %j is %j', (headers, token) => {
    expect(tokenOf(headers)).toBe(token);
  });

  test.each([
    [
      { authorization: 'Bearer a.b.c', 'sec-websocket-protocol': `base64url.bearer.bloom.${b64('d.e.f')}` },
      'form',
    ],
    [
      { 'sec-websocket-protocol': `base64url.bearer.bloom.${b64('a')}, base64url.bearer.bloom.${b64('b')}` },
      'form',
    ],
    [{ 'sec-websocket-protocol': 'bloom, base64url.bearer.bloom.' }, 'encoding'],
    [{ 'sec-websocket-protocol': 'bloom, base64url.bearer.bloom.YQ==' }, 'encoding'],
  ])('of %j is refused', (headers, check) => {
    expect(() => tokenOf(headers)).toThrow(check);
  });
});
