import type {
  AnyActor,
  AnyEventObject,
  AnyStateMachine,
  AnyStateNode,
  AnyTransitionDefinition,
  Snapshot,
} from 'xstate';
import { type Plain, redact } from './redact.ts';

/** Events kept of each actor. */
export const MAX_EVENTS = 50;
/** Decisions kept of each event. */
const MAX_DECISIONS = 20;

/** What an actor made of an event: `failed` means that the transition threw and was rolled back. */
export type Outcome = 'waiting' | 'handled' | 'ignored' | 'failed';

/** Something an actor decided while it handled an event. */
export interface Decision {
  readonly type: string;
  readonly payload: Plain;
}

/** An event an actor was sent; nothing in it is secret. */
export interface Entry {
  /** Rises by one with each event of the process. */
  readonly seq: number;
  /** When it was sent, in milliseconds since 1970. */
  readonly at: number;
  readonly type: string;
  /** Its fields other than `type`. */
  readonly payload: Plain;
  /** The session id of the actor that sent it; undefined if none did. */
  readonly source: string | undefined;
  outcome: Outcome;
  /** The transitions it took, in order. */
  readonly transitions: AnyTransitionDefinition[];
  readonly decisions: Decision[];
}

interface Waiting {
  readonly event: AnyEventObject;
  readonly entry: Entry;
  /** What the last of its steps led to. */
  reached: unknown;
}

/** What a page shows of an actor's state; nothing in it is secret. */
export interface StateOfActor {
  readonly status: Snapshot<unknown>['status'];
  /** As XState writes it: `'idle'`, `{ rate: 'open', seat: 'inside' }`. */
  readonly value: Plain;
  readonly context: Plain;
  readonly output: Plain;
  readonly error: Plain;
  /** Ids of the active state nodes. */
  readonly active: readonly string[];
}

interface MachineSnapshotLike {
  readonly value?: unknown;
  readonly context?: unknown;
  readonly _nodes?: readonly AnyStateNode[];
}

/** One actor as the inspector knows it: its last events, and how it stands. */
export class ActorRecord {
  readonly id: string;
  /** The id of its machine: `room`. */
  readonly machine: string;
  readonly actor: AnyActor;
  /** The last `MAX_EVENTS`, oldest first. */
  readonly entries: Entry[] = [];
  /** When it ended, in milliseconds since 1970. */
  endedAt: number | undefined;
  readonly #waiting: Waiting[] = [];

  constructor(actor: AnyActor) {
    this.id = actor.sessionId;
    this.machine = machineOf(actor);
    this.actor = actor;
  }

  /** Its statechart; undefined for an actor that is no state machine. */
  get definition(): AnyStateMachine | undefined {
    const { root } = this.actor.logic as Partial<AnyStateMachine>;
    return root?.machine;
  }

  /** The id people know it by: `room_id` of a room, `participant_id` of a participant. */
  get name(): string | undefined {
    const { context } = this.actor.getSnapshot() as { context?: Record<string, unknown> };
    for (const name of [`${this.machine}_id`, 'participant_id', 'room_id']) {
      const value = context?.[name];
      if (typeof value === 'string') return redact(value) as string;
    }
    return undefined;
  }

  /** How it stands now. */
  state(): StateOfActor {
    const snapshot = this.actor.getSnapshot() as Snapshot<unknown> & MachineSnapshotLike;
    return {
      status: snapshot.status,
      value: redact(snapshot.value ?? null),
      context: redact(snapshot.context ?? null),
      output: redact(snapshot.output ?? null),
      error: redact(snapshot.error ?? null),
      active: (snapshot._nodes ?? []).map(({ id }) => id),
    };
  }

  /** It was sent an event, and handles it when it has handled those before. */
  receives(seq: number, event: AnyEventObject, source: string | undefined): Entry {
    const { type, ...payload } = event;
    const entry: Entry = {
      seq,
      at: Date.now(),
      type,
      payload: redact(payload),
      source,
      outcome: this.endedAt === undefined ? 'waiting' : 'ignored',
      transitions: [],
      decisions: [],
    };
    this.entries.push(entry);
    if (this.entries.length > MAX_EVENTS) this.entries.shift();
    if (this.endedAt === undefined) this.#waiting.push({ event, entry, reached: undefined });
    if (this.#waiting.length > MAX_EVENTS) this.#waiting.shift();
    return entry;
  }

  /** It decided something while it handles the first event that waits. */
  decides(decision: AnyEventObject): void {
    const [first] = this.#waiting;
    if (first === undefined || first.entry.decisions.length === MAX_DECISIONS) return;
    const { type, ...payload } = decision;
    first.entry.decisions.push({ type, payload: redact(payload) });
  }

  /** It took transitions, perhaps none, for the first event that waits, or for one that followed from it. */
  steps(transitions: readonly AnyTransitionDefinition[], reached: unknown): void {
    const [first] = this.#waiting;
    if (first === undefined) return;
    first.reached = reached;
    first.entry.transitions.push(...transitions);
  }

  /** It is done with an event, and stands at `snapshot`. Returns the event's entry if it is known. */
  settles(event: AnyEventObject, snapshot: Snapshot<unknown>): Entry | undefined {
    if (snapshot.status !== 'active') this.endedAt ??= Date.now();
    const index = this.#waiting.findIndex((waiting) => waiting.event === event);
    if (index < 0) return undefined;
    const settled = this.#waiting[index] as Waiting;
    this.#waiting.splice(0, index + 1);
    settled.entry.outcome = this.#outcomeOf(settled, snapshot);
    return settled.entry;
  }

  #outcomeOf({ event, entry, reached }: Waiting, snapshot: unknown): Outcome {
    if (event.type === 'xstate.init' || this.definition === undefined) return 'handled';
    // The rollback gives back the snapshot from before, which no step reached.
    if (reached !== snapshot) return 'failed';
    return entry.transitions.length > 0 ? 'handled' : 'ignored';
  }
}

/** The id of an actor's machine, or what comes nearest to it. */
export function machineOf({ logic, id }: AnyActor): string {
  return (logic as Partial<AnyStateMachine>).id ?? id;
}
