"""Packet loss concealment after ITU-T G.711 Appendix I: the last pitch period goes on, and fades away.

Two things differ, because a program listens. Nothing is delayed by 3.75 ms: the seam at the start of a loss is a
correction of the first samples made up instead of a cross-fade with the last samples received, which have already
gone out. And what comes back is mixed with what was made up for a quarter of a pitch period only, however long the
loss was: the recogniser gets true samples as soon as nothing clicks.
"""

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from telephony import pcm

Floats = npt.NDArray[np.float64]

# All in samples at 8 kHz.
_PITCH_MIN = 40  # 200 Hz
_PITCH_MAX = 120  # 66 Hz
_MATCHED = 120  # the stretch of signal that is compared with its past
_MAX_PERIODS = 3  # how much of the past is repeated; one period alone buzzes
_HISTORY = _MAX_PERIODS * _PITCH_MAX + _PITCH_MAX // 4
_BLOCK = 80  # after each 10 ms one period more is repeated
_FADE_FROM = 80
_FADE_UNTIL = 480

_HISTORY_OCTETS = pcm.SAMPLE_BYTES * _HISTORY
_GAIN = np.clip((_FADE_UNTIL - np.arange(_FADE_UNTIL)) / (_FADE_UNTIL - _FADE_FROM), 0.0, 1.0)


class Concealer:
    """Makes up what was lost of one 8 kHz audio stream, without delay.

    Every frame that arrived goes through `good`, every hole through `lost`. What is made up repeats the pitch
    of the last 15 ms, fades after the first 10 ms, is silent after 60 ms, and is cross-faded with the first
    frame back.
    """

    __slots__ = ("_history", "_lost", "_made_up", "_period")

    def __init__(self) -> None:
        self._history = bytes(_HISTORY_OCTETS)
        self._lost = 0
        self._period = _PITCH_MIN
        self._made_up: Floats = _GAIN

    def good(self, frame: bytes) -> bytes:
        """A frame that arrived, any number of whole samples; it comes back changed only after a loss."""
        if self._lost and frame:
            frame = self._fade_in(frame)
            self._lost = 0
        self._remember(frame)
        return frame

    def lost(self, samples: int) -> bytes:
        """PCM in place of a hole of so many samples."""
        if samples <= 0:
            return b""
        if self._lost == 0:
            past = np.frombuffer(self._history, dtype="<i2").astype(np.float64)
            self._period = _pitch(past)
            self._made_up = _continued(past, self._period)
        audible = pcm.from_array(self._made_up[self._lost : self._lost + samples])
        frame = audible + bytes(pcm.SAMPLE_BYTES * samples - len(audible))
        self._lost += samples
        self._remember(frame)
        return frame

    def _remember(self, frame: bytes) -> None:
        if len(frame) >= _HISTORY_OCTETS:
            self._history = frame[-_HISTORY_OCTETS:]
        else:
            self._history = (self._history + frame)[-_HISTORY_OCTETS:]

    def _fade_in(self, frame: bytes) -> bytes:
        """The first frame after a loss, cross-faded for a quarter period."""
        arrived = np.frombuffer(frame, dtype="<i2").astype(np.float64)
        length = min(self._period // 4, len(arrived))
        rest = self._made_up[self._lost : self._lost + length]
        weight = _ramp(length)
        arrived[:length] *= weight
        arrived[: len(rest)] += rest * (1.0 - weight[: len(rest)])
        return pcm.from_array(arrived)


def _ramp(length: int) -> Floats:
    """Between 0 and 1, both left out."""
    return np.arange(1, length + 1) / (length + 1)


def _pitch(past: Floats) -> int:
    """The lag at which the last 15 ms resemble what was before them most, by normalised cross-correlation."""
    stretch = past[-_MATCHED - _PITCH_MAX :]
    windows = sliding_window_view(stretch, _MATCHED)[: _PITCH_MAX - _PITCH_MIN + 1]
    energy = np.concatenate(([0.0], np.cumsum(stretch * stretch)))
    energy = energy[_MATCHED : _MATCHED + len(windows)] - energy[: len(windows)]
    likeness = (windows @ stretch[-_MATCHED:]) / np.sqrt(np.maximum(energy, 1.0))
    return _PITCH_MAX - int(np.argmax(likeness))


def _continued(past: Floats, period: int) -> Floats:
    """How the signal goes on for 60 ms, from one period of its past, then two, then three; faded."""
    seam = period // 4
    weight = _ramp(seam)
    result = np.zeros(_FADE_UNTIL + seam)
    start = phase = 0
    for periods in range(1, _MAX_PERIODS + 1):
        end = periods * _BLOCK if periods < _MAX_PERIODS else _FADE_UNTIL
        loop = past[-periods * period :].copy()
        # The loop's end turns into what preceded its beginning, so that it can go round.
        before = past[-periods * period - seam : -periods * period]
        loop[-seam:] += (before - loop[-seam:]) * weight
        piece = loop[(phase + np.arange(end + seam - start)) % len(loop)]
        if start:
            piece[:seam] = result[start : start + seam] * (1.0 - weight) + piece[:seam] * weight
        result[start : end + seam] = piece
        phase = (phase + end - start) % period
        start = end
    # The first sample should follow the last one received as it followed its own predecessor a period ago.
    result[:seam] += (past[-1] - past[-period - 1]) * (1.0 - weight)
    loudest = np.abs(past).max()
    return np.asarray(np.clip(result[:_FADE_UNTIL], -loudest, loudest) * _GAIN, dtype=np.float64)
