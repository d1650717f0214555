/** Makes an element. `attributes` are set as attributes, but functions become listeners: `{ click() {} }`. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

export function byId(id) {
  return document.getElementById(id);
}

/** Writes only what differs, so that nothing is laid out or announced for no reason. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element, name, value) {
  if (value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

export const prefersLessMotion = matchMedia('(prefers-reduced-motion: reduce)');
