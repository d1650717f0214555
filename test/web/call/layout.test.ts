import { describe, expect, test } from '@jest/globals';
import { type Arrangement, layOut, type Place, TALLEST, WIDEST } from '../../../web/call/layout.ts';

const GAP = 10;
const pictures = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({ key: `${prefix}${i}` }));
const alike = (count: number): Arrangement => ({
  big: [],
  others: pictures('person', count),
  isFloating: false,
});
const around = (big: number, others: number): Arrangement => ({
  big: pictures('big', big),
  others: pictures('person', others),
  isFloating: false,
});

/** What a header, a caption and the controls leave of a desktop, a laptop, a tablet and phones. */
const AREAS = [
  [1400, 752],
  [1240, 580],
  [780, 990],
  [366, 690],
  [820, 280],
  [296, 410],
] as const;

function overlap(a: Place, b: Place): boolean {
  return (
    a.left < b.left + b.width - 0.01 &&
    b.left < a.left + a.width - 0.01 &&
    a.top < b.top + b.height - 0.01 &&
    b.top < a.top + a.height - 0.01
  );
}

describe.each(AREAS)('in %d x %d', (width, height) => {
  test.each([
    ...[1, 2, 3, 4, 5, 6, 7, 8].map((count) => [`${count} alike`, alike(count)] as const),
    ['a big one and 7', around(1, 7)] as const,
    ['two big ones and 8', around(2, 8)] as const,
    ['a big one and 2', around(1, 2)] as const,
  ])('%s: each tile is 4:3 to 16:9, inside, and beside the others', (_, arrangement) => {
    const places = [...layOut(arrangement, { width, height }, GAP).values()];
    expect(places).toHaveLength(arrangement.big.length + arrangement.others.length);
    for (const [i, place] of places.entries()) {
      expect(place.width / place.height).toBeGreaterThanOrEqual(TALLEST - 0.001);
      expect(place.width / place.height).toBeLessThanOrEqual(WIDEST + 0.001);
      expect(Math.min(place.left, place.top)).toBeGreaterThanOrEqual(-0.01);
      expect(place.left + place.width).toBeLessThanOrEqual(width + 0.01);
      expect(place.top + place.height).toBeLessThanOrEqual(height + 0.01);
      expect(places.slice(i + 1).filter((other) => overlap(place, other))).toEqual([]);
    }
  });

  test('of two people the other one is big, and our own picture is small in a corner', () => {
    const arrangement = { big: pictures('other', 1), others: pictures('self', 1), isFloating: true };
    const places = layOut(arrangement, { width, height }, GAP);
    const [other, self] = [places.get('other0') as Place, places.get('self0') as Place];
    expect([other.role, self.role]).toEqual(['big', 'small']);
    expect(other.width === width || other.height === height).toBe(true);
    expect(self.width * self.height).toBeLessThan((other.width * other.height) / 4);
    expect(self.left + self.width).toBeLessThan(width);
  });
});

test('four on a phone stand in one column of two, and in pairs, whichever is larger', () => {
  const { width } = layOut(alike(4), { width: 366, height: 690 }, GAP).get('person0') as Place;
  expect(width).toBeGreaterThan(200);
});

test('a big picture that is upright keeps its ratio: nothing of it is cut off', () => {
  const arrangement = { big: [{ key: 'phone', ratio: 9 / 16 }], others: [], isFloating: false };
  const { width, height } = layOut(arrangement, { width: 366, height: 690 }, GAP).get('phone') as Place;
  expect(width / height).toBeCloseTo(9 / 16);
});

test('without any space nothing breaks', () => {
  for (const arrangement of [alike(8), around(1, 7)]) {
    for (const place of layOut(arrangement, { width: 0, height: 0 }, GAP).values()) {
      expect(Object.values(place)).not.toContain(Number.NaN);
    }
  }
});
