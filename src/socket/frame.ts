import * as ws from 'ws';

/** A WebSocket frame, in the pieces it is written in; of a string each character is a byte (latin1). */
export type Frame = readonly (Buffer | string)[];

interface FrameOptions {
  readonly fin: boolean;
  readonly opcode: number;
  readonly mask: boolean;
  readonly readOnly: boolean;
  readonly rsv1: boolean;
}

/** ws's own framing, which @types/ws does not know yet. Without a mask it looks at the payload's length alone. */
const { Sender } = ws as unknown as {
  Sender: { frame<T extends { readonly length: number }>(payload: T, options: FrameOptions): [Buffer, T] };
};

const TEXT: FrameOptions = { fin: true, opcode: 1, mask: false, readOnly: true, rsv1: false };

/** The frame of one text message from a server: unmasked, uncompressed. */
export function textFrame(text: string): Frame {
  const length = Buffer.byteLength(text);
  const isAscii = length === text.length;
  if (!isAscii) return Sender.frame(Buffer.from(text), TEXT);
  const [header] = Sender.frame({ length }, TEXT);
  return [header, text]; // which the socket copies to where it writes from: a buffer would be a copy more
}
