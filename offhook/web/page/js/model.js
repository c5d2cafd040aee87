// A call as the sum of its events (`kind`, `at` in seconds since its start …). The live page and the record of a call
// that is over are made of the same ones. Pure: no user interface.

import { AGENT_HANDLERS, speakReply } from "./agent.js";

/**
 * @typedef {{kind: string, at: number, [name: string]: any}} LiveEvent
 * @typedef {{text: string, from: number, to: number}} Word where a word lies, in seconds of the call
 * @typedef {object} Line
 * @property {number} id
 * @property {"caller" | "bot" | "tool" | "note"} who
 * @property {number} at
 * @property {string} text
 * @property {string} [heard]
 * @property {string} [unheard]
 * @property {boolean} open still growing
 * @property {boolean} cut the caller interrupted it
 * @property {boolean} [typed] the caller typed it
 * @property {string} [rejected] why it was no answer
 * @property {number} [silentMs] how long after the caller's first sound the bot was silent
 * @property {Word[]} words
 * @property {boolean} [model] a language model wrote it
 * @property {boolean} [draft] … and it is not said yet
 * @property {boolean} [early] … and the caller's turn may not be over
 * @property {{given: string, chars: number, ms: number, error: string}} [tool] of a tool that has run
 * @typedef {{number: number, at: number, responseMs: number, stages: Record<string, number>, exchange: number}} Turn
 * @typedef {{kind: "endpoint" | "barge-in" | "heard" | "key", at: number}} Mark
 * @typedef {{from: number, to: number | null}} Stretch of the caller's speech
 * @typedef {{at: number, caller: number[], bot: number[]}} Levels a value each 50 ms
 */

const KEPT_LEVELS = 1200;

export class CallModel {
  /** @param {string} id */
  constructor(id) {
    this.id = id;
    this.caller = "";
    this.called = "";
    this.callId = "";
    this.transport = "";
    this.state = "";
    this.keys = 0;
    this.bargeIns = 0;
    this.recordedFrom = 0;
    /** Whether the bot has spoken before it answered. */
    this.early = false;
    /** @type {{at: number, by: string, reason: string} | null} */
    this.ended = null;
    /** @type {Line[]} */
    this.lines = [];
    /** @type {Turn[]} */
    this.turns = [];
    /** What a language model was asked for. @type {import("./agent.js").Reply[]} */
    this.replies = [];
    /** Turns of the caller so far, answered or not. */
    this.exchange = 0;
    /** @type {Mark[]} */
    this.marks = [];
    /** @type {Stretch[]} */
    this.speech = [];
    /** @type {Levels[]} */
    this.levels = [];
    /** Where the prompt's audio was begun, and begun again: (call time, place in the audio, place in the text). */
    this.stretches = /** @type {{at: number, audio: number, left: number}[]} */ ([]);
    /** Keys of an answer that is not complete yet, and their line. */
    this.pressed = 0;
    this.keying = /** @type {Line | null} */ (null);
    this.nextId = 0;
    /** The call's age when it was reported, and when that was: what time it is in the call. */
    this.age = 0;
    this.agedAt = 0;
  }

  /** Seconds since its start, now or when it ended. */
  now() {
    return this.ended ? this.ended.at : this.age + (performance.now() - this.agedAt) / 1000;
  }

  /** @param {LiveEvent} event */
  apply(event) {
    HANDLERS[event.kind]?.(this, event);
  }

  /** @returns {Line | undefined} what the bot is saying */
  speaking() {
    return this.lines.findLast((line) => line.who === "bot" && line.open && !line.draft);
  }

  /**
   * @param {Line["who"]} who
   * @param {number} at
   * @param {Partial<Line>} more
   */
  add(who, at, more) {
    const line = { id: this.nextId++, who, at, text: "", open: false, cut: false, words: [], ...more };
    this.place(line);
    return line;
  }

  /** @param {Line} line among the others, by its time */
  place(line) {
    const place = this.lines.findLastIndex((other) => other.at <= line.at);
    this.lines.splice(place + 1, 0, line);
  }

  /** @returns {Line[]} what the caller is saying, or has said or typed without an answer so far */
  pending(typed = false) {
    return this.lines.filter(
      (line) => line.who === "caller" && line.open && line !== this.keying && Boolean(line.typed) === typed,
    );
  }

