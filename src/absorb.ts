import type {
  AnyActorRef,
  AnyStateMachine,
  AnyStateNode,
  AnyTransitionDefinition,
  EventObject,
} from 'xstate';
import { and, evaluateGuard, not, or, stateIn } from 'xstate/guards';

/** XState's own types are left to whatever machine is wrapped. */
// biome-ignore lint/suspicious/noExplicitAny: one wrapper for machines of every type
type Any = any;
type Args = { context: Any; event: Any; self: Any; system: Any };

/**
 * Runs the actions of an event that leaves an actor's snapshot as it is. Returns what they emit, in order, for the caller
 * to perform; undefined when XState has to handle the event, of which nothing has happened then. Throws what an action
 * throws.
 */
export type Absorb = (snapshot: Any, event: Any, self: AnyActorRef) => readonly EventObject[] | undefined;

/** Logic that handles some events without a transition; src/actor.ts asks it first. */
export interface Absorbing {
  readonly absorb: Absorb;
}

/**
 * Gives a machine `absorb`, which handles the common event cheaply: one whose selected transitions have no target
 * and whose actions are the machine's own functions or emits. Which transitions may be selected is worked out once
 * for each configuration of states and type of event, from the machine's definition; their guards are evaluated at
 * each event. Then the actions run and the snapshot stays the same object, where XState would copy sets of states
 * only to find that nothing moved. Every other event goes to XState's interpreter. The machine's definition stays the
 * only statement of the rules; test/absorb.test.ts compares the two over random events.
 *
 * A machine with eventless (`always`) transitions is left as it is: they would have to be looked at after each
 * event. So is inspection: absorbed events show no microsteps or actions, so do not wrap while inspecting.
 */
export function absorbing<TMachine extends AnyStateMachine>(
  machine: TMachine,
): TMachine & Partial<Absorbing> {
  if (hasEventless(machine)) return machine;
  const selectors = new Selectors();
  const absorb: Absorb = (snapshot, event, self) => {
    if (snapshot.status !== 'active') return undefined;
    const args: Args = { context: snapshot.context, event, self, system: self.system };
    const selected: Plan[] = [];
    if (!select(selectors.for(snapshot, event.type), args, snapshot, selected)) return undefined;
    const emitted: EventObject[] = [];
    for (const steps of selected) for (const step of steps) step(args, emitted);
    return emitted;
  };
  return Object.create(machine, { absorb: { value: absorb } });
}

/** Whether all selected transitions can be run here. A guard that throws cannot: XState has to say so in its own words. */
function select(selector: Selector, args: Args, snapshot: Any, selected: Plan[]): boolean {
  try {
    selector(args, snapshot, selected);
  } catch {
    return false;
  }
  for (const plan of selected) if (plan === NO_PLAN) return false;
  return true;
}

/** Adds the plans of the transitions of some states that are enabled; returns whether there are any. */
type Selector = (args: Args, snapshot: Any, selected: Plan[]) => boolean;
type Guard = (args: Args, snapshot: Any) => boolean;

const selectNone: Selector = () => false;

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
  if (inner === selectNone) return own;
  return (args, snapshot, selected) => inner(args, snapshot, selected) || own(args, snapshot, selected);
}

function all(regions: readonly Selector[]): Selector {
  const some = regions.filter((region) => region !== selectNone);
  if (some.length <= 1) return some[0] ?? selectNone;
  return (args, snapshot, selected) => {
    let isAny = false;
    for (const region of some) if (region(args, snapshot, selected)) isAny = true;
    return isAny;
  };
}

/** Selects the first of a state's own transitions whose guard lets it. */
function firstEnabled(node: AnyStateNode, type: string, snapshot: Any): Selector {
  const candidates = candidatesOf(node, type).map((transition) => ({
    guard: transition.guard === undefined ? undefined : guardOf(transition.guard, snapshot),
    plan: planOf(transition, snapshot.machine),
  }));
  if (candidates.length === 0) return selectNone;
  return (args, snapshot, selected) => {
    for (const { guard, plan } of candidates) {
      if (guard !== undefined && !guard(args, snapshot)) continue;
      selected.push(plan);
      return true;
    }
    return false;
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

/** Runs one action; what it emits is added. */
type Step = (args: Args, emitted: EventObject[]) => void;
type Plan = readonly Step[];

/** The plan of a transition that takes XState's interpreter. */
const NO_PLAN: Plan = [];

function planOf(transition: AnyTransitionDefinition, machine: AnyStateMachine): Plan {
  if (transition.target !== undefined || transition.reenter) return NO_PLAN;
  const steps = (transition.actions as Any[]).map((action) =>
    stepOf(
      typeof action === 'function' ? action : machine.implementations.actions[action.type ?? action],
      action.params,
    ),
  );
  return steps.includes(undefined) ? NO_PLAN : (steps as Step[]);
}

/** Undefined for an action that only XState's interpreter can run. */
function stepOf(action: Any, params: Any): Step | undefined {
  if (typeof action !== 'function') return undefined;
  const paramsOf = typeof params === 'function' ? params : () => params;
  if (!('resolve' in action)) return (args) => void action(args, paramsOf(args));
  if (action.type !== 'xstate.emit') return undefined;
  const { event } = action;
  if (typeof event !== 'function') return (_, emitted) => void emitted.push(event);
  return (args, emitted) => void emitted.push(event(args, paramsOf(args)));
}

function hasEventless(machine: AnyStateMachine): boolean {
  const search = (node: AnyStateNode): boolean =>
    (node.always?.length ?? 0) > 0 || Object.values(node.states).some(search);
  return search(machine.root);
}
