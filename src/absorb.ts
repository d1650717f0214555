import type { ActorScope, AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate';
import { and, evaluateGuard, not, or, stateIn } from 'xstate/guards';

/** XState's scope, its types left to whatever machine is wrapped. */
// biome-ignore lint/suspicious/noExplicitAny: one wrapper for machines of every type
type Any = any;
type Scope = ActorScope<Any, Any, Any, Any>;
type Args = { context: Any; event: Any; self: Any; system: Any };

/**
 * A machine that handles the common event cheaply: one whose selected transitions have no target and whose
 * actions are the machine's own functions or emits. Which transitions may be selected is worked out once for each
 * configuration of states and type of event, from the machine's definition; their guards are evaluated at each
 * event. Then the actions run and the snapshot stays the same object, where XState would copy sets of states only to
 * find that nothing moved. Every other event goes to XState's interpreter. The machine's definition stays the only
 * statement of the rules; test/absorb.test.ts compares the two over random events.
 *
 * A machine with eventless (`always`) transitions is left as it is: they would have to be looked at after each
 * event. So is inspection: absorbed events show no microsteps or actions, so do not wrap while inspecting.
 */
export function absorbing<TMachine extends AnyStateMachine>(machine: TMachine): TMachine {
  if (hasEventless(machine)) return machine;
  const selectors = new Selectors();
  const plans = new WeakMap<AnyTransitionDefinition, readonly Step[] | null>();
  const planOf = (transition: AnyTransitionDefinition): readonly Step[] | null => {
    let plan = plans.get(transition);
    if (plan === undefined) {
      plan = makePlan(machine, transition);
      plans.set(transition, plan);
    }
    return plan;
  };

  const transition = (snapshot: Any, event: Any, scope: Scope): Any => {
    if (snapshot.status !== 'active' || event.type.startsWith('xstate.'))
      return machine.transition(snapshot, event, scope);
    const args: Args = { context: snapshot.context, event, self: scope.self, system: scope.system };
    const selected = select(selectors.for(snapshot, event.type), snapshot, args);
    if (selected === undefined) return machine.transition(snapshot, event, scope);
    for (const each of selected) if (planOf(each) === null) return machine.transition(snapshot, event, scope);
    for (const each of selected) for (const step of planOf(each) as readonly Step[]) step(args, scope);
    return snapshot;
  };
  return Object.create(machine, { transition: { value: transition } });
}

/** The selected transitions; undefined when a guard threw, which XState then has to say in its own words. */
function select(
  selector: Selector,
  snapshot: Any,
  args: Args,
): readonly AnyTransitionDefinition[] | undefined {
  try {
    return selector(args, snapshot);
  } catch {
    return undefined;
  }
}

/** Selects transitions of some states: those enabled, or none. */
type Selector = (args: Args, snapshot: Any) => readonly AnyTransitionDefinition[];
type Guard = (args: Args, snapshot: Any) => boolean;

const NONE: readonly AnyTransitionDefinition[] = [];
const selectNone: Selector = () => NONE;

/** Selectors by configuration and event type. Configurations are few, however many actors are in them. */
class Selectors {
  readonly #byValue = new Map<string, Map<string, Selector>>();
  /** Of the values of parallel states, which are objects, each actor's its own: spares writing them out. */
  readonly #byObject = new WeakMap<object, Map<string, Selector>>();

  for(snapshot: Any, type: string): Selector {
    const byType = this.#byTypeIn(snapshot.value);
    let selector = byType.get(type);
    if (selector === undefined) {
      selector = selectorOf(snapshot.machine.root, snapshot.value, type, snapshot);
      byType.set(type, selector);
    }
    return selector;
  }

  #byTypeIn(value: string | object): Map<string, Selector> {
    const isObject = typeof value === 'object';
    let byType = isObject ? this.#byObject.get(value) : this.#byValue.get(value);
    if (byType !== undefined) return byType;
    const key = isObject ? JSON.stringify(value) : value;
    byType = this.#byValue.get(key) ?? new Map<string, Selector>();
    this.#byValue.set(key, byType);
    if (isObject) this.#byObject.set(value, byType);
    return byType;
  }
}

/** The transitions of a configuration as XState selects them: a state's own where none within it is enabled. */
function selectorOf(node: AnyStateNode, value: Any, type: string, snapshot: Any): Selector {
  const own = firstEnabled(node, type, snapshot);
  if (typeof value === 'string') return orElse(firstEnabled(childOf(node, value), type, snapshot), own);
  const regions = Object.keys(value).map((key) => selectorOf(childOf(node, key), value[key], type, snapshot));
  return orElse(all(regions), own);
}

function orElse(inner: Selector, own: Selector): Selector {
  if (own === selectNone) return inner;
  return (args, snapshot) => {
    const selected = inner(args, snapshot);
    return selected.length > 0 ? selected : own(args, snapshot);
  };
}

