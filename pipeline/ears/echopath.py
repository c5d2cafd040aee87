"""The way from what the bot sent to what comes back of it: a delay and a short filter, found by least squares.

All audio here is float32 at 8 kHz, in units of 16-bit samples. Nothing is adapted sample by sample: a filter is
solved for over a stretch of the recent past whenever that is worth it (the covariance method of linear prediction,
with two signals).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

Floats = npt.NDArray[np.float32]

BEFORE_SAMPLES = 16
"""Taps before the delay that correlation has found: its peak need not be the path's beginning."""

_PRE_EMPHASIS = np.float32(0.9)  # speech has most of its energy below 1 kHz, which blurs a correlation
_FLAT_POWER = np.float32(25.0)  # of a sample: keeps the correlation with digital silence finite
_PEAK_WIDTH = 24  # samples around a peak that are no other peak
_RIDGE = 1e-3  # of the mean power
_ITERATIONS = 40  # then the residual is within 1 % of the least
_ACCURACY = 1e-4
_DECAY_SAMPLES = 60.0  # the ridge grows by e over so many taps: the end of an echo path is weak


@dataclass(frozen=True, slots=True)
class EchoPath:
    """Echo at sample n is the sum of `taps[k] * reference[n - lag - k]`."""

    lag: int
    taps: Floats

    def predict(self, reference: Floats) -> Floats:
        """The echo of a reference that begins `lag + len(taps) - 1` samples before it and ends `lag` before it does."""
        return np.convolve(reference, self.taps, "valid")


def likely_lags(reference: Floats, heard: Floats, count: int, possible: npt.NDArray[np.bool_]) -> list[int]:
    """Of the `possible` lags (by sample, from 0), those where `heard` resembles the reference most, best first.

    `reference` ends where `heard` does and begins at least as much earlier as the longest lag.
    """
    longest = len(possible) - 1
    flat_reference, flat_heard = _flattened(reference[-len(heard) - longest :]), _flattened(heard)
    likeness = _likeness(flat_reference, flat_heard)
    likeness[~possible] = -1.0
    lags: list[int] = []
    for _ in range(count):
        lag = int(likeness.argmax())
        if likeness[lag] < 0.0:
            break
        lags.append(lag)
        likeness[max(0, lag - _PEAK_WIDTH) : lag + _PEAK_WIDTH + 1] = -1.0
    return lags


def best_scale(template: Floats, heard: Floats) -> tuple[int, float]:
    """The lag at which `template` times a positive factor is nearest to `heard`, and its share of the energy."""
    likeness = _likeness(template, heard, signed=True)
    lag = int(likeness.argmax())
    return lag, max(0.0, float(likeness[lag]))


def fit(reference: Floats, heard: Floats, lag: int, taps: int) -> EchoPath | None:
    """The path with its main tap at about `lag` that explains `heard` best; None where there is nothing to solve.

    `reference` ends where `heard` does and begins at least `lag + taps` samples before it.
    """
    first_lag = max(0, lag - BEFORE_SAMPLES)
    start = len(reference) - len(heard) - first_lag  # of the samples that meet the first tap
    if start < taps:
        raise ValueError(f"a lag of {lag} and {taps} taps need a longer reference than {len(reference)} samples")
    matrix = _covariance(reference, start, len(heard), taps)
    wanted = np.correlate(reference[start - taps + 1 : start + len(heard)], heard, "valid")[::-1]
    power = float(np.trace(matrix)) / taps
    if power <= 0.0:
        return None
    ridge = _RIDGE * power * np.exp(np.abs(np.arange(taps) - (lag - first_lag)) / _DECAY_SAMPLES) + 1.0
    matrix[np.diag_indices(taps)] += ridge.astype(np.float32)
    return EchoPath(first_lag, _solved(matrix, wanted))


def _flattened(audio: Floats) -> Floats:
    flat = audio.copy()
    flat[1:] -= _PRE_EMPHASIS * audio[:-1]
    return flat


def _likeness(reference: Floats, heard: Floats, *, signed: bool = False) -> Floats:
    """By lag: the squared normalised cross-correlation (negative for a negative one, if `signed`)."""
    longest = len(reference) - len(heard)
    size = 1 << (len(reference) - 1).bit_length()  # circular wrap falls outside the lags asked for
    spectrum = np.fft.rfft(reference, size) * np.conj(np.fft.rfft(heard, size))
    product = np.fft.irfft(spectrum, size)[: longest + 1][::-1]
    energy = np.concatenate(([0.0], np.cumsum(np.square(reference, dtype=np.float64))))
    energy = (energy[len(heard) :] - energy[: longest + 1])[::-1]
    scale = (energy + len(heard) * _FLAT_POWER) * (float(heard @ heard) + 1.0)
    squared = product * (product if not signed else np.abs(product))
    return np.asarray(squared / scale, np.float32)


def _solved(matrix: Floats, wanted: Floats) -> Floats:
    """By conjugate gradients (Hestenes and Stiefel, 1952), as near as an echo needs.

    Not by the library's solver: it shares even so little work among threads, and where the cores are busy it waits tens
    of milliseconds for them. `einsum` has no threads.
    """
    solution = np.zeros_like(wanted)
    left = wanted.copy()
    direction = left.copy()
    energy = first_energy = float(left @ left)
    for _ in range(_ITERATIONS):
        if energy <= _ACCURACY**2 * first_energy:
            break
        image = np.einsum("ij,j->i", matrix, direction)
        step = np.float32(energy / float(direction @ image))
        solution += step * direction
        left -= step * image
        before, energy = energy, float(left @ left)
        direction = left + np.float32(energy / before) * direction
    return solution


def _covariance(audio: Floats, start: int, samples: int, taps: int) -> npt.NDArray[np.float32]:
    """`[i, j]` is the sum over n of `audio[start + n - i] * audio[start + n - j]`.

    Each entry follows from its upper left neighbour by one product that comes in and one that goes out, so that a
    running sum along the diagonals gives them all.
    """
    table = np.zeros((taps, 2 * taps), np.float32)
    down, right = table.strides
    diagonals: Any = as_strided(table, (taps, taps), (down + right, right))  # row i, column k: entry (i, i + k)
    table[0, :taps] = np.correlate(audio[start - taps + 1 : start + samples], audio[start : start + samples], "valid")[
        ::-1
    ]
    coming = audio[start - taps + 1 : start][::-1]
    going = audio[start + samples - taps + 1 : start + samples][::-1]
    table[1:, 1:taps] = np.multiply.outer(coming, coming) - np.multiply.outer(going, going)
    diagonals[:] = np.cumsum(diagonals, axis=0)
    upper = np.triu(table[:, :taps])
    return np.asarray(upper + np.triu(upper, 1).T, np.float32)
