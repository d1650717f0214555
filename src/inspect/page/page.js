import { ChartView } from './chart.js';
import { Detail } from './detail.js';
import { byId, el, setText } from './dom.js';
import { ActorList } from './list.js';
import { actorName, kindName, leaves } from './names.js';
import { Store } from './store.js';

/** Puts the parts of the page together and keeps them up to date, once a frame at most, unless paused. */

const store = new Store(schedule);
const list = new ActorList(choose, () => list.render(store));
const chart = new ChartView();
const detail = new Detail({ find: (id) => store.find(id), choose }, (ids) => chart.hint(ids));

let isScheduled = false;
let isPaused = false;
/** The number of the last event shown when the page was paused. */
let pausedAt = 0;
/** The actor the middle shows, and the number of its last event that is marked in the chart. */
let shown = { id: undefined, seq: 0 };

byId('pause').addEventListener('click', () => {
  isPaused = !isPaused;
  pausedAt = store.seq;
  schedule();
});
byId('copy').addEventListener('click', async () => {
  const wasAllowed = await navigator.clipboard.writeText(byId('full-id').textContent).then(
    () => true,
    () => false,
  );
  setText(byId('copy'), wasAllowed ? 'Copied' : 'Not allowed');
  setTimeout(() => setText(byId('copy'), 'Copy'), 1500);
});
addEventListener('hashchange', () => choose(location.hash.slice(1)));
setInterval(() => store.status === 'lost' && schedule(), 500);

function choose(id) {
  const actor = store.find(id);
  if (actor === undefined) return;
  history.replaceState(null, '', `#${actor.name ?? actor.machine}`);
  store.watch(actor.id);
}

function schedule() {
  if (isScheduled) return;
  isScheduled = true;
  requestAnimationFrame(() => {
    isScheduled = false;
    render();
  });
}

function render() {
  renderStatus();
  if (store.watched === undefined) chooseFirst();
  const { watched } = store;
  const isNew = watched !== undefined && watched.id !== shown.id && watched.state !== undefined;
  if (isPaused && !isNew) return;
  list.render(store);
  if (watched?.state !== undefined) renderWatched(watched);
}

/** What the address names, or else the supervisor, or whatever there is. */
function chooseFirst() {
  const wanted = location.hash.slice(1);
  const actors = [...store.actors.values()];
  const named = actors.find(({ name, machine }) => (name ?? machine) === wanted);
  const first = named ?? actors.find(({ machine }) => machine === 'supervisor') ?? actors[0];
  if (first !== undefined) store.watch(first.id);
}

function renderStatus() {
  const { status, retryAt, seq } = store;
  const isLost = status === 'lost';
  const text = isLost ? 'Offline' : status === 'connecting' ? 'Connecting' : isPaused ? 'Paused' : 'Live';
  setText(byId('status'), text);
  byId('status').dataset.status = isPaused && !isLost ? 'paused' : status;
  const missed = seq - pausedAt;
  setText(byId('pause'), !isPaused ? 'Pause' : missed > 0 ? `Resume (${missed} new)` : 'Resume');
  byId('lost').hidden = !isLost;
  document.body.classList.toggle('is-lost', isLost);
  if (!isLost) return;
  const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
  setText(byId('retry'), seconds === 0 ? 'Trying again…' : `Trying again in ${seconds} s.`);
}

function renderWatched(watched) {
  const { id, summary, state, entries, isGone } = watched;
  setText(
    byId('title'),
    summary.name === null ? kindName(summary.machine) : `${kindName(summary.machine)} ${actorName(summary)}`,
  );
  document.title = `${summary.machine} ${summary.name === null ? '' : actorName(summary)} · Bloom inspector`;
  byId('id-line').hidden = summary.name === null;
  setText(byId('full-id'), summary.name ?? '');
  const isOver = isGone || state.status !== 'active';
  byId('notice').hidden = !isOver;
  setText(
    byId('notice'),
    isGone ? 'It is over, and forgotten by the server: this is how it ended.' : endingOf(state),
  );
  byId('stage').classList.toggle('is-over', isOver);
  renderChips(state.value, summary.machine);
  detail.render(watched);
  renderChart(id, watched.chart, state.active, entries);
}

function endingOf({ status }) {
  return status === 'done'
    ? 'It reached its final state.'
    : status === 'error'
      ? 'It failed.'
      : 'It was stopped.';
}

function renderChips(value, machine) {
  const chips = byId('chips');
  const key = JSON.stringify([machine, value]);
  if (chips.dataset.key === key) return;
  chips.dataset.key = key;
  const items = leaves(value).map((path) => {
    const region =
      path.length > 1 ? [el('span', { class: 'region' }, path.slice(0, -1).join(' / ')), ' '] : [];
    const reveal = () => chart.reveal([machine, ...path].join('.'));
    const title = 'Show it in the chart';
    return el(
      'li',
      {},
      el('button', { type: 'button', class: 'chip', title, click: reveal }, ...region, path.at(-1)),
    );
  });
  chips.replaceChildren(...items);
}

function renderChart(id, name, active, entries) {
  chart.show(name);
  chart.light(active);
  const settled = entries.filter(
    ({ outcome, transitions }) => outcome === 'handled' && transitions.length > 0,
  );
  const last = settled.at(-1);
  const isOther = id !== shown.id;
  if (isOther || (last?.seq ?? 0) !== shown.seq) {
    chart.mark(last?.transitions.map((transition) => transition.id) ?? [], !isOther);
  }
  shown = { id, seq: last?.seq ?? 0 };
}
