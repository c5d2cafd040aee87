// The switches of the flows: what they are set to, and buttons that set them.

import { byId, el } from "./dom.js";

const EVERY_MS = 5000;

/** @typedef {{name: string, value: string, values: string[], means: string, set_at: string | null, set_by: string | null, until: string | null}} Switch */

export function showSwitches() {
  const again = async () => {
    await read().catch(() => {}); // the page's status says that the bot cannot be reached
    window.setTimeout(again, EVERY_MS);
  };
  again();
}

async function read() {
  show((await (await fetch("/api/flow/switches")).json()).switches);
}

/** @param {Switch[]} switches */
function show(switches) {
  byId("switches").hidden = switches.length === 0;
  const list = byId("switch-list");
  const content = JSON.stringify(switches);
  if (list.madeOf === content) return; // the focus stays where it is
  list.madeOf = content;
  list.replaceChildren(...switches.map(row));
}

/** @param {Switch} each */
function row(each) {
  const buttons = each.values.map((value) => {
    const button = el("button", { type: "button", "aria-pressed": String(value === each.value) }, value);
    button.addEventListener("click", () => set(each.name, value));
    return button;
  });
  const since = each.set_at ? `set at ${each.set_at} by ${each.set_by}${each.until ? `, until ${each.until}` : ""}` : "";
  return el(
    "li",
    {},
    el("div", { class: "row", role: "group", "aria-label": each.name }, el("span", { class: "party" }, each.name), ...buttons),
    el("p", { class: "note" }, each.means),
    el("p", { class: "note" }, since),
  );
}

/**
 * @param {string} name
 * @param {string} value
 */
async function set(name, value) {
  const note = byId("switch-note");
  try {
    const answer = await fetch(`/api/flow/switches/${encodeURIComponent(name)}`, {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ value, by: "the page" }),
    });
    const said = await answer.json();
    note.textContent = answer.ok ? `${name} is ${said.value} from each call’s next step on.` : `${said.what}: ${said.why}`;
    await read();
  } catch {
    note.textContent = `${name} was not set: the bot cannot be reached.`;
  }
}
