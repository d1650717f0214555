import type {
  AnyStateMachine,
  ContextFrom,
  EmittedFrom,
  EventFromLogic,
  InputFrom,
  SnapshotFrom,
} from 'xstate';

/** What an actor decides, or that a transition of it threw. */
export type Decision<TMachine extends AnyStateMachine> =
  | EmittedFrom<TMachine>
  | TransitionFailed<EventFromLogic<TMachine>>;

/** Decided when a transition threw: `event` had no effect, the actor stands where it stood before. */
export interface TransitionFailed<TEvent> {
  readonly type: 'failed';
  readonly error: unknown;
  readonly event: TEvent;
}

/** Performs what an actor decides; `cause` is what came with the event, undefined for a timer of the machine. */
export type Perform<TMachine extends AnyStateMachine, TCause> = (
  decision: Decision<TMachine>,
  cause: TCause | undefined,
) => void;

/**
 * A machine at work: it takes events one at a time, in the order they were sent, those that performing a decision sends
 * included. An event whose transition throws costs itself and nothing else.
 */
export interface Actor<TMachine extends AnyStateMachine, TCause> {
  readonly context: ContextFrom<TMachine>;
  hasTag(tag: Parameters<SnapshotFrom<TMachine>['hasTag']>[0]): boolean;
  getSnapshot(): SnapshotFrom<TMachine>;
  /** `cause` is passed to `perform` with each decision on this event. */
  send(event: EventFromLogic<TMachine>, cause?: TCause): void;
  /** Takes no more events, not even those that wait, and sets no more timers. */
  stop(): void;
}

/** Starts an actor of one machine. Throws what the machine throws before there is an actor: of its input, say. */
export type Start<TMachine extends AnyStateMachine> = <TCause>(
  input: InputFrom<TMachine>,
  perform: Perform<TMachine, TCause>,
) => Actor<TMachine, TCause>;

/** What XState does with an exception of somebody it tells: the process hears of it, the actor goes on. */
export function rethrowLater(error: unknown): void {
  setTimeout(() => {
    throw error;
  });
}
