// Percentiles over time, as plain SVG.

import { day, milliseconds, span } from "./format.js";

const NS = "http://www.w3.org/2000/svg";
const SIZE = { height: 170, left: 52, right: 10, top: 12, bottom: 24 };
const WIDTH = 600; // of a place that is not laid out yet

/**
 * @param {Element} place
 * @param {{start: string, p50: number | null, p95: number | null}[]} points oldest first
 */
export function showChart(place, points) {
  draw(place, points);
  // Drawn for the width that it has: scaled, its labels would be too small to read.
  redraws.get(place)?.disconnect();
  let width = place.clientWidth;
  const watch = new ResizeObserver(() => {
    if (place.clientWidth === width) return;
    width = place.clientWidth;
    draw(place, points);
  });
  watch.observe(place);
  redraws.set(place, watch);
}

/** @type {WeakMap<Element, ResizeObserver>} */
const redraws = new WeakMap();

/**
 * @param {Element} place
 * @param {{start: string, p50: number | null, p95: number | null}[]} points
 */
function draw(place, points) {
  const known = points.filter(({ p50 }) => p50 !== null);
  if (!known.length) {
    const note = document.createElement("p");
    note.className = "note";
    note.textContent = "Nothing was measured in these calls.";
    place.replaceChildren(note);
    return;
  }
  const times = known.map(({ start }) => Date.parse(start));
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const top = nice(Math.max(...known.map(({ p95 }) => p95 ?? 0)));
  const { height, left, right, top: above, bottom } = SIZE;
  const width = place.clientWidth || WIDTH;
  const x = (/** @type {number} */ time) => left + ((time - first) / (last - first || 1)) * (width - left - right);
  const y = (/** @type {number} */ ms) => height - bottom - (ms / top) * (height - above - bottom);
  const latest = known[known.length - 1];
  const svg = make("svg", {
    class: "chart",
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    "aria-label": `Latest: half within ${milliseconds(latest.p50)}, 95 percent within ${milliseconds(latest.p95)}`,
  });
  for (const part of [0, 0.5, 1]) {
    const level = y(part * top);
    svg.append(make("line", { class: "grid", x1: left, x2: width - right, y1: level, y2: level }));
    svg.append(label(milliseconds(part * top), left - 6, level + 4, "end"));
  }
  const [from, to] = span(known[0].start, latest.start);
  svg.append(label(from, left, height - 6, "start"));
  if (last > first) svg.append(label(to, width - right, height - 6, "end"));
  for (const name of /** @type {("p50" | "p95")[]} */ (["p50", "p95"])) {
    const at = known.map((point, index) => [x(times[index]), y(point[name] ?? 0)]);
    svg.append(make("polyline", { class: name, points: at.map((pair) => pair.join(",")).join(" ") }));
    const dots = at.map(([cx, cy]) => make("circle", { class: `dot ${name}`, cx, cy, r: 2.5 }));
    dots.forEach((dot, index) => {
      const title = document.createElementNS(NS, "title");
      title.textContent = `${day(known[index].start)}: ${name} ${milliseconds(known[index][name])}`;
      dot.append(title);
    });
    svg.append(...dots);
  }
  place.replaceChildren(svg, legend());
}

/** @param {number} most */
function nice(most) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, most)));
  return ([1, 1.5, 2, 3, 5, 8, 10].find((step) => step * power >= most) ?? 10) * power;
}

/**
 * @param {string} text
 * @param {number} x
 * @param {number} y
 * @param {string} anchor
 */
function label(text, x, y, anchor) {
  const element = make("text", { x, y, "text-anchor": anchor });
  element.textContent = text;
  return element;
}

function legend() {
  const list = document.createElement("ul");
  list.className = "legend";
  for (const [name, meaning] of [["p50", "half"], ["p95", "95 %"]]) {
    const item = document.createElement("li");
    const swatch = document.createElement("span");
    swatch.className = `swatch ${name}`;
    item.append(swatch, `${name}: ${meaning} within this`);
    list.append(item);
  }
  return list;
}

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 */
function make(tag, attributes) {
  const element = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}
