// Times and numbers for people.

/** @param {number} seconds */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** @param {number | null | undefined} ms */
export function milliseconds(ms) {
  return ms === null || ms === undefined ? "–" : `${Math.round(ms)} ms`;
}

/** @param {number} ms at least a second as seconds */
export function seconds(ms) {
  return ms < 1000 ? milliseconds(ms) : `${(ms / 1000).toFixed(1)} s`;
}

/** @param {number} cost in the currency of the settings, to three figures: a turn costs a fraction of a cent */
export function price(cost) {
  return String(Number(cost.toPrecision(3)));
}

/**
 * Who a SIP URI, or whatever a caller is named by, is for people: without what does not tell them apart.
 * @param {string} party
 */
export function person(party) {
  const bare = party.replace(/^sips?:/, "").split(";")[0];
  const host = bare.split("@")[1] ?? "";
  return /^(127\.|localhost)/.test(host) ? bare.split("@")[0] : bare || "unknown";
}

/** @param {string} iso */
export function day(iso) {
  return new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** @param {string} iso the same to the second: calls come more often than once a minute */
export function second(iso) {
  return new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/**
 * Both ends of a time, as short as tells them apart.
 * @param {string} from iso
 * @param {string} to iso
 */
export function span(from, to) {
  const [first, last] = [new Date(from), new Date(to)];
  if (first.toDateString() !== last.toDateString()) {
    return [first, last].map((date) => date.toLocaleDateString(undefined, { dateStyle: "medium" }));
  }
  return [day(from), last.toLocaleTimeString(undefined, { timeStyle: "short" })];
}
