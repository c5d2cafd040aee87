// The list of calls: search, filters, figures over time.

import { showChart } from "./chart.js";
import { byId, el } from "./dom.js";
import { showStatus } from "./feed.js";
import { clock, milliseconds, person, second } from "./format.js";

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
byId("refresh").addEventListener("click", search);
showFilters();
search();

/** On a narrow screen the filters come out when they are asked for, or when one is set. */
function showFilters() {
  const set = [...chosen().keys()].some((name) => name !== "q");
  const wide = matchMedia("(min-width: 801px)");
  const show = () => (byId("more-filters").open = set || wide.matches);
  wide.addEventListener("change", show);
  show();
}

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
  byId("count").textContent = "searching …";
  byId("csv").href = `/api/calls?${new URLSearchParams([...query(), ["format", "csv"]])}`;
  const [page, overTime] = await Promise.all([get(`/api/calls?${query()}`), get(`/api/calls/figures?${query()}`)]);
  if (mine !== searching) return;
  byId("found").replaceChildren();
  append(page);
  byId("charts").hidden = !byId("found").children.length;
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

/** @param {{calls: any[], next: typeof following} | {what: string, why: string}} page */
function append(page) {
  if (!("calls" in page)) {
    byId("count").textContent = "";
    byId("found-table").hidden = true;
    explain(`${page.what}: ${page.why}`);
    return;
  }
  byId("found").append(...page.calls.map(row));
  following = page.next;
  const count = byId("found").children.length;
  byId("count").textContent = following ? `the latest ${count}` : count ? String(count) : "";
  byId("found-table").hidden = !count;
  byId("more").hidden = !following;
  if (count) explain();
  else if (chosen().size) explain("No call matches. ", el("a", { href: "/calls" }, "Show all calls"));
  else explain("No calls yet. Call the bot, or ", el("a", { href: "/" }, "talk to it from this browser"), ".");
}

/** @param {(string | Node)[]} what stands in the list's place */
function explain(...what) {
  byId("none").replaceChildren(...what);
  byId("none").hidden = !what.length;
}

/** @param {any} call */
function row(call) {
  const link = el("a", { href: `/calls/${encodeURIComponent(call.uniqueid)}` }, second(call.start));
  const number = (/** @type {string} */ name, /** @type {string} */ text) =>
    el("td", { class: "number", "data-name": name }, text);
  const recorded = call.recording ? el("span", { class: "note" }, " · recorded") : "";
  return el(
    "tr",
    {},
    el("td", { class: "start" }, link),
    el("td", { class: "party" }, person(call.src)),
    el("td", { class: "party called" }, person(call.dst)),
    el("td", { class: "outcome" }, el("span", { class: `badge ${STANDING[outcome(call)] ?? ""}` }, outcome(call))),
    number("length", clock(call.duration)),
    number("turns", String(call.turns)),
    number("barge-ins", String(call.barge_ins)),
    number("p50", milliseconds(call.response_p50_ms)),
    number("p95", milliseconds(call.response_p95_ms)),
    el("td", { class: "ended" }, call.end ? `${call.ended_by}: ${call.end_reason}` : "", recorded),
  );
}

const STANDING = /** @type {Record<string, string>} */ ({
  answered: "good",
  "in progress": "open",
  failed: "bad",
  crash: "bad",
});

/**
 * @param {any} call
 * @returns {string} what became of it, in a word or two
 */
function outcome({ disposition, end, ended_by: by }) {
  if (by === "crash") return "crash";
  return end || by ? disposition.toLowerCase() : "in progress";
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
    return await answer.json();
  } catch {
    return { what: "the bot cannot be reached", why: "it has ended, or the network is gone" };
  }
}