function all(regions: readonly Selector[]): Selector {
  const some = regions.filter((region) => region !== selectNone);
  if (some.length <= 1) return some[0] ?? selectNone;
  return (args, snapshot) => {
    let selected = NONE;
    for (const region of some) {
      const more = region(args, snapshot);
      if (more.length > 0) selected = selected.length === 0 ? more : [...selected, ...more];
    }
    return selected;
  };
}

/** Selects the first of a state's own transitions whose guard lets it. */
function firstEnabled(node: AnyStateNode, type: string, snapshot: Any): Selector {
  const candidates = candidatesOf(node, type).map((transition) => ({
    guard: transition.guard === undefined ? undefined : guardOf(transition.guard, snapshot),
    selected: [transition],
  }));
  if (candidates.length === 0) return selectNone;
  return (args, snapshot) => {
    for (const { guard, selected } of candidates)
      if (guard === undefined || guard(args, snapshot)) return selected;
    return NONE;
  };
}

/** In XState's order: exact descriptors first, then wildcards, the longer the sooner. */
function candidatesOf(node: AnyStateNode, type: string): readonly AnyTransitionDefinition[] {
  const wildcards = [...node.transitions.keys()]
    .filter((descriptor) => descriptor !== type && matches(type, descriptor))
    .sort((a, b) => b.length - a.length);
  return [type, ...wildcards].flatMap((descriptor) => node.transitions.get(descriptor) ?? []);
}

function matches(type: string, descriptor: string): boolean {
  if (descriptor === '*') return true;
  return descriptor.endsWith('.*') && `${type}.`.startsWith(descriptor.slice(0, -1));
}

const AND = checkOf(and([]));
const OR = checkOf(or([]));
const NOT = checkOf(not(() => true));
const STATE_IN = checkOf(stateIn(''));

/** A guard ready to be called: its name looked up, and `stateIn` answered, which a configuration settles. */
function guardOf(guard: Any, snapshot: Any): Guard {
  const isInline = typeof guard === 'function';
  const found = isInline ? guard : snapshot.machine.implementations.guards[guard.type ?? guard];
  const inner = (found?.guards as Any[] | undefined)?.map((each) => guardOf(each, snapshot)) ?? [];
  switch (checkOf(found)) {
    case AND:
      return (args, snapshot) => inner.every((each) => each(args, snapshot));
    case OR:
      return (args, snapshot) => inner.some((each) => each(args, snapshot));
    case NOT:
      return (args, snapshot) => !(inner[0] as Guard)(args, snapshot);
    case STATE_IN:
      return settled((snapshot) => found.check(snapshot, {}, found), snapshot);
  }
  const isPlain = typeof found === 'function' && checkOf(found) === undefined;
  if (!isPlain) return (args, snapshot) => evaluateGuard(guard, args.context, args.event, snapshot);
  const params = isInline ? undefined : guard.params;
  if (typeof params === 'function') return (args) => found(args, params(args));
  return (args) => found(args, params);
}

/** What is true of a configuration once is true whenever an actor is in it; what throws may never be asked. */
function settled(is: (snapshot: Any) => boolean, snapshot: Any): Guard {
  try {
    const isSo = is(snapshot);
    return () => isSo;
  } catch {
    return (_, snapshot) => is(snapshot);
  }
}

function checkOf(guard: Any): unknown {
  return guard?.check;
}

function childOf(node: AnyStateNode, key: string): AnyStateNode {
  return node.states[key] as AnyStateNode;
}

type Step = (args: Args, scope: Scope) => void;

/** What runs an action of a transition. */
type Runner = (args: Args, params: Any, scope: Scope) => void;

/** How to run a transition without XState's interpreter; null when it takes that. */
function makePlan(machine: AnyStateMachine, transition: AnyTransitionDefinition): readonly Step[] | null {
  if (transition.target !== undefined || transition.reenter) return null;
  const steps: Step[] = [];
  for (const action of transition.actions as Any[]) {
    const run = runnerOf(
      typeof action === 'function' ? action : machine.implementations.actions[action.type ?? action],
    );
    if (run === undefined) return null;
    const params = action.params;
    if (typeof params === 'function') {
      steps.push((args, scope) => run(args, params({ context: args.context, event: args.event }), scope));
    } else {
      steps.push((args, scope) => run(args, params, scope));
    }
  }
  return steps;
}

/** Undefined for an action that only XState's interpreter can run. */
function runnerOf(action: Any): Runner | undefined {
  if (typeof action !== 'function') return undefined;
  if (!('resolve' in action)) return action;
  if (action.type !== 'xstate.emit') return undefined;
  const emitted = action.event;
  if (typeof emitted !== 'function') return (_, __, scope) => scope.defer(() => scope.emit(emitted));
  return (args, params, scope) => {
    const decision = emitted(args, params);
    scope.defer(() => scope.emit(decision));
  };
}

function hasEventless(machine: AnyStateMachine): boolean {
  const search = (node: AnyStateNode): boolean =>
    (node.always?.length ?? 0) > 0 || Object.values(node.states).some(search);
  return search(machine.root);
}
