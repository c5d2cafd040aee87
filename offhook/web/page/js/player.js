// Plays a recording. The waveform is drawn by wavesurfer.js where the set-up installed it; without it there is a plain
// player, and everything else works.

import { byId, colours, el } from "./dom.js";
import { clock } from "./format.js";

const VENDOR = "/page/vendor/wavesurfer";
const MISSING =
  "The waveform needs wavesurfer.js, which is not installed: npm was missing when offhook was set up. " +
  "Install Node.js, then run `make page`.";

/** @typedef {{from: number, to: number | null, kind: "speech" | "endpoint" | "barge-in" | "heard" | "key"}} Region seconds of the recording */

/** What belongs to one side only. @type {Record<string, number>} */
const SIDE = { speech: 0, key: 0, heard: 1 };

export class Player {
  /**
   * @param {string} url of the audio
   * @param {{duration_s: number, caller: number[], bot: number[]} | null} peaks
   * @param {Region[]} regions
   */
  constructor(url, peaks, regions) {
    this.audio = /** @type {HTMLAudioElement} */ (el("audio", { src: url, preload: "metadata" }));
    this.regions = regions;
    this.peaks = peaks;
  }

  /** Show it; returns once it is there. */
  async show() {
    byId("player").hidden = false;
    try {
      const [{ default: WaveSurfer }, { default: Regions }] = await Promise.all([
        import(`${VENDOR}/wavesurfer.esm.js`),
        import(`${VENDOR}/regions.esm.js`),
      ]);
      this.draw(WaveSurfer, Regions);
      this.controls();
    } catch (error) {
      console.info("no waveform:", error);
      byId("player-note").textContent = MISSING;
      this.audio.controls = true;
      byId("recording").replaceChildren(this.audio);
    }
  }

  /**
   * @param {any} WaveSurfer
   * @param {any} Regions
   */
  draw(WaveSurfer, Regions) {
    const marks = Regions.create();
    const sides = () => ["caller", "bot"].map((name) => side(colours()(name)));
    const nonce = /** @type {HTMLMetaElement} */ (document.querySelector('meta[name="style-nonce"]')).content;
    const surfer = WaveSurfer.create({
      container: byId("recording"),
      media: this.audio,
      peaks: this.peaks ? [this.peaks.caller, this.peaks.bot] : undefined,
      duration: this.peaks?.duration_s,
      splitChannels: sides(),
      cursorColor: colours()("text"),
      normalize: false,
      hideScrollbar: false,
      cspNonce: nonce,
      plugins: [marks],
    });
    const add = () => {
      const colour = colours();
      marks.clearRegions();
      for (const { from, to, kind } of this.regions) {
        const channel = kind in SIDE ? { channelIdx: SIDE[kind] } : {};
        const fixed = { drag: false, resize: false, color: colour(kind), ...channel };
        marks.addRegion({ start: from, ...(to === null ? {} : { end: to }), ...fixed });
      }
    };
    surfer.once("ready", add);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      surfer.setOptions({ splitChannels: sides(), cursorColor: colours()("text") });
      add();
    });
    this.surfer = surfer;
  }

  controls() {
    const play = el("button", { type: "button" }, "Play");
    const rate = el("button", { type: "button", "aria-label": "1× speed" }, "1×");
    const zoom = el("input", { type: "range", min: "0", max: "200", value: "0", "aria-label": "Zoom" });
    const time = el("span", { class: "clock" }, "0:00");
    const { audio } = this;
    play.addEventListener("click", () => (audio.paused ? audio.play() : audio.pause()));
    rate.addEventListener("click", () => {
      audio.playbackRate = audio.playbackRate === 1 ? 1.5 : 1;
      rate.textContent = `${audio.playbackRate}×`;
      rate.setAttribute("aria-label", `${audio.playbackRate}× speed`);
    });
    zoom.addEventListener("input", () => this.surfer.zoom(Number(zoom.value)));
    for (const event of ["play", "pause", "ended"]) {
      audio.addEventListener(event, () => (play.textContent = audio.paused ? "Play" : "Pause"));
    }
    audio.addEventListener("timeupdate", () => {
      time.textContent = `${clock(audio.currentTime)} / ${clock(audio.duration || 0)}`;
    });
    byId("controls").replaceChildren(play, rate, el("label", { class: "note zoom" }, "Zoom ", zoom), time);
  }

  /** @param {number} at play from there on, seconds */
  playFrom(at) {
    this.audio.currentTime = Math.max(0, at);
    this.audio.play();
  }

  /** @param {(at: number) => void} handler called with where it plays, a few times a second */
  onTime(handler) {
    this.audio.addEventListener("timeupdate", () => handler(this.audio.currentTime));
  }
}

/** @param {string} colour of a channel */
function side(colour) {
  return { waveColor: colour, progressColor: colour, height: 64 };
}
