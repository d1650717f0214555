/** Wire types of protobuf's encoding. */
export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH = 2;
export const FIXED32 = 5;

/** Longest string written character by character; beyond it the call into Buffer pays. */
const SHORT = 128;
/** Bytes of whatever is written without asking for room: tags, numbers, lengths. */
const MARGIN = 64;
/** A buffer is let go of when it is more than so many times what was written to it last. */
const MAX_SPARE = 16;
const TWO_TO_32 = 2 ** 32;

/**
 * Writes protobuf into one growing buffer (https://protobuf.dev/programming-guides/encoding/). A nested message is
 * opened, written and closed; its length is filled in then.
 */
export class ProtobufWriter {
  readonly #capacity: number;
  #bytes: Buffer;
  #at = 0;

  /** `capacity` in bytes is where it begins; it grows as needed. */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#bytes = Buffer.allocUnsafe(capacity);
  }

  /** Bytes written. */
  get size(): number {
    return this.#at;
  }

  /** What was written; a view, good until the next write or `clear`. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  /** Begins again, with the room it has; unless that is far more than it has needed this time. */
  clear(): void {
    if (this.#bytes.length > MAX_SPARE * Math.max(this.#at, this.#capacity)) {
      this.#bytes = Buffer.allocUnsafe(this.#capacity);
    }
    this.#at = 0;
  }

  /** Takes back what was written beyond the first `size` bytes. */
  truncate(size: number): void {
    this.#at = size;
  }

  tag(field: number, wireType: number): void {
    this.#room(MARGIN);
    this.#varint((field << 3) | wireType);
  }

  /** An unsigned integer of up to 32 bits. */
  uint32(field: number, value: number): void {
    this.tag(field, VARINT);
    this.#varint(value);
  }

  /** A signed integer of up to 64 bits, exact as far as a number is. */
  int64(field: number, value: number): void {
    this.tag(field, VARINT);
    const high = Math.floor(value / TWO_TO_32);
    this.#varint64(value - high * TWO_TO_32, high >>> 0);
  }

  fixed32(field: number, value: number): void {
    this.tag(field, FIXED32);
    this.#at = this.#bytes.writeUInt32LE(value >>> 0, this.#at);
  }

  /** `low` and `high`: unsigned 32 bits each. */
  fixed64(field: number, low: number, high: number): void {
    this.tag(field, FIXED64);
    this.#uint32LE(low);
    this.#uint32LE(high);
  }

  double(field: number, value: number): void {
    this.tag(field, FIXED64);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  string(field: number, text: string): void {
    this.tag(field, LENGTH);
    const { length } = text;
    if (length > SHORT) return this.#longString(text);
    this.#room(length + MARGIN);
    const bytes = this.#bytes;
    let at = this.#at;
    at =
      length < 128 ? this.#byte(at, length) : this.#byte(this.#byte(at, (length & 127) | 128), length >> 7);
    for (let i = 0; i < length; i += 1) {
      const code = text.charCodeAt(i);
      if (code > 127) return this.#longString(text);
      bytes[at + i] = code;
    }
    this.#at = at + length;
  }

  raw(field: number, bytes: Uint8Array): void {
    this.tag(field, LENGTH);
    this.#varint(bytes.length);
    this.#room(bytes.length + MARGIN);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Bytes given as hexadecimal digits. */
  hex(field: number, digits: string): void {
    const { length } = digits;
    this.tag(field, LENGTH);
    this.#varint(length >> 1);
    this.#room(length + MARGIN);
    const bytes = this.#bytes;
    for (let i = 0; i < length; i += 2) {
      bytes[this.#at++] = (nibble(digits.charCodeAt(i)) << 4) | nibble(digits.charCodeAt(i + 1));
    }
  }

  /** Bytes given as 32-bit words, most significant byte first. */
  words(field: number, words: readonly number[]): void {
    this.tag(field, LENGTH);
    this.#varint(words.length * 4);
    const bytes = this.#bytes;
    let at = this.#at;
    for (let i = 0; i < words.length; i += 1) {
      const word = words[i] as number;
      bytes[at] = word >>> 24;
      bytes[at + 1] = word >>> 16;
      bytes[at + 2] = word >>> 8;
      bytes[at + 3] = word;
      at += 4;
    }
    this.#at = at;
  }

  /** What precedes `length` bytes that are a field's message. */
  header(field: number, length: number): void {
    this.tag(field, LENGTH);
    this.#varint(length);
  }

  /** Begins a nested message; returns what `close` wants to know. */
  open(field: number): number {
    this.tag(field, LENGTH);
    this.#at += 1; // enough for the length of a message below 128 bytes
    return this.#at;
  }

  close(start: number): void {
    const length = this.#at - start;
    if (length < 128) {
      this.#bytes[start - 1] = length;
      return;
    }
    const extra = length < 2 ** 14 ? 1 : length < 2 ** 21 ? 2 : length < 2 ** 28 ? 3 : 4;
    this.#room(extra + MARGIN);
    this.#bytes.copyWithin(start + extra, start, this.#at);
    this.#at = start - 1;
    this.#varint(length);
    this.#at += length;
  }

  #varint(value: number): void {
    let rest = value;
    while (rest > 127) {
      this.#bytes[this.#at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#bytes[this.#at++] = rest;
  }

  #varint64(low: number, high: number): void {
    let [lower, upper] = [low, high];
    while (upper > 0 || lower > 127) {
      this.#bytes[this.#at++] = (lower & 127) | 128;
      lower = ((lower >>> 7) | (upper << 25)) >>> 0;
      upper >>>= 7;
    }
    this.#bytes[this.#at++] = lower;
  }

  #uint32LE(value: number): void {
    const bytes = this.#bytes;
    const at = this.#at;
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value >>> 16;
    bytes[at + 3] = value >>> 24;
    this.#at = at + 4;
  }

  #byte(at: number, value: number): number {
    this.#bytes[at] = value;
    return at + 1;
  }

  #longString(text: string): void {
    const length = Buffer.byteLength(text);
    this.#room(length + MARGIN);
    this.#varint(length);
    this.#at += this.#bytes.write(text, this.#at, length, 'utf8');
  }

  #room(count: number): void {
    if (this.#at + count <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(2 * (this.#at + count));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
  }
}

function nibble(code: number): number {
  return code < 58 ? code - 48 : (code | 32) - 87;
}
