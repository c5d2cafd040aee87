// The queues: who waits, and the agents with buttons that log them in and out.

import { byId, el, keep } from "./dom.js";
import { clock, person } from "./format.js";

const EVERY_MS = 2000;
const EVERY_WITHOUT_MS = 30_000; // where the settings have no queues
const ROWS = 20;
const ACTIONS = { login: "Log in", pause: "Pause", logout: "Log out" };

/** @typedef {{call: string, caller: string, state: string, is_call_back: boolean, waited_s: number | null, agents: string[]}} Caller */
/** @typedef {{queues: Record<string, {agents: string[], closed: boolean, closed_by: string[], callers: Caller[]}>, agents: Record<string, {state: string, calls: number}>, called_in: Record<string, {caller: string, queue: string, state: string}>}} Found */

export function showQueues() {
  const again = async () => {
    await read().catch(() => {}); // the page's status says that the bot cannot be reached
    window.setTimeout(again, byId("queues").hidden ? EVERY_WITHOUT_MS : EVERY_MS);
  };
  again();
}

async function read() {
  show(await (await fetch("/api/queues")).json());
}

/** @param {Found} found */
function show({ queues, agents, called_in: calledIn }) {
  byId("queues").hidden = Object.keys(queues).length === 0;
  // Who has called in has the name of a record.
  const labels = new Map(Object.entries(calledIn).map(([name, { caller }]) => [name, `${person(caller)}, called in`]));
  const shown = Object.entries(queues).map(([name, queue]) => ({
    name,
    callers: queue.callers.map((caller) => ({ ...caller, agents: caller.agents.map((agent) => labels.get(agent) ?? agent) })),
    closed: closedBy(queue),
  }));
  keep(byId("queue-list"), shown, ({ name }) => name, table);
  // A row of an agent stays, and with it the focus: what changes in it is set.
  const listed = [
    ...Object.keys(agents).map((name) => ({ name, label: name, actions: Object.keys(ACTIONS) })),
    ...[...labels].map(([name, label]) => ({ name, label, actions: ["logout"] })),
  ];
  keep(byId("agent-list"), listed, ({ name }) => name, agentRow);
  for (const row of byId("agent-list").children) {
    const own = agents[row.dataset.key];
    const text = own ? `${own.state}, ${own.calls} ${own.calls === 1 ? "call" : "calls"}` : calledIn[row.dataset.key].state;
    const place = row.querySelector(".note");
    if (place.textContent !== text) place.textContent = text;
  }
}

/** @param {{closed: boolean, closed_by: string[]}} queue */
function closedBy({ closed, closed_by: by }) {
  if (!closed) return "";
  return by.length ? `closed by ${by.join(", ")}, ` : "closed, ";
}

/** @param {{name: string, closed: string, callers: Caller[]}} queue */
function table({ name, closed, callers }) {
  const waiting = callers.filter(({ state }) => state !== "talking");
  const talking = callers.filter(({ state }) => state === "talking");
  const more = waiting.length > ROWS ? `, the first ${ROWS} of them` : "";
  const counts = `${waiting.length} ${waiting.length === 1 ? "waits" : "wait"}, ${talking.length} talk${talking.length === 1 ? "s" : ""}`;
  const rows = [
    ...waiting.slice(0, ROWS).map((caller, place) => row(String(place + 1), caller)),
    ...talking.slice(0, ROWS).map((caller) => row("–", caller)),
  ];
  const heads = ["place", "caller", "waited", "state", "agent"].map((head) => el("th", { scope: "col" }, head));
  return el(
    "div",
    { class: "wide", tabindex: "0", role: "region", "aria-label": name },
    el(
      "table",
      { class: "plain" },
      el("caption", {}, `${name}: ${closed}${counts}${more}`),
      el("thead", { class: rows.length ? "" : "hidden" }, el("tr", {}, ...heads)),
      el("tbody", {}, ...rows),
    ),
  );
}

/**
 * @param {string} place
 * @param {Caller} caller
 */
function row(place, { caller, state, is_call_back: isCallBack, waited_s: waitedS, agents }) {
  const waited = waitedS === null ? "–" : clock(waitedS);
  const is = isCallBack ? `${state} (call-back)` : state;
  return el("tr", {}, ...[place, person(caller), waited, is, agents.join(", ")].map((text) => el("td", {}, text)));
}

/** @param {{name: string, label: string, actions: string[]}} agent */
function agentRow({ name, label, actions }) {
  const offered = Object.entries(ACTIONS).filter(([action]) => actions.includes(action));
  const buttons = offered.map(([action, does]) => {
    const button = el("button", { type: "button", "data-action": action }, does);
    button.addEventListener("click", () => act(name, action));
    return button;
  });
  const said = [el("span", { class: "party" }, label), el("span", { class: "note" })];
  return el("li", {}, el("div", { class: "row", role: "group", "aria-label": label }, ...said, ...buttons));
}

/**
 * @param {string} agent
 * @param {string} action
 */
async function act(agent, action) {
  const note = byId("queue-note");
  try {
    const answer = await fetch("/api/queues/agents", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ agent, action }),
    });
    const said = await answer.json();
    note.textContent = answer.ok ? `${person(said.agent)} is ${said.state}.` : `${said.what}: ${said.why}`;
    await read();
  } catch {
    note.textContent = `${agent} stays as before: the bot cannot be reached.`;
  }
}
