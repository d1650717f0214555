import type { Block } from './blocks.ts';
import type { StateDescription } from './describe.ts';
import {
  type Box,
  gapOf,
  LABEL_PAD,
  type Layout,
  layOut,
  PAD,
  type PlacedEdge,
  type PlacedState,
  type Point,
  ROW_GAP,
  regionsOf,
} from './layout.ts';

/** Of the bends of an edge, in pixels. */
const BEND = 7;
const ARROW = 7;

/**
 * A statechart as an SVG document. Its looks are the page's business: elements have classes and no style. A
 * state's group has its id in `data-state`, and a transition's group its id in `data-transition` (see
 * `describe`), each exactly once.
 */
export async function drawChart(chart: StateDescription): Promise<string> {
  const layout = await layOut(chart);
  const width = Math.ceil(layout.width);
  const height = Math.ceil(layout.height);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" class="chart" role="img" aria-label="${escaped(`Statechart ${chart.id}`)}">`,
    ...layout.states.map((placed) => stateGroup(placed, isRegion(placed, layout))),
    ...layout.dots.map(dot),
    ...layout.edges.map((edge) => edgeGroup(edge, layout)),
    '</svg>',
  ].join('\n');
}

function stateGroup(placed: PlacedState, isRegion: boolean): string {
  const { state, x, y, width, title, rows, headHeight } = placed;
  const isComposite = state.states.length > 0;
  let top = y + PAD - 3 + title.height + gapOf(state) - ROW_GAP;
  const drawnRows = rows.map((row) => {
    top += ROW_GAP;
    const drawn = group(
      { class: 'row', ...(row.transition && { 'data-transition': row.transition.id }) },
      `<rect class="flash" x="${x + 6}" y="${n(top - 2)}" width="${n(width - 12)}" height="${row.height + 4}" rx="4"/>`,
      textBlock(row, x + PAD, top),
    );
    top += row.height;
    return drawn;
  });
  const head = y + (isComposite ? headHeight - 2 : PAD - 3 + title.height + gapOf(state) / 2);
  return group(
    {
      class: ['state', state.type, isComposite && 'composite', isRegion && 'region']
        .filter(Boolean)
        .join(' '),
      'data-state': state.id,
    },
    rect(placed, 10, 'body'),
    ...(state.type === 'final' ? [rect(inset(placed, 4), 7, 'inner')] : []),
    ...(isComposite || rows.length > 0 ? [line(x, head, x + width, 'rule')] : []),
    textBlock(title, x + PAD, y + PAD - 3),
    ...drawnRows,
  );
}

function isRegion({ state }: PlacedState, { states }: Layout): boolean {
  return states.some((parent) => regionsOf(parent.state).includes(state));
}

function edgeGroup({ transition, routes, label }: PlacedEdge, layout: Layout): string {
  const drawn = routes.map((route) => belowHead(route, transition?.source, layout));
  return group(
    { class: 'edge', ...(transition && { 'data-transition': transition.id }) },
    ...drawn.map((route) => `<path class="line" d="${pathOf(route)}"/>`),
    ...drawn.map((route) => `<path class="arrow" d="${arrowOf(route)}"/>`),
    ...(label === undefined
      ? []
      : [rect(label, 6, 'label'), textBlock(label, label.x + LABEL_PAD, label.y + LABEL_PAD / 2)]),
  );
}

/** A transition from a state to one inside it starts below the text of the outer one. */
function belowHead(
  route: readonly Point[],
  source: string | undefined,
  { states }: Layout,
): readonly Point[] {
  const [first, ...rest] = route;
  const outer = states.find(({ state }) => state.id === source);
  if (first === undefined || outer === undefined || outer.state.states.length === 0) return route;
  const y = outer.y + outer.headHeight - 2;
  return first.y < y && (rest[0]?.y ?? 0) > y ? [{ x: first.x, y }, ...rest] : route;
}

function dot({ x, y, width }: Box): string {
  return `<circle class="dot" cx="${n(x + width / 2)}" cy="${n(y + width / 2)}" r="${width / 2}"/>`;
}

function textBlock({ lines }: Pick<Block, 'lines'>, x: number, y: number): string {
  return lines
    .map(({ pieces, baseline }) => {
      const spans = pieces.map(
        (piece) => `<tspan class="${piece.kind}" x="${n(x + piece.x)}">${escaped(piece.text)}</tspan>`,
      );
      return `<text y="${n(y + baseline)}">${spans.join('')}</text>`;
    })
    .join('');
}

/** Straight lines with rounded bends, ending where the arrow begins. */
function pathOf(route: readonly Point[]): string {
  const end = route.at(-1) as Point;
  const before = route.at(-2) as Point;
  const points = [...route.slice(0, -1), towards(end, before, ARROW - 1)];
  return points
    .map((point, i) => {
      const previous = points[i - 1];
      const next = points[i + 1];
      if (previous === undefined) return `M${n(point.x)} ${n(point.y)}`;
      if (next === undefined) return `L${n(point.x)} ${n(point.y)}`;
      const bend = Math.min(BEND, distance(previous, point) / 2, distance(point, next) / 2);
      const from = towards(point, previous, bend);
      const to = towards(point, next, bend);
      return `L${n(from.x)} ${n(from.y)}Q${n(point.x)} ${n(point.y)} ${n(to.x)} ${n(to.y)}`;
    })
    .join('');
}

function arrowOf(route: readonly Point[]): string {
  const tip = route.at(-1) as Point;
  const base = towards(tip, route.at(-2) as Point, ARROW);
  const [dx, dy] = [(tip.x - base.x) * 0.55, (tip.y - base.y) * 0.55];
  return `M${n(tip.x)} ${n(tip.y)}L${n(base.x - dy)} ${n(base.y + dx)}L${n(base.x + dy)} ${n(base.y - dx)}Z`;
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

/** The point `length` from `from` on the way to `to`. */
function towards(from: Point, to: Point, length: number): Point {
  const share = length / (distance(from, to) || 1);
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}

function inset({ x, y, width, height }: Box, by: number): Box {
  return { x: x + by, y: y + by, width: width - 2 * by, height: height - 2 * by };
}

function rect({ x, y, width, height }: Box, radius: number, className: string): string {
  return `<rect class="${className}" x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}" rx="${radius}"/>`;
}

function line(x: number, y: number, to: number, className: string): string {
  return `<path class="${className}" d="M${n(x)} ${n(y)}H${n(to)}"/>`;
}

function group(attributes: Readonly<Record<string, string>>, ...content: readonly string[]): string {
  const written = Object.entries(attributes).map(([name, value]) => ` ${name}="${escaped(value)}"`);
  return `<g${written.join('')}>${content.join('')}</g>`;
}

/** A coordinate, to a tenth of a pixel. */
function n(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
