import type {
  ActorLogic,
  AnyActorScope,
  AnyStateMachine,
  ContextFrom,
  EmittedFrom,
  EventFromLogic,
  InputFrom,
  Snapshot,
  StateValueFrom,
  assign as xstateAssign,
  emit as xstateEmit,
  setup as xstateSetup,
} from 'xstate';

/**
 * XState's statecharts, of which the client's need a small part: states side by side, none inside another. XState's
 * own interpreter weighs 9 kB of the 15 that the client may; this one weighs less than one, and runs the same
 * definitions in XState's own actors, which can be inspected and take XState's clocks. test/client/xstate/chart.test.ts
 * compares the two over random events.
 *
 * A chart here has `initial` (a state without entry actions and delays), `states` and `on`; a state `entry`, `exit`,
 * `after`, `on` and `type: 'final'`; a transition `guard`, `target`, `reenter` and `actions`. Everything is named,
 * and actions are `assign`s and `emit`s of functions or plain objects.
 */

// biome-ignore lint/suspicious/noExplicitAny: a chart of any type
type Any = any;

/** A snapshot, as XState's machines have it but for what only their interpreter can tell. */
export type ChartSnapshot<M extends AnyStateMachine> = Snapshot<undefined> & {
  readonly value: StateValueFrom<M>;
  readonly context: ContextFrom<M>;
};

export type ChartLogic<M extends AnyStateMachine> = ActorLogic<
  ChartSnapshot<M>,
  EventFromLogic<M>,
  InputFrom<M>,
  Any,
  EmittedFrom<M>
>;

/** XState's `setup`: what it makes is a definition, for `runChart`. */
export const setup = (({ types: _, ...implementations }: Any) => ({
  createMachine: (config: Any) => ({ config, implementations }),
})) as unknown as typeof xstateSetup;

/** XState's `assign`, for charts. */
export const assign = ((assignment: Any) => ({ assignment })) as unknown as typeof xstateAssign;

/** XState's `emit`, for charts. */
export const emit = ((emitted: Any) => ({ emitted })) as unknown as typeof xstateEmit;

/** What an actor needs to run a chart. */
export function runChart<M extends AnyStateMachine>({ config, implementations }: M): ChartLogic<M> {
  const { id, initial, context, states, on: common = {} } = config as Any;
  const { actions, guards, delays } = implementations as Any;
  const resolve = (value: Any, ...args: Any[]) => (typeof value === 'function' ? value(...args) : value);

  const isOpen = ({ guard }: Any, args: Any): boolean =>
    guard === undefined || guards[guard.type ?? guard](args, resolve(guard.params, args));

  const transition = (before: Any, event: Any, { self, system, defer, emit: tell }: AnyActorScope): Any => {
    let snapshot = before;
    const state = states[before.value];
    const timer = (delay: string, of: string) => `xstate.after.${delay}.${id}.${of}`;
    const run = (list: Any): void => {
      for (const action of [list ?? []].flat()) {
        const args = { context: snapshot.context, event };
        const { assignment, emitted } = actions[action.type ?? action];
        const params = resolve(action.params, args);
        if (emitted) {
          const decision = resolve(emitted, args, params);
          defer(() => tell(decision));
        } else {
          const changes =
            typeof assignment === 'function'
              ? assignment(args, params)
              : Object.fromEntries(
                  Object.entries(assignment).map(([key, value]) => [key, resolve(value, args, params)]),
                );
          snapshot = { ...snapshot, context: { ...snapshot.context, ...changes } };
        }
      }
    };

    const delay = Object.keys(state.after ?? {}).find((name) => timer(name, before.value) === event.type);
    const own = delay === undefined ? state.on?.[event.type] : state.after[delay];
    const args = { context: before.context, event };
    const find = (list: Any) => [list ?? []].flat().find((each: Any) => isOpen(each, args));
    const taken = find(own);
    const chosen = taken ?? find(common[event.type]);
    if (chosen === undefined) return before;

    const target = chosen.target?.replace('.', '');
    const moves = target !== undefined && (!taken || taken.reenter || target !== before.value);
    if (moves) {
      for (const name in state.after) system.scheduler.cancel(self, timer(name, before.value));
      run(state.exit);
    }
    run(chosen.actions);
    if (moves) {
      const { entry, after, type } = states[target];
      snapshot = { ...snapshot, value: target, status: type === 'final' ? 'done' : 'active' };
      run(entry);
      for (const name in after) {
        const ms = resolve(delays[name], { context: snapshot.context, event });
        const due = timer(name, target);
        system.scheduler.schedule(self, self, { type: due }, ms, due);
      }
    }
    return snapshot;
  };

  return {
    config,
    transition: (snapshot: Any, event: Any, scope: Any) =>
      event.type === 'xstate.stop' ? { ...snapshot, status: 'stopped' } : transition(snapshot, event, scope),
    getInitialSnapshot: (_: Any, input: Any) => ({
      status: 'active',
      output: undefined,
      error: undefined,
      value: initial,
      context: resolve(context, { input }),
    }),
    getPersistedSnapshot: (snapshot: Any) => snapshot,
  } as ChartLogic<M>;
}