  /** @returns {Line} what the caller is saying */
  listening(/** @type {number} */ at) {
    const open = this.pending().at(-1);
    if (open) return open;
    const stretch = this.speech.at(-1);
    const recent = stretch && (stretch.to === null || at - stretch.to < 10);
    return this.add("caller", recent ? stretch.from : at, { open: true });
  }

  /**
   * @param {LiveEvent} event with what the caller said or typed
   * @param {string} [rejected] why it was no answer
   */
  understood(event, rejected) {
    if (event.typed) {
      const line = this.pending(true).find(({ text }) => text === event.text) ?? this.add("caller", event.at, { typed: true });
      Object.assign(line, { open: false, text: event.text, rejected });
      return;
    }
    const [open] = this.pending();
    const line = open ?? (event.from === undefined ? this.listening(event.at) : this.add("caller", event.from, {}));
    Object.assign(line, { open: false, text: event.text, rejected });
    line.words = evenly(line.text, line.at, lastSpeech(this, line.at, event.at));
  }
}

/** @type {Record<string, (call: CallModel, event: LiveEvent) => void>} */
const HANDLERS = {
  begun(call, event) {
    call.caller = event.caller ?? "";
    call.called = event.called ?? "";
    call.callId = event.call_id ?? "";
    call.transport = event.transport ?? "";
    call.age = event.age_s ?? 0;
    call.agedAt = performance.now();
  },
  early_media(call, event) {
    call.recordedFrom = event.at;
    call.early = true;
    call.add("note", event.at, { text: "early media: the call is not answered yet" });
  },
  answered(call, event) {
    if (call.early) call.add("note", event.at, { text: "answered" });
    else call.recordedFrom = event.at;
  },
  state(call, event) {
    call.state = event.name;
  },
  bot(call, event) {
    const line = call.speaking();
    if (line) line.open = false;
    if (!speakReply(call, event)) call.add("bot", event.at, { text: event.text, open: true });
    call.stretches = [{ at: event.at, audio: 0, left: event.text.length }];
  },
  resumed(call, event) {
    const line = call.speaking();
    if (line) line.cut = false;
    call.stretches.push({ at: event.at, audio: -1, left: event.text.length });
  },
  barge_in(call, event) {
    call.bargeIns += 1;
    call.marks.push({ kind: "barge-in", at: event.at });
    const line = call.speaking();
    if (!line) return;
    Object.assign(line, { cut: true, silentMs: event.silent_ms, heard: event.heard, unheard: event.unheard });
  },
  heard(call, event) {
    const line = call.speaking();
    if (!line) return;
    const { heard, unheard } = event;
    Object.assign(line, { open: false, heard, unheard, text: [heard, unheard].filter(Boolean).join(" ") });
    line.words = spokenWords(line, event.words ?? [], call.stretches, event.at);
    if (event.interrupted && line.words.length) call.marks.push({ kind: "heard", at: line.words.at(-1)?.to ?? 0 });
  },
  speech(call, event) {
    const last = call.speech.at(-1);
    if (event.on) call.speech.push({ from: event.at, to: null });
    else if (last && last.to === null) last.to = event.at;
  },
  partial(call, event) {
    call.listening(event.at).text = event.text;
  },
  key(call, event) {
    call.keys += 1;
    call.pressed += 1;
    call.marks.push({ kind: "key", at: event.at });
    call.keying ??= call.add("caller", event.at, { open: true });
    call.keying.text = keysPressed(call.pressed);
  },
  typed(call, event) {
    call.add("caller", event.at, { text: event.text, typed: true, open: true });
  },
  ignored(call, event) {
    call.understood(event, withConfidence("no answer to the question", event));
  },
  answer(call, event) {
    call.exchange += 1;
    const keyed = call.keying;
    const rejected = event.answer === "no_match" ? withConfidence(NOTHING_SAID.no_match, event) : undefined;
    if (keyed) Object.assign(keyed, { open: false, rejected: event.keys ? rejected : undefined });
    call.pressed = 0;
    call.keying = null;
    if (event.text) {
      call.understood(event, rejected);
      return;
    }
    // What sounded like words was none, or came to nothing.
    const open = call.pending();
    call.lines = call.lines.filter((line) => !open.includes(line));
    if (event.typed) {
      call.add("caller", event.at, { text: keysPressed(event.keys), typed: true, rejected });
      return;
    }
    const note = NOTHING_SAID[event.answer];
    if (note && !keyed) call.add("note", event.at, { text: note });
  },
  corrected(call, event) {
    const last = call.lines.findLast(({ who, text }) => who === "caller" && text === event.was);
    const line = last ?? call.add("caller", event.at, {});
    Object.assign(line, { text: event.text, rejected: undefined });
    line.words = evenly(line.text, line.at, lastSpeech(call, line.at, event.at));
  },
  turn(call, event) {
    const number = call.turns.length + 1;
    const stages = event.ledger_ms ?? event.stages_ms;
    call.turns.push({ number, at: event.at, responseMs: event.response_ms, stages, exchange: call.exchange });
    if (event.turn_ended_at !== undefined) call.marks.push({ kind: "endpoint", at: event.turn_ended_at });
  },
  failure(call, event) {
    call.add("note", event.at, { text: `${event.engine} failed: ${event.error}` });
  },
  used(call, event) {
    if (event.outcome === "late") call.add("note", event.at, { text: `${event.engine} answered too late` });
    else if (event.why && event.outcome === "answered") {
      call.add("note", event.at, { text: `${event.engine} took over (${event.why})` });
    }
  },
  ended(call, event) {
    for (const line of call.lines) line.open = false;
    call.ended = { at: event.at || call.now(), by: event.by, reason: event.reason };
  },
  levels(call, event) {
    call.levels.push({ at: event.at, caller: event.caller, bot: event.bot });
    if (call.levels.length > KEPT_LEVELS) call.levels.splice(0, KEPT_LEVELS / 2);
  },
  ...AGENT_HANDLERS,
};

