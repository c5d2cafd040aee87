"""Packet loss concealment after ITU-T G.711 Appendix I: the last pitch period goes on, and fades away.

Two things differ, because a program listens. Nothing is delayed by 3.75 ms: the seam at the start of a loss is a
correction of the first samples made up instead of a cross-fade with the last samples received, which have already
gone out. And what comes back is mixed with what was made up for a quarter of a pitch period only, however long the
loss was: the recogniser gets true samples as soon as nothing clicks.
"""

import numpy as np
import numpy.typing as npt

from offhook.telephony import pcm

Floats = npt.NDArray[np.float64]

# All in samples at 8 kHz; a wide stream has twice as many of each.
_PITCH_MIN = 40  # 200 Hz
_PITCH_MAX = 120  # 66 Hz
_MATCHED = 120  # the stretch of signal that is compared with its past
_MAX_PERIODS = 3  # how much of the past is repeated; one period alone buzzes
_HISTORY = _MAX_PERIODS * _PITCH_MAX + _PITCH_MAX // 4
_BLOCK = 80  # after each 10 ms one period more is repeated
_FADE_FROM = 80
_FADE_UNTIL = 480


def _gain(scale: int) -> Floats:
    fade = (_FADE_UNTIL * scale - np.arange(_FADE_UNTIL * scale)) / (scale * (_FADE_UNTIL - _FADE_FROM))
    return np.asarray(np.clip(fade, 0.0, 1.0), np.float64)


_GAINS = {scale: _gain(scale) for scale in (1, 2)}


class Concealer:
    """Makes up what was lost of one audio stream at 8 kHz, or at 16 kHz, without delay.

    Every frame that arrived goes through `good`, every hole through `lost`. What is made up repeats the pitch
    of the last 15 ms, fades after the first 10 ms, is silent after 60 ms, and is cross-faded with the first
    frame back.
    """

    __slots__ = ("_history", "_history_octets", "_lost", "_made_up", "_period", "_scale")

    def __init__(self, rate_hz: int = pcm.RATE_HZ) -> None:
        self._scale = scale = rate_hz // pcm.RATE_HZ
        self._history_octets = pcm.SAMPLE_BYTES * scale * _HISTORY
        self._history = bytes(self._history_octets)
        self._lost = 0
        self._period = scale * _PITCH_MIN
        self._made_up: Floats = _GAINS[scale]

    def good(self, frame: bytes) -> bytes:
        """A frame that arrived, any number of whole samples; it comes back changed only after a loss."""
        if self._lost and frame:
            frame = self._fade_in(frame)
            self._lost = 0
        self._remember(frame)
        return frame

    def lost(self, samples: int) -> bytes:
        """PCM in place of a hole of that many samples."""
        if samples <= 0:
            return b""
        if self._lost == 0:
            past = np.frombuffer(self._history, dtype="<i2").astype(np.float64)
            self._period = _pitch(past, self._scale)
            self._made_up = _continued(past, self._period, self._scale)
        audible = pcm.from_array(self._made_up[self._lost : self._lost + samples])
        frame = audible + bytes(pcm.SAMPLE_BYTES * samples - len(audible))
        self._lost += samples
        self._remember(frame)
        return frame

    def _remember(self, frame: bytes) -> None:
        kept = self._history_octets
        self._history = frame[-kept:] if len(frame) >= kept else (self._history + frame)[-kept:]

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


def _pitch(past: Floats, scale: int) -> int:
    """The lag at which the last 15 ms resemble what was before them most, by normalised cross-correlation."""
    matched, longest, shortest = scale * _MATCHED, scale * _PITCH_MAX, scale * _PITCH_MIN
    stretch = past[-matched - longest :]
    products = np.correlate(stretch[: matched + longest - shortest], stretch[-matched:], "valid")
    energy = np.concatenate(([0.0], np.cumsum(stretch * stretch)))
    energy = energy[matched : matched + len(products)] - energy[: len(products)]
    likeness = products / np.sqrt(np.maximum(energy, 1.0))
    return longest - int(np.argmax(likeness))


def _continued(past: Floats, period: int, scale: int) -> Floats:
    """How the signal goes on for 60 ms, from one period of its past, then two, then three; faded."""
    seam = period // 4
    weight = _ramp(seam)
    length = scale * _FADE_UNTIL
    result = np.zeros(length + seam)
    start = phase = 0
    for periods in range(1, _MAX_PERIODS + 1):
        end = periods * scale * _BLOCK if periods < _MAX_PERIODS else length
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
    return np.asarray(np.clip(result[:length], -loudest, loudest) * _GAINS[scale], dtype=np.float64)
