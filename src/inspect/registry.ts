import type { AnyActor, AnyEventObject, InspectionEvent, Snapshot } from 'xstate';
import { transitionsOf } from '../actor/xstate/microstep.ts';
import { ActorRecord, type Entry, machineOf } from './record.ts';

/** Who hears what changed. An entry may be heard of twice: when the event is sent, and when it is handled. */
export interface RegistryListener {
  appeared(record: ActorRecord): void;
  changed(record: ActorRecord, entry: Entry | undefined): void;
  forgotten(record: ActorRecord): void;
}

export interface Limits {
  /** Live actors shown of each machine; others are only counted. */
  readonly perMachine: number;
  /** How long an actor is shown after it ended, in milliseconds. */
  readonly endedForMs: number;
}

/** Ended actors shown at most, of all machines. */
const MAX_ENDED = 100;

/**
 * The live actors, a bounded number of each machine, and for a while those that ended. Fed with XState's
 * inspection events, of any number of root actors.
 */
export class Registry {
  readonly #limits: Limits;
  readonly #listeners = new Set<RegistryListener>();
  readonly #records = new Map<string, ActorRecord>();
  readonly #ended = new Set<ActorRecord>();
  /** By machine: how many live ones are shown, and those that are not. */
  readonly #live = new Map<string, number>();
  readonly #hidden = new Map<string, Map<string, AnyActor>>();
  /** The actors at work, innermost last: whoever sends an event while it handles one is the sender. */
  readonly #working: string[] = [];
  #seq = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** All that are shown, in the order of their appearance. */
  get records(): Iterable<ActorRecord> {
    return this.#records.values();
  }

  find(id: string): ActorRecord | undefined {
    return this.#records.get(id);
  }

  /** How many live actors of each machine are not shown, for the machines that have any. */
  hidden(): Record<string, number> {
    const counts = [...this.#hidden].map(([machine, actors]) => [machine, actors.size] as const);
    return Object.fromEntries(counts.filter(([, count]) => count > 0));
  }

  /** Returns how to stop listening. */
  listen(listener: RegistryListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** For XState's `inspect` option. */
  inspect(event: InspectionEvent): void {
    const actor = event.actorRef as AnyActor;
    switch (event.type) {
      case '@xstate.event':
        return this.#received(actor, event.event, event.sourceRef?.sessionId);
      case '@xstate.action':
        this.#works(actor.sessionId);
        if (event.action.type === 'xstate.emit') {
          this.find(actor.sessionId)?.decides((event.action.params as { event: AnyEventObject }).event);
        }
        return;
      case '@xstate.microstep':
        this.#works(actor.sessionId);
        this.find(actor.sessionId)?.steps(transitionsOf(event), event.snapshot);
        return;
      case '@xstate.snapshot':
        return this.#settled(actor, event.event, event.snapshot);
    }
  }

  /** Finds actors that ended without a word, as failed ones do, and forgets those that ended long ago. */
  sweep(now = Date.now()): void {
    for (const record of this.#records.values()) {
      if (record.endedAt !== undefined || isActive(record.actor)) continue;
      record.endedAt = now;
      this.#end(record);
    }
    for (const actors of this.#hidden.values()) {
      for (const [id, actor] of actors) if (!isActive(actor)) actors.delete(id);
    }
    for (const record of this.#ended) {
      if ((record.endedAt as number) <= now - this.#limits.endedForMs) this.#forget(record);
    }
  }

  #received(actor: AnyActor, event: AnyEventObject, sender: string | undefined): void {
    const id = actor.sessionId;
    const source = sender ?? this.#working.at(-1);
    const record = this.find(id) ?? this.#register(actor);
    if (event.type === 'xstate.init') this.#works(id);
    if (record === undefined) return;
    this.#seq += 1;
    const entry = record.receives(this.#seq, event, source === id ? undefined : source);
    this.#tell(record, entry);
  }

  #settled(actor: AnyActor, event: AnyEventObject, snapshot: Snapshot<unknown>): void {
    const id = actor.sessionId;
    const place = this.#working.lastIndexOf(id);
    if (place >= 0) this.#working.splice(place, 1);
    const record = this.find(id);
    if (record === undefined) {
      if (snapshot.status !== 'active') this.#hidden.get(machineOf(actor))?.delete(id);
      return;
    }
    const wasLive = record.endedAt === undefined;
    this.#tell(record, record.settles(event, snapshot));
    if (wasLive && record.endedAt !== undefined) this.#end(record);
  }

  #works(id: string): void {
    if (this.#working.at(-1) === id) return;
    this.#working.push(id);
    // All that an event causes happens at once, so nobody is at work when this turn ends, even after an error.
    if (this.#working.length === 1) queueMicrotask(() => this.#working.splice(0));
  }

  #register(actor: AnyActor): ActorRecord | undefined {
    const machine = machineOf(actor);
    if (!isActive(actor)) return undefined;
    const live = this.#live.get(machine) ?? 0;
    if (live >= this.#limits.perMachine) {
      const hidden = this.#hidden.get(machine) ?? new Map<string, AnyActor>();
      this.#hidden.set(machine, hidden.set(actor.sessionId, actor));
      return undefined;
    }
    this.#live.set(machine, live + 1);
    const record = new ActorRecord(actor);
    this.#records.set(record.id, record);
    for (const listener of this.#listeners) listener.appeared(record);
    return record;
  }

  #end(record: ActorRecord): void {
    this.#live.set(record.machine, (this.#live.get(record.machine) as number) - 1);
    this.#ended.add(record);
    this.#tell(record, undefined);
    if (this.#ended.size > MAX_ENDED) this.#forget(first(this.#ended) as ActorRecord);
    this.#showNext(record.machine);
  }

  /** One that was hidden takes the place of one that ended. */
  #showNext(machine: string): void {
    const hidden = this.#hidden.get(machine);
    const next = first(hidden?.values() ?? []);
    if (next === undefined) return;
    hidden?.delete(next.sessionId);
    if (this.#register(next) === undefined) this.#showNext(machine);
  }

  #forget(record: ActorRecord): void {
    this.#ended.delete(record);
    this.#records.delete(record.id);
    for (const listener of this.#listeners) listener.forgotten(record);
  }

  #tell(record: ActorRecord, entry: Entry | undefined): void {
    for (const listener of this.#listeners) listener.changed(record, entry);
  }
}

function isActive(actor: AnyActor): boolean {
  return (actor.getSnapshot() as Snapshot<unknown> | undefined)?.status === 'active';
}

function first<T>(items: Iterable<T>): T | undefined {
  for (const item of items) return item;
  return undefined;
}
