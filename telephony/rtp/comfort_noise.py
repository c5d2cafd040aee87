"""Comfort noise: the silence that the far end described instead of sending it (RFC 3389)."""

import math

import numpy as np
import numpy.typing as npt

from offhook.telephony import pcm
from offhook.telephony.wire.comfort_noise import ComfortNoise

LOUDEST_DBOV = -30.0
"""Noise is never made louder than this: no line is as noisy, and the listener is a recogniser."""

_FULL_SCALE = 32_768.0
_TAPS = 128  # of the model's impulse response, 16 ms

Floats = npt.NDArray[np.float64]


class NoiseGenerator:
    """Noise of one call as its far end described it.

    White noise goes through the all-pole model of the reflection coefficients, as the first 16 ms of its impulse
    response, scaled to the requested level whatever the spectrum. When the description changes, the noise goes on
    without a seam.
    """

    __slots__ = ("_noise", "_past", "_random", "_response")

    def __init__(self, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        self._past: Floats = np.zeros(_TAPS - 1)
        self._noise: ComfortNoise | None = None
        self._response: Floats = np.zeros(1)

    def make(self, noise: ComfortNoise, samples: int) -> bytes:
        """`samples` of it, as 16-bit PCM at 8 kHz."""
        if samples <= 0:
            return b""
        if noise != self._noise:
            self._noise = noise
            self._response = _response(noise)
        white = self._random.standard_normal(samples)
        joined = np.concatenate((self._past, white))
        self._past = joined[len(joined) - (_TAPS - 1) :]
        if len(self._response) == 1:
            return pcm.from_array(white * self._response[0])
        return pcm.from_array(np.convolve(joined, self._response, "valid"))


def _response(noise: ComfortNoise) -> Floats:
    """The filter that turns white noise of unit power into this one; a single number where it is white."""
    level_dbov = min(LOUDEST_DBOV, -float(noise.level))
    amplitude = _FULL_SCALE * 10 ** (level_dbov / 20)
    if not any(noise.reflection):
        return np.full(1, amplitude)
    predictor = _predictor(noise.reflection)
    response = np.zeros(_TAPS)
    response[0] = 1.0
    for n in range(1, _TAPS):
        before = response[max(0, n - len(predictor)) : n][::-1]
        response[n] = -float(before @ predictor[: len(before)])
    return np.asarray(response * (amplitude / math.sqrt(float(response @ response))), dtype=np.float64)


def _predictor(reflection: tuple[float, ...]) -> Floats:
    """a1 … aM of A(z) = 1 + a1 z**-1 + … from reflection coefficients, by the step-up recursion of Levinson."""
    predictor = np.zeros(0)
    for each in reflection:
        predictor = np.append(predictor + each * predictor[::-1], each)
    return predictor
