import { type AnyStateMachine, assign, createMachine, emit } from 'xstate';

/**
 * A chart of the client's, whose light interpreter leaves its actions as data, as a machine of XState's own: to draw
 * it, and to test the one against the other.
 */
export function toXState<M extends AnyStateMachine>({ config, implementations }: M): M {
  const { actions, guards, delays } = implementations;
  const made = Object.entries(actions).map(([name, action]) => {
    // biome-ignore lint/suspicious/noExplicitAny: what src/client/xstate/chart.ts makes of assign and emit
    const { assignment, emitted } = action as any;
    return [name, assignment === undefined ? emit(emitted) : assign(assignment)] as const;
  });
  return createMachine(config, { guards, delays, actions: Object.fromEntries(made) }) as unknown as M;
}
