/** How actors, states and times are called on the page. */

const GROUPS = {
  supervisor: 'Supervisor',
  room: 'Rooms',
  participant: 'Participants',
  connection: 'Connections',
};
const KINDS = {
  supervisor: 'Supervisor',
  room: 'Room',
  participant: 'Participant',
  connection: 'Connection',
};
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The order of the groups in the list. */
export const ORDER = Object.keys(GROUPS);

export function groupName(machine) {
  return GROUPS[machine] ?? machine;
}

export function kindName(machine) {
  return KINDS[machine] ?? machine;
}

export function isUuid(text) {
  return UUID.test(text);
}

/** The first eight of a UUID's digits tell actors apart well enough. */
export function shortId(id) {
  return isUuid(id) ? id.slice(0, 8) : id;
}

/** What an actor is called in the list. */
export function actorName({ name, machine }) {
  return name === null ? machine : shortId(name);
}

/** The names of the innermost active states, with those of their regions: `[['rate', 'open'], ['seat', 'inside']]`. */
export function leaves(value, path = []) {
  if (typeof value === 'string') return [[...path, value]];
  if (typeof value !== 'object' || value === null) return [];
  const entries = Object.entries(value);
  return entries.length === 0 ? [path] : entries.flatMap(([name, inner]) => leaves(inner, [...path, name]));
}

/** `occupied`, or `open · inside` of parallel regions. */
export function stateText(value) {
  return leaves(value)
    .map((path) => path.at(-1))
    .join(' · ');
}

/** XState's own events, as people say them. */
export function eventName(type) {
  const [, delay] = /^xstate\.after\.(.+?)\./.exec(type) ?? [];
  if (delay !== undefined) return `after ${delay}`;
  if (type === 'xstate.init') return 'started';
  if (type === 'xstate.stop') return 'stopped';
  return type;
}

/** `12:04:31.207`, local. */
export function timeText(at) {
  const date = new Date(at);
  const two = (number) => String(number).padStart(2, '0');
  const seconds = `${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`;
  return `${two(date.getHours())}:${two(date.getMinutes())}:${seconds}`;
}
