import { expect, test } from '@jest/globals';
import { linksIn } from '../../../web/call/links.ts';

const read = (text: string) => linksIn(text).map(({ text, url }) => (url === undefined ? text : { url }));

test.each([
  ['no link', ['no link']],
  ['https://a.example', [{ url: 'https://a.example' }]],
  ['See https://a.example/b?c=d#e.', ['See ', { url: 'https://a.example/b?c=d#e' }, '.']],
  ['(http://a.example/)', ['(', { url: 'http://a.example/' }, ')']],
  [
    'https://a.example、https://b.example。',
    [{ url: 'https://a.example' }, '、', { url: 'https://b.example' }, '。'],
  ],
  ['javascript:alert(1)', ['javascript:alert(1)']],
  ['https://', ['https://']],
  [
    'https://en.wikipedia.org/wiki/Bloom_(disambiguation).',
    [{ url: 'https://en.wikipedia.org/wiki/Bloom_(disambiguation)' }, '.'],
  ],
  ['(see https://a.example/b_(c))', ['(see ', { url: 'https://a.example/b_(c)' }, ')']],
  ['[https://a.example/?q[0]=1]', ['[', { url: 'https://a.example/?q[0]=1' }, ']']],
  ['www.example.com, or', [{ url: 'https://www.example.com' }, ', or']],
  ['mailto:aiko@example.com!', [{ url: 'mailto:aiko@example.com' }, '!']],
  ["it's 'https://a.example'", ["it's '", { url: 'https://a.example' }, "'"]],
  ['awww.example.com, www., mailto: x', ['awww.example.com, www., mailto: x']],
  ['', []],
])('%j', (text, parts) => expect(read(text)).toEqual(parts));

test('parts make up the whole again', () => {
  const text = 'a https://b.example c http://d.example/e, f';
  expect(
    linksIn(text)
      .map((part) => part.text)
      .join(''),
  ).toBe(text);
});
