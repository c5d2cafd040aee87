"""Converts from a synthesiser's rate down to 8 or 16 kHz, one utterance at a time: a windowed-sinc polyphase filter.

It runs in the voice's child process, and nothing here imports `telephony`; that package's resampler is passed to
`Voice`, for engines with another rate than the line.
"""

from functools import lru_cache
from math import gcd

import numpy as np
from numpy.typing import NDArray

OUTPUT_HZ = 8_000
PASS_HZ = 3_300.0
"""About the upper end of the phone band, at 8 kHz; at 16 kHz all values double."""

STOP_HZ = 3_700.0
"""From here on at least 60 dB down: prevents aliasing, and suits the codecs."""

ATTENUATION_DB = 65.0

Samples = NDArray[np.float32]


def decimate(samples: Samples, rate_hz: int, output_hz: int = OUTPUT_HZ) -> Samples:
    """`samples` at `rate_hz` as ceil(len * output_hz / rate_hz) samples at `output_hz`, without delay.

    Output n is the input at time n / output_hz s. Raises ValueError for a rate below `output_hz`.
    """
    if rate_hz < output_hz:
        raise ValueError(f"{rate_hz} Hz is less than {output_hz} Hz")
    step, matrix = _block_matrix(rate_hz, output_hz)
    per_block = matrix.shape[1]
    count = -(-len(samples) * output_hz // rate_hz)
    blocks = -(-count // per_block)
    before = (matrix.shape[0] - step) // 2
    padded = np.zeros(max(0, blocks - 1) * step + matrix.shape[0], np.float32)
    padded[before : before + len(samples)] = samples[: len(padded) - before]
    windows = np.lib.stride_tricks.sliding_window_view(padded, matrix.shape[0])[::step]
    result: Samples = (windows[:blocks] @ matrix).reshape(-1)[:count]
    return result


@lru_cache(maxsize=4)
def _block_matrix(rate_hz: int, output_hz: int) -> tuple[int, Samples]:
    # Outputs repeat their filter phases every `step` inputs. One matrix makes such a block of outputs from the inputs
    # it covers and half a filter on either side: [half + step + half, outputs a block].
    scale = output_hz / OUTPUT_HZ
    common = gcd(rate_hz, output_hz)
    step, outputs = rate_hz // common, output_hz // common
    half = int(np.ceil((ATTENUATION_DB - 7.95) / (14.36 * scale * (STOP_HZ - PASS_HZ) / rate_hz) / 2.0))
    beta = 0.1102 * (ATTENUATION_DB - 8.7)  # Kaiser's formulas
    cutoff = scale * (PASS_HZ + STOP_HZ) / rate_hz  # of the Nyquist frequency
    inputs = np.arange(-half, step + half)[:, None]
    distance = inputs - np.arange(outputs)[None, :] * (step / outputs)
    window = np.i0(beta * np.sqrt(np.maximum(0.0, 1.0 - (distance / half) ** 2))) / np.i0(beta)
    taps = cutoff * np.sinc(cutoff * distance) * np.where(np.abs(distance) <= half, window, 0.0)
    taps /= taps.sum(axis=0, keepdims=True)
    return step, taps.astype(np.float32)
