/** A part of a text: words, or an address that can be followed. */
export interface TextPart {
  /** Where it begins in the whole. */
  readonly start: number;
  readonly text: string;
  readonly url?: string;
}

/** Only http and https: nothing that runs when it is followed. A sentence's punctuation is no part of the address. */
const ADDRESS = /https?:\/\/[^\s<>"'、。「」]*[^\s<>"'、。「」.,:;!?)\]}]/gi;

export function linksIn(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const { 0: address, index } of text.matchAll(ADDRESS)) {
    if (!URL.canParse(address)) continue;
    if (index > end) parts.push({ start: end, text: text.slice(end, index) });
    parts.push({ start: index, text: address, url: address });
    end = index + address.length;
  }
  if (end < text.length) parts.push({ start: end, text: text.slice(end) });
  return parts;
}
