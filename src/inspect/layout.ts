import Elk, { type ElkExtendedEdge, type ElkNode } from 'elkjs';
import { type Block, labelOf, type Row, rowsOf, titleOf } from './blocks.ts';
import { allStates, type StateDescription, type TransitionDescription } from './describe.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Box extends Point {
  readonly width: number;
  readonly height: number;
}

export interface PlacedState extends Box {
  readonly state: StateDescription;
  readonly title: Block;
  readonly rows: readonly Row[];
  /** Of its title and rows; what it contains comes below. */
  readonly headHeight: number;
}

export interface PlacedEdge {
  /** Undefined for the arrow from a dot to the initial state. */
  readonly transition: TransitionDescription | undefined;
  /** From the source to each target. */
  readonly routes: readonly (readonly Point[])[];
  readonly label: (Box & Pick<Block, 'lines'>) | undefined;
}

/** A chart laid out; in pixels from its top left corner. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Parents first. */
  readonly states: readonly PlacedState[];
  readonly edges: readonly PlacedEdge[];
  /** Where the initial arrows start. */
  readonly dots: readonly Box[];
}

/** Between the border of a state and its text. */
export const PAD = 14;
export const ROW_GAP = 4;
export const LABEL_PAD = 6;
const DOT = 10;
const MIN_WIDTH = 120;
/** Around what a composite state contains. */
const MARGIN = 18;

const OPTIONS = {
  'elk.algorithm': 'layered',
  'elk.direction': 'DOWN',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.json.edgeCoords': 'ROOT',
  'elk.json.shapeCoords': 'ROOT',
  'elk.layered.cycleBreaking.strategy': 'DEPTH_FIRST',
  'elk.layered.nodePlacement.strategy': 'BRANDES_KOEPF',
  'elk.layered.nodePlacement.bk.fixedAlignment': 'BALANCED',
  'elk.spacing.nodeNode': '28',
  'elk.spacing.edgeNode': '18',
  'elk.spacing.edgeEdge': '12',
  'elk.layered.spacing.nodeNodeBetweenLayers': '20',
  'elk.layered.spacing.edgeNodeBetweenLayers': '12',
  'elk.layered.spacing.edgeEdgeBetweenLayers': '10',
};

/** Between a state's title and its rows; between them a leaf state has a line. */
export function gapOf({ states }: StateDescription): number {
  return states.length === 0 ? 18 : 4;
}

const elk = new Elk.default();

/** Loads the layout engine: 0.3 s during which the process does nothing else. A chart then takes 0.1 s. */
export async function warmUp(): Promise<void> {
  await elk.layout({ id: ' root', layoutOptions: OPTIONS, children: [{ id: 'a', width: 1, height: 1 }] });
}

/** Finds a place for every state and transition. */
export async function layOut(chart: StateDescription): Promise<Layout> {
  const contents = new Map([...allStates(chart)].map((state) => [state.id, measure(state)]));
  const transitions = [...allStates(chart)].flatMap((state) => state.transitions);
  const drawn = transitions.filter(({ targets }) => targets !== undefined);
  const graph = await elk.layout({
    id: ' root',
    layoutOptions: { ...OPTIONS, 'elk.padding': '[top=2,left=2,bottom=2,right=2]' },
    children: [nodeOf(chart, contents)],
    edges: [...initialEdges(chart), ...regionEdges(chart), ...drawn.flatMap(edgesOf)],
  });
  return read(graph, chart, contents, drawn);
}

interface Contents {
  readonly title: Block;
  readonly rows: readonly Row[];
  readonly width: number;
  readonly height: number;
}

function measure(state: StateDescription): Contents {
  const title = titleOf(state);
  const rows = rowsOf(state);
  const gap = rows.length === 0 ? 0 : gapOf(state) - ROW_GAP;
  const below = rows.reduce((sum, { height }) => sum + height + ROW_GAP, gap);
  return {
    title,
    rows,
    width: Math.max(MIN_WIDTH, title.width + 2 * PAD, ...rows.map(({ width }) => width + 2 * PAD)),
    height: title.height + below + 2 * PAD - 6,
  };
}

