/** Plots as SVG text, drawn from data alone: the same data makes the same bytes. */

export type Plot = BarPlot | LinePlot;

interface Titled {
  /** Of the file, without .svg. */
  readonly name: string;
  readonly title: string;
}

/** Horizontal bars from zero, with the spread of each as a line. */
export interface BarPlot extends Titled {
  readonly kind: 'bars';
  readonly unit: string;
  readonly bars: readonly {
    readonly label: string;
    readonly value: number;
    readonly low?: number;
    readonly high?: number;
  }[];
  /** A value marked by a vertical line: the yardstick. */
  readonly reference?: number;
}

export interface LinePlot extends Titled {
  readonly kind: 'lines';
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly {
    readonly label: string;
    readonly points: readonly (readonly [number, number])[];
  }[];
}

interface Axis {
  readonly label: string;
  readonly isLogarithmic?: boolean;
}

const WIDTH = 720;
const COLOURS = ['#1f6feb', '#d1582b', '#2d8a4e', '#8250df', '#9a6700', '#57606a'];
const INK = '#24292f';
const GRID = '#d0d7de';

export function toSvg(plot: Plot): string {
  return plot.kind === 'bars' ? barsToSvg(plot) : linesToSvg(plot);
}

function barsToSvg({ title, unit, bars, reference }: BarPlot): string {
  const [left, right, top, step] = [150, 60, 48, 30];
  const height = top + bars.length * step + 44;
  const most = Math.max(reference ?? 0, ...bars.map(({ value, high = value }) => Math.max(value, high)));
  const ticks = ticksTo(most);
  const x = (value: number) => left + (value / (ticks.at(-1) as number)) * (WIDTH - left - right);
  const bottom = top + bars.length * step;
  return page(height, title, [
    ...ticks.flatMap((tick) => [
      line(x(tick), top, x(tick), bottom, GRID),
      text(x(tick), bottom + 16, short(tick), 'middle'),
    ]),
    text((left + WIDTH - right) / 2, bottom + 34, unit, 'middle'),
    ...bars.flatMap(({ label, value, low, high }, i) => {
      const y = top + i * step;
      const end = x(Math.max(value, high ?? value));
      return [
        text(left - 8, y + 19, label, 'end'),
        `<rect x="${left}" y="${y + 5}" width="${round(x(value) - left)}" height="20" fill="${colour(label.startsWith('bloom') ? 0 : 5)}"/>`,
        ...(low === undefined || high === undefined ? [] : [line(x(low), y + 15, x(high), y + 15, INK, 2)]),
        text(end + 6, y + 19, short(value), 'start'),
      ];
    }),
    ...(reference === undefined
      ? []
      : [line(x(reference), top, x(reference), bottom, COLOURS[1] as string, 2)]),
  ]);
}

function linesToSvg({ title, x, y, series }: LinePlot): string {
  const [left, right, top, bottom, height] = [70, 20, 48, 300, 344];
  const points = series.flatMap((one) => one.points);
  const xs = scale(
    x,
    points.map(([value]) => value),
    left,
    WIDTH - right,
  );
  const ys = scale(
    y,
    points.map(([, value]) => value),
    bottom,
    top + 20 * Math.ceil(series.length / 4),
  );
  return page(height, title, [
    ...xs.ticks.flatMap((tick) => [
      line(xs.at(tick), top, xs.at(tick), bottom, GRID),
      text(xs.at(tick), bottom + 16, short(tick), 'middle'),
    ]),
    ...ys.ticks.flatMap((tick) => [
      line(left, ys.at(tick), WIDTH - right, ys.at(tick), GRID),
      text(left - 6, ys.at(tick) + 4, short(tick), 'end'),
    ]),
    text((left + WIDTH - right) / 2, bottom + 34, x.label, 'middle'),
    `<text transform="translate(16 ${(top + bottom) / 2}) rotate(-90)" text-anchor="middle">${escaped(y.label)}</text>`,
    ...series.flatMap(({ label, points }, i) => [
      `<polyline fill="none" stroke="${colour(i)}" stroke-width="2" points="${points.map(([a, b]) => `${round(xs.at(a))},${round(ys.at(b))}`).join(' ')}"/>`,
      `<text x="${left + 10 + (i % 4) * 160}" y="${top + 12 + 20 * Math.floor(i / 4)}" fill="${colour(i)}">${escaped(label)}</text>`,
    ]),
  ]);
}

interface Scale {
  readonly ticks: readonly number[];
  at(value: number): number;
}

/** Maps values to pixels from `start` to `end`. A linear axis begins at zero, a logarithmic one at a power of ten. */
function scale(
  { isLogarithmic = false }: Axis,
  values: readonly number[],
  start: number,
  end: number,
): Scale {
  if (!isLogarithmic) {
    const ticks = ticksTo(Math.max(...values));
    const most = ticks.at(-1) as number;
    return { ticks, at: (value) => start + (value / most) * (end - start) };
  }
  const first = Math.floor(Math.log10(Math.min(...values)));
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(...values))));
  return {
    ticks: Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i)),
    at: (value) => start + ((Math.log10(value) - first) / (last - first)) * (end - start),
  };
}

/** Round numbers from zero to the first beyond `most`: steps of 1, 2 or 5 times a power of ten, four to nine of them. */
export function ticksTo(most: number): number[] {
  if (!(most > 0)) return [0, 1];
  const power = 10 ** Math.floor(Math.log10(most / 4));
  const step = ([1, 2, 5].find((factor) => most / (factor * power) <= 8) ?? 10) * power;
  const count = Math.ceil(most / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(12)));
}

function page(height: number, title: string, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" ` +
      `font-family="system-ui, sans-serif" font-size="12" fill="${INK}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="16" y="26" font-size="15" font-weight="600">${escaped(title)}</text>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function line(x1: number, y1: number, x2: number, y2: number, stroke: string, width = 1): string {
  const [a, b, c, d] = [x1, y1, x2, y2].map(round);
  return `<line x1="${a}" y1="${b}" x2="${c}" y2="${d}" stroke="${stroke}" stroke-width="${width}"/>`;
}

function text(x: number, y: number, content: string, anchor: 'start' | 'middle' | 'end'): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escaped(content)}</text>`;
}

function colour(i: number): string {
  return COLOURS[i % COLOURS.length] as string;
}

function short(value: number): string {
  return value >= 1000
    ? value.toLocaleString('en-US', { maximumFractionDigits: 0 })
    : String(Number(value.toPrecision(3)));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
