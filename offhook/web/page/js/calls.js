// The list of calls: search, filters, figures over time.

import { showChart } from "./chart.js";
import { byId, el } from "./dom.js";
import { showStatus } from "./feed.js";
import { clock, day, milliseconds, person } from "./format.js";

const filters = byId("filters");
let following = /** @type {Record<string, string> | null} */ (null);
let searching = 0; // the search that is shown; answers to earlier ones come too late

showStatus(byId("status"));
fill(new URLSearchParams(location.search));
filters.addEventListener("submit", (/** @type {Event} */ event) => {
  event.preventDefault();
  history.replaceState(null, "", `/calls?${chosen()}`);
  search();
});
byId("more").addEventListener("click", more);
search();

/** @param {URLSearchParams} wanted puts the address's search into the form */
function fill(wanted) {
  for (const input of filters.elements) {
    if (input.type === "checkbox") input.checked = wanted.get(input.name) === input.value;
    else if (input.name && wanted.has(input.name)) input.value = wanted.get(input.name);
  }
}

/** @returns {URLSearchParams} what the form asks for */
function chosen() {
  const wanted = new URLSearchParams();
  for (const [name, value] of new FormData(filters)) if (value) wanted.append(name, String(value));
  return wanted;
}

/** @returns {URLSearchParams} the same for the server: local times become times of the world */
function query() {
  const wanted = chosen();
  for (const name of ["since", "until"]) {
    const local = wanted.get(name);
    if (local) wanted.set(name, new Date(local).toISOString());
  }
  return wanted;
}

async function search() {
  const mine = ++searching;
  byId("found").replaceChildren();
  byId("count").textContent = "searching …";
  const [page, overTime] = await Promise.all([get(`/api/calls?${query()}`), get(`/api/calls/figures?${query()}`)]);
  if (mine !== searching) return;
  append(page);
  const points = overTime?.buckets ?? [];
  showChart(byId("response-chart"), points.map((/** @type {any} */ b) => point(b, "response")));
  showChart(byId("barge-chart"), points.map((/** @type {any} */ b) => point(b, "barge_in")));
}

async function more() {
  if (!following) return;
  const wanted = query();
  for (const [name, value] of Object.entries(following)) wanted.set(name, value);
  append(await get(`/api/calls?${wanted}`));
}

/** @param {{calls: any[], next: typeof following} | null} page */
function append(page) {
  if (!page) {
    byId("count").textContent = "the bot cannot be reached, or did not understand the search";
    return;
  }
  byId("found").append(...page.calls.map(row));
  following = page.next;
  const count = byId("found").children.length;
  byId("count").textContent = count ? `${count}${following ? " of more" : ""}` : "";
  byId("none").hidden = count > 0;
  byId("more").hidden = !following;
}

/** @param {any} call */
function row(call) {
  const link = el("a", { href: `/calls/${encodeURIComponent(call.uniqueid)}` }, day(call.start));
  const ended = call.end ? `${call.ended_by}: ${call.end_reason}` : (call.ended_by ?? "in progress");
  return el(
    "tr",
    {},
    el("td", {}, link),
    el("td", { class: "party" }, person(call.src)),
    el("td", { class: "number", "data-name": "length" }, clock(call.duration)),
    el("td", { class: "number", "data-name": "turns" }, String(call.turns)),
    el("td", { class: "number", "data-name": "barge-ins" }, String(call.barge_ins)),
    el("td", { class: "number", "data-name": "p50" }, milliseconds(call.response_p50_ms)),
    el("td", { class: "number", "data-name": "p95" }, milliseconds(call.response_p95_ms)),
    el("td", {}, ended, call.recording ? el("span", { class: "note" }, " · recorded") : ""),
  );
}

/**
 * @param {any} bucket
 * @param {string} what
 */
function point(bucket, what) {
  return { start: bucket.start, p50: bucket[`${what}_p50_ms`], p95: bucket[`${what}_p95_ms`] };
}

/** @param {string} url */
async function get(url) {
  try {
    const answer = await fetch(url);
    return answer.ok ? await answer.json() : null;
  } catch {
    return null; // not reached: said where the calls would be
  }
}
