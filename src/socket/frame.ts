import * as ws from 'ws';

/** A WebSocket frame, in the pieces it is written in. */
export type Frame = readonly Buffer[];

interface FrameOptions {
  readonly fin: boolean;
  readonly opcode: number;
  readonly mask: boolean;
  readonly readOnly: boolean;
  readonly rsv1: boolean;
}

/** ws's own framing, which @types/ws does not know yet. */
const { Sender } = ws as unknown as { Sender: { frame(data: Buffer, options: FrameOptions): Buffer[] } };

const TEXT: FrameOptions = { fin: true, opcode: 1, mask: false, readOnly: true, rsv1: false };

/** The frame of one text message from a server: unmasked, uncompressed. */
export function textFrame(text: string): Frame {
  return Sender.frame(Buffer.from(text), TEXT);
}
