import {
  type AnyActorLogic,
  type AnyActorRef,
  createActor,
  type EmittedFrom,
  type EventFromLogic,
  type InputFrom,
  type InspectionEvent,
  type SnapshotFrom,
} from 'xstate';
import type { Absorb, Absorbing } from './absorb.ts';
import type { Clock } from './clock.ts';
import type { TransitionFailed } from './rollback.ts';

/** What every actor of this process shares. */
export interface ActorSystem {
  readonly clock: Clock;
  /** Set only while inspecting: an observer halves an actor's throughput. */
  readonly inspect?: (event: InspectionEvent) => void;
}

/** What an actor decides, or that a transition of it threw. */
export type Decision<TLogic extends AnyActorLogic> =
  | EmittedFrom<TLogic>
  | TransitionFailed<EventFromLogic<TLogic>>;

/**
 * A root actor whose decisions go to `perform`. Root actors, since a parent's list of children is copied at each
 * spawn. Events that its logic absorbs do not reach XState's actor, which stays as it is; all are taken one at a time, in
 * the order they were sent, those that performing a decision sends included.
 */
export class Actor<TLogic extends AnyActorLogic> {
  readonly #ref: AnyActorRef;
  readonly #absorb: Absorb | undefined;
  readonly #perform: (decision: Decision<TLogic>) => void;
  /** Sent while another event is taken. */
  readonly #waiting: EventFromLogic<TLogic>[] = [];
  #isTaking = false;
  /** XState emits on its own account: for a timer. */
  #isEmitting = false;

  /**
   * What `logic` absorbs must not throw: withRollback sees to that. `died` hears of an error that not even a rollback
   * caught; the actor is stopped then.
   */
  constructor(
    logic: TLogic & Partial<Absorbing>,
    input: InputFrom<TLogic>,
    system: ActorSystem,
    perform: (decision: Decision<TLogic>) => void,
    died: (error: unknown) => void,
  ) {
    this.#absorb = logic.absorb;
    this.#perform = perform;
    const actor = createActor(logic as AnyActorLogic, { ...system, input });
    actor.on('*', (decision) => this.#emit(decision as Decision<TLogic>));
    actor.subscribe({ error: died });
    this.#ref = actor.start();
  }

  send(event: EventFromLogic<TLogic>): void {
    if (this.#isTaking) return void this.#waiting.push(event);
    if (this.#isEmitting) return this.#ref.send(event); // it waits in XState's mailbox
    this.#isTaking = true;
    try {
      let next: EventFromLogic<TLogic> | undefined = event;
      for (; next !== undefined; next = this.#waiting.shift()) this.#take(next);
    } finally {
      this.#isTaking = false;
    }
  }

  getSnapshot(): SnapshotFrom<TLogic> {
    return this.#ref.getSnapshot();
  }

  stop(): void {
    this.#waiting.length = 0;
    this.#ref.stop?.();
  }

  #take(event: EventFromLogic<TLogic>): void {
    const decisions = this.#absorb?.(this.#ref.getSnapshot(), event, this.#ref);
    if (decisions === undefined) return this.#ref.send(event);
    for (const decision of decisions) {
      try {
        this.#perform(decision as Decision<TLogic>);
      } catch (error) {
        rethrowLater(error);
      }
    }
  }

  #emit(decision: Decision<TLogic>): void {
    const outer = this.#isEmitting;
    this.#isEmitting = true;
    try {
      this.#perform(decision);
    } finally {
      this.#isEmitting = outer;
    }
  }
}

/** What XState does with what a listener throws. */
function rethrowLater(error: unknown): void {
  setTimeout(() => {
    throw error;
  });
}
