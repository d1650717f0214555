import { describe, expect, test } from '@jest/globals';
import { type Plot, ticksTo, toSvg } from '../../../bench/support/svg.ts';

test.each([
  [0.9, [0, 0.2, 0.4, 0.6, 0.8, 1]],
  [8, [0, 1, 2, 3, 4, 5, 6, 7, 8]],
  [26.7, [0, 5, 10, 15, 20, 25, 30]],
  [0, [0, 1]],
])('an axis to %d has round ticks', (most, ticks) => expect(ticksTo(most)).toEqual(ticks));

describe('a plot', () => {
  const bars: Plot = {
    kind: 'bars',
    name: 'x',
    title: 'a < b & c',
    unit: 'times',
    reference: 1,
    bars: [
      { label: 'bare', value: 1 },
      { label: 'bloom', value: 2, low: 1.5, high: 2.5 },
    ],
  };
  const attributes = (svg: string, element: string, name: string) =>
    [...svg.matchAll(new RegExp(`<${element} [^>]*?\\b${name}="([^"]*)"`, 'g'))].map(([, value]) => value);

  test('has bars as long as their values', () => {
    const [, one, two] = attributes(toSvg(bars), 'rect', 'width').map(Number);
    expect(two).toBeCloseTo(2 * (one as number), 0);
  });

  test('escapes its text', () => {
    expect(toSvg(bars)).toContain('a &lt; b &amp; c');
  });

  test('puts powers of ten at equal distances on a logarithmic axis', () => {
    const svg = toSvg({
      kind: 'lines',
      name: 'y',
      title: 'cost',
      x: { label: 'rooms', isLogarithmic: true },
      y: { label: 'us' },
      series: [
        {
          label: 'open',
          points: [
            [1000, 10],
            [10_000, 10],
            [100_000, 10],
          ],
        },
      ],
    });
    const [points = ''] = attributes(svg, 'polyline', 'points');
    const [a, b, c] = points.split(' ').map((point) => Number(point.split(',')[0])) as [
      number,
      number,
      number,
    ];
    expect(c - b).toBeCloseTo(b - a, 0);
    expect(new Set(points.split(' ').map((point) => point.split(',')[1])).size).toBe(1);
  });
});
