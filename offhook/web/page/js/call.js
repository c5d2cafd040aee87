// One call's record: words, times and recording.

import { usageInRecord } from "./agent.js";
import { showLegend, showTranscript, showTurns, usageFacts } from "./callview.js";
import { byId, el } from "./dom.js";
import { showStatus } from "./feed.js";
import { clock, milliseconds, person, second } from "./format.js";
import { showLadder } from "./ladder.js";
import { CallModel, NOTHING_SAID, withConfidence } from "./model.js";
import { Player } from "./player.js";

const id = location.pathname.split("/").at(-1) ?? "";
const api = `/api/calls/${id}`;

showStatus(byId("status"));
showLegend(byId("stages"));
load();

async function load() {
  const answer = await fetch(api).catch(() => null);
  if (!answer?.ok) {
    const missing = answer?.status === 404;
    byId("trouble").replaceChildren(
      missing ? "There is no record of a call with this id. " : "The record cannot be read: the bot cannot be reached. ",
      el("a", { href: "/calls" }, "Show all calls"),
    );
    return;
  }
  byId("conversation").hidden = byId("downloads-card").hidden = false;
  const record = await answer.json();
  const call = modelOf(record);
  showRecord(record);
  if (record.transport !== "ws") showLadder(id);
  const player = record.recording ? await showRecording(call) : null;
  const play = player ? (/** @type {number} */ at) => player.playFrom(at - call.recordedFrom) : undefined;
  showTranscript(byId("transcript"), call, play);
  byId("word-note").hidden = !player;
  player?.onTime((at) => follow(at + call.recordedFrom));
  showTurns(byId("turns"), call);
  byId("no-turns").textContent = call.turns.length ? "" : "No turn was measured.";
  showDownloads(record);
}

/**
 * @param {any} record
 * @returns {CallModel} made from the timeline, or, if a crash lost it, from the transcript
 */
function modelOf(record) {
  const call = new CallModel(id);
  call.apply({ kind: "begun", at: 0, caller: record.src, called: record.dst, call_id: record.call_id });
  for (const event of record.timeline) call.apply(event);
  if (!record.timeline.length) {
    for (const { at_s: at, who, text, heard, unheard, typed, rejected, confidence } of record.transcript) {
      const why = rejected ? withConfidence(NOTHING_SAID.no_match, { confidence, typed }) : undefined;
      call.add(who, at, { text, heard: heard ?? undefined, unheard: unheard ?? undefined, typed, rejected: why });
    }
  }
  return call;
}

/** @param {any} record */
function showRecord(record) {
  const title = `${person(record.src)} → ${person(record.dst)}`;
  byId("call-title").textContent = title;
  document.title = `${title} · offhook`;
  const facts = [
    ["start", second(record.start)],
    ["length", clock(record.duration)],
    ["turns", String(record.turns)],
    ["barge-ins", String(record.barge_ins)],
    ["response", record.turns ? `${milliseconds(record.response_p50_ms)} p50, ${milliseconds(record.response_p95_ms)} p95` : "–"],
    ...record.engines.map(engineFact),
    ...(record.agent ? usageFacts(usageInRecord(record.agent)) : []),
    ...(record.queue ? [queueFact(record)] : []),
    ["over", record.transport],
    ["ended", record.ended_by ? `${record.ended_by}: ${record.end_reason}` : "in progress"],
    ["id", record.uniqueid],
  ];
  byId("facts").replaceChildren(
    ...facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))),
  );
}

/** @param {any} used what an engine did in the call */
function engineFact({ part, engine, uses, audio_s: audioS, characters, cost }) {
  const amount = part === "asr" ? `${audioS.toFixed(1)} s` : `${characters} characters`;
  const troubles = ["failed", "late"].filter((each) => uses[each]).map((each) => `, ${uses[each]} × ${each}`);
  return [part === "asr" ? "recogniser" : "voice", `${engine}: ${amount}${cost ? `, cost ${cost}` : ""}${troubles.join("")}`];
}

/** @param {any} record */
function queueFact({ queue, queue_wait_s: waitS, queue_agent: agent }) {
  return ["queue", `${queue}: ${agent ?? "nobody"}${waitS === null ? "" : ` after ${clock(waitS)}`}`];
}

/** @param {CallModel} call */
async function showRecording(call) {
  const answer = await fetch(`${api}/peaks`);
  const peaks = answer.ok ? await answer.json() : null;
  const start = call.recordedFrom;
  const speech = call.speech.map(({ from, to }) => ({
    kind: /** @type {const} */ ("speech"),
    from: from - start,
    to: (to ?? call.now()) - start,
  }));
  const marks = call.marks.map(({ kind, at }) => ({ kind, from: at - start, to: null }));
  const player = new Player(`${api}/audio.wav`, peaks, [...speech, ...marks]);
  await player.show();
  return player;
}

/** @param {number} at where it plays: the word that is said then is shown */
function follow(at) {
  for (const word of document.querySelectorAll(".word")) {
    const { from, to } = /** @type {HTMLElement} */ (word).dataset;
    word.classList.toggle("now", Number(from) <= at && at < Number(to));
  }
}

/** @param {any} record */
function showDownloads(record) {
  const link = (/** @type {string} */ name, /** @type {string} */ text) =>
    el("a", { class: "button", href: `${api}/${name}`, download: "" }, text);
  byId("downloads").replaceChildren(
    ...(record.recording ? [link("audio.wav", "Recording (WAV)"), " "] : [el("span", { class: "note" }, "Not recorded. ")]),
    link("transcript.txt", "Transcript"),
    " ",
    link("call.json", "Everything (JSON)"),
    ...record.messages.flatMap((/** @type {string} */ name) => [" ", link(`messages/${name}`, "Message (WAV)")]),
    ...(record.capture ? [" ", link("capture.pcap", "Packets (pcap)")] : []),
    record.capture_truncated ? el("span", { class: "note" }, " Some packets are missing.") : "",
  );
}
