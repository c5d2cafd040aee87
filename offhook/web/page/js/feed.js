// The live feed (/api/live): the bot's calls and whether more can come in; pages without calls ask /readyz.

import { CallModel } from "./model.js";

const STATUS_EVERY_MS = 5000;
const AGAIN_MS = 10_000; // after a refusal: the browser does not try again by itself

/** The calls in progress, and those that ended while the page was open. Dispatches "change" (detail: the call's id). */
export class Feed extends EventTarget {
  constructor() {
    super();
    /** @type {Map<string, CallModel>} */
    this.calls = new Map();
    this.focus = "";
    /** Whether calls can come in. @type {{state: string, why: string}} */
    this.status = { state: "", why: "" };
    /** @type {EventSource | null} */
    this.source = null;
  }

  /**
   * Open the stream, or open it anew for another call.
   * @param {string} focus the call to be shown in detail, or ""
   */
  watch(focus) {
    if (this.source && focus === this.focus) return;
    this.focus = focus;
    this.source?.close();
    const source = (this.source = new EventSource(`/api/live${focus ? `?call=${encodeURIComponent(focus)}` : ""}`));
    source.onerror = () => this.failed(source);
    source.addEventListener("status", ({ data }) => {
      this.status = JSON.parse(data);
      this.change("");
    });
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

  /** @param {{call: string, events: import("./model.js").LiveEvent[]}} shown */
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

  /** @param {EventSource} source that broke off, or was refused: then it is closed for good */
  async failed(source) {
    this.status = AWAY;
    this.change("");
    if (source.readyState !== EventSource.CLOSED || source !== this.source) return;
    const answer = await fetch("/api/live").catch(() => null);
    answer?.body?.cancel();
    if (answer?.status === 503) {
      this.status = { state: "away", why: "too many live pages are open: close one of them" };
      this.change("");
    }
    setTimeout(() => {
      if (source !== this.source) return;
      this.source = null;
      this.watch(this.focus);
    }, AGAIN_MS);
  }

  /** @param {string} id */
  change(id) {
    this.dispatchEvent(new CustomEvent("change", { detail: id }));
  }
}

const AWAY = { state: "away", why: "the bot cannot be reached" };

/**
 * @param {HTMLElement} place says whether calls can come in, and how many there are: those that the page shows
 * @param {Feed} feed
 */
export function showFeedStatus(place, feed) {
  const calls = [...feed.calls.values()].filter(({ ended }) => !ended).length;
  say(place, feed.status.state === "away" ? feed.status : { ...feed.status, calls });
}

/** @param {HTMLElement} place says, now and from now on, whether calls can come in */
export async function showStatus(place) {
  try {
    const answer = await fetch("/readyz", { cache: "no-store" });
    say(place, await answer.json());
  } catch {
    say(place, AWAY);
  }
  setTimeout(() => showStatus(place), STATUS_EVERY_MS);
}

/**
 * @param {HTMLElement} place
 * @param {{state: string, why: string, calls?: number}} status
 */
function say(place, { state, why, calls }) {
  const count = calls === undefined ? "" : `${calls} ${calls === 1 ? "call" : "calls"}`;
  const text = state === "away" ? why : [state, count, why].filter(Boolean).join(" · ");
  place.dataset.state = state;
  if (place.textContent !== text) place.textContent = text;
}
