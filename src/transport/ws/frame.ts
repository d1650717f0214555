import * as ws from 'ws';

/** A WebSocket frame: a string of which each character is a byte (latin1), or the pieces it is written in. */
export type Frame = string | readonly Buffer[];

interface FrameOptions {
  readonly fin: boolean;
  readonly opcode: number;
  readonly mask: boolean;
  readonly readOnly: boolean;
  readonly rsv1: boolean;
}

/**
 * ws's own framing, which is not documented: @types/ws has none, and Bun's ws neither. Without a mask it looks at the
 * payload's length alone. `FRAMES_TEXTS` says whether it does what this file expects.
 */
const { Sender } = ws as unknown as {
  Sender: { frame<T extends { readonly length: number }>(payload: T, options: FrameOptions): [Buffer, T] };
};

const TEXT: FrameOptions = { fin: true, opcode: 1, mask: false, readOnly: true, rsv1: false };

/** The headers of short texts, each by the text's length, which is all that it says: made when first needed. */
const HEADERS: string[] = new Array(16_384).fill('');

/** The frame of one text message from a server: unmasked, uncompressed. */
export function textFrame(text: string): Frame {
  const length = Buffer.byteLength(text);
  if (length > text.length) return Sender.frame(Buffer.from(text), TEXT);
  return headerOf(length) + text; // ASCII: as a string it is copied once, to where the socket writes from
}

function headerOf(length: number): string {
  const known = HEADERS[length];
  if (known) return known;
  const header = Sender.frame({ length }, TEXT)[0].toString('latin1');
  if (length < HEADERS.length) HEADERS[length] = header;
  return header;
}

/** The same frame as pieces, whose bytes wait outside V8's heap. */
export function outsideHeap(frame: Frame): readonly Buffer[] {
  return typeof frame === 'string' ? [Buffer.from(frame, 'latin1')] : frame;
}

/** Texts whose header has another form (RFC 6455 section 5.2), by their length, with the header. */
const SAMPLES: readonly (readonly [length: number, header: readonly number[]])[] = [
  [1, [0x81, 1]],
  [125, [0x81, 125]],
  [126, [0x81, 126, 0, 126]],
  [65_535, [0x81, 126, 0xff, 0xff]],
  [65_536, [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]],
];

/** Whether `textFrame` works with the ws at hand. Where false, texts have to be sent by `WebSocket.send`. */
export const FRAMES_TEXTS: boolean = SAMPLES.every(([length, header]) => {
  try {
    const payload = { length };
    const pieces: readonly unknown[] = Sender.frame(payload, TEXT);
    const isHeader = Buffer.from(header).equals(pieces[0] as Buffer);
    return isHeader && pieces.length === 2 && pieces[1] === payload;
  } catch {
    return false;
  }
});
