"""Resampling of 16-bit mono PCM from one rate to another.

`Upsampler` and `Downsampler` are for the live path (8 ↔ 16 kHz, under 2 ms of delay, chunk by chunk); `resample` and
`Resampler` are for recorded and synthesised audio at any pair of rates.
"""

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from offhook.telephony import pcm
from offhook.telephony.native import WANTED, media

Floats = npt.NDArray[np.float64]

MAX_RATE_HZ = 192_000
"""The highest rate `Resampler` takes."""

_HALF_BAND_SIDE = 14  # non-zero taps each side of the centre; the delay in input samples
_HALF_BAND_BETA = 6.0
_FEW_PHASES = 1_000
_SIDE_BY_SIDE = 2_000  # outputs, whose windows take some megabytes
_SINC_ZEROS = 24  # zero crossings each side
_SINC_BETA = 8.0  # 80 dB
_SINC_CUTOFF = 0.97  # of half the lower rate: 8 kHz keeps 3.4 kHz and has 80 dB from 4.3 kHz on


def _half_band_taps() -> Floats:
    """Every second tap of a Kaiser-windowed half-band filter; the others are 0, and 1 in the centre.

    They are whole numbers in units of `_HALF_BAND_UNIT`: the sums over 16-bit samples are then exact in
    doubles, so that the result cannot depend on the order in which a BLAS adds, and hence not on how the
    audio came in chunks.
    """
    offsets = np.arange(-2 * _HALF_BAND_SIDE + 1, 2 * _HALF_BAND_SIDE, 2)
    window = np.kaiser(4 * _HALF_BAND_SIDE + 1, _HALF_BAND_BETA)[offsets + 2 * _HALF_BAND_SIDE]
    taps = np.sinc(offsets / 2) * window
    return np.asarray(np.rint(taps / taps.sum() / _HALF_BAND_UNIT), dtype=np.float64)


_HALF_BAND_UNIT = 2.0**-24
_HALF_BAND_TAPS = _half_band_taps()
_DECIMATED_HISTORY = 4 * _HALF_BAND_SIDE - 2  # of 16 kHz, even, so that pairs stay pairs


class Upsampler:
    """8 kHz to 16 kHz, live.

    Every chunk gives twice its samples at once; the audio is 1.75 ms late. Flat within 0.1 dB to 3.4 kHz,
    images are at least 60 dB down from 4.6 kHz on. The output does not depend on the chunking, nor on whether
    the filter runs in C or, with `native` false or where that was not built, in numpy.
    """

    __slots__ = ("_filter",)

    def __init__(self, *, native: bool = WANTED == "native") -> None:
        self._filter = media.Upsampler(_HALF_BAND_TAPS.tobytes()) if native and media is not None else _HalfBand()

    def push(self, chunk: bytes) -> bytes:
        """8 kHz PCM to 16 kHz PCM, any number of whole samples. ValueError if they are not whole."""
        pcm_16k: bytes = self._filter.push(chunk)
        return pcm_16k

    def reset(self) -> None:
        """As if nothing had been pushed."""
        self._filter.reset()


class _HalfBand:
    """The filter in numpy."""

    __slots__ = ("_history",)

    def __init__(self) -> None:
        self._history = np.zeros(2 * _HALF_BAND_SIDE - 1)

    def push(self, chunk: bytes) -> bytes:
        if len(chunk) % 2:
            raise ValueError(f"{len(chunk)} octets are not whole 16-bit samples")
        if not chunk:
            return b""
        samples = np.concatenate((self._history, np.frombuffer(chunk, dtype="<i2")))
        self._history = samples[1 - 2 * _HALF_BAND_SIDE :]
        between = np.convolve(samples, _HALF_BAND_TAPS, "valid")
        between *= _HALF_BAND_UNIT
        np.rint(between, out=between)
        np.minimum(between, 32_767.0, out=between)
        np.maximum(between, -32_768.0, out=between)
        result = np.empty((len(between), 2), dtype="<i2")
        result[:, 0] = samples[_HALF_BAND_SIDE - 1 : -_HALF_BAND_SIDE]
        result[:, 1] = between
        return result.tobytes()

    def reset(self) -> None:
        self._history = np.zeros(2 * _HALF_BAND_SIDE - 1)


class Downsampler:
    """16 kHz to 8 kHz, live: `Upsampler`'s filter the other way round.

    Every chunk gives half its samples at once; the audio is 1.625 ms late. Flat within 0.1 dB to 3.4 kHz, what is above
    4.6 kHz is at least 60 dB down. The output does not depend on the chunking.
    """

    __slots__ = ("_history",)

    def __init__(self) -> None:
        self._history = np.zeros(_DECIMATED_HISTORY)

    def push(self, chunk: bytes) -> bytes:
        """16 kHz PCM to 8 kHz PCM, any number of whole pairs of samples. ValueError if they are not."""
        if len(chunk) % 4:
            raise ValueError(f"{len(chunk)} octets are not whole pairs of 16-bit samples")
        if not chunk:
            return b""
        samples = np.concatenate((self._history, np.frombuffer(chunk, dtype="<i2")))
        self._history = samples[-_DECIMATED_HISTORY:]
        # Every second sample and, weighed, those between them; the centre is one of the former.
        count = len(chunk) // 4
        between = np.convolve(samples[1::2], _HALF_BAND_TAPS, "valid")[:count]
        result = between * _HALF_BAND_UNIT
        result += samples[2 * _HALF_BAND_SIDE :: 2][:count]
        result *= 0.5
        return pcm.from_array(result)

    def reset(self) -> None:
        """As if nothing had been pushed."""
        self._history = np.zeros(_DECIMATED_HISTORY)


