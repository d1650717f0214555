import { byId, el, setAttribute, setText } from './dom.js';
import { actorName, eventName, timeText } from './names.js';
import { fields, reference, row, tree } from './values.js';

const OUTCOMES = {
  waiting: { text: 'waiting', about: 'Sent, not handled yet.' },
  ignored: { text: 'ignored', about: 'The state it was in has no transition for this event.' },
  failed: { text: 'rolled back', about: 'The transition threw: the event had no effect.' },
};

/** The right side of the page: the chosen actor's context and its last events, newest first. */
export class Detail {
  #context = byId('context');
  #events = byId('events');
  #note = byId('events-note');
  #links;
  #hint;
  #actorId = undefined;
  /** By name: the JSON of a field of the context, and its row. By number: an event's state and element. */
  #rows = new Map();
  #items = new Map();

  /** `links` leads to actors (see values.js); `hint` shows transitions in the chart, by their ids. */
  constructor(links, hint) {
    this.#links = links;
    this.#hint = hint;
  }

  render(watched) {
    if (watched.id !== this.#actorId) this.#clear(watched.id);
    if (watched.state === undefined) return;
    this.#renderContext(watched.state);
    this.#renderEvents(watched.entries);
  }

  #clear(id) {
    this.#actorId = id;
    this.#rows.clear();
    this.#items.clear();
    this.#context.replaceChildren();
    this.#events.replaceChildren();
    setText(this.#note, '');
  }

  #renderContext({ context, output, error }) {
    const values = {
      ...(typeof context === 'object' && context !== null ? context : { context }),
      ...(output === null ? {} : { output }),
      ...(error === null ? {} : { error }),
    };
    const isFirst = this.#rows.size === 0;
    const list = this.#context.firstElementChild ?? el('dl', { class: 'rows' });
    if (isFirst) this.#context.replaceChildren(list);
    for (const [name, { element }] of this.#rows) {
      if (name in values) continue;
      element.remove();
      this.#rows.delete(name);
    }
    for (const [name, value] of Object.entries(values)) {
      const json = JSON.stringify(value);
      const known = this.#rows.get(name);
      if (known?.json === json) continue;
      const element = row(name, value, this.#links);
      if (!isFirst) element.classList.add('changed');
      if (known === undefined) list.append(element);
      else known.element.replaceWith(element);
      this.#rows.set(name, { json, element });
    }
  }

  #renderEvents(entries) {
    const shown = new Set(entries.map(({ seq }) => seq));
    for (const [seq, { item }] of this.#items) {
      if (shown.has(seq)) continue;
      item.remove();
      this.#items.delete(seq);
    }
    const isFirst = this.#items.size === 0;
    for (const entry of entries) {
      const known = this.#items.get(entry.seq);
      if (known?.outcome === entry.outcome) continue;
      const item = this.#item(entry, known?.item);
      if (!isFirst && known === undefined) item.classList.add('fresh');
      if (known === undefined) this.#events.prepend(item);
      else known.item.replaceWith(item);
      this.#items.set(entry.seq, { outcome: entry.outcome, item });
    }
    setText(this.#note, entries.length === 0 ? 'none yet' : `last ${entries.length}`);
  }

  #item(entry, before) {
    const isOpen = before?.classList.contains('open') ?? false;
    const ids = entry.transitions.map(({ id }) => id);
    const body = el('div', { class: 'event-body' }, ...this.#bodyOf(entry, isOpen));
    const toggle = el(
      'button',
      { type: 'button', class: 'event-toggle', 'aria-expanded': String(isOpen) },
      el('time', {}, timeText(entry.at)),
      ' ',
      el('span', { class: 'event-type' }, eventName(entry.type)),
    );
    const head = el('p', { class: 'event-head' }, toggle, ...this.#sender(entry), ...verdict(entry));
    const item = el(
      'li',
      {
        class: `event ${entry.outcome}${isOpen ? ' open' : ''}`,
        pointerenter: () => this.#hint(ids),
        pointerleave: () => this.#hint([]),
        focusin: () => this.#hint(ids),
        focusout: () => this.#hint([]),
      },
      head,
      body,
    );
    toggle.addEventListener('click', () => {
      const opens = item.classList.toggle('open');
      setAttribute(toggle, 'aria-expanded', String(opens));
      body.replaceChildren(...this.#bodyOf(entry, opens));
    });
    return item;
  }

  #sender({ source }) {
    const sender = source === undefined ? undefined : this.#links.find(source);
    if (sender === undefined) return [];
    const kind = sender.machine;
    const text = sender.name === null ? kind : `${kind} ${actorName(sender)}`;
    return [el('span', { class: 'from' }, 'from ', reference(sender, text, this.#links))];
  }

  #bodyOf({ payload, decisions }, isOpen) {
    const show = (value) => (isOpen ? tree(value, this.#links) : fields(value, this.#links));
    const hasFields = (value) => Object.keys(value).length > 0;
    return [
      ...(hasFields(payload) ? [el('div', { class: 'payload' }, show(payload))] : []),
      ...decisions.map((decision) => {
        const type = el('span', { class: 'decision-type' }, decision.type);
        return el(
          'div',
          { class: 'decision' },
          type,
          ' ',
          hasFields(decision.payload) ? show(decision.payload) : undefined,
        );
      }),
    ];
  }
}

/** What became of an event: the states it led to, or why it led nowhere. */
function verdict({ outcome, transitions }) {
  const known = OUTCOMES[outcome];
  if (known !== undefined) return [el('span', { class: 'verdict', title: known.about }, known.text)];
  const targets = transitions.flatMap((transition) => transition.targets.map((id) => id.split('.').at(-1)));
  return targets.length === 0 ? [] : [el('span', { class: 'verdict' }, `→ ${targets.join(', ')}`)];
}
