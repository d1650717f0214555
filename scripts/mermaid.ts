import type { AnyStateMachine } from 'xstate';
import {
  describe,
  type StateDescription,
  type TransitionDescription,
  textOf,
} from '../src/inspect/describe.ts';

/**
 * A machine as a Mermaid stateDiagram-v2 in a code fence: descriptions, guards, delays and actions. The chart
 * itself is the outermost state, parallel regions are divided by a dashed line, and what a state handles
 * without leaving it stands inside it (UML's internal transitions).
 */
export function toMermaid(machine: AnyStateMachine): string {
  const chart = describe(machine);
  return ['```mermaid', 'stateDiagram-v2', ...composite(chart, 1), ...arrows(chart, 1), '```'].join('\n');
}

function composite(state: StateDescription, depth: number): string[] {
  const pad = '  '.repeat(depth);
  const inner = '  '.repeat(depth + 1);
  const bodies = state.states.map((child) => [
    ...(isComposite(child) ? composite(child, depth + 1) : leaf(child, inner)),
    ...arrows(child, depth + 1),
  ]);
  const body =
    state.type === 'parallel'
      ? bodies.flatMap((lines, i) => (i === 0 ? lines : [`${inner}--`, ...lines]))
      : [
          ...bodies.flat(),
          ...(state.initial === undefined ? [] : [`${inner}[*] --> ${identifier(state.initial)}`]),
        ];
  return [`${pad}state "${nameOf(state)}" as ${identifier(state.id)} {`, ...body, `${pad}}`];
}

function leaf(state: StateDescription, pad: string): string[] {
  const effects = [
    ...state.entry.map((name) => `entry / ${name}`),
    ...state.exit.map((name) => `exit / ${name}`),
    ...state.transitions.flatMap((transition) =>
      transition.targets === undefined ? [textOf(transition)] : [],
    ),
  ];
  const about = state.description === undefined ? [] : [state.description];
  const label = [nameOf(state), ...about, ...effects].map(escaped).join('<br>');
  const lines = [`${pad}state "${label}" as ${identifier(state.id)}`];
  return state.type === 'final' ? [...lines, `${pad}${identifier(state.id)} --> [*]`] : lines;
}

/** The transitions that start at `state` and are not drawn inside it. */
function arrows(state: StateDescription, depth: number): string[] {
  const pad = '  '.repeat(depth);
  return state.transitions.flatMap((transition) => drawn(state, transition).map((line) => `${pad}${line}`));
}

function drawn(state: StateDescription, transition: TransitionDescription): string[] {
  const from = identifier(state.id);
  const text = escaped(textOf(transition));
  if (transition.targets === undefined) return isComposite(state) ? [`${from} --> ${from} : ${text}`] : [];
  return transition.targets.map(identifier).map((target) =>
    // Mermaid draws no arrow from a composite state to one inside it.
    isComposite(state)
      ? `note right of ${target} : from any state of ${nameOf(state)} on ${text}`
      : `${from} --> ${target} : ${text}`,
  );
}

function isComposite(state: StateDescription): boolean {
  return state.states.length > 0;
}

function nameOf({ path }: StateDescription): string {
  return path.at(-1) as string;
}

/** Mermaid takes no dots in an identifier. */
function identifier(id: string): string {
  return id.replaceAll('.', '_');
}

/** Colons and semicolons end a Mermaid statement. */
function escaped(text: string): string {
  return text
    .replaceAll('#', '#35;')
    .replaceAll(';', '#59;')
    .replaceAll(':', '#58;')
    .replaceAll('"', '#quot;');
}
