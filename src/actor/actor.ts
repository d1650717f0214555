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

/** Who carries out what an actor decides. */
export interface Performer<TMachine extends AnyStateMachine> {
  perform(decision: Decision<TMachine>): void;
}

/**
 * A machine at work: it takes events one at a time, in the order they were sent, those that performing a decision sends
 * included. An event whose transition throws costs itself and nothing else.
 */
export interface Actor<TMachine extends AnyStateMachine> {
  readonly context: ContextFrom<TMachine>;
  hasTag(tag: Parameters<SnapshotFrom<TMachine>['hasTag']>[0]): boolean;
  getSnapshot(): SnapshotFrom<TMachine>;
  send(event: EventFromLogic<TMachine>): void;
  /** Takes no more events, not even those that wait, and sets no more timers. */
  stop(): void;
}

/** Starts an actor of one machine. Throws what the machine throws before there is an actor: of its input, say. */
export type Start<TMachine extends AnyStateMachine> = (
  input: InputFrom<TMachine>,
  performer: Performer<TMachine>,
) => Actor<TMachine>;

/** What XState does with an exception of somebody it tells: the process hears of it, the actor goes on. */
export function rethrowLater(error: unknown): void {
  setTimeout(() => {
    throw error;
  });
}
