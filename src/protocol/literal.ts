/**
 * An SDP is escaped JSON of a kilobyte or two, and a relay passes it on unread: so the literal it was read from is
 * kept until the next is read, and written again instead of being escaped anew. A cache of one, since a message is
 * relayed before another is read; what is not in it is escaped as ever.
 */
let lastValue = '';
let lastLiteral = '""';

/**
 * Takes note of how `value` was written in `text`, a valid JSON object whose field `field` it is and which has no
 * field whose name ends in `"` and `field`. Only the plainest form is taken: the field comes last, without white
 * space, and no quotation mark is in it, escaped or not. The next one then ends it, and the object.
 */
export function rememberLiteral(text: string, field: string, value: string): void {
  const name = `"${field}":`;
  const found = text.indexOf(`${name}"`);
  if (found < 0) return;
  const start = found + name.length;
  const end = text.indexOf('"', start + 1);
  if (end !== text.length - 2 || !text.endsWith('}')) return;
  const literal = text.slice(start, end + 1);
  if (!literal.isWellFormed()) return; // a lone surrogate would not survive UTF-8 as an escaped one does
  lastValue = value;
  lastLiteral = literal;
}

/** The string as JSON. */
export function literalOf(value: string): string {
  return value === lastValue ? lastLiteral : JSON.stringify(value);
}
