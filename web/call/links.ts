/** A part of a text: words, or an address that can be followed. */
export interface TextPart {
  /** Where it begins in the whole text. */
  readonly start: number;
  readonly text: string;
  readonly url?: string;
}

/** Only web and mail addresses. A `javascript:` address would run when it is followed. */
const ADDRESS =
  /(?<![\p{L}\p{N}@])(?:https?:\/\/|www\.(?=[\p{L}\p{N}])|mailto:(?=[^\s@]+@[\p{L}\p{N}]))[^\s<>"、。「」]+/giu;
/** A sentence's punctuation after an address. */
const PUNCTUATION = /[.,:;!?'’]+$/;
const BRACKETS: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };

export function linksIn(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const { 0: match, index } of text.matchAll(ADDRESS)) {
    const address = trim(match);
    const url = /^www\./i.test(address) ? `https://${address}` : address;
    if (!URL.canParse(url)) continue;
    if (index > end) parts.push({ start: end, text: text.slice(end, index) });
    parts.push({ start: index, text: address, url });
    end = index + address.length;
  }
  if (end < text.length) parts.push({ start: end, text: text.slice(end) });
  return parts;
}

/** Without the punctuation of the sentence, and without a bracket that was opened before the address. */
function trim(match: string): string {
  for (let address = match; ; ) {
    const last = address.at(-1) ?? '';
    const opening = BRACKETS[last];
    const isUnopened = opening !== undefined && count(address, last) > count(address, opening);
    const shorter = isUnopened ? address.slice(0, -1) : address.replace(PUNCTUATION, '');
    if (shorter === address) return address;
    address = shorter;
  }
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}
