// What the bot tells of its calls, as it happens (/api/live), and whether it is ready (/readyz).

import { CallModel } from "./model.js";

const STATUS_EVERY_MS = 5000;

/** The calls in progress, and those that ended while the page was open. Tells "change" (detail: the call's id). */
export class Feed extends EventTarget {
  constructor() {
    super();
    /** @type {Map<string, CallModel>} */
    this.calls = new Map();
    this.focus = "";
    this.connected = false;
    /** @type {EventSource | null} */
    this.source = null;
  }

  /**
   * Open the stream, or open it anew for another call.
   * @param {string} focus the call to be told everything of, or ""
   */
  watch(focus) {
    if (this.source && focus === this.focus) return;
    this.focus = focus;
    this.source?.close();
    const source = (this.source = new EventSource(`/api/live${focus ? `?call=${encodeURIComponent(focus)}` : ""}`));
    source.onopen = () => this.connection(true);
    source.onerror = () => this.connection(false);
    source.addEventListener("snapshot", ({ data }) => this.snapshot(JSON.parse(data).calls));
    source.addEventListener("call", ({ data }) => this.begin(JSON.parse(data)));
    source.addEventListener("event", ({ data }) => this.happened(JSON.parse(data)));
  }

  /** @param {{call: string, events: import("./model.js").LiveEvent[]}[]} calls */
  snapshot(calls) {
    const there = new Set(calls.map(({ call }) => call));
    for (const [id, call] of this.calls) {
      if (!call.ended && !there.has(id)) this.calls.delete(id);
    }
    for (const call of calls) this.begin(call);
    this.change("");
  }

  /** @param {{call: string, events: import("./model.js").LiveEvent[]}} told */
  begin({ call: id, events }) {
    const call = new CallModel(id);
    call.levels = this.calls.get(id)?.levels ?? [];
    for (const event of events) call.apply(event);
    this.calls.set(id, call);
    this.change(id);
  }

  /** @param {import("./model.js").LiveEvent} event */
  happened(event) {
    this.calls.get(event.call)?.apply(event);
    this.change(event.call);
  }

  /** @param {boolean} connected */
  connection(connected) {
    this.connected = connected;
    this.change("");
  }

  /** @param {string} id */
  change(id) {
    this.dispatchEvent(new CustomEvent("change", { detail: id }));
  }
}

/** @param {HTMLElement} place says, now and from now on, whether calls can come in */
export function showStatus(place) {
  const show = async () => {
    let [state, text] = ["away", "the bot cannot be reached"];
    try {
      const answer = await fetch("/readyz", { cache: "no-store" });
      const { state: found, why, calls } = await answer.json();
      const count = calls === undefined ? "" : ` · ${calls} ${calls === 1 ? "call" : "calls"}`;
      [state, text] = [found, `${found}${count}${why ? ` · ${why}` : ""}`];
    } catch {
      // Said already: not reached, or not by us.
    }
    place.dataset.state = state;
    if (place.textContent !== text) place.textContent = text;
    setTimeout(show, STATUS_EVERY_MS);
  };
  show();
}
