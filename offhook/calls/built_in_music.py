"""Quiet music for callers who wait, made of a few plucked notes: nobody's work but this file's."""

from functools import cache

import numpy as np
import numpy.typing as npt

from offhook.pipeline.rates import NARROW_HZ, WIDE_HZ
from offhook.pipeline.tts.recording import Recording

_BEAT_S = 0.4
_CHORDS = ((60, 67, 72, 76), (57, 64, 69, 72), (53, 60, 65, 69), (55, 62, 67, 71))
"""MIDI numbers: C, A minor, F, G."""
_PATTERN = (0, 2, 1, 3, 2, 3, 1, 2)
_PEAK = 4_000  # -18 dBFS


@cache
def built_in_music() -> Recording:
    """Thirteen seconds that end as they begin."""
    return Recording("music", {rate_hz: _pcm(rate_hz) for rate_hz in (NARROW_HZ, WIDE_HZ)})


def _pcm(rate_hz: int) -> bytes:
    beat = round(_BEAT_S * rate_hz)
    samples = np.zeros(beat * len(_PATTERN) * len(_CHORDS), dtype=np.float64)
    at = 0
    for chord in _CHORDS:
        for index in _PATTERN:
            note = _note(440.0 * 2 ** ((chord[index] - 69) / 12), 4 * beat, rate_hz)
            # A note that is still heard at the end goes on at the beginning.
            samples[(at + np.arange(len(note))) % len(samples)] += note
            at += beat
    pcm: bytes = (samples * (_PEAK / np.abs(samples).max())).astype("<i2").tobytes()
    return pcm


def _note(hz: float, length: int, rate_hz: int) -> npt.NDArray[np.float64]:
    seconds = np.arange(length) / rate_hz
    partials = sum(np.sin(2 * np.pi * hz * number * seconds) / number**2 for number in (1, 2, 3))
    attack = np.minimum(1.0, seconds / 0.005)
    return np.asarray(partials * attack * np.exp(-3.0 * seconds))
