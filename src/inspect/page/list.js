import { byId, el, setAttribute, setText } from './dom.js';
import { actorName, groupName, ORDER, stateText } from './names.js';

/** The list of live actors: a listbox in groups, filtered, worked with the arrow keys. */
export class ActorList {
  #list = byId('list');
  #filter = byId('filter');
  #unmatched = byId('unmatched');
  /** By machine: the group's elements. By session id: the option's. */
  #groups = new Map();
  #options = new Map();
  #choose;
  #chosen = undefined;
  #draw;

  constructor(choose, draw) {
    this.#choose = choose;
    this.#draw = draw;
    this.#filter.addEventListener('input', () => this.#draw());
    this.#filter.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && this.#filter.value !== '') {
        this.#filter.value = '';
        this.#draw();
      } else if (event.key === 'ArrowDown' || event.key === 'Enter') {
        event.preventDefault();
        this.#list.focus();
        if (!this.#visible().some((option) => option.dataset.id === this.#chosen)) this.#move(0);
      }
    });
    this.#list.addEventListener('keydown', (event) => this.#key(event));
    this.#list.addEventListener('click', ({ target }) => {
      const option = target.closest('[role=option]');
      if (option !== null) this.#choose(option.dataset.id);
    });
  }

  /** Brings the list up to date with the store. */
  render({ actors, hidden, watched }) {
    const words = this.#filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const machines = new Set([...ORDER, ...[...actors.values()].map(({ machine }) => machine)]);
    for (const machine of machines) {
      const members = [...actors.values()].filter((actor) => actor.machine === machine);
      this.#renderGroup(machine, members, words, hidden[machine] ?? 0);
    }
    for (const [id, { option }] of this.#options) {
      if (actors.has(id)) continue;
      option.remove();
      this.#options.delete(id);
    }
    const before = this.#chosen;
    this.#chosen = watched?.isGone ? undefined : watched?.id;
    for (const id of [before, this.#chosen]) {
      const option = this.#options.get(id)?.option;
      if (option !== undefined) setAttribute(option, 'aria-selected', id === this.#chosen);
    }
    const chosen = this.#options.get(this.#chosen)?.option;
    setAttribute(this.#list, 'aria-activedescendant', chosen?.hidden === false && chosen.id);
    if (before !== this.#chosen && chosen !== undefined) this.#reveal(chosen);
    this.#unmatched.hidden = words.length === 0 || this.#visible().length > 0;
  }

  #renderGroup(machine, members, words, hidden) {
    const group = this.#groups.get(machine) ?? this.#addGroup(machine);
    let shown = 0;
    for (const actor of members) {
      const option = this.#renderOption(group.box, actor);
      const text =
        `${actor.machine} ${actor.name ?? ''} ${stateText(actor.value)} ${actor.status}`.toLowerCase();
      option.hidden = !words.every((word) => text.includes(word));
      if (!option.hidden) shown += 1;
    }
    const live = members.filter(({ status }) => status === 'active').length;
    group.box.hidden = members.length === 0 || shown === 0;
    setText(group.count, machine === 'supervisor' ? '' : String(live + hidden));
    group.more.hidden = hidden === 0;
    setText(group.more, `${hidden} more not shown`);
  }

  #addGroup(machine) {
    const count = el('span', { class: 'count' });
    const label = el(
      'p',
      { class: 'group-name', role: 'presentation', id: `group-${machine}` },
      groupName(machine),
      ' ',
      count,
    );
    const more = el('p', { class: 'more', role: 'presentation', hidden: true });
    const box = el('div', { role: 'group', class: 'group', 'aria-labelledby': label.id }, label, more);
    this.#list.append(box);
    const group = { box, count, more };
    this.#groups.set(machine, group);
    return group;
  }

  #renderOption(box, actor) {
    const known = this.#options.get(actor.id) ?? this.#addOption(box, actor);
    const { option, name, state, dot } = known;
    const members = actor.members === null || actor.status !== 'active' ? '' : ` ${actor.members}`;
    setText(name, actorName(actor));
    setText(
      state,
      `${actor.status === 'active' || actor.status === 'done' ? stateText(actor.value) : 'ended'}${members}`,
    );
    setAttribute(option, 'data-status', actor.status);
    setAttribute(option, 'title', actor.name ?? undefined);
    if (known.seq !== actor.seq) {
      known.seq = actor.seq;
      dot.classList.remove('beat');
      requestAnimationFrame(() => dot.classList.add('beat'));
    }
    return option;
  }

  #addOption(box, { id, seq }) {
    const dot = el('span', { class: 'dot', 'aria-hidden': 'true' });
    const name = el('span', { class: 'name' });
    const state = el('span', { class: 'state-text' });
    const option = el(
      'div',
      { role: 'option', class: 'option', id: `option-${id}`, 'data-id': id, 'aria-selected': 'false' },
      dot,
      name,
      state,
    );
    box.insertBefore(option, box.lastChild);
    const known = { option, name, state, dot, seq };
    this.#options.set(id, known);
    return known;
  }

  /** Scrolls the list alone: scrollIntoView would also move where the next Tab goes on from. */
  #reveal(option) {
    const { top, bottom } = option.getBoundingClientRect();
    const box = this.#list.getBoundingClientRect();
    this.#list.scrollTop += Math.min(0, top - box.top) + Math.max(0, bottom - box.bottom);
  }

  #visible() {
    return [...this.#list.querySelectorAll('[role=group]:not([hidden]) > [role=option]:not([hidden])')];
  }

  #key(event) {
    const options = this.#visible();
    const at = options.findIndex((option) => option.dataset.id === this.#chosen);
    const targets = { ArrowDown: at + 1, ArrowUp: at < 0 ? 0 : at - 1, Home: 0, End: options.length - 1 };
    if (!(event.key in targets) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (event.key === 'ArrowUp' && at === 0) return this.#filter.focus();
    this.#move(Math.min(targets[event.key], options.length - 1));
  }

  #move(index) {
    const option = this.#visible()[index];
    if (option !== undefined) this.#choose(option.dataset.id);
  }
}
