// A call's SIP messages as a ladder: one table row each, with its arrow drawn between the columns.

import { byId, el } from "./dom.js";

const GAP = 150;
const HEIGHT = 30;
const MIDDLE = HEIGHT / 2;

/**
 * @typedef {object} Row an arrow, or a time of media: see `ladder.Step` and `ladder.MediaBar`
 * @property {"message" | "media"} kind
 * @property {number} at_ms
 * @property {number | null} [to_ms]
 * @property {number} source
 * @property {number} target
 * @property {string} label
 * @property {string} [cseq]
 * @property {string} [sdp]
 * @property {string} [state]
 * @property {string} [transport]
 * @property {number} [again]
 * @property {string} [text]
 * @property {string} [addresses]
 * @property {string} [figures]
 * @property {number} leg
 */

/** @param {string} call its id */
export async function showLadder(call) {
  const answer = await fetch(`/api/sip/trace?call=${encodeURIComponent(call)}`).catch(() => null);
  if (answer?.status === 501) {
    const { what, why } = await answer.json();
    byId("ladder-card").hidden = false;
    byId("ladder-note").textContent = `${what}: ${why}.`;
  }
  if (!answer?.ok) return; // none is kept: the card stays hidden
  const ladder = await answer.json();
  byId("ladder-card").hidden = false;
  const heads = ["ms", "Between", "Message", "About"];
  const count = ladder.columns.length;
  byId("ladder").replaceChildren(
    el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)))),
    el("tbody", {}, names(ladder.columns), ...ladder.rows.map((/** @type {Row} */ row) => line(row, ladder, count))),
  );
  byId("ladder-note").textContent = ladder.omitted ? `${ladder.omitted} messages in between were not kept.` : "";
}

/** @param {string[]} columns */
function names(columns) {
  const picture = svg("svg", { width: columns.length * GAP, height: HEIGHT, "aria-hidden": "true" });
  picture.append(...columns.map((name, at) => label(name, (at + 0.5) * GAP, MIDDLE + 4)));
  return el("tr", {}, el("td"), el("td", { class: "lane" }, picture), el("td"), el("td"));
}

/**
 * @param {Row} row
 * @param {{columns: string[], legs: string[]}} ladder
 * @param {number} count of columns
 */
function line(row, { columns, legs }, count) {
  const [from, to] = [columns[row.source], columns[row.target]];
  const between = row.kind === "media" ? `${from} and ${to}` : `${from} to ${to}`;
  const lane = el("td", { class: "lane" }, el("span", { class: "hidden" }, between), picture(row, count));
  const about = row.kind === "media" ? ofMedia(row) : ofMessage(row);
  if (legs.length > 1) about.push(`leg ${row.leg + 1}`);
  return el(
    "tr",
    { class: row.kind === "media" ? "media" : kindOf(row.label) },
    el("td", { class: "number" }, row.at_ms.toFixed(1)),
    lane,
    el("td", {}, row.text ? whole(row) : row.label),
    el("td", { class: "note" }, about.filter(Boolean).join(" · ")),
  );
}

/** @param {Row} row */
function whole(row) {
  const text = row.again ? `${row.label} ×${row.again + 1}` : row.label;
  return el("details", {}, el("summary", {}, text), el("pre", { tabindex: "0" }, row.text ?? ""));
}

/** @param {Row} row */
function ofMessage({ cseq = "", sdp = "", state = "", transport = "" }) {
  return [state, cseq, sdp, transport === "UDP" ? "" : transport];
}

/** @param {Row} row */
function ofMedia({ addresses = "", figures = "", at_ms: at, to_ms: to }) {
  return [addresses, typeof to === "number" ? `${((to - at) / 1000).toFixed(1)} s` : "goes on", figures];
}

/** @param {string} text of a message */
function kindOf(text) {
  if (!/^\d{3}\b/.test(text)) return "request";
  return /^[123]/.test(text) ? "good" : "bad";
}

/**
 * @param {Row} row
 * @param {number} count of columns
 */
function picture(row, count) {
  const drawn = svg("svg", { width: count * GAP, height: HEIGHT, "aria-hidden": "true" });
  for (let at = 0; at < count; at++) {
    const x = (at + 0.5) * GAP;
    drawn.append(svg("line", { class: "life", x1: x, y1: 0, x2: x, y2: HEIGHT }));
  }
  const [x1, x2] = [(row.source + 0.5) * GAP, (row.target + 0.5) * GAP];
  if (row.kind === "media") {
    drawn.append(svg("rect", { class: "bar", x: Math.min(x1, x2), y: MIDDLE - 4, width: Math.abs(x2 - x1), height: 8 }));
    return drawn;
  }
  const back = x2 > x1 ? -8 : 8;
  drawn.append(
    svg("line", { class: "arrow", x1, y1: MIDDLE, x2: x2 + back, y2: MIDDLE }),
    svg("path", { class: "tip", d: `M${x2} ${MIDDLE}l${back} -5v10z` }),
  );
  return drawn;
}

/**
 * @param {string} text
 * @param {number} x its middle
 * @param {number} y
 */
function label(text, x, y) {
  const found = svg("text", { x, y, "text-anchor": "middle" });
  found.textContent = text.length > 22 ? `${text.slice(0, 21)}…` : text;
  return found;
}

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 */
function svg(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}
