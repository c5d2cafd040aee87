// The last seconds of a call: the caller's levels upwards, the bot's downwards, and what happened when.

import { colours, prepare } from "./dom.js";

/** @typedef {import("./model.js").CallModel} CallModel */

const SHOWN_S = { wide: 20, narrow: 10 };
const NARROW = 500; // CSS pixels
const SLOT_S = 0.05;
const ARROW = 4; // the half of its base
const KEY_TICK = 12;
const FLOOR_DB = 50;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {CallModel} call
 */
export function drawWaveform(canvas, call) {
  const { brush, width, height } = prepare(canvas);
  const colour = colours();
  const now = call.now();
  const shown = width < NARROW ? SHOWN_S.narrow : SHOWN_S.wide;
  const since = Math.max(0, now - shown);
  const x = (/** @type {number} */ at) => ((at - since) / shown) * width;
  const middle = height / 2;
  brush.fillStyle = colour("line");
  brush.fillRect(0, middle, width, 1);
  brush.fillStyle = colour("speech");
  for (const { from, to } of call.speech) {
    if ((to ?? now) > since) brush.fillRect(x(from), 0, x(to ?? now) - x(from), middle);
  }
  const bar = Math.max(1, (SLOT_S / shown) * width - 1);
  for (const { at, caller, bot } of call.levels) {
    caller.forEach((peak, index) => {
      const left = x(at + index * SLOT_S);
      if (left < -bar) return;
      const [up, down] = [size(peak) * (middle - 4), size(bot[index]) * (middle - 4)];
      brush.fillStyle = colour("caller");
      brush.fillRect(left, middle - up, bar, up);
      brush.fillStyle = colour("bot");
      brush.fillRect(left, middle + 1, bar, down);
    });
  }
  drawMarks(brush, call, x, { width, height, colour });
}

/**
 * @param {CanvasRenderingContext2D} brush
 * @param {CallModel} call
 * @param {(at: number) => number} x
 * @param {{width: number, height: number, colour: (name: string) => string}} paper
 */
function drawMarks(brush, call, x, { width, height, colour }) {
  for (const { kind, at } of call.marks) {
    const left = Math.round(x(at));
    if (left < 0 || left > width) continue;
    brush.fillStyle = colour(kind);
    brush.fillRect(left, kind === "heard" ? height / 2 : 0, 1.5, kind === "key" ? KEY_TICK : height);
    if (kind === "heard") {
      brush.beginPath();
      brush.moveTo(left + 0.75 - ARROW, height);
      brush.lineTo(left + 0.75, height - 2 * ARROW);
      brush.lineTo(left + 0.75 + ARROW, height);
      brush.fill();
    }
  }
}

/**
 * @param {number} peak 0 to 255
 * @returns {number} 0 to 1, by loudness
 */
function size(peak) {
  return peak ? Math.max(0, 1 + (20 * Math.log10(peak / 255)) / FLOOR_DB) : 0;
}
