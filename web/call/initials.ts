/** How many hues there are in participants.css. */
export const HUES = 8;

/** The first letter of a name, or those of its first and last word. */
export function initialsOf(name: string): string {
  const [first = '', ...others] = name.trim().split(/\s+/);
  return `${firstOf(first)}${firstOf(others.at(-1) ?? '')}`.toUpperCase();
}

/** What counts as one character to whoever reads: a flag, a letter with its marks. */
function firstOf(word: string): string {
  for (const { segment } of new Intl.Segmenter().segment(word)) return segment;
  return '';
}

/** From 0 to 7, always the same of the same text. */
export function hueOf(text: string): number {
  let hash = 0;
  for (const character of text) hash = (hash * 31 + (character.codePointAt(0) as number)) % 9973;
  return hash % HUES;
}
