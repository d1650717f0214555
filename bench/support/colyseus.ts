/** Messages of Colyseus: a code, and for data the name of the message and a MessagePack value. */

export const COLYSEUS = { joinRoom: 10, leaveRoom: 12, data: 13 } as const;

/** MessagePack's map with a length of 16 bits. */
const MAP_16 = 0xde;

/** A message of this name with a map of texts, at most 15 of them. */
export function colyseusMessage(name: string, texts: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(texts);
  return Buffer.concat([
    Buffer.from([COLYSEUS.data]),
    packString(name),
    Buffer.from([0x80 | entries.length]),
    ...entries.flat().map(packString),
  ]);
}

/** The name of a data message, and the text of the first entry of its map. */
export function readColyseusMessage(payload: Buffer): { readonly name: string; firstValue(): string } {
  const [name, start] = unpackString(payload, 1);
  return {
    name,
    firstValue() {
      const [, valueAt] = unpackString(payload, start + (payload[start] === MAP_16 ? 3 : 1));
      return unpackString(payload, valueAt)[0];
    },
  };
}

/** A string in MessagePack. */
function packString(text: string): Buffer {
  const bytes = Buffer.from(text);
  const head = bytes.length < 32 ? [0xa0 | bytes.length] : [0xda, bytes.length >> 8, bytes.length & 0xff];
  return Buffer.concat([Buffer.from(head), bytes]);
}

/** A string in MessagePack, and where what follows it begins. */
function unpackString(bytes: Buffer, at: number): [text: string, end: number] {
  const head = bytes[at] as number;
  if ((head & 0xe0) === 0xa0)
    return [bytes.toString('utf8', at + 1, at + 1 + (head & 0x1f)), at + 1 + (head & 0x1f)];
  const [width, length] =
    head === 0xd9 ? [2, bytes[at + 1] as number] : head === 0xda ? [3, bytes.readUInt16BE(at + 1)] : [0, -1];
  if (length < 0) throw new Error(`not a MessagePack string: ${head}`);
  return [bytes.toString('utf8', at + width, at + width + length), at + width + length];
}
