// The phone: microphone, loudspeaker and a stream, joined. It shows nothing.

import { Stream, newCallId } from "./stream.js";

const SOUND_MS = 5000; // for the loudspeaker to be there

/**
 * Tells "state" (detail: "idle", "starting" or "talking"), "trouble" (detail: what, for people), and "levels"
 * (detail: {mine, theirs}, 0 to 1).
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
    this.levels = { mine: 0, theirs: 0 };
  }

  /** The call's name, to find it among those that the page shows. */
  get callId() {
    return this.stream?.callId ?? null;
  }

  /** Call the bot. Must be called from a click: browsers let nothing sound without one. */
  async start() {
    if (this.state !== "idle") return;
    this.become("starting");
    try {
      await this.open();
    } catch (error) {
      this.end(explain(error));
    }
  }

  async open() {
    if (!navigator.mediaDevices) throw new DOMException("no secure context", "SecurityError");
    // Both before anything is awaited that takes the click's permission away.
    const context = (this.context = new AudioContext({ latencyHint: "interactive" }));
    const wanted = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    const microphone = await navigator.mediaDevices.getUserMedia({ audio: wanted });
    if (this.context !== context) {
      stopTracks(microphone); // hung up meanwhile
      return;
    }
    this.microphone = microphone;
    for (const name of ["capture", "playback"]) {
      await context.audioWorklet.addModule(new URL(`./${name}-worklet.js`, import.meta.url));
    }
    await sounding(context);
    const callId = newCallId();
    const url = await whereTo(callId);
    if (this.context === context) this.connect(context, microphone, new Stream(url, callId));
  }

  /**
   * @param {AudioContext} context
   * @param {MediaStream} microphone
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
    on(stream, "closed", (why) => this.end(String(why)));
    microphone.getAudioTracks()[0].addEventListener("ended", () => this.end("the microphone is gone"));
    context.createMediaStreamSource(microphone).connect(capture);
    playback.connect(context.destination);
  }

  /** @param {string} digit */
  press(digit) {
    if (this.state === "talking") this.stream?.dtmf(digit);
  }

  /** @param {boolean} muted */
  mute(muted) {
    this.muted = muted;
    this.capture?.port.postMessage({ muted });
  }

  hangUp() {
    this.end("");
  }

  /** @param {string} why empty if all is well */
  end(why) {
    if (this.state === "idle") return;
    this.stream?.stop();
    if (this.microphone) stopTracks(this.microphone);
    this.context?.close();
    this.context = this.microphone = this.capture = this.playback = null;
    this.levels = { mine: 0, theirs: 0 };
    this.tell("levels", this.levels);
    this.become("idle");
    if (why) this.tell("trouble", why);
  }

  /**
   * @param {"mine" | "theirs"} whose
   * @param {number} peak
   */
  level(whose, peak) {
    if (this.state !== "talking") return;
    this.levels = { ...this.levels, [whose]: peak };
    this.tell("levels", this.levels);
  }

  /** @param {"idle" | "starting" | "talking"} state */
  become(state) {
    this.state = state;
    this.tell("state", state);
  }

  /**
   * @param {string} name
   * @param {unknown} detail
   */
  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/**
 * @param {string} callId
 * @returns {Promise<string>} where the bot takes that call
 */
async function whereTo(callId) {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch("/api/talk", { method: "POST", headers, body: JSON.stringify({ call: callId }) });
  const { path, what, why, todo } = await answer.json();
  if (!answer.ok) throw new Refusal(`${what}: ${why}. ${todo}`);
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

const EXPLAINED = /** @type {Record<string, string>} */ ({
  NotAllowedError: "the browser was not allowed to use the microphone: allow it beside the address, then press Talk",
  NotFoundError: "there is no microphone: connect one, then press Talk",
  NotSoundingError: "this machine plays no sound: connect a loudspeaker or headphones, then press Talk",
  NotReadableError: "another program holds the microphone: close it, then press Talk",
  SecurityError: "browsers lend the microphone to pages on this machine or behind HTTPS only: use http://localhost",
});

/** @param {unknown} error */
function explain(error) {
  if (error instanceof Refusal) return error.message;
  const { name = "", message = String(error) } = /** @type {DOMException} */ (error);
  return EXPLAINED[name] ?? `the sound could not be set up: ${message}`;
}
