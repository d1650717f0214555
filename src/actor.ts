import {
  type ActorRefFrom,
  type AnyActorLogic,
  createActor,
  type EmittedFrom,
  type EventFromLogic,
  type InputFrom,
  type InspectionEvent,
} from 'xstate';
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
 * Starts a root actor whose decisions go to `perform`. Root actors, since a parent's list of children is
 * copied at each spawn. `died` hears of an error that not even a rollback caught; the actor is stopped then.
 */
export function startActor<TLogic extends AnyActorLogic>(
  logic: TLogic,
  input: InputFrom<TLogic>,
  system: ActorSystem,
  perform: (decision: Decision<TLogic>) => void,
  died: (error: unknown) => void,
): ActorRefFrom<TLogic> {
  const actor = createActor(logic as AnyActorLogic, { ...system, input });
  actor.on('*', perform as (decision: unknown) => void);
  actor.subscribe({ error: died });
  return actor.start() as ActorRefFrom<TLogic>;
}
