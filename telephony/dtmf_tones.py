"""DTMF in the voice band: keys found in 8 kHz audio (ITU-T Q.23, Q.24).

Theory of operation. In each block of 10 ms the strongest frequency of either group is looked for. Nearly always they
explain too little of the energy, and that is all (in C where it was built; a fortieth of a call's cost). Otherwise the
audio, from a little earlier on, is taken in windows of 20 ms, one every 5 ms: each is projected onto what sines within
some 2 % of the two frequencies span, and nearly all of its energy has to be there, as it never is for long in speech.
Four such windows in a row, 35 ms, are a key; six without end it.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from offhook.telephony.native import WANTED, media
from offhook.telephony.pcm import RATE_HZ
from offhook.telephony.rtp.dtmf_receiver import Digit
from offhook.telephony.tones import DTMF_HZ

_WINDOW = 160
_HOP = 40
_BLOCK = 80
_HOP_MS = 1_000 * _HOP // RATE_HZ
_WINDOW_MS = 1_000 * _WINDOW // RATE_HZ

MIN_WINDOWS = 4
"""A key of 40 ms fills four windows or more, wherever it begins between two of them."""

END_WINDOWS = 6
"""Interruptions of 10 ms don't end a key (Q.24), pauses of 40 ms do."""

MIN_POWER = 0.5 * (22_400 * 10 ** (-34 / 20)) ** 2
"""Of each tone, in squares of 16-bit samples: -34 dBm0. A sine of 0 dBm0 has a peak of about 22400."""

BLOCK_SHARE = 0.6
"""Of a block's energy, by the correlations with two frequencies: 1.5 % beside them it is 0.83, before noise."""

SHARE = 0.9
"""Of a window's energy, by the projection. Two tones of 0 dBm0 are clipped, and lose some percent."""

MAX_LOW_OVER_HIGH = 10**1.1
MAX_HIGH_OVER_LOW = 10**0.8
"""Of the tones' powers. Q.24 asks for 8 dB and 4 dB; lines and codecs add some."""

_SPREAD = 0.012
"""The basis has each frequency this much lower and higher: what lies 1.8 % beside it is still explained."""

Floats = npt.NDArray[np.float32]

_LOW_HZ = (697, 770, 852, 941)
_HIGH_HZ = (1_209, 1_336, 1_477, 1_633)
_KEYS = {(_LOW_HZ.index(low), _HIGH_HZ.index(high)): key for key, (low, high) in DTMF_HZ.items()}
_NONE = np.zeros(0, np.float32)


class DtmfTones:
    """The keys in one call's audio, each reported once, at its end."""

    __slots__ = ("_before", "_buffer", "_hits", "_key", "_misses", "_windows")

    def __init__(self) -> None:
        self._before = b""  # the audio before, not looked into
        self._buffer = _NONE  # the audio before, where a key may have begun
        self._key = ""
        self._hits = 0  # in a row, then in all
        self._misses = 0
        self._windows = 0  # since the key began

    @property
    def sounding(self) -> bool:
        """Whether a key is sounding, or seems to begin: that audio is nobody's speech."""
        return self._hits >= 2 and self._misses < END_WINDOWS // 2

    def receive(self, pcm: bytes) -> list[Digit]:
        """Take the next audio, 8 kHz 16-bit PCM. Returns the keys that ended."""
        if not self._key and not _may_hold_key(pcm, 2 * MIN_POWER, BLOCK_SHARE):
            self._before, self._buffer = pcm, _NONE
            return []
        if self._before:
            self._buffer = np.frombuffer(self._before, "<i2").astype(np.float32)
            self._before = b""
        buffer = np.concatenate((self._buffer, np.frombuffer(pcm, "<i2").astype(np.float32)))
        count = max(0, (len(buffer) - _WINDOW) // _HOP + 1)
        self._buffer = buffer[count * _HOP :]
        windows = np.ndarray((count, _WINDOW), np.float32, buffer, 0, (4 * _HOP, 4))
        powers = np.square(windows @ _sums(_WINDOW))
        digits: list[Digit] = []
        for row, window in zip((powers[:, :8] + powers[:, 8:]).tolist(), windows, strict=True):
            self._step(_key_in(row, window), digits)
        return digits

    def _step(self, key: str, digits: list[Digit]) -> None:
        if not self._key:
            self._begin(key)
            return
        self._windows += 1
        if key == self._key:
            self._hits += 1
            self._misses = 0
            return
        self._misses += 1
        if self._hits < MIN_WINDOWS:
            # They have to follow each other.
            self._key, self._hits = "", 0
        elif key or self._misses >= END_WINDOWS:
            lasted = (self._windows - self._misses - 1) * _HOP_MS + _WINDOW_MS
            digits.append(Digit(self._key, lasted))
            self._key, self._hits = "", 0
        else:
            return
        self._begin(key)

    def _begin(self, key: str) -> None:
        if key:
            self._key, self._hits, self._misses, self._windows = key, 1, 0, 1


def _key_in(powers: list[float], window: Floats) -> str:
    """The key in a window; empty: none. `powers` are those of the eight frequencies."""
    pair = powers.index(max(powers[:4]), 0, 4), powers.index(max(powers[4:]), 4, 8) - 4
    low_basis, high_basis = _bases(*pair)
    in_low, in_high = low_basis @ window, high_basis @ window
    low, high = float(in_low @ in_low), float(in_high @ in_high)
    if low + high < SHARE * float(window @ window) or min(low, high) < MIN_POWER * _WINDOW:
        return ""
    if low > MAX_LOW_OVER_HIGH * high or high > MAX_HIGH_OVER_LOW * low:
        return ""
    return _KEYS[pair]


def may_hold_key_in_python(pcm: bytes, least_power: float, least_share: float) -> bool:
    """Whether two DTMF frequencies have that share of the energy in 10 ms with that power per sample, or more."""
    blocks = np.frombuffer(pcm, "<i2", len(pcm) // 2 // _BLOCK * _BLOCK).astype(np.float32).reshape(-1, _BLOCK)
    energies = np.einsum("ij,ij->i", blocks, blocks)
    if not (loud := energies >= least_power * _BLOCK).any():
        return False
    powers = np.square(blocks @ _sums(_BLOCK))
    powers = powers[:, :8] + powers[:, 8:]
    found = (powers[:, :4].max(1) + powers[:, 4:].max(1)) * 2 >= least_share * _BLOCK * energies
    return bool((found & loud).any())


_may_hold_key = may_hold_key_in_python if WANTED == "python" else getattr(media, "may_hold_key", may_hold_key_in_python)


@cache
def _sums(samples: int) -> Floats:
    """In columns: the cosines of the eight frequencies, then the sines."""
    return np.ascontiguousarray(_sines(_LOW_HZ + _HIGH_HZ, samples).T.astype(np.float32))


@cache
def _bases(low: int, high: int) -> tuple[Floats, Floats]:
    """Orthonormal bases, in rows, of what tones near the low and near the high frequency span."""
    found = []
    for hz in (_LOW_HZ[low], _HIGH_HZ[high]):
        _, _, rows = np.linalg.svd(_sines((hz * (1 - _SPREAD), hz * (1 + _SPREAD)), _WINDOW), full_matrices=False)
        found.append(np.ascontiguousarray(rows.astype(np.float32)))
    return found[0], found[1]


def _sines(frequencies_hz: tuple[float, ...], samples: int) -> npt.NDArray[np.float64]:
    phase = 2 * np.pi / RATE_HZ * np.outer(frequencies_hz, np.arange(samples))
    return np.concatenate((np.cos(phase), np.sin(phase)))
