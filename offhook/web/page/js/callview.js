// What a call looks like: its words and the time of its turns. The live page and the record share it.

import { usageOf } from "./agent.js";
import { el, keep } from "./dom.js";
import { clock, milliseconds, price, seconds } from "./format.js";

/**
 * @typedef {import("./model.js").CallModel} CallModel
 * @typedef {import("./model.js").Line} Line
 * @typedef {import("./model.js").Turn} Turn
 */

/** The stages of a turn in their order, with their names for people. */
export const STAGES = /** @type {Record<string, string>} */ ({
  likely: "likely end",
  endpoint: "end of turn",
  recogniser: "recogniser",
  model: "model",
  dialog: "dialog",
  clause: "first clause",
  voice: "voice",
  line: "line",
  onset: "until audible",
  arrival: "arrival",
});

const NAMES = { caller: "Caller", bot: "Bot", tool: "Tool", note: "" };

/**
 * @param {Element} list an <ol>
 * @param {CallModel} call
 * @param {(at: number) => void} [onWord] makes the words buttons that play what was said then
 */
export function showTranscript(list, call, onWord) {
  keep(list, call.lines, ({ id }) => `${call.id}-${id}`, (line) => lineItem(line, onWord));
}

/**
 * @param {Line} line
 * @param {((at: number) => void) | undefined} onWord
 */
function lineItem(line, onWord) {
  const is = { open: line.open, rejected: Boolean(line.rejected), model: line.model };
  const classes = ["line", line.who, ...Object.entries(is).flatMap(([name, yes]) => (yes ? [name] : []))];
  const time = el("time", {}, clock(line.at));
  if (line.tool) return el("li", { class: classes.join(" ") }, time, el("b", { class: "who" }, NAMES.tool), toolText(line));
  if (line.who === "note") return el("li", { class: classes.join(" ") }, time, el("p", {}, line.text));
  const text = el("p", {}, ...(onWord && line.words.length ? wordButtons(line, onWord) : spoken(line)));
  if (line.silentMs !== undefined) {
    // A key or a typed line silences the bot as it arrives.
    const after = line.silentMs >= 1 ? `, silent in ${milliseconds(line.silentMs)}` : "";
    text.append(" ", el("span", { class: "tag barge-in" }, `interrupted${after}`));
  }
  if (line.early) text.append(" ", el("span", { class: "tag" }, "begun early"));
  if (line.draft && !line.open) text.append(" ", el("span", { class: "tag" }, "not said"));
  if (line.typed) text.append(" ", el("span", { class: "tag" }, "typed"));
  if (line.rejected) text.append(" ", el("span", { class: "tag" }, line.rejected));
  return el("li", { class: classes.join(" ") }, time, el("b", { class: "who" }, NAMES[line.who]), text);
}

/** @param {Line} line of a tool */
function toolText({ text: name, tool = { given: "", chars: 0, ms: 0, error: "" } }) {
  const time = tool.ms >= 1 ? ` in ${seconds(tool.ms)}` : "";
  const result = tool.error ? el("span", { class: "trouble" }, tool.error) : `${tool.chars} characters`;
  return el("p", {}, el("b", {}, name), " ", el("code", {}, tool.given), " → ", result, time);
}

/** @param {Line} line */
function spoken({ text, heard, unheard, open, cut, draft }) {
  if (draft && !open) return [unheardPart(text)];
  if (heard === undefined || (open && !cut)) return [text];
  if (!unheard) return [heard];
  return [heard ? `${heard} ` : "", unheardPart(unheard)];
}

/** @param {string} text */
function unheardPart(text) {
  return el("s", { class: "unheard" }, el("span", { class: "hidden" }, "(not heard:) "), text);
}

/**
 * @param {Line} line
 * @param {(at: number) => void} onWord
 */
function wordButtons(line, onWord) {
  const parts = [];
  for (const word of line.words) {
    const button = el("button", { type: "button", class: "word", "data-from": String(word.from) }, word.text);
    button.dataset.to = String(word.to);
    button.addEventListener("click", () => onWord(word.from));
    parts.push(button, " ");
  }
  if (line.unheard) parts.push(unheardPart(line.unheard));
  return parts;
}

/**
 * @param {HTMLTableSectionElement} body of the table of turns
 * @param {CallModel} call
 */
export function showTurns(body, call) {
  const longest = Math.max(1000, ...call.turns.map(({ stages }) => Object.values(stages).reduce((sum, ms) => sum + ms, 0)));
  const rows = call.turns.map((turn) => {
    const replies = call.replies.filter(({ exchange }) => exchange === turn.exchange);
    return { turn, longest, model: replies.length ? usageWords(usageOf(replies)).join("; ") : "" };
  });
  keep(body, rows, ({ turn }) => `${call.id}-${turn.number}`, turnRow);
}

/**
 * What a language model used, in words: tokens and their price, what was begun early.
 * @param {import("./agent.js").Usage} usage
 */
export function usageWords({ input, cached, output, cost, used, dropped, wasted, savedMs }) {
  const tokens = `${input} tokens in${cached ? ` (${cached} cached)` : ""}, ${output} out`;
  const count = (/** @type {number} */ times) => (times === 1 ? "" : `${times} × `);
  return [
    ...(cost ? [tokens, `cost ${price(cost)}`] : [tokens]),
    ...(used ? [`${count(used)}begun early, ${milliseconds(savedMs)} saved`] : []),
    ...(dropped ? [`${count(dropped)}begun early in vain, ${wasted} tokens`] : []),
  ];
}

/**
 * @param {import("./agent.js").Usage} usage of a call
 * @returns {[string, string][]}
 */
export function usageFacts(usage) {
  if (!usage.models.length) return [];
  return [["model", `${usage.models.join(", ")}: ${usageWords(usage).join("; ")}`]];
}

/** @param {{turn: Turn, longest: number, model: string}} item */
function turnRow({ turn, longest, model }) {
  const bar = el("div", { class: "bar", "aria-hidden": "true" });
  const parts = Object.entries(turn.stages).filter(([, ms]) => ms >= 0.5);
  for (const [stage, ms] of parts) {
    const piece = el("span", { class: `stage ${stage}`, title: `${STAGES[stage] ?? stage} ${milliseconds(ms)}` });
    piece.style.width = `${(100 * ms) / longest}%`;
    bar.append(piece);
  }
  const words = parts.map(([stage, ms]) => `${STAGES[stage] ?? stage}\u00a0${Math.round(ms)}`).join(" + ");
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, String(turn.number)),
    el("td", { class: "stages" }, bar, el("span", { class: "parts" }, words), ...(model ? [el("span", { class: "parts" }, model)] : [])),
    el("td", { class: "number" }, milliseconds(turn.responseMs)),
  );
}

/** @param {Element} list the legend of the stages' colours */
export function showLegend(list) {
  list.replaceChildren(
    ...Object.entries(STAGES).map(([stage, name]) => el("li", {}, el("span", { class: `swatch ${stage}` }), name)),
  );
}
