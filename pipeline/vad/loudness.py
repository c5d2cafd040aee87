"""Which parts of a frame are audible: levels in blocks of 4 ms, compared with each stream's noise floor.

Works on arrays of many streams, so that a frame of one stream costs little. All sums are of whole numbers below 2²⁴ and
so exact in any order: batching does not change the result.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from offhook.pipeline.vad.engine import Pcm, Slots

BLOCK_SAMPLES = 32
"""Levels are measured in blocks of 4 ms."""

NOISE_DELAY_FRAMES = 4
"""A frame counts as noise once this many more have passed without speech, because the detector is late."""

_NOISE_RISE = 1.26  # per frame: 2 dB
_NOISE_FALL = 0.3  # share of the distance, per frame

Floats = np.ndarray[Any, np.dtype[np.float64]]


def amplitude(dbfs: float) -> float:
    """The 16-bit sample value of a level."""
    return float(32_768 * 10 ** (dbfs / 20))


_LEAST_NOISE_LEVEL = BLOCK_SAMPLES * amplitude(-75.0)


@dataclass(frozen=True, slots=True)
class AudibleSettings:
    """A block of 4 ms is audible if its peak is above `audible_dbfs` and its mean level is above the noise by
    `noise_margin_db` (or above `noise_max_dbfs`, however loud the noise).
    """

    audible_dbfs: float = -45.0
    noise_margin_db: float = 4.0
    noise_max_dbfs: float = -30.0


@dataclass(frozen=True, slots=True)
class Audible:
    """Per frame: the number of audible samples, and where the audible blocks begin and end, in samples.

    `start` and `end` are undefined where `samples` is 0. `levels` are the frames' mean block levels.
    """

    samples: list[int]
    start: list[int]
    end: list[int]
    levels: Floats


class Loudness:
    """The noise floors of `streams` streams, numbered from 0."""

    def __init__(self, settings: AudibleSettings = AudibleSettings(), streams: int = 1) -> None:
        self._audible_peak = amplitude(settings.audible_dbfs)
        self._margin = 10 ** (settings.noise_margin_db / 20)
        self._noise_max_level = BLOCK_SAMPLES * amplitude(settings.noise_max_dbfs)
        # Per block: the sum of its samples' absolute values.
        self._noise = np.full(streams, _LEAST_NOISE_LEVEL)
        self._recent = np.zeros((streams, NOISE_DELAY_FRAMES))
        self._learnt = np.zeros(streams, np.intp)  # frames since the last speech

    def measure(self, slots: Slots, pcm: Pcm) -> Audible:
        """The audible part of the next frame of each of `slots`, a row of whole blocks of `pcm`."""
        blocks = np.abs(pcm.astype(np.float32)).reshape(len(pcm), -1, BLOCK_SAMPLES)
        levels = blocks.sum(axis=2)
        noise = self._noise[slots]
        # Noise raises samples that are slightly too quiet, by about its own level.
        least_peak = self._audible_peak + noise / BLOCK_SAMPLES
        least_level = np.minimum(noise * self._margin, self._noise_max_level)
        audible = (blocks.max(axis=2) >= least_peak[:, None]) & (levels >= least_level[:, None])
        count = audible.sum(axis=1)
        first, after = audible.argmax(axis=1), audible.shape[1] - audible[:, ::-1].argmax(axis=1)
        return Audible(
            (count * BLOCK_SAMPLES).tolist(),
            (first * BLOCK_SAMPLES).tolist(),
            (after * BLOCK_SAMPLES).tolist(),
            levels.sum(axis=1, dtype=np.float64) / levels.shape[1],
        )

    def learn(self, slots: Slots, levels: Floats, speaking: list[bool]) -> None:
        """Update the noise floors after judgement: frames that are not `speaking` are noise."""
        speech = np.array(speaking, np.bool_)
        self._learnt[slots[speech]] = 0
        slots, levels = slots[~speech], levels[~speech]
        learnt = self._learnt[slots]
        place = learnt % NOISE_DELAY_FRAMES
        old = self._recent[slots, place]
        noise = self._noise[slots]
        known = np.where(
            old > noise,
            np.minimum(old, noise * _NOISE_RISE),
            np.maximum(noise + (old - noise) * _NOISE_FALL, _LEAST_NOISE_LEVEL),
        )
        self._noise[slots] = np.where(learnt >= NOISE_DELAY_FRAMES, known, noise)
        self._recent[slots, place] = levels
        self._learnt[slots] = learnt + 1

    def reset(self, slot: int) -> None:
        """Reset this stream's noise floor."""
        self._noise[slot] = _LEAST_NOISE_LEVEL
        self._learnt[slot] = 0

    def grow(self, streams: int) -> None:
        """Make room for `streams` streams; existing ones are unchanged."""
        more = streams - len(self._noise)
        self._noise = np.concatenate([self._noise, np.full(more, _LEAST_NOISE_LEVEL)])
        self._recent = np.concatenate([self._recent, np.zeros((more, NOISE_DELAY_FRAMES))])
        self._learnt = np.concatenate([self._learnt, np.zeros(more, np.intp)])
