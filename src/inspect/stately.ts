import { createInspector, type StatelyInspectionEvent } from '@statelyai/inspect';
import type { WebSocket } from 'ws';
import type { ActorRecord, Entry } from './record.ts';
import type { Registry, RegistryListener } from './registry.ts';

/** Events told to a page that opens late; @statelyai/inspect's own server keeps as many. */
const MAX_REPLAYED = 200;
/** Bytes that may wait for a reader; one that lets more wait is disconnected. */
const MAX_WAITING = 8 * 1024 * 1024;

/**
 * Tells Stately's inspector, or anything that reads its format: one StatelyInspectionEvent a frame. A reader
 * first hears of every actor there is and of the last events, as if it had been there.
 */
export class StatelyFeed implements RegistryListener {
  readonly #registry: Registry;
  readonly #readers = new Set<WebSocket>();
  /** Who hears what the inspector sends right now. */
  #audience: Iterable<WebSocket> = this.#readers;
  /** What the inspector cannot know of what it sends right now. */
  #facts: Partial<StatelyInspectionEvent> & { name?: string } = {};
  readonly #inspector = createInspector({ send: (event) => this.#send(event) });

  constructor(registry: Registry) {
    this.#registry = registry;
    registry.listen(this);
  }

  /** Takes over a socket that has just been opened. */
  serve(socket: WebSocket): void {
    this.#audience = [socket];
    for (const record of this.#registry.records) this.appeared(record);
    const events = [...this.#registry.records].flatMap((record) =>
      record.entries.map((entry) => ({ record, entry })),
    );
    const last = events.sort((a, b) => a.entry.seq - b.entry.seq).slice(-MAX_REPLAYED);
    for (const { record, entry } of last) this.#tellEvent(record, entry);
    this.#audience = this.#readers;
    this.#readers.add(socket);
    socket.on('close', () => this.#readers.delete(socket));
  }

  appeared(record: ActorRecord): void {
    if (this.#isAlone) return;
    const { active: _, ...snapshot } = record.state();
    // Of a UUID the first eight digits are enough.
    const shortName = record.name?.replace(/^([\da-f]{8})-[\da-f-]{27}$/, '$1');
    const name = [record.machine, shortName].filter(Boolean).join(' ');
    this.#facts = { rootId: record.id, name };
    this.#inspector.actor(record.actor, snapshot);
  }

  changed(record: ActorRecord, entry: Entry | undefined): void {
    if (this.#isAlone) return;
    if (entry?.outcome === 'waiting') this.#tellEvent(record, entry);
    else this.#tellSnapshot(record, entry);
  }

  forgotten(): void {}

  get #isAlone(): boolean {
    return this.#audience === this.#readers && this.#readers.size === 0;
  }

  #tellEvent(record: ActorRecord, entry: Entry): void {
    this.#facts = { rootId: record.id, createdAt: String(entry.at) };
    this.#inspector.event(
      record.id,
      eventOf(entry),
      entry.source === undefined ? {} : { source: entry.source },
    );
  }

  #tellSnapshot(record: ActorRecord, entry: Entry | undefined): void {
    const { active: _, ...snapshot } = record.state();
    this.#facts = { rootId: record.id };
    this.#inspector.snapshot(record.id, snapshot, entry === undefined ? {} : { event: eventOf(entry) });
  }

  #send(event: StatelyInspectionEvent): void {
    const text = JSON.stringify({ ...event, ...this.#facts });
    for (const socket of this.#audience) {
      if (socket.readyState !== socket.OPEN) continue;
      if (socket.bufferedAmount > MAX_WAITING) socket.close(1013, 'too slow');
      else socket.send(text);
    }
  }
}

function eventOf({ type, payload }: Entry): { type: string } {
  return { ...(payload as object), type };
}
