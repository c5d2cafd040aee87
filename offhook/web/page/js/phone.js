// The phone: microphone, loudspeaker and a stream. No user interface.
//
// Without a microphone (there is none, or the browser may not use it) the call goes on in silence: the caller types.

import { Stream, newCallId } from "./stream.js";

const SOUND_MS = 5000; // for the loudspeaker to be there

/**
 * A call's options: the number to call, parameters of the stream, the microphone's id (or "" for the browser's choice),
 * the volume (1: unchanged).
 * @typedef {{called: string, parameters: Record<string, string>, microphone: string, volume: number}} Wanted
 */

/** @type {Wanted} */
const PLAIN = { called: "", parameters: {}, microphone: "", volume: 1 };

/**
 * Dispatches "state" (detail: "idle", "starting" or "talking"), "silent" (detail: why there is no microphone), "ended" (detail: {by: "bot", "caller" or "", callId, why: what
 * is wrong, for people, or ""}), and "levels" (detail: {mine, theirs}, 0 to 1).
 */
export class Phone extends EventTarget {
  constructor() {
    super();
    /** @type {"idle" | "starting" | "talking"} */
    this.state = "idle";
    this.muted = false;
    /** @type {Stream | null} */
    this.stream = null;
    /** @type {AudioContext | null} */
    this.context = null;
    /** @type {MediaStream | null} */
    this.microphone = null;
    /** @type {AudioWorkletNode | null} */
    this.capture = null;
    /** @type {AudioWorkletNode | null} */
    this.playback = null;
    /** @type {GainNode | null} */
    this.gain = null;
    this.levels = { mine: 0, theirs: 0 };
    this.wanted = PLAIN;
  }

  /** The call's name, to find it among those that the page shows. */
  get callId() {
    return this.stream?.callId ?? null;
  }

  /**
   * Call the bot. Must be called from a click: browsers play no sound without one.
   * @param {Wanted} wanted
   */
  async start(wanted = PLAIN) {
    if (this.state !== "idle") return;
    this.wanted = wanted;
    this.stream = null;
    this.become("starting");
    try {
      await this.open();
    } catch (error) {
      this.end("", explain(error));
    }
  }

  async open() {
    if (!navigator.mediaDevices) throw new DOMException("no secure context", "SecurityError");
    // Both before anything is awaited that takes the click's permission away.
    const context = (this.context = new AudioContext({ latencyHint: "interactive" }));
    const microphone = await microphoneOf(this.wanted.microphone).catch((error) => {
      if (!(error.name in SILENT)) throw error;
      if (this.context === context) this.emit("silent", SILENT[error.name]);
      return null;
    });
    if (this.context !== context) {
      if (microphone) stopTracks(microphone); // hung up meanwhile
      return;
    }
    this.microphone = microphone;
    for (const name of ["capture", "playback"]) await loadWorklet(context, name);
    await sounding(context);
    const callId = newCallId();
    const url = await whereTo(callId, this.wanted.called);
    if (this.context !== context) return;
    this.connect(context, microphone, new Stream(url, callId, this.wanted.called || "bot", this.wanted.parameters));
  }

  /**
   * @param {AudioContext} context
   * @param {MediaStream | null} microphone
   * @param {Stream} stream
   */
  connect(context, microphone, stream) {
    this.stream = stream;
    const capture = (this.capture = new AudioWorkletNode(context, "offhook-capture", { numberOfOutputs: 0 }));
    const playback = (this.playback = new AudioWorkletNode(context, "offhook-playback", { numberOfInputs: 0 }));
    capture.port.postMessage({ muted: this.muted });
    capture.port.onmessage = ({ data }) => {
      stream.media(data.payload);
      this.level("mine", data.peak);
    };
    playback.port.onmessage = ({ data }) => {
      if (data.mark !== undefined) stream.mark(data.mark);
      else this.level("theirs", data.peak);
    };
    on(stream, "open", () => this.become("talking"));
    on(stream, "payload", (payload) => playback.port.postMessage({ payload }));
    on(stream, "mark", (mark) => playback.port.postMessage({ mark }));
    on(stream, "clear", () => playback.port.postMessage({ clear: true }));
    on(stream, "closed", (why) => this.end("bot", String(why)));
    microphone?.getAudioTracks()[0].addEventListener("ended", () => this.end("", "the microphone is gone"));
    soundOf(context, microphone).connect(capture);
    this.gain = new GainNode(context, { gain: this.wanted.volume });
    playback.connect(this.gain).connect(context.destination);
  }

  /** @param {number} volume 1: unchanged */
  setVolume(volume) {
    this.gain?.gain.setTargetAtTime(volume, this.gain.context.currentTime, 0.02);
  }

  /** @param {string} digit */
  press(digit) {
    if (this.state === "talking") this.stream?.dtmf(digit);
  }

