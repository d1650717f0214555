/** How many hues there are in participants.css. */
const HUES = 8;

/** The first letter of a name, or those of its first and last word. */
export function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/);
  const [first = ''] = words[0] as string;
  const [last = ''] = words.length > 1 ? (words.at(-1) as string) : '';
  return `${first}${last}`.toUpperCase();
}

/** From 0 to 7, always the same of the same text. */
export function hueOf(text: string): number {
  let hash = 0;
  for (const character of text) hash = (hash * 31 + (character.codePointAt(0) as number)) % 9973;
  return hash % HUES;
}