export const NOTHING_SAID = /** @type {Record<string, string>} */ ({
  no_input: "the caller said nothing",
  no_match: "not understood",
  failed: "the recogniser failed",
});

/**
 * @param {string} why it was no answer
 * @param {{confidence?: number | null, typed?: boolean}} said
 * @returns {string} with the recogniser's confidence, if it has one
 */
export function withConfidence(why, { confidence, typed }) {
  return typed || confidence === null || confidence === undefined ? why : `${why}, ${Math.round(100 * confidence)} % sure`;
}

/** @param {number} count */
function keysPressed(count) {
  return `${"●".repeat(Math.min(count, 20))} ${count} ${count === 1 ? "key" : "keys"}`;
}

/**
 * When each word of a prompt was played. The voice reports where its words are in the audio; the audio was played in
 * stretches: a pause begins a new one.
 * @param {Line} line
 * @param {number[][]} places (first character, character behind the last, start, end), seconds of the audio
 * @param {{at: number, audio: number, left: number}[]} stretches
 * @param {number} endedAt
 * @returns {Word[]}
 */
function spokenWords({ text, heard = "" }, places, stretches, endedAt) {
  if (!stretches.length || !heard) return [];
  if (!places.length) return evenly(heard, stretches[0].at, endedAt);
  const begun = stretches.map(({ at, audio, left }) => {
    if (audio >= 0) return { at, audio };
    const first = places.find(([from]) => from >= text.length - left) ?? places[places.length - 1];
    return { at, audio: first[2] };
  });
  const wholly = places.filter(([, to]) => to <= heard.length);
  return wholly.map(([from, , start, end], index) => {
    const stretch = begun.findLast(({ audio }) => audio <= start) ?? begun[0];
    const at = stretch.at + start - stretch.audio;
    // With the punctuation behind it: the next word's beginning is its end.
    const until = index + 1 < wholly.length ? wholly[index + 1][0] : heard.length;
    return { text: text.slice(from, until).trim(), from: at, to: at + end - start };
  });
}

/**
 * Words spread by their length where their places are not known.
 * @param {string} text
 * @param {number} from
 * @param {number} to
 * @returns {Word[]}
 */
function evenly(text, from, to) {
  const scale = Math.max(0, to - from) / Math.max(1, text.length);
  return [...text.matchAll(/\S+/g)].map(({ 0: word, index = 0 }) => ({
    text: word,
    from: from + scale * index,
    to: from + scale * (index + word.length),
  }));
}

/**
 * @param {CallModel} call
 * @param {number} from
 * @param {number} answeredAt
 * @returns {number} when the caller's speech since `from` ended
 */
function lastSpeech(call, from, answeredAt) {
  const stretch = call.speech.findLast(({ from: began, to }) => began >= from - 0.01 && to !== null && to <= answeredAt);
  return stretch?.to ?? answeredAt;
}
