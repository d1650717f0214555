/** WebSocket frames (RFC 6455 section 5.2), built once by a load generator and read as cheaply as can be. */

export const OPCODE = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Any key but zero, since ws spares itself the unmasking of that one. */
const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);
/** The key that changes nothing. */
export const NO_MASK = Buffer.alloc(4);

/** A whole frame of a client, masked. At most 65,535 bytes of payload. */
export function clientFrame(
  payload: string | Uint8Array,
  opcode: number = OPCODE.text,
  mask: Buffer = MASK,
): Buffer {
  const data = Buffer.from(payload as Uint8Array);
  if (data.length > 0xffff) throw new RangeError(`a payload of ${data.length} bytes`);
  const head = [0x80 | opcode];
  if (data.length < 126) head.push(0x80 | data.length);
  else head.push(0x80 | 126, data.length >> 8, data.length & 0xff);
  for (let i = 0; i < data.length; i += 1) data[i] = (data[i] as number) ^ (mask[i % 4] as number);
  return Buffer.concat([Buffer.from(head), mask, data]);
}

/** Where a frame's payload begins, and where the frame ends, in the bytes given; undefined: not whole yet. */
export interface Extent {
  readonly start: number;
  readonly end: number;
}

/** Measures the frame that begins at `offset`. Fragments are frames of their own, since no server here makes any. */
export function extentAt(bytes: Buffer, offset: number): Extent | undefined {
  const available = bytes.length - offset;
  if (available < 2) return undefined;
  const second = bytes[offset + 1] as number;
  let length = second & 0x7f;
  let start = offset + (second & 0x80 ? 6 : 2);
  if (length === 126) {
    if (available < 4) return undefined;
    length = bytes.readUInt16BE(offset + 2);
    start += 2;
  } else if (length === 127) {
    if (available < 10) return undefined;
    length = Number(bytes.readBigUInt64BE(offset + 2));
    start += 8;
  }
  const end = start + length;
  return end > bytes.length ? undefined : { start, end };
}
