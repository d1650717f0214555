import type { StateDescription, TransitionDescription } from './describe.ts';
import { type Font, widthOf, wrap } from './text.ts';

/** Sets what a chart says in lines of text, so that the layout knows how large everything is. In pixels. */

export type PieceKind = 'name' | 'about' | 'trigger' | 'guard' | 'effect';

/** A run of text of one look. */
export interface Piece {
  readonly text: string;
  readonly kind: PieceKind;
  readonly x: number;
}

export interface Line {
  readonly pieces: readonly Piece[];
  /** From the top of the block. */
  readonly baseline: number;
}

export interface Block {
  readonly lines: readonly Line[];
  readonly width: number;
  readonly height: number;
}

/** One line of what a state does without leaving it. */
export interface Row extends Block {
  readonly transition: TransitionDescription | undefined;
}

const LOOKS: Readonly<
  Record<PieceKind, { readonly font: Font; readonly size: number; readonly line: number }>
> = {
  name: { font: 'strong', size: 14, line: 20 },
  about: { font: 'sans', size: 12, line: 16 },
  trigger: { font: 'code', size: 11, line: 16 },
  guard: { font: 'code', size: 11, line: 16 },
  effect: { font: 'code', size: 11, line: 16 },
};

const ABOUT_WIDTH = 250;
const ROW_WIDTH = 300;
const LABEL_WIDTH = 175;
/** Of a line that goes on from the one above. */
const INDENT = 14;

/** A state's name and, under it, what it is about. */
export function titleOf(state: StateDescription): Block {
  const name = state.path.at(-1) as string;
  const available = Math.max(ABOUT_WIDTH, ...rowsOf(state).map(({ width }) => width));
  const about = wrap(state.description ?? '', 'sans', LOOKS.about.size, available);
  return stack([[word(name, 'name')], ...about.map((text) => [word(text, 'about')])]);
}

/** What a state does on entry and exit, and on events that do not lead out of it. */
export function rowsOf(state: StateDescription): Row[] {
  const internal = state.transitions.filter(({ targets }) => targets === undefined);
  return [
    ...[...state.entry].map((action) => row(flow('entry', undefined, [action], ROW_WIDTH), undefined)),
    ...[...state.exit].map((action) => row(flow('exit', undefined, [action], ROW_WIDTH), undefined)),
    ...internal.map((transition) => {
      const { trigger, guard, actions } = transition;
      return row(flow(trigger, guard, actions, ROW_WIDTH), transition);
    }),
  ];
}

/** What stands on a transition's arrow. */
export function labelOf({ trigger, guard, actions }: TransitionDescription): Block {
  return flow(trigger, guard, actions, LABEL_WIDTH);
}

function row(block: Block, transition: TransitionDescription | undefined): Row {
  return { ...block, transition };
}

interface Word {
  readonly text: string;
  readonly kind: PieceKind;
}

function word(text: string, kind: PieceKind): Word {
  return { text, kind };
}

/** `event [guard] / action, action`, broken where it gets wider than `width`. */
function flow(trigger: string, guard: string | undefined, actions: readonly string[], width: number): Block {
  const words = [
    word(trigger, 'trigger'),
    ...(guard === undefined ? [] : [word(`[${guard}]`, 'guard')]),
    ...actions.map((action, i) =>
      word(`${i === 0 ? '/ ' : ''}${action}${i < actions.length - 1 ? ',' : ''}`, 'effect'),
    ),
  ];
  const lines: Word[][] = [];
  let used = 0;
  for (const next of words) {
    const needed = widthWith(next) + SPACE;
    const line = lines.at(-1);
    if (line === undefined || used + needed > width) {
      used = needed + (line === undefined ? 0 : INDENT);
      lines.push([next]);
    } else {
      used += needed;
      line.push(next);
    }
  }
  return stack(lines, INDENT);
}

const SPACE = widthOf(' ', 'code', LOOKS.trigger.size);

function widthWith({ text, kind }: Word): number {
  return widthOf(text, LOOKS[kind].font, LOOKS[kind].size);
}

/** Lines under one another; all but the first start at `indent`. */
function stack(lines: readonly (readonly Word[])[], indent = 0): Block {
  let height = 0;
  let width = 0;
  const set = lines.map((words, i): Line => {
    const { size, line } = LOOKS[(words[0] as Word).kind];
    let x = i === 0 ? 0 : indent;
    const pieces = words.map((each): Piece => {
      const piece = { ...each, x };
      x += widthWith(each) + SPACE;
      return piece;
    });
    width = Math.max(width, x - SPACE);
    height += line;
    return { pieces, baseline: height - (line - size) / 2 - 2 };
  });
  return { lines: set, width, height };
}
