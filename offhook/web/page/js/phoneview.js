// The phone's card: Talk, Mute, levels, keypad.

import { byId, el } from "./dom.js";
import { Phone } from "./phone.js";

const KEYS = "123456789*0#";
const KEY_NAMES = /** @type {Record<string, string>} */ ({ "*": "star", "#": "hash" });
const FLOOR_DB = 50;
const TALK = { idle: "Talk", starting: "Cancel", talking: "Hang up" };
const NOTES = {
  idle: "Press Talk and speak: this tab is a telephone.",
  starting: "Asking for the microphone …",
  talking: "You are talking with the bot. Your keyboard’s digits are keys, too.",
};

/** @returns {Phone} the phone that the card belongs to */
export function showPhone() {
  const phone = new Phone();
  const [talk, mute, note, keypad] = ["talk", "mute", "phone-note", "keypad"].map(byId);
  const keys = [...KEYS].map((key) => keyButton(phone, key));
  keypad.replaceChildren(...keys);
  talk.addEventListener("click", () => (phone.state === "idle" ? phone.start() : phone.hangUp()));
  mute.addEventListener("click", () => {
    phone.mute(!phone.muted);
    mute.setAttribute("aria-pressed", String(phone.muted));
  });
  listen(phone, "state", (/** @type {Phone["state"]} */ state) => {
    talk.textContent = TALK[state];
    talk.dataset.state = state;
    note.textContent = NOTES[state];
    note.classList.remove("trouble");
    for (const button of [mute, ...keys]) button.disabled = state !== "talking";
  });
  listen(phone, "trouble", (/** @type {string} */ what) => {
    note.textContent = what;
    note.classList.add("trouble");
  });
  listen(phone, "levels", (/** @type {Phone["levels"]} */ { mine, theirs }) => {
    showLevel(byId("mine"), mine);
    showLevel(byId("theirs"), theirs);
  });
  addEventListener("pagehide", () => phone.hangUp());
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof HTMLInputElement || event.ctrlKey || event.altKey || event.metaKey;
    if (!typing && !event.repeat && event.key.length === 1 && KEYS.includes(event.key)) phone.press(event.key);
  });
  return phone;
}

/**
 * @param {Phone} phone
 * @param {string} key
 */
function keyButton(phone, key) {
  const name = KEY_NAMES[key];
  const button = el("button", { type: "button", disabled: "", ...(name ? { "aria-label": name } : {}) }, key);
  button.addEventListener("click", () => phone.press(key));
  return button;
}

/**
 * @param {HTMLElement} meter
 * @param {number} peak 0 to 1
 */
function showLevel(meter, peak) {
  const percent = peak > 0 ? Math.round(100 * Math.max(0, 1 + (20 * Math.log10(peak)) / FLOOR_DB)) : 0;
  meter.setAttribute("aria-valuenow", String(percent));
  /** @type {HTMLElement} */ (meter.firstElementChild).style.width = `${percent}%`;
}

/**
 * @param {Phone} phone
 * @param {string} name
 * @param {(detail: any) => void} handler
 */
function listen(phone, name, handler) {
  phone.addEventListener(name, (event) => handler(/** @type {CustomEvent} */ (event).detail));
}
