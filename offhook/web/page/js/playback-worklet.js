// The loudspeaker's side of the phone, on the audio thread: a buffer in real time, as a carrier keeps it.
// A mark is reported when all audio before it has been played, or at once when `clear` drops that audio.

import { decode } from "./mulaw.js";
import { Resampler } from "./resampler.js";

const LINE_RATE = 8000;
const MAX_QUEUED_S = 120;
const LEVEL_S = 0.05;

class Playback extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = new Resampler(LINE_RATE, sampleRate);
    /** What is to be played, in order: audio, and the names of marks. @type {(Float32Array | string)[]} */
    this.queue = [];
    this.queued = 0; // samples
    this.offset = 0; // into the first audio of the queue
    this.dirty = false; // the resampler holds back the end of what was said
    this.peak = 0;
    this.measured = 0;
    this.port.onmessage = ({ data }) => this.take(data);
  }

  /** @param {{payload?: Uint8Array, mark?: string, clear?: boolean}} message */
  take(message) {
    if (message.payload && this.queued < MAX_QUEUED_S * sampleRate) {
      this.append(this.resampler.process(decode(message.payload)));
      this.dirty = true;
    } else if (message.mark !== undefined) {
      this.queue.push(message.mark);
    } else if (message.clear) {
      this.clear();
    }
  }

  /** @param {Float32Array} samples */
  append(samples) {
    this.queue.push(samples);
    this.queued += samples.length;
  }

  clear() {
    const marks = this.queue.filter((item) => typeof item === "string");
    this.queue = [];
    this.queued = this.offset = 0;
    this.resampler.reset();
    this.dirty = false;
    for (const mark of marks) this.port.postMessage({ mark });
  }

  /**
   * @param {Float32Array[][]} _inputs
   * @param {Float32Array[][]} outputs
   */
  process(_inputs, outputs) {
    const [output, ...others] = outputs[0];
    this.fill(output);
    for (const other of others) other.set(output);
    this.measure(output);
    return true;
  }

  /** @param {Float32Array} output */
  fill(output) {
    if (this.dirty && this.queued < output.length) {
      const held = this.resampler.process(new Float32Array(2 * this.resampler.reach));
      this.resampler.reset();
      this.dirty = false;
      // Before the marks that wait for it.
      let place = this.queue.length;
      while (place && typeof this.queue[place - 1] === "string") place--;
      this.queue.splice(place, 0, held);
      this.queued += held.length;
    }
    let filled = 0;
    while (this.queue.length) {
      const first = this.queue[0];
      if (typeof first === "string") {
        this.port.postMessage({ mark: first });
        this.queue.shift();
        continue;
      }
      if (filled === output.length) break;
      const part = first.subarray(this.offset, this.offset + output.length - filled);
      output.set(part, filled);
      filled += part.length;
      this.offset += part.length;
      if (this.offset >= first.length) {
        this.queue.shift();
        this.queued -= first.length;
        this.offset = 0;
      }
    }
  }

  /** @param {Float32Array} output */
  measure(output) {
    for (const sample of output) this.peak = Math.max(this.peak, Math.abs(sample));
    this.measured += output.length;
    if (this.measured >= LEVEL_S * sampleRate) {
      this.port.postMessage({ peak: this.peak });
      this.measured = this.peak = 0;
    }
  }
}

registerProcessor("offhook-playback", Playback);