  /** @param {string} text a line that the caller types instead of speaking */
  type(text) {
    if (this.state === "talking") this.stream?.type(text);
  }

  /** @param {boolean} muted */
  mute(muted) {
    this.muted = muted;
    this.capture?.port.postMessage({ muted });
  }

  hangUp() {
    this.end("caller", "");
  }

  /**
   * @param {"bot" | "caller" | ""} by who ended the call
   * @param {string} why what is wrong; empty if all is well
   */
  end(by, why) {
    if (this.state === "idle") return;
    const callId = this.state === "talking" ? this.callId : "";
    this.stream?.stop();
    if (this.microphone) stopTracks(this.microphone);
    this.context?.close();
    this.context = this.microphone = this.capture = this.playback = this.gain = null;
    this.levels = { mine: 0, theirs: 0 };
    this.emit("levels", this.levels);
    this.become("idle");
    this.emit("ended", { by: callId ? by : "", callId, why });
  }

  /**
   * @param {"mine" | "theirs"} whose
   * @param {number} peak
   */
  level(whose, peak) {
    if (this.state !== "talking") return;
    this.levels = { ...this.levels, [whose]: peak };
    this.emit("levels", this.levels);
  }

  /** @param {"idle" | "starting" | "talking"} state */
  become(state) {
    this.state = state;
    this.emit("state", state);
  }

  /**
   * @param {string} name
   * @param {unknown} detail
   */
  emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/**
 * @param {string} deviceId "" for the browser's choice
 * @returns {Promise<MediaStream>}
 */
function microphoneOf(deviceId) {
  const chosen = deviceId ? { deviceId: { exact: deviceId } } : {};
  const audio = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true, ...chosen };
  return navigator.mediaDevices.getUserMedia({ audio });
}

/**
 * @param {AudioContext} context
 * @param {MediaStream | null} microphone
 * @returns {AudioNode} what the bot gets: the microphone, or silence
 */
function soundOf(context, microphone) {
  if (microphone) return context.createMediaStreamSource(microphone);
  // A node without an input need not be run, and the bot counts time by the audio that arrives.
  const silence = new ConstantSourceNode(context, { offset: 0 });
  silence.start();
  return silence;
}

/**
 * @param {AudioContext} context
 * @param {string} name
 */
async function loadWorklet(context, name) {
  try {
    await context.audioWorklet.addModule(new URL(`./${name}-worklet.js`, import.meta.url));
  } catch (error) {
    // The browser gives the script's address, but not the reason.
    console.info("no worklet:", error);
    throw new Refusal(UNREACHABLE);
  }
}

/**
 * @param {string} callId
 * @param {string} called the number
 * @returns {Promise<string>} where the bot takes that call
 */
async function whereTo(callId, called) {
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ call: callId, ...(called ? { to: called } : {}) });
  const answer = await fetch("/api/talk", { method: "POST", headers, body }).catch(() => {
    throw new Refusal(UNREACHABLE);
  });
  const { path, what, why, todo } = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refusal(what ? `${what}: ${why}. ${todo}` : `the bot refused the call with ${answer.status}`);
  return `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}${path}`;
}

/**
 * Until the sound runs. Without anything to play it on, some browsers wait for ever.
 * @param {AudioContext} context
 */
async function sounding(context) {
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new DOMException("no loudspeaker", "NotSoundingError")), SOUND_MS);
  });
  await Promise.race([context.resume(), late]);
}

const UNREACHABLE = "the bot cannot be reached: is it still running?";

/** The bot does not take the call; the message says why. */
class Refusal extends Error {}

/**
 * @param {EventTarget} target
 * @param {string} name
 * @param {(detail: any) => void} handler
 */
function on(target, name, handler) {
  target.addEventListener(name, (event) => handler(/** @type {CustomEvent} */ (event).detail));
}

/** @param {MediaStream} media */
function stopTracks(media) {
  for (const track of media.getTracks()) track.stop();
}

/** Why there is no microphone, where the call goes on without one. */
const SILENT = /** @type {Record<string, string>} */ ({
  NotAllowedError: "The browser may not use the microphone: to speak, allow it beside the address and call again.",
  NotFoundError: "There is no microphone: to speak, connect one and call again.",
  NotReadableError: "Another program is using the microphone: to speak, close it and call again.",
});

const EXPLAINED = /** @type {Record<string, string>} */ ({
  OverconstrainedError: "that microphone is no longer connected: choose another one, then press Talk",
  NotSoundingError: "this machine plays no sound: connect a loudspeaker or headphones, then press Talk",
  SecurityError: "browsers allow the microphone only on pages of this machine or behind HTTPS: use http://localhost",
});

/** @param {unknown} error */
function explain(error) {
  if (error instanceof Refusal) return error.message;
  const { name = "", message = String(error) } = /** @type {DOMException} */ (error);
  return EXPLAINED[name] ?? `the sound could not be set up: ${message}`;
}
