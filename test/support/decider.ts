import {
  type Actor,
  type AnyStateMachine,
  createActor,
  type EmittedFrom,
  type EventFromLogic,
  type InputFrom,
  SimulatedClock,
} from 'xstate';

/** An actor that runs a statechart alone, on a clock that stands until it is moved, and what it decides. */
export interface Decider<M extends AnyStateMachine> {
  readonly actor: Actor<M>;
  readonly clock: SimulatedClock;
  /** Sends events and returns what they made it decide. */
  decide(...events: EventFromLogic<M>[]): EmittedFrom<M>[];
  /** Lets time pass and returns what that made it decide. */
  wait(ms: number): EmittedFrom<M>[];
}

/** Several can have one clock. */
export function startDecider<M extends AnyStateMachine>(
  machine: M,
  input: InputFrom<M>,
  clock = new SimulatedClock(),
): Decider<M> {
  // A generic machine's options cannot be told from those of one that takes no input.
  const actor: Actor<M> = createActor(machine as AnyStateMachine, { clock, input }) as never;
  let decisions: EmittedFrom<M>[] = [];
  actor.on('*', (decision) => void decisions.push(decision as EmittedFrom<M>));
  actor.start();
  return {
    actor,
    clock,
    decide(...events) {
      decisions = [];
      for (const event of events) actor.send(event);
      return decisions;
    },
    wait(ms) {
      decisions = [];
      clock.increment(ms);
      return decisions;
    },
  };
}
