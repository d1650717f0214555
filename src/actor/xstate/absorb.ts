import type {
  AnyMachineSnapshot,
  AnyStateMachine,
  AnyStateNode,
  AnyTransitionDefinition,
  EventObject,
} from 'xstate';
import { and, not, or, stateIn } from 'xstate/guards';

/** XState's own types are left to whatever machine is interpreted. */
// biome-ignore lint/suspicious/noExplicitAny: one rule for machines of every type
type Any = any;
type Args = { readonly context: Any; readonly event: Any };

/**
 * Takes an event that leaves the states and the context as they are: its guards are evaluated, and its actions run.
 * Returns what they emit, in order; undefined when XState has to interpret the event, of which nothing has happened then.
 * Throws what an action throws.
 */
export type Absorb = (context: Any, event: EventObject) => readonly EventObject[] | undefined;

/**
 * How a machine in these states absorbs an event of this type: the common event, whose selected transitions have no
 * target and whose actions are the machine's own functions or emits. XState would copy sets of states only to find that
 * nothing moved. Which transitions may be selected is worked out here, from the machine's definition, once for all
 * actors; what is left to do at each event are their guards and actions. The machine's definition stays the only
 * statement of the rules; test/actor/xstate/absorb.test.ts compares the two over random machines and events. Of XState's guards
 * and actions it reads fields that are not documented: fast-path.ts checks at the start that they mean what they did.
 *
 * A machine with eventless (`always`) transitions absorbs nothing: they would have to be looked at after each event.
 */
export function absorberOf(snapshot: AnyMachineSnapshot, type: string): Absorb {
  const { machine, status, value } = snapshot;
  if (status !== 'active' || hasEventless(machine)) return () => undefined;
  const choice = choiceOf(machine.root, value, type, snapshot);
  return (context, event) => {
    const args: Args = { context, event };
    const plan = choose(choice, args) ?? Plan.EMPTY;
    return plan === Plan.LEFT_TO_XSTATE ? undefined : plan.carryOut(args);
  };
}

/** Transitions of which at most one is taken: the first of its own whose guard lets it, where there is none within. */
interface Choice {
  readonly within: readonly Choice[];
  readonly own: readonly Candidate[];
}

interface Candidate {
  readonly transition: AnyTransitionDefinition;
  readonly guard: Guard;
  readonly plan: Plan;
}

/** What there is to choose from in a configuration, as XState goes about it: a state's own comes last. */
function choiceOf(node: AnyStateNode, value: Any, type: string, snapshot: AnyMachineSnapshot): Choice {
  const states: Record<string, Any> = typeof value === 'string' ? { [value]: {} } : value;
  const within = Object.keys(states)
    .map((key) => choiceOf(node.states[key] as AnyStateNode, states[key], type, snapshot))
    .filter((choice) => choice.within.length + choice.own.length > 0);
  const own = candidatesOf(node, type)
    .map((transition) => candidateOf(transition, snapshot))
    .filter(({ guard }) => guard !== never);
  const [only] = within;
  return within.length === 1 && only !== undefined && own.length === 0 ? only : { within, own };
}

/** What the enabled transitions do together; undefined when none is enabled. */
function choose({ within, own }: Choice, args: Args): Plan | undefined {
  let plan: Plan | undefined;
  for (const choice of within) {
    const chosen = choose(choice, args);
    if (chosen !== undefined) plan = plan === undefined ? chosen : plan.with(chosen);
  }
  return plan ?? firstEnabled(own, args);
}

function firstEnabled(candidates: readonly Candidate[], args: Args): Plan | undefined {
  for (const { guard, plan, transition } of candidates) {
    try {
      if (guard(args)) return plan;
    } catch (error) {
      throw guardFailed(error, transition, args.event.type);
    }
  }
  return undefined;
}

function candidateOf(transition: AnyTransitionDefinition, snapshot: AnyMachineSnapshot): Candidate {
  const guard = transition.guard === undefined ? always : guardOf(transition.guard, snapshot);
  if (guard === unknownGuard) return { transition, guard: always, plan: Plan.LEFT_TO_XSTATE };
  return { transition, guard, plan: planOf(transition, snapshot.machine) };
}

