import type { AnyStateMachine, SimulatedClock } from 'xstate';
import type { Start } from '../../../src/actor/actor.ts';
import { inspectedStarter } from '../../../src/actor/inspected-actor.ts';
import { starter } from '../../../src/actor/xstate/machine-actor.ts';

export type StarterOf = <TMachine extends AnyStateMachine>(
  machine: TMachine,
  clock: SimulatedClock,
) => Start<TMachine>;

/** Actors as they run while somebody inspects: XState's own. */
export const inspected: StarterOf = (machine, clock) => inspectedStarter(machine, clock, () => {});

/** Both ways Bloom runs its machines, for tests of what is true of either. */
export const RUNTIMES: [name: string, starterOf: StarterOf][] = [
  ['a machine actor', starter],
  ['an inspected actor', inspected],
];
