// The phone's card: Talk, Mute, levels, a line to type, keypad, and the call's options.

import { byId, el } from "./dom.js";
import { Phone } from "./phone.js";

const KEYS = "123456789*0#";
const KEY_NAMES = /** @type {Record<string, string>} */ ({ "*": "star", "#": "hash" });
const FLOOR_DB = 50;
const TALK = { idle: "Talk", starting: "Cancel", talking: "Hang up" };
const NOTES = {
  idle: "Press Talk and speak: this tab is a phone.",
  starting: "Asking for the microphone …",
  talking: "You are talking to the bot. The digits on your keyboard work too.",
};
const TYPE = "You can type below.";

const ENDED = { bot: "The bot hung up.", caller: "You hung up.", "": "" };

/**
 * @param {(callId: string) => string} recordOf where the record of a call of that name is
 * @returns {Phone} the phone that the card belongs to
 */
export function showPhone(recordOf) {
  const phone = new Phone();
  const [talk, mute, note, keypad, line] = ["talk", "mute", "phone-note", "keypad", "line"].map(byId);
  let silent = ""; // why there is no microphone
  const keys = [...KEYS].map((key) => keyButton(phone, key));
  keypad.replaceChildren(...keys);
  talk.addEventListener("click", () => (phone.state === "idle" ? phone.start(wanted()) : phone.hangUp()));
  mute.addEventListener("click", () => {
    phone.mute(!phone.muted);
    mute.setAttribute("aria-pressed", String(phone.muted));
  });
  listen(phone, "state", (/** @type {Phone["state"]} */ state) => {
    talk.textContent = TALK[state];
    talk.dataset.state = state;
    if (state === "starting") silent = "";
    note.textContent = state === "talking" && silent ? `${silent} ${TYPE}` : NOTES[state];
    note.classList.remove("trouble");
    for (const field of [line, ...keys]) field.disabled = state !== "talking";
    mute.disabled = state !== "talking" || silent !== "";
    if (state === "talking") showMicrophones();
    if (state === "talking" && silent) line.focus();
  });
  listen(phone, "silent", (/** @type {string} */ why) => {
    silent = why;
  });
  byId("typing").addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
    event.preventDefault(); // and the field keeps the focus
    if (line.value.trim()) phone.type(line.value.trim());
    line.value = "";
  });
  listen(phone, "ended", (/** @type {{by: "bot" | "caller" | "", callId: string, why: string}} */ { by, callId, why }) => {
    if (!why && !by) return; // it was cancelled before it began
    note.replaceChildren(...[why || ENDED[by], callId ? seeRecord(recordOf(callId)) : ""].filter(Boolean));
    note.classList.toggle("trouble", Boolean(why));
  });
  listen(phone, "levels", (/** @type {Phone["levels"]} */ { mine, theirs }) => {
    showLevel(byId("mine"), mine);
    showLevel(byId("theirs"), theirs);
  });
  byId("volume").addEventListener("input", () => phone.setVolume(volume()));
  byId("options").addEventListener("toggle", showMicrophones);
  byId("options").addEventListener("toggle", showNumbers, { once: true });
  navigator.mediaDevices?.addEventListener("devicechange", showMicrophones);
  addEventListener("pagehide", () => phone.hangUp());
  document.addEventListener("keydown", (event) => {
    const field = event.target instanceof Element && event.target.matches("input, textarea, select");
    const typing = field || event.ctrlKey || event.altKey || event.metaKey;
    if (!typing && !event.repeat && event.key.length === 1 && KEYS.includes(event.key)) phone.press(event.key);
  });
  return phone;
}

/** @returns {import("./phone.js").Wanted} what the card's fields ask for */
function wanted() {
  const lines = byId("parameters").value.split("\n").map((/** @type {string} */ line) => line.trim());
  const pairs = lines.filter((/** @type {string} */ line) => line.includes("=")).map((/** @type {string} */ line) => {
    const place = line.indexOf("=");
    return [line.slice(0, place).trim(), line.slice(place + 1).trim()];
  });
  return {
    called: byId("called").value.trim(),
    parameters: Object.fromEntries(pairs),
    microphone: byId("microphone").value,
    volume: volume(),
  };
}

/** @returns {number} 1: unchanged */
function volume() {
  return Number(byId("volume").value) / 100;
}

/** The microphones. Browsers give their names only once one of them was allowed. */
async function showMicrophones() {
  const found = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  const select = byId("microphone");
  const chosen = select.value;
  const known = found.filter(({ kind, deviceId }) => kind === "audioinput" && deviceId && deviceId !== "default");
  const options = known.map(({ deviceId, label }, index) => el("option", { value: deviceId }, label || `Microphone ${index + 1}`));
  select.replaceChildren(select.options[0], ...options);
  select.value = known.some(({ deviceId }) => deviceId === chosen) ? chosen : "";
}

/** The numbers of the routes, to choose from. */
async function showNumbers() {
  const answer = await fetch("/api/talk").catch(() => null);
  if (!answer?.ok) return;
  const { numbers } = await answer.json();
  byId("numbers").replaceChildren(...numbers.map((/** @type {string} */ value) => el("option", { value })));
}

/** @param {string} href */
function seeRecord(href) {
  return el("span", {}, " ", el("a", { href }, "See its record"));
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
