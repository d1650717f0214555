import { expect, test } from '@jest/globals';
import { countJsonSpans, countSpans } from '../../../bench/support/otlp.ts';

/** A length-delimited field. */
function field(number: number, ...parts: Buffer[]): Buffer {
  const value = Buffer.concat(parts);
  const length: number[] = [];
  for (let rest = value.length; ; rest >>= 7) {
    if (rest < 0x80) {
      length.push(rest);
      break;
    }
    length.push(0x80 | (rest & 0x7f));
  }
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), value]);
}

const span = field(
  2,
  field(1, Buffer.alloc(16)),
  Buffer.from([(6 << 3) | 0, 0x03]),
  Buffer.from([(7 << 3) | 1, 1, 2, 3, 4, 5, 6, 7, 8]),
);

test('counts the spans of every scope of every resource, whatever stands beside them', () => {
  const scope = field(1, field(1, Buffer.from('bloom')));
  const many = field(2, scope, ...Array.from({ length: 300 }, () => span));
  const request = [
    field(1, field(1, Buffer.from('resource')), many, field(2, span)),
    field(1, field(2, span, span)),
  ];
  expect(countSpans(Buffer.concat(request))).toBe(303);
  expect(countSpans(Buffer.alloc(0))).toBe(0);
});

test('a message that ends in a number is no message', () => {
  expect(() => countSpans(Buffer.from([0x0a, 0x80]))).toThrow(RangeError);
});

test('counts the spans of a request in JSON', () => {
  const scope = { spans: [{}, {}] };
  const request = { resourceSpans: [{ scopeSpans: [scope, scope] }, { scopeSpans: [scope] }] };
  expect(countJsonSpans(Buffer.from(JSON.stringify(request)))).toBe(6);
});
