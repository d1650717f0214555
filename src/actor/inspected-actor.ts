import {
  type AnyActorRef,
  type AnyStateMachine,
  type ContextFrom,
  createActor,
  type EventFromLogic,
  type InputFrom,
  type InspectionEvent,
  type SnapshotFrom,
} from 'xstate';
import type { Actor, Decision, Performer, Start } from './actor.ts';
import type { Clock } from './clock.ts';
import { withRollback } from './rollback.ts';

/**
 * Starts actors of XState's own: an inspector wants to see every event, microstep and action. They use nothing of XState
 * that is not documented. They cost twice the time and several times the memory of the others.
 */
export function inspectedStarter<TMachine extends AnyStateMachine>(
  machine: TMachine,
  clock: Clock,
  inspect?: ((event: InspectionEvent) => void) | undefined,
): Start<TMachine> {
  const logic = withRollback(machine);
  const options = { clock, ...(inspect && { inspect }) };
  return (input, performer) => new InspectedActor(logic, { ...options, input }, performer);
}

/** XState's root actor of a machine. Root actors, since a parent's list of children is copied at each spawn. */
class InspectedActor<TMachine extends AnyStateMachine> implements Actor<TMachine> {
  readonly #ref: AnyActorRef;

  constructor(
    machine: TMachine,
    options: { clock: Clock; inspect?: (event: InspectionEvent) => void; input: InputFrom<TMachine> },
    performer: Performer<TMachine>,
  ) {
    const actor = createActor(machine as AnyStateMachine, options);
    actor.on('*', (decision) => performer.perform(decision as Decision<TMachine>));
    let failure: { readonly error: unknown } | undefined;
    actor.subscribe({
      error(error) {
        failure = { error };
      },
    });
    this.#ref = actor.start();
    if (failure !== undefined) throw failure.error;
  }

  get context(): ContextFrom<TMachine> {
    return this.#ref.getSnapshot().context;
  }

  hasTag(tag: string): boolean {
    return this.#ref.getSnapshot().hasTag(tag);
  }

  getSnapshot(): SnapshotFrom<TMachine> {
    return this.#ref.getSnapshot();
  }

  send(event: EventFromLogic<TMachine>): void {
    this.#ref.send(event);
  }

  stop(): void {
    this.#ref.stop?.();
  }
}
