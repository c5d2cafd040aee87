// Elements, made without HTML: what callers say and call themselves is only ever text.

/**
 * @param {string} id
 * @returns {any} the element of that id; the page has it
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/**
 * @param {string} tag
 * @param {Record<string, string>} [attributes] "class", "href", "aria-label" …
 * @param {(Node | string)[]} children strings become text
 * @returns {any}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/**
 * The children of `parent` made anew where they changed: an element whose key and content stayed the same stays, and
 * with it the focus, the selection, and a screen reader's place.
 * @template T
 * @param {Element} parent
 * @param {T[]} items
 * @param {(item: T) => string} keyOf
 * @param {(item: T) => Element} make
 */
export function keep(parent, items, keyOf, make) {
  const there = new Map([...parent.children].map((child) => [/** @type {any} */ (child).dataset.key, child]));
  /** @type {Element | null} */
  let before = null;
  for (const item of items) {
    const key = keyOf(item);
    let child = there.get(key);
    const content = JSON.stringify(item);
    if (!child || /** @type {any} */ (child).madeOf !== content) {
      const made = make(item);
      /** @type {any} */ (made).dataset.key = key;
      /** @type {any} */ (made).madeOf = content;
      child?.replaceWith(made);
      child = made;
    }
    there.delete(key);
    const place = before ? before.nextSibling : parent.firstChild;
    if (child !== place) parent.insertBefore(child, place);
    before = child;
  }
  for (const left of there.values()) left.remove();
}

/**
 * A canvas as sharp as the screen, cleared.
 * @param {HTMLCanvasElement} canvas
 * @returns {{brush: CanvasRenderingContext2D, width: number, height: number}} sizes in CSS pixels
 */
export function prepare(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const brush = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  brush.setTransform(ratio, 0, 0, ratio, 0, 0);
  brush.clearRect(0, 0, width, height);
  return { brush, width, height };
}

/** The colours of the page, as they are now (light or dark), by their names in the style sheet. */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  return (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
}
