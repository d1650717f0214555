import type { Writable } from 'node:stream';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import * as ws from 'ws';
import { clientFrame, extentAt, NO_MASK, OPCODE } from '../../../bench/support/frame.ts';

/** Not in @types/ws. */
const { Receiver } = ws as unknown as {
  Receiver: new (options: { isServer: boolean }) => Writable;
};

/** What ws reads of these bytes, as a server would. */
function read(bytes: Buffer): Promise<[text: string, isBinary: boolean]> {
  const receiver = new Receiver({ isServer: true });
  return new Promise((resolve, reject) => {
    receiver.on('message', (data: Buffer, isBinary: boolean) => resolve([data.toString(), isBinary]));
    receiver.on('error', reject);
    receiver.write(bytes);
  });
}

test.each([0, 1, 125, 126, 1700, 65_535])('ws reads a frame of %i bytes as what went in', async (length) => {
  const text = 'é'.repeat(length / 2) + 'x'.repeat(length % 2);
  expect(await read(clientFrame(text))).toEqual([text, false]);
  expect(await read(clientFrame(Buffer.from(text), OPCODE.binary))).toEqual([text, true]);
});

test('a frame too long for its head is refused', () => {
  expect(() => clientFrame('x'.repeat(65_536))).toThrow(RangeError);
});

test('frames are found one after the other, and one that is not whole is none', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 300 }), { minLength: 1 }), fc.nat(), (texts, cut) => {
      const bytes = Buffer.concat(texts.map((text) => clientFrame(text, OPCODE.text, NO_MASK)));
      const found: string[] = [];
      let offset = 0;
      for (let extent = extentAt(bytes, 0); extent !== undefined; extent = extentAt(bytes, offset)) {
        found.push(bytes.toString('utf8', extent.start, extent.end));
        offset = extent.end;
      }
      expect(found).toEqual(texts);
      const last = clientFrame(texts[0] as string);
      expect(extentAt(last.subarray(0, cut % last.length), 0)).toBeUndefined();
    }),
  );
});
