"""Is a sound a tone? Keys that the telephone sends as sound, dial and busy tones, a fax: one or two steady sines.

A detector takes a tone's beginning, and the silence behind it, for speech now and then. Speech is never two sines for
long: even a hummed vowel has more partials, and they do not keep their pitch.
"""

from collections.abc import Sequence
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

RATE_HZ = 8_000
WINDOW_SAMPLES = 2_048
"""256 ms: a detector still reacts when the tone is long over."""

KEY_LOW_HZ = (697.0, 770.0, 852.0, 941.0)  # ITU-T Q.23
KEY_HIGH_HZ = (1_209.0, 1_336.0, 1_477.0, 1_633.0)

# Of 3,492 candidates in the speech of twelve synthetic voices none comes near these shares of the energy: the most
# for a key's two sines was 0.44.
KEY_SHARE = 0.9  # in half of the parts
STEADY_SHARE = 0.995  # in half of the parts
STEADY_LOW_SHARE = 0.98  # in four fifths of them
STEADY_PARTS = 12  # at least, which is 60 ms

LEAST_POWER = 100.0  # of a sample: -70 dBFS; what is less is silence
LOUD = 0.3  # of the loudest part's power: the tone's edges are left out

_PART_SAMPLES, _STEP_SAMPLES = 128, 32
_PART_STRIDES = (4 * _STEP_SAMPLES, 4)  # bytes
_STEADY_DIMENSIONS = 4 + STEADY_PARTS // 4
_SPECTRUM_SAMPLES = 4_096  # 2 Hz a bin
_PEAK_BINS = 24  # 47 Hz: dial tones are no closer
_SAME_HZ = 40.0  # what is closer cannot be told apart in a part

Floats = npt.NDArray[np.float32]


def is_tone(audio: Floats) -> bool:
    """Is what can be heard in these latest `WINDOW_SAMPLES` (16-bit scale, 8 kHz) one tone, or two at once?"""
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
    """Two sines, whatever their frequencies, span four dimensions: do these parts have few enough?

    Far cheaper than to find the frequencies, and speech has more of them. Where a fifth of the parts may be anything,
    each of these adds a dimension of its own.
    """
    step = len(parts) // STEADY_PARTS
    some, scale = parts[::step][:STEADY_PARTS], 1.0 / np.sqrt(energies[::step][:STEADY_PARTS])
    spread = np.linalg.eigvalsh(some @ some.T * scale * scale[:, np.newaxis])  # in ascending order; their sum: 12
    return float(spread[:-_STEADY_DIMENSIONS].sum()) < (1.0 - STEADY_LOW_SHARE) * STEADY_PARTS


def _key(part: Floats) -> tuple[float, float]:
    """The key's sines that are the strongest here."""
    powers = np.square(_key_sines() @ part)
    powers = powers[:8] + powers[8:]
    return KEY_LOW_HZ[int(powers[:4].argmax())], KEY_HIGH_HZ[int(powers[4:].argmax())]


def _peaks(audio: Floats) -> tuple[float, ...]:
    """The two strongest frequencies; one where the other is only its skirt."""
    spectrum = np.abs(np.fft.rfft(audio * _hanning(len(audio)), _SPECTRUM_SAMPLES))
    found = []
    for _ in range(2):
        peak = int(spectrum.argmax())
        found.append(peak * RATE_HZ / _SPECTRUM_SAMPLES)
        spectrum[max(0, peak - _PEAK_BINS // 2) : peak + _PEAK_BINS // 2 + 1] = 0.0
    return (found[0],) if abs(found[0] - found[1]) < _SAME_HZ else (found[0], found[1])


@cache
def _hanning(samples: int) -> Floats:
    return np.hanning(samples).astype(np.float32)


@cache
def _key_sines() -> Floats:
    return _sines(KEY_LOW_HZ + KEY_HIGH_HZ)


def _sines(frequencies_hz: Sequence[float]) -> Floats:
    """A part's worth of each: all cosines, then all sines."""
    phase = 2 * np.pi / RATE_HZ * np.outer(frequencies_hz, np.arange(_PART_SAMPLES))
    return np.concatenate((np.cos(phase), np.sin(phase))).astype(np.float32)


@lru_cache(maxsize=128)
def _basis(frequencies_hz: tuple[float, ...]) -> Floats:
    """What sines of these frequencies span, in columns that are at right angles to one another and of length 1."""
    sines = _sines(frequencies_hz).astype(np.float64)
    gram = sines @ sines.T + 1e-3 * np.eye(len(sines))  # one that is nearly a mixture of the others stays small
    return np.linalg.solve(np.linalg.cholesky(gram), sines).T.astype(np.float32)


def _shares(parts: Floats, energies: Floats, frequencies_hz: tuple[float, ...]) -> Floats:
    """How much of each part's energy sines of these frequencies can be, whatever their levels and phases (0 to 1)."""
    products = parts @ _basis(frequencies_hz)
    return np.asarray(np.einsum("ij,ij->i", products, products) / energies, np.float32)
