import type { AnyMachineSnapshot, EventObject } from 'xstate';
import { type Absorb, absorberOf } from './absorb.ts';

/**
 * The states a machine is in (SCXML's word), with all that follows from them alone: its tags, and how it absorbs each
 * type of event. However many actors there are, they share few configurations.
 */
export class Configuration {
  readonly isActive: boolean;
  readonly #snapshot: AnyMachineSnapshot;
  /** The snapshot's, as a list: of so few it is searched faster than a set. */
  readonly #tags: readonly string[];
  readonly #absorbers = new Map<string, Absorb>();
  readonly #absorbs: boolean;

  /** Of the snapshot only its context may differ from actor to actor. Unless it `absorbs`, XState interprets all events. */
  constructor(snapshot: AnyMachineSnapshot, absorbs: boolean) {
    this.#absorbs = absorbs;
    this.#snapshot = { ...snapshot, context: undefined } as AnyMachineSnapshot;
    this.#tags = [...snapshot.tags];
    this.isActive = snapshot.status === 'active';
  }

  hasTag(tag: string): boolean {
    return this.#tags.includes(tag);
  }

  snapshotWith(context: unknown): AnyMachineSnapshot {
    return { ...this.#snapshot, context };
  }

  /** What an event that changes nothing emits; undefined when XState has to interpret it. Throws what an action throws. */
  absorb(context: unknown, event: EventObject): readonly EventObject[] | undefined {
    if (!this.#absorbs) return undefined;
    let absorber = this.#absorbers.get(event.type);
    if (absorber === undefined) {
      absorber = absorberOf(this.#snapshot, event.type);
      this.#absorbers.set(event.type, absorber);
    }
    return absorber(context, event);
  }
}