function nodeOf(state: StateDescription, contents: ReadonlyMap<string, Contents>): ElkNode {
  const { width, height } = contents.get(state.id) as Contents;
  if (state.states.length === 0) return { id: state.id, width, height };
  const dot = { id: dotOf(state), width: DOT, height: DOT };
  return {
    id: state.id,
    layoutOptions: {
      ...OPTIONS,
      'elk.padding': `[top=${height + 6},left=${MARGIN},bottom=${MARGIN},right=${MARGIN}]`,
      'elk.nodeSize.constraints': 'MINIMUM_SIZE',
      'elk.nodeSize.minimum': `(${width},${height})`,
    },
    children: [
      ...(state.initial === undefined ? [] : [dot]),
      ...state.states.map((child) => nodeOf(child, contents)),
    ],
  };
}

function dotOf({ id }: StateDescription): string {
  return `${id} initial`;
}

function initialEdges(chart: StateDescription): ElkExtendedEdge[] {
  return [...allStates(chart)].flatMap((state) =>
    state.initial === undefined
      ? []
      : [{ id: `${dotOf(state)} edge`, sources: [dotOf(state)], targets: [state.initial] }],
  );
}

/** Never drawn: they put the regions of a parallel state under one another, which is narrower. */
function regionEdges(chart: StateDescription): ElkExtendedEdge[] {
  return [...allStates(chart)].flatMap((state) => {
    const regions = regionsOf(state);
    return regions.slice(1).map(({ id }, i) => ({
      id: `${id} region`,
      sources: [(regions[i] as StateDescription).id],
      targets: [id],
    }));
  });
}

/** The regions of a parallel state. */
export function regionsOf({ type, states }: StateDescription): readonly StateDescription[] {
  return type === 'parallel' ? states.filter((state) => state.type !== 'history') : [];
}

/** One edge for each target; the first carries the label. */
function edgesOf(transition: TransitionDescription): ElkExtendedEdge[] {
  const { width, height } = labelOf(transition);
  const label = {
    text: transition.trigger,
    width: width + 2 * LABEL_PAD,
    height: height + LABEL_PAD,
    layoutOptions: { 'elk.edgeLabels.inline': 'true', 'elk.edgeLabels.placement': 'CENTER' },
  };
  return (transition.targets ?? []).map((target, i) => ({
    id: `${transition.id} ${i}`,
    sources: [transition.source],
    targets: [target],
    labels: i === 0 ? [label] : [],
  }));
}

function read(
  graph: ElkNode,
  chart: StateDescription,
  contents: ReadonlyMap<string, Contents>,
  drawn: readonly TransitionDescription[],
): Layout {
  const boxes = new Map([...allNodes(graph)].map((node) => [node.id, boxOf(node)]));
  const edges = new Map((graph.edges ?? []).map((edge) => [edge.id, edge]));
  const states = [...allStates(chart)].map(
    (state): PlacedState => ({
      ...(contents.get(state.id) as Contents),
      ...(boxes.get(state.id) as Box),
      headHeight: (contents.get(state.id) as Contents).height,
      state,
    }),
  );
  const starts = [...allStates(chart)].filter(({ initial }) => initial !== undefined).map(dotOf);
  return {
    ...boxOf(graph),
    states,
    dots: starts.map((id) => boxes.get(id) as Box),
    edges: [
      ...starts.map((id) => edgeFrom(undefined, [edges.get(`${id} edge`)])),
      ...drawn.map((transition) =>
        edgeFrom(
          transition,
          edgesOf(transition).map(({ id }) => edges.get(id)),
        ),
      ),
    ],
  };
}

function edgeFrom(
  transition: TransitionDescription | undefined,
  parts: readonly (ElkExtendedEdge | undefined)[],
): PlacedEdge {
  const label = parts[0]?.labels?.[0];
  return {
    transition,
    routes: parts.flatMap((part) =>
      (part?.sections ?? []).map(({ startPoint, bendPoints = [], endPoint }) => [
        startPoint,
        ...bendPoints,
        endPoint,
      ]),
    ),
    label:
      transition === undefined || label === undefined
        ? undefined
        : { ...boxOf(label), lines: labelOf(transition).lines },
  };
}

function* allNodes(node: ElkNode): Generator<ElkNode> {
  yield node;
  for (const child of node.children ?? []) yield* allNodes(child);
}

function boxOf({ x = 0, y = 0, width = 0, height = 0 }: Partial<Box>): Box {
  return { x, y, width, height };
}
