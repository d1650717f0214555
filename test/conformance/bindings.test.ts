import { beforeEach, describe, expect, test } from '@jest/globals';
import { Bindings } from '../../src/conformance/bindings.ts';

let bindings: Bindings;
beforeEach(() => {
  bindings = new Bindings();
});

describe('words in capitals', () => {
  test('stand for what was heard first, from then on', () => {
    expect(bindings.match({ id: 'ALICE' }, { id: 'a-1' })).toBe(true);
    expect(bindings.match({ id: 'ALICE' }, { id: 'a-1' })).toBe(true);
    expect(bindings.match({ id: 'ALICE' }, { id: 'a-2' })).toBe(false);
    expect(bindings.fill('{"to":"ALICE","sdp":"ALICE here"}')).toBe('{"to":"a-1","sdp":"ALICE here"}');
    expect(bindings.fill('"upper(ALICE)"')).toBe('"A-1"');
  });

  test('no two stand for the same', () => {
    expect(bindings.match(['ALICE', 'BOB'], ['a', 'a'])).toBe(false);
  });

  test('stand for strings', () => {
    for (const value of [1, null, undefined, {}, ['x']]) expect(bindings.match('ALICE', value)).toBe(false);
  });

  test('that are sent unheard stand for a UUID of nobody', () => {
    const [first, again] = [bindings.fill('"NOBODY"'), bindings.fill('"NOBODY"')];
    expect(first).toMatch(/^"[\da-f-]{36}"$/);
    expect(again).toBe(first);
    expect(bindings.fill('"NOWHERE"')).not.toBe(first);
  });
});

describe('what is expected', () => {
  test.each<[unknown, unknown, boolean]>([
    [{ a: 1, b: [2, { c: null }] }, { b: [2, { c: null }], a: 1 }, true],
    [{ a: 1 }, { a: 1, b: 2 }, false],
    [{ a: 1, b: 2 }, { a: 1 }, false],
    [{ a: 1 }, { a: '1' }, false],
    [{ a: 1 }, [1], false],
    [{ a: 1 }, null, false],
    [{ a: 1 }, undefined, false],
    [[1, 2], [2, 1], false],
    [[1], [1, 2], false],
    [null, undefined, false],
    [{ toString: '…' }, {}, false],
    [{ a: '…' }, { a: { b: 1 } }, true],
    [{ a: '…' }, {}, false],
    [{ a: 1, '…': '…' }, { a: 1, b: 2 }, true],
    [{ a: 1, '…': '…' }, { b: 2 }, false],
  ])('%j and %j: %s', (expected, actual, isMatch) => {
    expect(bindings.match(expected, actual)).toBe(isMatch);
  });
});
