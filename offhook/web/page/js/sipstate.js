// What the user agent has alive: a panel that is read while it is open.

import { byId, el } from "./dom.js";

const EVERY_MS = 2000;
const ROWS = 20;

/** The parts, with the fields that are shown of each. */
const PARTS = {
  registrations: ["account", "state", "registrar", "answer"],
  dialogs: ["state", "age_s", "peer", "call_id"],
  transactions: ["method", "kind", "state", "age_s", "peer"],
  connections: ["transport", "peer", "opened_by", "age_s"],
  banned: ["host", "left_s"],
};

export function showSipState() {
  const panel = byId("sip");
  let timer = 0;
  const again = async () => {
    await read().catch(() => {
      byId("sip-summary").textContent = "The bot cannot be reached.";
    });
    if (panel.open) timer = window.setTimeout(again, EVERY_MS);
  };
  panel.addEventListener("toggle", () => {
    window.clearTimeout(timer);
    if (panel.open) again();
  });
}

async function read() {
  const answer = await fetch("/api/sip");
  const found = await answer.json();
  if (answer.status === 501) {
    byId("sip-summary").textContent = `${found.what}: ${found.why}.`;
    return;
  }
  const counts = [...Object.keys(PARTS), "users"].map((part) => `${found[part]} ${part}`);
  byId("sip-summary").textContent = `${found.address}: ${counts.join(", ")}`;
  const tables = [];
  for (const [part, fields] of Object.entries(PARTS)) {
    if (!found[part]) continue;
    const page = await (await fetch(`/api/sip/${part}?limit=${ROWS}`)).json();
    tables.push(table(part, fields, page));
  }
  byId("sip-parts").replaceChildren(...tables);
}

/**
 * @param {string} part
 * @param {string[]} fields
 * @param {{total: number, rows: Record<string, unknown>[]}} page
 */
function table(part, fields, { total, rows }) {
  const more = total > rows.length ? `, the first ${rows.length} of ${total}` : "";
  const cells = (/** @type {Record<string, unknown>} */ row) =>
    fields.map((field) => el("td", {}, row[field] === null ? "–" : String(row[field] ?? "")));
  const heads = fields.map((field) => el("th", { scope: "col" }, field.replace(/_s$/, " (s)").replaceAll("_", " ")));
  return el(
    "div",
    { class: "wide", tabindex: "0", role: "region", "aria-label": part },
    el(
      "table",
      { class: "plain" },
      el("caption", {}, part + more),
      el("thead", {}, el("tr", {}, ...heads)),
      el("tbody", {}, ...rows.map((row) => el("tr", {}, ...cells(row)))),
    ),
  );
}
