// From one sample rate to another, with a windowed-sinc low-pass (Smith, "Digital Audio Resampling", 2002).

const ZERO_CROSSINGS = 16; // of the sinc on each side: the longer, the steeper
const STEPS = 128; // of the kernel's table in one input sample
const PASSED = 0.45; // of the lower rate; half of it would be the limit (Nyquist)

export class Resampler {
  /**
   * @param {number} from input samples a second
   * @param {number} to output samples a second
   */
  constructor(from, to) {
    this.step = from / to;
    const cutoff = (PASSED * Math.min(from, to)) / from; // cycles an input sample
    /** Input samples on each side of an output sample that it is made of. */
    this.reach = Math.ceil(ZERO_CROSSINGS / (2 * cutoff));
    this.table = kernel(cutoff, this.reach);
    this.reset();
  }

  /** Forget what came before. */
  reset() {
    /** The input that is still needed. @type {Float32Array} */
    this.kept = new Float32Array(2 * this.reach);
    /** Where in `kept` the next output sample lies. */
    this.position = this.reach;
  }

  /**
   * @param {Float32Array} input the next samples
   * @returns {Float32Array} the output that they complete
   */
  process(input) {
    const all = new Float32Array(this.kept.length + input.length);
    all.set(this.kept);
    all.set(input, this.kept.length);
    const last = all.length - this.reach;
    const output = new Float32Array(Math.max(0, Math.ceil((last - this.position) / this.step)));
    for (let index = 0; index < output.length; index++) {
      output[index] = this.at(all, this.position);
      this.position += this.step;
    }
    const used = Math.min(Math.floor(this.position) - this.reach, all.length);
    this.kept = all.slice(used);
    this.position -= used;
    return output;
  }

  /**
   * @param {Float32Array} input
   * @param {number} position
   * @returns {number} the signal there, low-passed
   */
  at(input, position) {
    const { reach, table } = this;
    const middle = Math.floor(position);
    let sum = 0;
    for (let index = middle - reach + 1; index <= middle + reach; index++) {
      const place = Math.abs(position - index) * STEPS;
      const below = Math.floor(place);
      const part = place - below;
      sum += input[index] * (table[below] * (1 - part) + table[below + 1] * part);
    }
    return sum;
  }
}

/**
 * @param {number} cutoff cycles a sample
 * @param {number} reach samples
 * @returns {Float32Array} the kernel's right half, `STEPS` values a sample
 */
function kernel(cutoff, reach) {
  return Float32Array.from({ length: reach * STEPS + 2 }, (_, index) => {
    const time = index / STEPS;
    if (time >= reach) return 0;
    const angle = 2 * Math.PI * cutoff * time;
    const sinc = angle === 0 ? 1 : Math.sin(angle) / angle;
    const turn = (Math.PI * time) / reach;
    const blackman = 0.42 + 0.5 * Math.cos(turn) + 0.08 * Math.cos(2 * turn);
    return 2 * cutoff * sinc * blackman;
  });
}
