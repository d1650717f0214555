import type { ActorScope, AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate';

/** XState's scope, its types left to whatever machine is wrapped. */
// biome-ignore lint/suspicious/noExplicitAny: one wrapper for machines of every type
type Any = any;
type Scope = ActorScope<Any, Any, Any, Any>;

/** What runs an action of a transition, or undefined for one that only XState's interpreter can. */
type Runner = (args: { context: Any; event: Any; self: Any; system: Any }, params: Any, scope: Scope) => void;

/**
 * A machine that handles the common event cheaply: one whose selected transitions have no target and whose
 * actions are the machine's own functions or emits. XState selects the transitions and evaluates the guards as
 * ever; then the actions run and the snapshot stays the same object, where XState would copy sets of states only
 * to find that nothing moved. Every other event goes to XState's interpreter. The machine's definition stays the
 * only statement of the rules; test/absorb.test.ts compares the two over random events.
 *
 * A machine with eventless (`always`) transitions is left as it is: they would have to be looked at after each
 * event. So is inspection: absorbed events show no microsteps or actions, so do not wrap while inspecting.
 */
export function absorbing<TMachine extends AnyStateMachine>(machine: TMachine): TMachine {
  if (hasEventless(machine)) return machine;
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
    if (snapshot.status !== 'active' || event.type === 'xstate.stop')
      return machine.transition(snapshot, event, scope);
    const selected: AnyTransitionDefinition[] = machine.getTransitionData(snapshot, event);
    for (const each of selected) if (planOf(each) === null) return machine.transition(snapshot, event, scope);
    const args = { context: snapshot.context, event, self: scope.self, system: scope.system };
    for (const each of selected) for (const step of planOf(each) as readonly Step[]) step(args, scope);
    return snapshot;
  };
  return Object.create(machine, { transition: { value: transition } });
}

type Step = (args: Parameters<Runner>[0], scope: Scope) => void;

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
