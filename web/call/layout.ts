/** Where each picture of a call is put. Pure geometry, in pixels. */

export interface Area {
  readonly width: number;
  readonly height: number;
}

/** One picture: a person or a shared screen. */
export interface Picture {
  readonly key: string;
  /** Width over height of the video, where it is known. */
  readonly ratio?: number | undefined;
}

export interface Place extends Area {
  readonly left: number;
  readonly top: number;
  /** tile: one of several alike. big: the one to look at. small: beside or over a big one. */
  readonly role: 'tile' | 'big' | 'small';
}

/** What is to be seen: `big` before all others, and the others around it. */
export interface Arrangement {
  readonly big: readonly Picture[];
  readonly others: readonly Picture[];
  /** The others lie over a corner of the big picture. */
  readonly isFloating: boolean;
}

/** A camera's picture loses at most a quarter in a tile between these. */
export const TALLEST = 4 / 3;
export const WIDEST = 16 / 9;

const SMALL_SHARE = 0.17;
const [SMALLEST_WIDTH, LARGEST_WIDTH] = [84, 232];
const [FLOAT_SHARE, SMALLEST_FLOAT, LARGEST_FLOAT] = [0.22, 96, 260];

export function layOut(
  { big, others, isFloating }: Arrangement,
  area: Area,
  gap: number,
): ReadonlyMap<string, Place> {
  const at = { left: 0, top: 0 };
  if (big.length === 0) return grid(others, { ...at, ...area }, gap, 'tile');
  if (others.length === 0) return grid(big, { ...at, ...area }, gap, 'big');
  if (isFloating) return floating(big, others, area, gap);
  const strip = bestStrip(others.length, area, gap);
  const isBeside = strip.side === 'right';
  const room: Area = {
    width: area.width - (isBeside ? strip.thickness + gap : 0),
    height: area.height - (isBeside ? 0 : strip.thickness + gap),
  };
  const stripBox = isBeside
    ? { left: room.width + gap, top: 0, width: strip.thickness, height: area.height }
    : { left: 0, top: room.height + gap, width: area.width, height: strip.thickness };
  return new Map([
    ...grid(big, { ...at, ...room }, gap, 'big'),
    ...rows(others, stripBox, gap, strip.columns, strip.tile, 'small'),
  ]);
}

type Box = Area & { readonly left: number; readonly top: number };

/** As large as they can be, all of one size. */
function grid(pictures: readonly Picture[], box: Box, gap: number, role: Place['role']): Map<string, Place> {
  const ratio = pictures.length === 1 ? pictures[0]?.ratio : undefined;
  const { columns, tile } = bestGrid(pictures.length, box, gap, ratio);
  return rows(pictures, box, gap, columns, tile, role);
}

function bestGrid(count: number, area: Area, gap: number, ratio?: number): { columns: number; tile: Area } {
  let best = { columns: 1, tile: { width: 0, height: 0 } };
  for (let columns = 1; columns <= count; columns++) {
    const lines = Math.ceil(count / columns);
    const cell = {
      width: Math.max(0, (area.width - (columns - 1) * gap) / columns),
      height: Math.max(0, (area.height - (lines - 1) * gap) / lines),
    };
    const tile = within(cell, ratio);
    if (tile.width * tile.height > best.tile.width * best.tile.height) best = { columns, tile };
  }
  return best;
}

/** The largest tile in a cell. A video that is upright keeps its own ratio. */
function within({ width, height }: Area, ratio?: number): Area {
  const [tallest, widest] = ratio !== undefined && ratio < 1 ? [ratio, ratio] : [TALLEST, WIDEST];
  if (width > height * widest) return { width: height * widest, height };
  if (width < height * tallest) return { width, height: width / tallest };
  return { width, height };
}

/** Row by row, in the middle of the box; the last row is centred. */
function rows(
  pictures: readonly Picture[],
  box: Box,
  gap: number,
  columns: number,
  { width, height }: Area,
  role: Place['role'],
): Map<string, Place> {
  const lines = Math.ceil(pictures.length / columns);
  const top = box.top + (box.height - lines * height - (lines - 1) * gap) / 2;
  return new Map(
    pictures.map(({ key }, i) => {
      const line = Math.floor(i / columns);
      const inLine = Math.min(columns, pictures.length - line * columns);
      const left = box.left + (box.width - inLine * width - (inLine - 1) * gap) / 2;
      const place = {
        left: left + (i % columns) * (width + gap),
        top: top + line * (height + gap),
        width,
        height,
        role,
      };
      return [key, place];
    }),
  );
}

function floating(
  big: readonly Picture[],
  others: readonly Picture[],
  area: Area,
  gap: number,
): Map<string, Place> {
  const wanted = clamp(FLOAT_SHARE * area.width, SMALLEST_FLOAT, LARGEST_FLOAT);
  const width = Math.min(wanted, area.width / 3, (area.height / 3) * WIDEST);
  const height = width / (area.width > area.height ? WIDEST : TALLEST);
  const place = (i: number): Place => ({
    left: area.width - width - gap,
    top: area.height - (height + gap) * (i + 1),
    width,
    height,
    role: 'small',
  });
  return new Map([
    ...grid(big, { left: 0, top: 0, ...area }, gap, 'big'),
    ...others.map(({ key }, i) => [key, place(i)] as const),
  ]);
}

interface Strip {
  readonly side: 'right' | 'bottom';
  readonly columns: number;
  readonly tile: Area;
  /** Across the strip. */
  readonly thickness: number;
}

/** The strip of small tiles that leaves most to the big picture. */
function bestStrip(count: number, area: Area, gap: number): Strip {
  const strips = [1, 2, 3].flatMap((lanes) => [
    strip('right', count, lanes, area, gap),
    strip('bottom', count, lanes, area, gap),
  ]);
  const readable = strips.filter(({ tile }) => tile.width >= SMALLEST_WIDTH);
  const rest = ({ side, thickness }: Strip): number => {
    const { tile } = bestGrid(
      1,
      side === 'right'
        ? { width: area.width - thickness - gap, height: area.height }
        : { width: area.width, height: area.height - thickness - gap },
      gap,
    );
    return tile.width * tile.height;
  };
  const best = (choice: readonly Strip[], score: (strip: Strip) => number) =>
    choice.reduce((a, b) => (score(b) > score(a) ? b : a));
  return readable.length > 0 ? best(readable, rest) : best(strips, ({ tile }) => tile.width);
}

function strip(side: Strip['side'], count: number, lanes: number, area: Area, gap: number): Strip {
  const inLane = Math.ceil(count / lanes);
  const ideal = clamp(SMALL_SHARE * Math.max(area.width, area.height), SMALLEST_WIDTH, LARGEST_WIDTH);
  const along = side === 'right' ? area.height : area.width;
  const share = (along - (inLane - 1) * gap) / inLane;
  const width = Math.max(1, Math.min(ideal, side === 'right' ? share * WIDEST : share));
  const tile = { width, height: width / WIDEST };
  const across = side === 'right' ? tile.width : tile.height;
  return {
    side,
    columns: side === 'right' ? lanes : inLane,
    tile,
    thickness: lanes * across + (lanes - 1) * gap,
  };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
