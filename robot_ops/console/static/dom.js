// Builds elements. Texts from the system only ever become text nodes.

export const byId = (id) => document.getElementById(id);

/** Return a new element; `props` are attributes, `class`, `text`, or listeners such as `onclick`. */
export function el(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setClass(element, text) {
  if (element.className !== text) element.className = text;
}

/** Make the container's children stand for the items, in order, keeping elements (and focus) of items that stay. */
export function keyed(container, items, { key, create, update, empty }) {
  const known = container.keyedElements ?? (container.keyedElements = new Map());
  const wanted = new Set(items.map(key));
  for (const [id, element] of known) {
    if (!wanted.has(id)) {
      element.remove();
      known.delete(id);
    }
  }
  let previous = null;
  for (const item of items) {
    const id = key(item);
    let element = known.get(id);
    if (!element) {
      element = create(item);
      known.set(id, element);
    }
    update(element, item);
    const place = previous ? previous.nextSibling : container.firstChild;
    if (place !== element) container.insertBefore(element, place);
    previous = element;
  }
  let note = container.querySelector(":scope > .empty");
  if (items.length === 0 && !note && empty) container.append(el("li", { class: "empty", text: empty }));
  if (items.length > 0 && note) note.remove();
}