/** In XState's words. */
function guardFailed(error: unknown, { guard, source }: AnyTransitionDefinition, type: string): Error {
  const name: unknown = typeof guard === 'object' ? guard.type : guard;
  const which = typeof name === 'string' ? `'${name}' ` : '';
  return new Error(
    `Unable to evaluate guard ${which}in transition for event '${type}' in state node '${source.id}':\n${(error as Error).message}`,
  );
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

type Guard = (args: Args) => boolean;

/** What a configuration settles is not asked again at each event. */
const always: Guard = () => true;
const never: Guard = () => false;

const AND = checkOf(and([]));
const OR = checkOf(or([]));
const NOT = checkOf(not(() => true));
const STATE_IN = checkOf(stateIn(''));
/** False for a version of XState that tells the kinds of guards apart in another way. XState evaluates them then. */
export const KNOWS_GUARDS: boolean =
  [AND, OR, NOT, STATE_IN].every((kind) => typeof kind === 'function') &&
  new Set([AND, OR, NOT, STATE_IN]).size === 4 &&
  [and([]), or([]), not(() => true)].every((guard: Any) => Array.isArray(guard.guards));

/** A guard ready to be called: its name looked up, its parts put together, `stateIn` answered. */
function guardOf(guard: Any, snapshot: AnyMachineSnapshot): Guard {
  const isInline = typeof guard === 'function';
  const found = isInline ? guard : snapshot.machine.implementations.guards[guard.type ?? guard];
  if (typeof found !== 'function') return unknownGuard;
  if (!isPlain(found)) return combinationOf(found, snapshot);
  const params = isInline ? undefined : guard.params;
  if (typeof params === 'function') return (args) => found(args, params(args));
  return params === undefined ? found : (args) => found(args, params);
}

/** A guard that XState made of others, or of a state. */
function combinationOf(guard: Any, snapshot: AnyMachineSnapshot): Guard {
  if (!KNOWS_GUARDS) return unknownGuard;
  if (checkOf(guard) === STATE_IN) return isIn(guard, snapshot);
  if (!Array.isArray(guard.guards)) return unknownGuard;
  const inner: Guard[] = guard.guards.map((each: Any) => guardOf(each, snapshot));
  switch (checkOf(guard)) {
    case AND:
      return inner.reduceRight(both, always);
    case OR:
      return inner.reduceRight(either, never);
    case NOT:
      return inner.length === 1 ? opposite(inner[0] as Guard) : unknownGuard;
    default:
      return unknownGuard;
  }
}

/** Of what nothing is known here: a guard of a kind that XState may come to have, or of a name it does not find. */
const unknownGuard: Guard = () => true;

function both(rest: Guard, guard: Guard): Guard {
  if (guard === unknownGuard || rest === unknownGuard) return unknownGuard;
  if (guard === always || rest === always) return guard === always ? rest : guard;
  return guard === never ? never : (args) => guard(args) && rest(args);
}

function either(rest: Guard, guard: Guard): Guard {
  if (guard === unknownGuard || rest === unknownGuard) return unknownGuard;
  if (guard === never || rest === never) return guard === never ? rest : guard;
  return guard === always ? always : (args) => guard(args) || rest(args);
}

function opposite(guard: Guard): Guard {
  if (guard === unknownGuard) return unknownGuard;
  if (guard === always) return never;
  return guard === never ? always : (args) => !guard(args);
}

function isIn(guard: Any, snapshot: AnyMachineSnapshot): Guard {
  try {
    return guard.check(snapshot, {}, guard) ? always : never;
  } catch {
    return unknownGuard;
  }
}

/**
 * A guard or an action that a machine's author wrote. XState gives its own ones properties. One with properties that are
 * not known here is left to XState, so that a renamed property can never turn a guard into "always".
 */
function isPlain(written: object): boolean {
  return Reflect.ownKeys(written).every((key) => FUNCTION_KEYS.has(key));
}

const FUNCTION_KEYS = new Set(Reflect.ownKeys(function plain() {}));

function checkOf(guard: Any): unknown {
  return guard?.check;
}

/** One action: a function of the machine's own, or one that makes what is emitted. */
interface Step {
  readonly run: (args: Args, params: Any) => Any;
  readonly params: Any;
  readonly emits: boolean;
}

const NOTHING: readonly EventObject[] = [];

/** Actions to carry out, one after the other. */
class Plan {
  static readonly EMPTY = new Plan([]);
  /** The plan of a transition that takes XState's interpreter. */
  static readonly LEFT_TO_XSTATE = new Plan([]);

  readonly #steps: readonly Step[];
  /** What it was carried out with last, and both together: hardly ever another. */
  #next: Plan | undefined;
  #both: Plan | undefined;

  constructor(steps: readonly Step[]) {
    this.#steps = steps;
  }

  with(next: Plan): Plan {
    if (this.#both === undefined || this.#next !== next) {
      const isLeft = this === Plan.LEFT_TO_XSTATE || next === Plan.LEFT_TO_XSTATE;
      this.#next = next;
      this.#both = isLeft ? Plan.LEFT_TO_XSTATE : new Plan([...this.#steps, ...next.#steps]);
    }
    return this.#both;
  }

  /** Returns what is emitted. */
  carryOut(args: Args): readonly EventObject[] {
    let emitted = NOTHING;
    for (const { run, params, emits } of this.#steps) {
      const made = run(args, typeof params === 'function' ? params(args) : params);
      if (emits) emitted = emitted === NOTHING ? [made] : [...emitted, made];
    }
    return emitted;
  }
}

function planOf(transition: AnyTransitionDefinition, machine: AnyStateMachine): Plan {
  if (transition.target !== undefined || transition.reenter) return Plan.LEFT_TO_XSTATE;
  const steps = (transition.actions as Any[]).map((action) =>
    stepOf(
      typeof action === 'function' ? action : machine.implementations.actions[action.type ?? action],
      action.params,
    ),
  );
  return steps.includes(undefined) ? Plan.LEFT_TO_XSTATE : new Plan(steps as Step[]);
}

/** Undefined for an action that only XState's interpreter can run. */
function stepOf(action: Any, params: Any): Step | undefined {
  if (typeof action !== 'function') return undefined;
  if (isPlain(action)) return { run: action, params, emits: false };
  const { type, event } = action;
  if (type !== 'xstate.emit' || event === undefined) return undefined;
  return { run: typeof event === 'function' ? event : () => event, params, emits: true };
}

function hasEventless(machine: AnyStateMachine): boolean {
  const search = (node: AnyStateNode): boolean =>
    (node.always?.length ?? 0) > 0 || Object.values(node.states).some(search);
  return search(machine.root);
}
