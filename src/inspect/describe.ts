import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate';

/** One state of a chart, as people read it. The outermost state is the chart itself. */
export interface StateDescription {
  /** XState's id of the state node: `connection.seat.inside`. */
  readonly id: string;
  /** From the chart down, the chart's own name included: `['connection', 'seat', 'inside']`. */
  readonly path: readonly string[];
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  readonly description: string | undefined;
  /** Names of actions. */
  readonly entry: readonly string[];
  readonly exit: readonly string[];
  /** The id of the state a compound state starts in. */
  readonly initial: string | undefined;
  readonly states: readonly StateDescription[];
  readonly transitions: readonly TransitionDescription[];
}

/** One transition: what sets it off, on what condition, what it does and where it leads. */
export interface TransitionDescription {
  /** Unique in its chart: the source's id, the event and its place among those for that event. */
  readonly id: string;
  readonly source: string;
  /** An event type or pattern, `after penalty`, or `always`. */
  readonly trigger: string;
  readonly guard: string | undefined;
  /** Names of actions. */
  readonly actions: readonly string[];
  /** Ids of states; undefined for a transition that leaves the state as it is. */
  readonly targets: readonly string[] | undefined;
  /** XState's own object, which inspection events name transitions by. */
  readonly definition: AnyTransitionDefinition;
}

/** Reads a machine's definition: the one description that the Mermaid and the SVG charts are drawn from. */
export function describe(machine: AnyStateMachine): StateDescription {
  return describeState(machine.root);
}

/** Every state of a chart, parents first. */
export function* allStates(state: StateDescription): Generator<StateDescription> {
  yield state;
  for (const child of state.states) yield* allStates(child);
}

/** `event [guard] / actions`, as in UML. */
export function textOf({ trigger, guard, actions }: TransitionDescription): string {
  const condition = guard === undefined ? '' : ` [${guard}]`;
  const effects = actions.length === 0 ? '' : ` / ${actions.join(', ')}`;
  return `${trigger}${condition}${effects}`;
}

function describeState(node: AnyStateNode): StateDescription {
  return {
    id: node.id,
    path: [node.machine.id, ...node.path],
    type: node.type,
    description: node.description,
    entry: named(node.entry),
    exit: named(node.exit),
    initial: node.initial?.target[0]?.id,
    states: Object.values(node.states).map(describeState),
    transitions: [...node.transitions.values(), node.always ?? []].flatMap((list) =>
      list.map((definition, index) => describeTransition(node, definition, index)),
    ),
  };
}

function describeTransition(
  node: AnyStateNode,
  definition: AnyTransitionDefinition,
  index: number,
): TransitionDescription {
  const { eventType, guard, actions, target } = definition;
  const delayed = node.after.find((after) => after.eventType === eventType);
  const trigger = delayed === undefined ? eventType || 'always' : `after ${String(delayed.delay)}`;
  return {
    id: `${node.id} ${trigger} ${index}`,
    source: node.id,
    trigger,
    guard: guard === undefined ? undefined : guardName(guard),
    actions: named(actions),
    targets: target?.map(({ id }) => id),
    definition,
  };
}

function guardName(guard: NonNullable<AnyTransitionDefinition['guard']>): string {
  if (typeof guard === 'object') return guard.type;
  return typeof guard === 'function' ? guard.name || 'guard' : String(guard);
}

function named(actions: readonly unknown[]): string[] {
  return actions.flatMap((action) => {
    if (typeof action === 'string') return [action];
    if (typeof action === 'object' && action !== null && 'type' in action) {
      const type = String(action.type);
      return type.startsWith('xstate.') ? [] : [type]; // the timers behind `after`
    }
    return [];
  });
}
