// G.711 mu-law (ITU-T G.711): one byte a sample at 8 kHz.

const BIAS = 0x84;
const CLIP = 32635;

/** Byte to sample, -1 to 1. */
export const DECODED = Float32Array.from({ length: 256 }, (_, byte) => {
  const bits = ~byte & 0xff;
  const exponent = (bits >> 4) & 7;
  const magnitude = ((((bits & 15) << 3) + BIAS) << exponent) - BIAS;
  return (bits & 0x80 ? -magnitude : magnitude) / 32768;
});

/** The byte of silence. */
export const SILENCE = 0xff;

/**
 * @param {number} sample -1 to 1; what is beyond is clipped
 * @returns {number} its byte
 */
export function encode(sample) {
  const value = Math.round(sample * 32768);
  const sign = value < 0 ? 0x80 : 0;
  const magnitude = Math.min(Math.abs(value), CLIP) + BIAS;
  const exponent = 31 - Math.clz32(magnitude) - 7;
  return ~(sign | (exponent << 4) | ((magnitude >> (exponent + 3)) & 15)) & 0xff;
}

/**
 * @param {Uint8Array} payload
 * @returns {Float32Array}
 */
export function decode(payload) {
  return Float32Array.from(payload, (byte) => DECODED[byte]);
}
