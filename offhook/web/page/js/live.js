// The live page: the calls in progress, one of them closely, and the phone.

import { usageOf } from "./agent.js";
import { showLegend, showTranscript, showTurns, usageFacts } from "./callview.js";
import { byId, el, keep } from "./dom.js";
import { Feed, showFeedStatus } from "./feed.js";
import { clock, milliseconds, person } from "./format.js";
import { showPhone } from "./phoneview.js";
import { showQueues } from "./queues.js";
import { showSipState } from "./sipstate.js";
import { showSwitches } from "./switches.js";
import { drawWaveform } from "./waveform.js";

/** @typedef {import("./model.js").CallModel} CallModel */

const FRAME_MS = 50;
const feed = new Feed();
const phone = showPhone(recordOf);
let chosen = ""; // the call that is looked at
let byHand = false; // somebody chose it
let changed = true;
let drawnAt = 0;

showLegend(byId("stages"));
showQueues();
showSipState();
showSwitches();
feed.addEventListener("change", () => {
  changed = true;
});
feed.watch("");
requestAnimationFrame(frame);

/** @param {number} now */
function frame(now) {
  if (now - drawnAt >= FRAME_MS) {
    drawnAt = now;
    if (changed) show();
    const call = feed.calls.get(chosen);
    if (call && !call.ended) tick(call);
  }
  requestAnimationFrame(frame);
}

function show() {
  changed = false;
  choose();
  showFeedStatus(byId("status"), feed);
  const calls = [...feed.calls.values()].filter(({ ended }) => !ended).reverse();
  byId("count").textContent = calls.length ? String(calls.length) : "";
  byId("no-calls").hidden = calls.length > 0;
  keep(byId("calls"), calls.map(summary), ({ id }) => id, callButton);
  const call = feed.calls.get(chosen);
  byId("call-empty").hidden = Boolean(call);
  byId("call-body").hidden = !call;
  if (call) showCall(call);
}

function choose() {
  const own = [...feed.calls.values()].find(({ callId, ended }) => !ended && callId === phone.callId);
  const current = feed.calls.get(chosen);
  if (own && phone.state === "talking" && !byHand) chosen = own.id;
  else if (!current || (current.ended && !byHand)) chosen = [...feed.calls.values()].findLast((c) => !c.ended)?.id ?? chosen;
  feed.watch(feed.calls.get(chosen)?.ended ? "" : chosen);
}

/** @param {string} callId of a call from this tab */
function recordOf(callId) {
  const own = [...feed.calls.values()].find((call) => call.callId === callId);
  return own ? `/calls/${encodeURIComponent(own.id)}` : `/calls?q=${encodeURIComponent(callId)}`;
}

/** @param {CallModel} call */
function summary(call) {
  const last = call.lines.findLast(({ who, draft }) => (who === "bot" || who === "caller") && !draft);
  return {
    id: call.id,
    party: person(call.caller),
    last: last ? `${last.who === "bot" ? "Bot" : "Caller"}: ${last.text}` : "",
    response: call.turns.at(-1)?.responseMs ?? null,
    current: call.id === chosen,
  };
}

/** @param {ReturnType<typeof summary>} call */
function callButton({ id, party, last, response, current }) {
  const attributes = current ? { type: "button", "aria-current": "true" } : { type: "button" };
  const button = el(
    "button",
    attributes,
    el("span", { class: "party" }, party),
    el("span", { class: "number note" }, response === null ? "" : milliseconds(response)),
    el("span", { class: "last" }, last),
  );
  button.addEventListener("click", () => {
    chosen = id;
    byHand = true;
    changed = true;
  });
  return el("li", {}, button);
}

/** @param {CallModel} call */
function showCall(call) {
  byId("call-title").textContent = `${person(call.caller)} → ${person(call.called)}`;
  const responses = call.turns.map(({ responseMs }) => responseMs);
  const facts = [
    ["state", call.state],
    ["turns", String(call.turns.length)],
    ["last response", responses.length ? milliseconds(responses.at(-1)) : ""],
    ["barge-ins", String(call.bargeIns)],
    ["keys", call.keys ? String(call.keys) : ""],
    ...usageFacts(usageOf(call.replies)),
    [call.ended ? "ended" : "", call.ended?.reason ?? ""],
  ].filter(([name, value]) => name && value);
  keep(byId("facts"), [["time", ""], ...facts], ([name]) => name, fact);
  const words = byId("words");
  const atEnd = words.scrollHeight - words.scrollTop - words.clientHeight < 40;
  showTranscript(byId("transcript"), call);
  if (atEnd) words.scrollTop = words.scrollHeight;
  showTurns(byId("turns"), call);
  byId("no-turns").hidden = call.turns.length > 0;
  tick(call);
}

/** @param {string[]} fact */
function fact([name, value]) {
  return el("div", {}, el("dt", {}, name), el("dd", {}, value));
}

/** What moves by itself. @param {CallModel} call */
function tick(call) {
  const time = byId("facts").querySelector('[data-key="time"] dd');
  const text = clock(call.now());
  if (time.textContent !== text) time.textContent = text;
  drawWaveform(byId("waveform"), call);
}
