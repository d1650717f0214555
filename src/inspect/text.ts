/** How wide text will be on the page, guessed without a browser: charts are laid out in the server. */

export type Font = 'sans' | 'strong' | 'code';

/** Advance widths of Helvetica from space to tilde, in thousandths of its size; most sans serifs are close. */
const HELVETICA = [
  278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
  556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278,
  500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469,
  556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500,
  278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];
const WIDEST = 1015;
/** Nearly every monospaced font is this wide, in parts of its size. */
const MONOSPACED = 0.602;
/** What other fonts than Helvetica may need more. */
const SLACK = 1.06;
const BOLD = 1.06;

/** Width in pixels at a font size in pixels, rounded up. */
export function widthOf(text: string, font: Font, size: number): number {
  if (font === 'code') return Math.ceil([...text].length * MONOSPACED * size);
  let thousandths = 0;
  for (const character of text) thousandths += HELVETICA[character.charCodeAt(0) - 32] ?? WIDEST;
  return Math.ceil((thousandths / 1000) * size * SLACK * (font === 'strong' ? BOLD : 1));
}

/**
 * Breaks text at its spaces into lines at most `width` pixels wide, as few as possible and about equally long.
 * A longer word has a line of its own.
 */
export function wrap(text: string, font: Font, size: number, width: number): string[] {
  const lines = fill(text, font, size, width);
  for (let narrower = width * 0.95; narrower > width / 2; narrower *= 0.95) {
    const balanced = fill(text, font, size, narrower);
    if (balanced.length > lines.length) break;
    lines.splice(0, lines.length, ...balanced);
  }
  return lines;
}

function fill(text: string, font: Font, size: number, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && widthOf(longer, font, size) > width) {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  return line === '' ? lines : [...lines, line];
}
