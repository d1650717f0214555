import type { WebSocket } from 'ws';
import type { Charts } from './charts.ts';
import { type ActorRecord, type Entry, MAX_EVENTS } from './record.ts';
import type { Plain } from './redact.ts';
import type { Registry, RegistryListener } from './registry.ts';

/**
 * Keeps our own page up to date over its WebSocket, ten times a second at most. It is told what there is, not
 * what happened: a page that falls behind skips what is old, and is right again with the next frame.
 *
 * To the page, one JSON object a frame:
 * - `{ type: 'welcome', run, events }`, first: `run` differs from process to process, `events` is how many
 *   are kept of an actor;
 * - `{ type: 'actors', actors, gone, hidden }`: what is new of the actors in the list (see ActorSummary), ids
 *   of those to forget, and how many of each machine are not shown;
 * - `{ type: 'actor', id, chart, state, entries }`: how the watched actor stands and what is new of its events.
 *
 * From the page: `{ type: 'watch', id }`.
 */

/** The subprotocol by which the server knows a page of ours from one that speaks Stately's format. */
export const PAGE_PROTOCOL = 'bloom.inspector';

/** An actor as the list shows it. */
export interface ActorSummary {
  readonly id: string;
  readonly machine: string;
  /** The id people know it by, a room_id or participant_id. */
  readonly name: string | null;
  readonly value: Plain;
  readonly status: string;
  /** Members of a room. */
  readonly members: number | null;
  /** The number of its last event. */
  readonly seq: number;
}

const FLUSH_MS = 100;
/** Bytes that may wait for a slow page before it is told less often. */
const MAX_WAITING = 1024 * 1024;

export class Feed implements RegistryListener {
  readonly #socket: WebSocket;
  readonly #registry: Registry;
  readonly #charts: Charts;
  readonly #dirty = new Set<ActorRecord>();
  readonly #gone = new Set<string>();
  #watched: ActorRecord | undefined;
  /** What the page has not been told of the watched actor. */
  readonly #entries = new Set<Entry>();
  #isStale = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: WebSocket, registry: Registry, charts: Charts, run: string) {
    this.#socket = socket;
    this.#registry = registry;
    this.#charts = charts;
    socket.on('message', (data) => this.#hear(String(data)));
    const stopListening = registry.listen(this);
    socket.on('close', () => {
      stopListening();
      clearTimeout(this.#timer);
    });
    this.#send({ type: 'welcome', run, events: MAX_EVENTS });
    for (const record of registry.records) this.#dirty.add(record);
    this.#flush();
  }

  appeared(record: ActorRecord): void {
    this.#dirty.add(record);
    this.#schedule();
  }

  changed(record: ActorRecord, entry: Entry | undefined): void {
    this.#dirty.add(record);
    if (record === this.#watched) {
      this.#isStale = true;
      if (entry !== undefined) this.#entries.add(entry);
    }
    this.#schedule();
  }

  forgotten(record: ActorRecord): void {
    this.#dirty.delete(record);
    this.#gone.add(record.id);
    if (record === this.#watched) this.#watched = undefined;
    this.#schedule();
  }

  #hear(text: string): void {
    let message: { type?: unknown; id?: unknown };
    try {
      message = Object(JSON.parse(text));
    } catch {
      return;
    }
    if (message.type !== 'watch' || typeof message.id !== 'string') return;
    this.#watched = this.#registry.find(message.id);
    if (this.#watched === undefined) return;
    this.#entries.clear();
    for (const entry of this.#watched.entries) this.#entries.add(entry);
    this.#isStale = true;
    this.#flush();
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#socket.bufferedAmount > MAX_WAITING) return this.#schedule();
    if (this.#dirty.size > 0 || this.#gone.size > 0) {
      this.#send({
        type: 'actors',
        actors: [...this.#dirty].map(summaryOf),
        gone: [...this.#gone],
        hidden: this.#registry.hidden(),
      });
    }
    this.#dirty.clear();
    this.#gone.clear();
    if (this.#isStale && this.#watched !== undefined) this.#tellWatched(this.#watched);
  }

  #tellWatched(record: ActorRecord): void {
    const { definition } = record;
    const chart = definition === undefined ? undefined : this.#charts.of(definition);
    const news = record.entries.filter((entry) => this.#entries.has(entry));
    this.#entries.clear();
    this.#isStale = false;
    this.#send({
      type: 'actor',
      id: record.id,
      chart: chart?.name ?? null,
      state: record.state(),
      entries: news.map((entry) => ({
        ...entry,
        transitions: entry.transitions.flatMap((transition) => {
          const { id, targets = [] } = chart?.find(transition) ?? {};
          return id === undefined ? [] : [{ id, targets }];
        }),
      })),
    });
  }

  #send(frame: object): void {
    this.#socket.send(JSON.stringify(frame));
  }
}

function summaryOf(record: ActorRecord): ActorSummary {
  const { id, machine, actor, entries } = record;
  const { status, value, context } = actor.getSnapshot() as {
    status: string;
    value?: Plain;
    context?: Record<string, unknown>;
  };
  return {
    id,
    machine,
    name: record.name ?? null,
    value: value ?? null,
    status,
    members: Array.isArray(context?.members) ? context.members.length : null,
    seq: entries.at(-1)?.seq ?? 0,
  };
}
