import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import * as ws from 'ws';
import { type Frame, textFrame } from '../../../src/transport/ws/frame.ts';

const { Sender } = ws as unknown as {
  Sender: { frame(payload: Buffer, options: object): Buffer[] };
};

/** The bytes that reach the wire. */
const bytesOf = (frame: Frame): Buffer =>
  typeof frame === 'string' ? Buffer.from(frame, 'latin1') : Buffer.concat(frame);

/** What ws makes of the same text by itself. */
const framedByWs = (text: string): Buffer =>
  Buffer.concat(
    Sender.frame(Buffer.from(text), { fin: true, opcode: 1, mask: false, readOnly: true, rsv1: false }),
  );

/** Where the header grows (RFC 6455 section 5.2), and where headers are no longer kept. */
const EDGES = [0, 1, 125, 126, 127, 16_383, 16_384, 16_385, 65_535, 65_536, 70_000];

test.each(EDGES)('a text of %d bytes is framed as ws frames it, time and again', (length) => {
  for (const text of ['x'.repeat(length), 'y'.repeat(length), `ü${'z'.repeat(Math.max(0, length - 2))}`])
    expect(bytesOf(textFrame(text)).equals(framedByWs(text))).toBe(true);
});

test('so is any text', () => {
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.string({ maxLength: 300 }));
  fc.assert(
    fc.property(text, (given) => {
      expect(bytesOf(textFrame(given))).toEqual(framedByWs(given));
    }),
  );
});