class Resampler:
    """Any rate to any rate, by a windowed sinc in polyphase form; aliases and images are 80 dB down.

    The output is aligned with the input (no delay), so `push` holds back what depends on samples to come,
    about 3 ms; `flush` gives the rest. ValueError for rates outside 1 … `MAX_RATE_HZ`.
    """

    __slots__ = ("_buffer", "_buffer_start", "_down", "_half", "_produced", "_taken", "_taps", "_up")

    def __init__(self, from_hz: int, to_hz: int) -> None:
        if not (0 < from_hz <= MAX_RATE_HZ and 0 < to_hz <= MAX_RATE_HZ):
            raise ValueError(f"cannot convert {from_hz} Hz to {to_hz} Hz: rates are 1 to {MAX_RATE_HZ} Hz")
        common = math.gcd(from_hz, to_hz)
        self._up = to_hz // common
        self._down = from_hz // common
        self._taps = _polyphase_taps(self._up, self._down)
        self._half = self._taps.shape[1] // 2
        self._start()

    def _start(self) -> None:
        self._buffer = np.zeros(self._half - 1)
        self._buffer_start = 1 - self._half
        self._taken = 0
        self._produced = 0

    def push(self, chunk: bytes) -> bytes:
        """PCM in, PCM out as far as it can be known by now. ValueError if the samples are not whole."""
        samples = np.frombuffer(chunk, dtype="<i2")
        self._taken += len(samples)
        self._buffer = np.concatenate((self._buffer, samples))
        # Output n sits at input position n·down/up and needs `half` samples beyond the one before it.
        return self._produce(-((self._half - self._taken) * self._up // self._down))

    def flush(self) -> bytes:
        """The end of the audio; afterwards the resampler is as new."""
        self._buffer = np.concatenate((self._buffer, np.zeros(self._half + 1)))
        rest = self._produce(-(-self._taken * self._up // self._down))
        self._start()
        return rest

    def _produce(self, until: int) -> bytes:
        """Outputs `_produced` … `until`."""
        count = until - self._produced
        if count <= 0:
            return b""
        result = np.empty(count)
        if self._up <= _FEW_PHASES:
            self._phase_by_phase(result)
        else:
            self._side_by_side(result)
        self._produced = until
        keep_from = until * self._down // self._up - self._half + 1
        self._buffer = self._buffer[keep_from - self._buffer_start :]
        self._buffer_start = keep_from
        return pcm.from_array(result)

    def _phase_by_phase(self, result: Floats) -> None:
        """The outputs from `_produced` on, one multiplication of matrices for each phase of the filter."""
        windows = sliding_window_view(self._buffer, 2 * self._half)
        for i in range(min(self._up, len(result))):
            position, phase = divmod((self._produced + i) * self._down, self._up)
            first = position - self._half + 1 - self._buffer_start
            outputs = result[i :: self._up]
            outputs[:] = windows[first :: self._down][: len(outputs)] @ self._taps[phase]

    def _side_by_side(self, result: Floats) -> None:
        """The same where hardly two of them have a phase in common: 47,999 Hz has 8000."""
        windows = sliding_window_view(self._buffer, 2 * self._half)
        for at in range(0, len(result), _SIDE_BY_SIDE):
            outputs = result[at : at + _SIDE_BY_SIDE]
            numbers = np.arange(self._produced + at, self._produced + at + len(outputs)) * self._down
            positions, phases = np.divmod(numbers, self._up)
            firsts = positions - self._half + 1 - self._buffer_start
            np.einsum("ij,ij->i", windows[firsts], self._taps[phases], out=outputs)


@lru_cache(maxsize=16)
def _polyphase_taps(up: int, down: int) -> Floats:
    """Filter taps of shape (up, 2·half): row p weighs the inputs around p/up after an input sample."""
    cutoff = _SINC_CUTOFF * min(1.0, up / down)
    half = math.ceil(_SINC_ZEROS / cutoff)
    distance = np.arange(1 - half, half + 1)[None, :] - np.arange(up)[:, None] / up
    inside = np.maximum(0.0, 1.0 - (distance / half) ** 2)
    taps = np.sinc(cutoff * distance) * np.i0(_SINC_BETA * np.sqrt(inside))
    return np.asarray(taps / taps.sum(axis=1, keepdims=True), dtype=np.float64)
