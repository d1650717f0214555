import type { AnyTransitionDefinition, InspectedMicrostepEvent } from 'xstate';

/** The transitions that a microstep took, for the inspector; none where this XState does not tell them. */
export function transitionsOf({ _transitions: taken }: InspectedMicrostepEvent): AnyTransitionDefinition[] {
  return Array.isArray(taken) ? taken : [];
}
