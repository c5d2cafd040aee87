// The microphone's side of the phone, on the audio thread: samples in, 20 ms of mu-law out.

import { SILENCE, encode } from "./mulaw.js";
import { Resampler } from "./resampler.js";

const LINE_RATE = 8000;
const PACKET_SAMPLES = 160;

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = new Resampler(sampleRate, LINE_RATE);
    this.packet = new Uint8Array(PACKET_SAMPLES);
    this.filled = 0;
    this.peak = 0;
    this.muted = false;
    this.port.onmessage = ({ data }) => {
      this.muted = data.muted;
    };
  }

  /** @param {Float32Array[][]} inputs */
  process(inputs) {
    // A microphone that gives nothing is silent: the far end counts time by what comes.
    const input = inputs[0][0] ?? new Float32Array(128);
    for (const sample of this.resampler.process(input)) {
      this.peak = Math.max(this.peak, Math.abs(sample));
      this.packet[this.filled++] = this.muted ? SILENCE : encode(sample);
      if (this.filled === PACKET_SAMPLES) {
        this.port.postMessage({ payload: this.packet, peak: this.muted ? 0 : this.peak });
        this.packet = new Uint8Array(PACKET_SAMPLES);
        this.filled = 0;
        this.peak = 0;
      }
    }
    return true;
  }
}

registerProcessor("offhook-capture", Capture);
