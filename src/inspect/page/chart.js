import { byId, prefersLessMotion, setText } from './dom.js';

/** Smaller than this, the text of a chart is hard to read: it is not made so of itself, but scrolled. */
const MIN_FIT = 0.72;
const MIN_ZOOM = 0.3;
const MAX_ZOOM = 2;
const STEP = 1.2;
/** Around the chart, in pixels. */
const MARGIN = 20;

/** The middle of the page: the chosen actor's statechart, its active states lit, its last transition marked. */
export class ChartView {
  #canvas = byId('canvas');
  /** Chart name to the promise of its SVG element. */
  #charts = new Map();
  #name = undefined;
  #svg = undefined;
  /** A factor, 'width' to fit the width where that can be read, or 'all' to fit as a whole. */
  #zoom = 'width';
  #active = '';
  #last = [];
  /** What to show as soon as the chart is there. */
  #wanted = { active: [], last: [] };

  constructor() {
    this.#canvas.tabIndex = 0; // so that it can be scrolled with the keys in every browser
    byId('zoom-in').addEventListener('click', () => this.#zoomTo(this.#scale() * STEP));
    byId('zoom-out').addEventListener('click', () => this.#zoomTo(this.#scale() / STEP));
    byId('zoom-fit').addEventListener('click', () => this.#zoomTo(this.#zoom === 'all' ? 'width' : 'all'));
    new ResizeObserver(() => this.#resize()).observe(this.#canvas);
  }

  /** Shows a chart by its name, if it is not shown already; null shows none. */
  async show(name) {
    if (name === this.#name) return;
    this.#name = name;
    this.#active = '';
    this.#last = [];
    this.#svg = undefined;
    this.#canvas.replaceChildren();
    if (name === null || name === undefined) return;
    try {
      const svg = await this.#load(name);
      if (this.#name !== name) return;
      this.#svg = svg;
      this.#canvas.replaceChildren(svg);
      this.#resize();
      for (const element of svg.querySelectorAll('.last')) element.classList.remove('last', 'flash', 'hint');
      this.light(this.#wanted.active);
      this.mark(this.#wanted.last, false);
    } catch (error) {
      this.#charts.delete(name);
      if (this.#name === name) setText(this.#canvas, `The chart could not be loaded: ${error.message}`);
    }
  }

  /** Lights the states with these ids, and no others. */
  light(active) {
    this.#wanted.active = active;
    const key = active.join(' ');
    if (this.#svg === undefined || key === this.#active) return;
    this.#active = key;
    for (const state of this.#svg.querySelectorAll('[data-state]')) {
      state.classList.toggle('active', active.includes(state.dataset.state));
    }
    this.reveal(active.at(-1));
  }

  /** Marks the transitions with these ids as the last ones taken; `isNew`: just now. */
  mark(ids, isNew) {
    this.#wanted.last = ids;
    if (this.#svg === undefined) return;
    for (const element of this.#elementsOf(this.#last)) element.classList.remove('last', 'flash');
    this.#last = ids;
    const elements = this.#elementsOf(ids);
    for (const element of elements) element.classList.add('last');
    if (!isNew) return;
    void this.#svg.getBoundingClientRect(); // so that an animation that runs starts again
    for (const element of elements) element.classList.add('flash');
  }

  /** Points out transitions while somebody looks at their event. */
  hint(ids) {
    for (const element of this.#svg?.querySelectorAll('.hint') ?? []) element.classList.remove('hint');
    for (const element of this.#elementsOf(ids)) element.classList.add('hint');
  }

  /** Scrolls a state into view. */
  reveal(id) {
    const state = this.#svg?.querySelector(`[data-state="${CSS.escape(id ?? '')}"] > .body`);
    if (!state) return;
    const box = state.getBoundingClientRect();
    const view = this.#canvas.getBoundingClientRect();
    const isSeen =
      box.left >= view.left && box.right <= view.right && box.top >= view.top && box.bottom <= view.bottom;
    if (isSeen) return;
    this.#canvas.scrollBy({
      left: (box.left + box.right - view.left - view.right) / 2,
      top: (box.top + box.bottom - view.top - view.bottom) / 2,
      behavior: prefersLessMotion.matches ? 'instant' : 'smooth',
    });
  }

  #elementsOf(ids) {
    if (this.#svg === undefined || ids.length === 0) return [];
    return [...this.#svg.querySelectorAll('[data-transition]')].filter((element) =>
      ids.includes(element.dataset.transition),
    );
  }

  #load(name) {
    const known = this.#charts.get(name) ?? load(name);
    this.#charts.set(name, known);
    return known;
  }

  #scale() {
    if (typeof this.#zoom === 'number') return this.#zoom;
    const { width, height } = this.#svg.viewBox.baseVal;
    const byWidth = Math.min(1, (this.#canvas.clientWidth - 2 * MARGIN) / width);
    if (this.#zoom === 'all') return Math.min(byWidth, (this.#canvas.clientHeight - 2 * MARGIN) / height);
    return Math.max(MIN_FIT, byWidth);
  }

  #zoomTo(zoom) {
    if (this.#svg === undefined) return;
    this.#zoom = typeof zoom === 'string' ? zoom : Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, zoom));
    setText(byId('zoom-fit'), zoom === 'all' ? 'Fit width' : 'Fit all');
    this.#resize();
  }

  #resize() {
    if (this.#svg === undefined) return;
    const { width, height } = this.#svg.viewBox.baseVal;
    const scale = this.#scale();
    this.#svg.setAttribute('width', Math.round(width * scale));
    this.#svg.setAttribute('height', Math.round(height * scale));
  }
}

async function load(name) {
  const response = await fetch(`/charts/${encodeURIComponent(name)}.svg`);
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const document = new DOMParser().parseFromString(await response.text(), 'image/svg+xml');
  return globalThis.document.adoptNode(document.documentElement);
}
