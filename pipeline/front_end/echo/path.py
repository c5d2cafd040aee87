"""The echo path from sent to received audio: a delay and a short filter, found by least squares.

All audio here is float32 at 8 kHz, in units of 16-bit samples. A filter is solved for over a stretch of the recent past
(the covariance method of linear prediction, with two signals); nothing is adapted sample by sample.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Number = TypeVar("Number", bound=np.generic)

BEFORE_SAMPLES = 16
"""Taps before the delay that correlation finds, as its peak need not be the beginning of the path."""

_PRE_EMPHASIS = np.float32(0.9)  # speech has most of its energy below 1 kHz, which blurs a correlation
_FLAT_POWER = np.float32(25.0)  # per sample: keeps the correlation with digital silence finite
_PEAK_WIDTH = 24  # samples around a peak that cannot be another peak
_RIDGE = 3e-3  # share of the mean power: a smaller one overfits to a single sound
_DECAY_SAMPLES = 60.0  # the ridge grows by a factor of e over this many taps: an echo path is weak at its end


@dataclass(frozen=True, slots=True)
class EchoPath:
    """Echo at sample n is the sum of `taps[k] * reference[n - lag - k]`."""

    lag: int
    taps: Floats

    def predict(self, reference: Floats) -> Floats:
        """The echo of a reference that begins `lag + len(taps) - 1` samples before it and ends `lag` before it does."""
        return np.convolve(reference, self.taps, "valid")


def likely_lags(reference: Floats, received: Floats, count: int, possible: npt.NDArray[np.bool_]) -> list[int]:
    """The `possible` lags (by sample, from 0) at which `received` resembles the reference most, best first.

    `reference` ends where `received` does and begins earlier by at least the longest lag.
    """
    longest = len(possible) - 1
    flat_reference, flat_received = _flattened(reference[-len(received) - longest :]), _flattened(received)
    likeness = _likeness(flat_reference, flat_received)
    likeness[~possible] = -1.0
    lags: list[int] = []
    for _ in range(count):
        lag = int(likeness.argmax())
        if likeness[lag] < 0.0:
            break
        lags.append(lag)
        likeness[max(0, lag - _PEAK_WIDTH) : lag + _PEAK_WIDTH + 1] = -1.0
    return lags


def best_scale(template: Floats, received: Floats) -> tuple[int, float]:
    """The lag at which `template` times a positive factor is nearest to `received`, and its share of the energy."""
    likeness = _likeness(template, received, signed=True)
    lag = int(likeness.argmax())
    return lag, max(0.0, float(likeness[lag]))


def fit(reference: Floats, received: Floats, lag: int, taps: int) -> EchoPath | None:
    """The path with its main tap at about `lag` that explains `received` best; None if there is nothing to solve.

    `reference` ends where `received` does and begins at least `lag + taps` samples before it.
    """
    first_lag = max(0, lag - BEFORE_SAMPLES)
    start = len(reference) - len(received) - first_lag  # of the samples that meet the first tap
    if start < taps:
        raise ValueError(f"a lag of {lag} and {taps} taps need a longer reference than {len(reference)} samples")
    matrix = _covariance(reference, start, len(received), taps)
    wanted = np.correlate(reference[start - taps + 1 : start + len(received)], received, "valid")[::-1]
    power = float(np.trace(matrix)) / taps
    if power <= 0.0:
        return None
    ridge = _RIDGE * power * np.exp(np.abs(np.arange(taps) - (lag - first_lag)) / _DECAY_SAMPLES) + 1.0
    matrix[np.diag_indices(taps)] += ridge.astype(np.float32)
    return EchoPath(first_lag, np.linalg.solve(matrix, wanted))


def _flattened(audio: Floats) -> Floats:
    flat = audio.copy()
    flat[1:] -= _PRE_EMPHASIS * audio[:-1]
    return flat


def _likeness(reference: Floats, received: Floats, *, signed: bool = False) -> Floats:
    """By lag: the squared normalised cross-correlation (negative for a negative one, if `signed`)."""
    longest = len(reference) - len(received)
    size = 1 << (len(reference) - 1).bit_length()  # circular wrap falls outside the lags asked for
    spectrum = np.fft.rfft(reference, size) * np.conj(np.fft.rfft(received, size))
    product = np.fft.irfft(spectrum, size)[: longest + 1][::-1]
    energy = np.concatenate(([0.0], np.cumsum(np.square(reference, dtype=np.float64))))
    energy = (energy[len(received) :] - energy[: longest + 1])[::-1]
    scale = (energy + len(received) * _FLAT_POWER) * (float(received @ received) + 1.0)
    squared = product * (product if not signed else np.abs(product))
    return np.asarray(squared / scale, np.float32)


def _covariance(audio: Floats, start: int, samples: int, taps: int) -> Floats:
    """`[i, j]` is the sum over n of `audio[start + n - i] * audio[start + n - j]`.

    Each entry follows from its upper left neighbour by one product that enters and one that leaves, so running sums
    along the diagonals, which are rows here, give all entries.
    """
    stop = start + samples
    diagonals = np.empty((taps, taps), np.float32)
    diagonals[:, 0] = np.correlate(audio[start - taps + 1 : stop], audio[start:stop], "valid")[::-1]
    coming, going = audio[start - taps + 1 : start][::-1], audio[stop - taps + 1 : stop][::-1]
    diagonals[:, 1:] = _shifted_products(coming, taps) - _shifted_products(going, taps)
    np.cumsum(diagonals, axis=1, out=diagonals)
    return diagonals.take(_places(taps))


def _shifted_products(audio: Floats, shifts: int) -> Floats:
    """`[k, i]` is `audio[i] * audio[i + k]`, or 0 if there is no such sample."""
    padded = np.concatenate((audio, np.zeros(shifts, np.float32)))
    return windows(padded, len(audio))[:shifts] * audio


@cache
def _places(taps: int) -> npt.NDArray[np.intp]:
    """For a symmetric matrix, where each entry is in a table of its diagonals (`[k, i]`: entry `[i, i + k]`)."""
    row, column = np.indices((taps, taps))
    return np.asarray(np.abs(row - column) * taps + np.minimum(row, column), np.intp)


def windows(values: np.ndarray[Any, np.dtype[Number]], length: int) -> np.ndarray[Any, np.dtype[Number]]:
    """All windows of `length` of a contiguous one-dimensional array, as rows of a read-only view.

    numpy's sliding_window_view takes fifteen times as long, and interns six strings per call: 2 MiB after about ten
    thousand calls. Raises ValueError if `values` is shorter.
    """
    if len(values) < length:
        raise ValueError(f"{len(values)} values have no stretch of {length}")
    return np.ndarray((len(values) - length + 1, length), values.dtype, values, 0, values.strides * 2)
