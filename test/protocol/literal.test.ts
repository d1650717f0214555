import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Outgoing } from '../../src/codec/outgoing.ts';
import { literalOf, rememberLiteral } from '../../src/protocol/literal.ts';
import { parseClientMessage } from '../../src/protocol/reading.ts';
import { textOf } from '../support/codec.ts';

const TO = '11111111-1111-4111-8111-111111111111';

/** What the addressee receives of a frame from `from`, as bytes; undefined for one that is refused. */
function relayed(frame: Buffer): Buffer | undefined {
  const parsed = parseClientMessage(frame.toString());
  if (!parsed.ok || !('sdp' in parsed.message)) return undefined;
  const { type, sdp } = parsed.message;
  return Buffer.from(textOf(new Outgoing({ type, from: 'a', sdp })));
}

/** The same string written as JSON in one way or another. */
function literals(value: string): fc.Arbitrary<string> {
  const plain = JSON.stringify(value);
  const escaped = [...plain.slice(1, -1)].join('').replace(/[^\\"\x20-\x7e]/g, escapeUnits);
  const slashed = plain.replaceAll('/', '\\/');
  return fc.constantFrom(plain, `"${escaped}"`, slashed, `"${escaped.replace(/[a-f]/g, escapeUnits)}"`);
}

function escapeUnits(text: string): string {
  return [...Array(text.length).keys()]
    .map((i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`)
    .join('');
}

/** SDPs as they are, and strings that are hard to carry: quotation marks, escapes, lone surrogates, JSON itself. */
const sdps = fc.oneof(
  fc.constant('v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\n'),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('"', '\\', '\ud800', '\udc00', '😀', '\u2028', '/', '\n', '}', 'a') }),
  fc.constantFrom('","sdp":"x', '"}', '\\', '\\"', '{"sdp":"', 'sdp":"', '__proto__'),
);

const frames = fc
  .record({
    sdp: sdps.chain((sdp) => literals(sdp).map((literal) => ({ sdp, literal }))),
    type: fc.constantFrom('Offer', 'Answer'),
    gap: fc.constantFrom('', ' ', '\n\t'),
    extra: fc.constantFrom('', '"sdp":"an earlier one",', '"__proto__":"x",', '"x\\"sdp":"x",'),
    last: fc.constantFrom('', ',"sdp":"a later one"', ',"x\\"sdp":"x"', ' ', '\n'),
    order: fc.shuffledSubarray(['type', 'to', 'sdp'], { minLength: 3, maxLength: 3 }),
  })
  .map(({ sdp, type, gap, extra, last, order }) => {
    const fields: Record<string, string> = { type: `"${type}"`, to: `"${TO}"`, sdp: sdp.literal };
    const written = order.map((name) => `"${name}":${gap}${fields[name]}`).join(`,${gap}`);
    return `{${extra}${gap}${written}${last}}`;
  });

test('what is relayed says what was sent, however it was written', () => {
  fc.assert(
    fc.property(fc.array(frames, { minLength: 1, maxLength: 3 }), (texts) => {
      for (const text of texts) {
        const frame = Buffer.from(text);
        const bytes = relayed(frame);
        if (bytes === undefined) continue;
        const sent = JSON.parse(frame.toString());
        expect(JSON.parse(bytes.toString())).toStrictEqual({ type: sent.type, from: 'a', sdp: sent.sdp });
      }
    }),
    { numRuns: 3000 },
  );
});

describe('as sent, byte for byte', () => {
  test.each([
    String.raw`"v=0\r\n"`,
    String.raw`"\u0076\u003d0\/"`,
    '"ünïcødé 😀"',
    String.raw`"\ud800"`,
    '""',
  ])('%s', (literal) => {
    const bytes = relayed(Buffer.from(`{"type":"Offer","to":"${TO}","sdp":${literal}}`));
    expect(bytes?.toString()).toBe(`{"type":"Offer","from":"a","sdp":${literal}}`);
  });
});

describe('a literal is taken only where it is certainly that of the field', () => {
  const isTaken = (text: string, value: string) => {
    rememberLiteral('{"sdp":""}', 'sdp', '');
    rememberLiteral(text, 'sdp', value);
    return literalOf(value) !== JSON.stringify(value);
  };
  test.each([
    ['the plainest form', String.raw`{"a":1,"sdp":"\u0078"}`, true],
    ['white space before it', String.raw`{"sdp": "\u0078"}`, false],
    ['white space after it', String.raw`{"sdp":"\u0078" }`, false],
    ['not last', String.raw`{"sdp":"\u0078","a":1}`, false],
    ['given twice', String.raw`{"sdp":"y","sdp":"\u0078"}`, false],
    ['absent', String.raw`{"pds":"\u0078"}`, false],
  ])('%s', (_, text, taken) => expect(isTaken(text, 'x')).toBe(taken));

  test('with a quotation mark in it', () => {
    expect(isTaken(String.raw`{"sdp":"\u0078\""}`, 'x"')).toBe(false);
  });

  test('with a lone surrogate, which UTF-8 cannot carry', () => {
    expect(isTaken('{"sdp":"\ud800\\u0078"}', '\ud800x')).toBe(false);
  });

  test('another string is escaped as ever', () => {
    rememberLiteral(String.raw`{"sdp":"\u0078"}`, 'sdp', 'x');
    expect([literalOf('x'), literalOf('y'), literalOf('x"')]).toEqual([
      String.raw`"\u0078"`,
      '"y"',
      '"x\\""',
    ]);
  });
});
