"""Recognises tones: DTMF keys sent as audio, dial and busy tones, fax; that is, one or two steady sines.

A detector sometimes takes the beginning of a tone, or the silence after it, for speech. Speech is never two sines for
long: even a hummed vowel has more partials, and their pitch varies.
"""

from collections.abc import Sequence
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from offhook.pipeline.rates import NARROW_HZ

WINDOW_SAMPLES = 2_048
"""256 ms: a detector may still react long after the tone has ended."""

KEY_LOW_HZ = (697.0, 770.0, 852.0, 941.0)  # ITU-T Q.23
KEY_HIGH_HZ = (1_209.0, 1_336.0, 1_477.0, 1_633.0)

# None of 3,492 candidates in the speech of twelve synthetic voices comes near these shares of energy: the highest share
# for a key's two sines was 0.44.
KEY_SHARE = 0.9  # in half of the parts
STEADY_SHARE = 0.995  # in half of the parts
STEADY_LOW_SHARE = 0.98  # in four fifths of them
STEADY_PARTS = 12  # minimum, which is 60 ms

LEAST_POWER = 100.0  # per sample: -70 dBFS; below that is silence
LOUD = 0.3  # of the loudest part's power: excludes the edges of the tone

_PART_SAMPLES, _STEP_SAMPLES = 128, 32
_PART_STRIDES = (4 * _STEP_SAMPLES, 4)  # bytes
_STEADY_DIMENSIONS = 4 + STEADY_PARTS // 4
_SPECTRUM_SAMPLES = 4_096  # 2 Hz per bin
_PEAK_BINS = 24  # 47 Hz: dial tones are no closer
_SAME_HZ = 40.0  # closer ones cannot be separated within a part

Floats = npt.NDArray[np.float32]


def is_tone(audio: Floats) -> bool:
    """Whether the audible parts of these latest `WINDOW_SAMPLES` (16-bit scale, 8 kHz) are one tone, or two at once."""
    steps = audio.reshape(-1, _STEP_SAMPLES)
    powers = np.einsum("ij,ij->i", steps, steps)
    energies = powers[:-3] + powers[1:-2] + powers[2:-1] + powers[3:]  # a part is four steps
    loudest = int(energies.argmax())
    if energies[loudest] < LEAST_POWER * _PART_SAMPLES:
        return False
    loud = np.flatnonzero(energies >= LOUD * energies[loudest])
    every = np.ndarray((len(energies), _PART_SAMPLES), np.float32, np.ascontiguousarray(audio), 0, _PART_STRIDES)
    parts, energies = every[loud], energies[loud]
    shares = np.sort(_shares(parts, energies, _key(every[loudest])))
    if shares[len(shares) // 2] + shares[(len(shares) - 1) // 2] > 2 * KEY_SHARE:
        return True
    if len(parts) < STEADY_PARTS or not _may_be_steady(parts, energies):
        return False
    shares = np.sort(_shares(parts, energies, _peaks(audio)))
    return bool(shares[len(shares) // 2] > STEADY_SHARE and shares[len(shares) // 5] > STEADY_LOW_SHARE)


def _may_be_steady(parts: Floats, energies: Floats) -> bool:
    """Two sines, whatever their frequencies, span four dimensions: whether these parts have few enough.

    Far cheaper than finding the frequencies, and speech has more dimensions. If a fifth of the parts may be anything,
    each of those adds one dimension.
    """
    step = len(parts) // STEADY_PARTS
    some, scale = parts[::step][:STEADY_PARTS], 1.0 / np.sqrt(energies[::step][:STEADY_PARTS])
    spread = np.linalg.eigvalsh(some @ some.T * scale * scale[:, np.newaxis])  # in ascending order; they sum to 12
    return float(spread[:-_STEADY_DIMENSIONS].sum()) < (1.0 - STEADY_LOW_SHARE) * STEADY_PARTS


def _key(part: Floats) -> tuple[float, float]:
    """The strongest pair of DTMF frequencies."""
    powers = np.square(_key_sines() @ part)
    powers = powers[:8] + powers[8:]
    return KEY_LOW_HZ[int(powers[:4].argmax())], KEY_HIGH_HZ[int(powers[4:].argmax())]


def _peaks(audio: Floats) -> tuple[float, ...]:
    """The two strongest frequencies; one if the other is only its skirt."""
    spectrum = np.abs(np.fft.rfft(audio * _hanning(len(audio)), _SPECTRUM_SAMPLES))
    found = []
    for _ in range(2):
        peak = int(spectrum.argmax())
        found.append(peak * NARROW_HZ / _SPECTRUM_SAMPLES)
        spectrum[max(0, peak - _PEAK_BINS // 2) : peak + _PEAK_BINS // 2 + 1] = 0.0
    return (found[0],) if abs(found[0] - found[1]) < _SAME_HZ else (found[0], found[1])


@cache
def _hanning(samples: int) -> Floats:
    return np.hanning(samples).astype(np.float32)


@cache
def _key_sines() -> Floats:
    return _sines(KEY_LOW_HZ + KEY_HIGH_HZ)


def _sines(frequencies_hz: Sequence[float]) -> Floats:
    """One part of each: all cosines, then all sines."""
    phase = 2 * np.pi / NARROW_HZ * np.outer(frequencies_hz, np.arange(_PART_SAMPLES))
    return np.concatenate((np.cos(phase), np.sin(phase))).astype(np.float32)


@lru_cache(maxsize=128)
def _basis(frequencies_hz: tuple[float, ...]) -> Floats:
    """An orthonormal basis, in columns, of the space that sines of these frequencies span."""
    sines = _sines(frequencies_hz).astype(np.float64)
    # The ridge keeps one that is nearly a linear combination of the others small.
    gram = sines @ sines.T + 1e-3 * np.eye(len(sines))
    return np.linalg.solve(np.linalg.cholesky(gram), sines).T.astype(np.float32)


def _shares(parts: Floats, energies: Floats, frequencies_hz: tuple[float, ...]) -> Floats:
    """The maximum share of each part's energy that sines of these frequencies can account for (0 to 1)."""
    products = parts @ _basis(frequencies_hz)
    return np.asarray(np.einsum("ij,ij->i", products, products) / energies, np.float32)
