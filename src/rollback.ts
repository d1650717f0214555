import type { AnyActorLogic } from 'xstate';
import type { Absorb, Absorbing } from './absorb.ts';

/** Emitted when a transition threw: `event` had no effect, the actor stands where it stood before. */
export interface TransitionFailed<TEvent> {
  readonly type: 'failed';
  readonly error: unknown;
  readonly event: TEvent;
}

/**
 * Logic whose exceptions cost one event and nothing else. Plain XState puts an actor that throws into its
 * error status, drops its mailbox and its timers, and rethrows process-wide when nobody observes it. Here the
 * actor keeps its last good snapshot, the effects the failed transition had asked for are dropped with it,
 * and `failed` is emitted in their place.
 */
export function withRollback<TLogic extends AnyActorLogic>(logic: TLogic): TLogic {
  const transition: TLogic['transition'] = (snapshot, event, scope) => {
    const effects: (() => void)[] = [];
    try {
      const next = logic.transition(snapshot, event, { ...scope, defer: (effect) => effects.push(effect) });
      for (const effect of effects) scope.defer(effect);
      return next;
    } catch (error) {
      scope.defer(() => scope.emit(failure(error, event)));
      return snapshot;
    }
  };
  const { absorb } = logic as Partial<Absorbing>;
  const absorbWithRollback: Absorb = (snapshot, event, self) => {
    try {
      return absorb?.(snapshot, event, self);
    } catch (error) {
      return [failure(error, event)];
    }
  };
  return Object.create(logic, {
    transition: { value: transition },
    ...(absorb && { absorb: { value: absorbWithRollback } }),
  });
}

function failure<TEvent>(error: unknown, event: TEvent): TransitionFailed<TEvent> {
  return { type: 'failed', error, event };
}
