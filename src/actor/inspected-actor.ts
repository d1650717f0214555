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
import type { Actor, Decision, Perform, Start } from './actor.ts';
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
  return (input, perform) => new InspectedActor(logic, { ...options, input }, perform);
}

/** XState's root actor of a machine. Root actors, since a parent's list of children is copied at each spawn. */
class InspectedActor<TMachine extends AnyStateMachine, TCause> implements Actor<TMachine, TCause> {
  readonly #ref: AnyActorRef;
  /** What came with each event: XState queues the events themselves, and an inspector sees no more than them. */
  readonly #causes = new WeakMap<EventFromLogic<TMachine>, TCause>();
  /** Of the event that is taken now. */
  #cause: TCause | undefined;

  constructor(
    machine: TMachine,
    options: { clock: Clock; inspect?: (event: InspectionEvent) => void; input: InputFrom<TMachine> },
    perform: Perform<TMachine, TCause>,
  ) {
    const actor = createActor(this.#noting(machine), options);
    actor.on('*', (decision) => perform(decision as Decision<TMachine>, this.#cause));
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

  send(event: EventFromLogic<TMachine>, cause?: TCause): void {
    if (cause !== undefined) this.#causes.set(event, cause);
    this.#ref.send(event);
  }

  stop(): void {
    this.#ref.stop?.();
  }

  /** The machine, which notes what came with an event when its turn comes. */
  #noting(machine: TMachine): AnyStateMachine {
    const transition: TMachine['transition'] = (snapshot, event, scope) => {
      this.#cause = this.#causes.get(event as EventFromLogic<TMachine>);
      return machine.transition(snapshot, event, scope);
    };
    return Object.create(machine, { transition: { value: transition } });
  }
}
