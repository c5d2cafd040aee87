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
