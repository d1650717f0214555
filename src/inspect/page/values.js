import { el } from './dom.js';
import { isUuid, shortId } from './names.js';

/**
 * Shows values of contexts and events. `links` knows the actors: `find(id)` and `choose(id)`; what names a live
 * one leads to it.
 */

/** On one line: `[59bf98c6, 0f09627b]`, `Offer { to 59bf98c6 sdp [redacted 1734 characters] }`. */
export function inline(value, links) {
  if (isEmpty(value)) return el('span', { class: 'empty' }, Array.isArray(value) ? '[ ]' : '{ }');
  if (Array.isArray(value)) {
    const items = value.flatMap((item, i) => (i === 0 ? [inline(item, links)] : [', ', inline(item, links)]));
    return el('span', {}, mark('['), ...items, mark(']'));
  }
  if (!isObject(value)) return primitive(value, links);
  const { type, ...rest } = value;
  if (typeof type !== 'string') return el('span', {}, mark('{ '), fields(value, links), mark('}'));
  const kind = el('span', { class: 'kind' }, type);
  return isEmpty(rest) ? kind : el('span', {}, kind, mark(' { '), fields(rest, links), mark('}'));
}

/** The fields of an object on one line, without braces. */
export function fields(object, links) {
  const pairs = Object.entries(object).flatMap(([name, value]) => [
    el('span', { class: 'pair' }, el('span', { class: 'key' }, name), ' ', inline(value, links)),
    ' ',
  ]);
  return el('span', {}, ...pairs);
}

/** A row for each field and item, as deep as it goes. */
export function tree(value, links) {
  if (isEmpty(value)) return el('span', { class: 'empty' }, 'none');
  if (Array.isArray(value)) {
    return el('ol', { class: 'items' }, ...value.map((item) => el('li', {}, tree(item, links))));
  }
  if (!isObject(value)) return primitive(value, links);
  const rows = Object.entries(value).map(([name, inner]) => row(name, inner, links));
  return el('dl', { class: 'rows' }, ...rows);
}

/** One field: its name beside its value, or above it if the value has rows of its own. */
export function row(name, value, links) {
  const isDeep = isObject(value) && !Array.isArray(value) && !isEmpty(value);
  const attributes = { class: isDeep ? 'row deep' : 'row' };
  return el('div', attributes, el('dt', {}, name), el('dd', {}, tree(value, links)));
}

function primitive(value, links) {
  if (value === null) return el('span', { class: 'empty' }, 'null');
  if (typeof value === 'number') return el('span', { class: 'number', title: value }, rounded(value));
  if (typeof value === 'boolean') return el('span', { class: 'number' }, String(value));
  const actor = isUuid(value) || value.startsWith('x:') ? links.find(value) : undefined;
  if (actor !== undefined) return reference(actor, shortId(value), links);
  if (isUuid(value)) return el('span', { title: value }, shortId(value));
  if (value.startsWith('[redacted')) return el('span', { class: 'redacted' }, value.slice(1, -1));
  return el('span', {}, value === '' ? '""' : value);
}

/** To a thousandth; times are milliseconds. */
function rounded(number) {
  return String(Math.round(number * 1000) / 1000);
}

/** Leads to a live actor. */
export function reference(actor, text, links) {
  return el(
    'button',
    {
      type: 'button',
      class: 'reference',
      title: actor.name ?? actor.id,
      click: () => links.choose(actor.id),
    },
    text,
  );
}

function mark(text) {
  return el('span', { class: 'mark' }, text);
}

function isObject(value) {
  return typeof value === 'object' && value !== null;
}

function isEmpty(value) {
  return isObject(value) && Object.keys(value).length === 0;
}
