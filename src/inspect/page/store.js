/**
 * What the page knows, kept up to date over the WebSocket (src/inspect/feed.ts describes the frames). A lost
 * connection is opened again by itself.
 */

const PROTOCOL = 'bloom.inspector';
const RETRY_MS = [500, 1000, 2000, 4000];

export class Store {
  /** 'connecting', 'live' or 'lost'. */
  status = 'connecting';
  /** Milliseconds since 1970, while lost. */
  retryAt = 0;
  /** Session id to summary, in the order of appearance. */
  actors = new Map();
  /** Machine to number of actors not shown. */
  hidden = {};
  /** The chosen actor: `{ id, summary, chart, state, entries, isGone }`; chart and state come a moment later. */
  watched = undefined;
  /** The highest number of an event seen. */
  seq = 0;
  #run = undefined;
  #maxEvents = 50;
  #isReset = false;
  #failures = 0;
  #socket = undefined;
  #changed;

  constructor(changed) {
    this.#changed = changed;
    this.#connect();
  }

  watch(id) {
    if (this.watched?.id === id && !this.watched.isGone) return;
    const summary = this.actors.get(id);
    if (summary === undefined) return;
    this.watched = { id, summary, chart: undefined, state: undefined, entries: [], isGone: false };
    this.#askForWatched();
    this.#changed();
  }

  /** The actor with this session id, or this room or participant id, or that has none but is of this kind. */
  find(id) {
    if (this.actors.has(id)) return this.actors.get(id);
    for (const summary of this.actors.values()) if ((summary.name ?? summary.machine) === id) return summary;
    return undefined;
  }

  #connect() {
    const url = new URL('/ws', location.href);
    url.protocol = 'ws:';
    const socket = new WebSocket(url, PROTOCOL);
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      this.#hear(JSON.parse(data));
      this.#changed();
    });
    socket.addEventListener('close', () => {
      const wait = RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)];
      this.#failures += 1;
      this.status = 'lost';
      this.retryAt = Date.now() + wait;
      setTimeout(() => this.#connect(), wait);
      this.#changed();
    });
  }

  #hear(frame) {
    switch (frame.type) {
      case 'welcome':
        this.status = 'live';
        this.#failures = 0;
        this.#maxEvents = frame.events;
        this.#isReset = true;
        if (this.#run !== undefined && this.#run !== frame.run) this.#forgetIds();
        this.#run = frame.run;
        return;
      case 'actors':
        return this.#hearOfActors(frame);
      case 'actor':
        return this.#hearOfWatched(frame);
    }
  }

  #hearOfActors({ actors, gone, hidden }) {
    if (this.#isReset) this.actors.clear();
    for (const summary of actors) {
      this.actors.set(summary.id, summary);
      this.seq = Math.max(this.seq, summary.seq);
    }
    for (const id of gone) this.actors.delete(id);
    this.hidden = hidden;
    if (this.watched !== undefined) {
      const { id, summary: before } = this.watched;
      const summary = this.actors.get(id) ?? this.find(before.name ?? before.machine);
      if (summary === undefined) this.watched.isGone = true;
      else Object.assign(this.watched, { id: summary.id, summary, isGone: false });
    }
    if (this.#isReset && this.watched !== undefined && !this.watched.isGone) {
      this.watched.entries = [];
      this.#askForWatched();
    }
    this.#isReset = false;
  }

  #hearOfWatched({ id, chart, state, entries }) {
    const { watched } = this;
    if (watched === undefined || watched.id !== id) return;
    const bySeq = new Map(watched.entries.map((entry) => [entry.seq, entry]));
    for (const entry of entries) bySeq.set(entry.seq, entry);
    watched.entries = [...bySeq.values()].sort((a, b) => a.seq - b.seq).slice(-this.#maxEvents);
    Object.assign(watched, { chart, state });
  }

  /** Another process counts its actors and events anew. */
  #forgetIds() {
    this.seq = 0;
    if (this.watched !== undefined) Object.assign(this.watched, { id: '', entries: [] });
  }

  #askForWatched() {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.send(JSON.stringify({ type: 'watch', id: this.watched.id }));
  }
}
