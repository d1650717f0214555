import type { AnyActorLogic } from 'xstate';
import type { TransitionFailed } from './actor.ts';

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
      const failure: TransitionFailed<typeof event> = { type: 'failed', error, event };
      scope.defer(() => scope.emit(failure));
      return snapshot;
    }
  };
  return Object.create(logic, { transition: { value: transition } });
}
