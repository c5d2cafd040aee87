"""A second concealer to compare with: ITU-T G.711 Appendix I (1999), written from its description alone.

Frames of 10 ms. What was received is delayed by 3.75 ms, so that the start of a loss can be cross-faded with the last
samples received. Clause numbers are those of the appendix.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

FRAME = 80
PITCH_MIN, PITCH_MAX = 40, 120
CORRELATED = 160
HISTORY = 3 * PITCH_MAX + PITCH_MAX // 4
DELAY = PITCH_MAX // 4
ATTENUATION = 0.2  # of the first level, each 10 ms from the second on
RETURN_FADE = 32  # samples of cross-fade more for each 10 ms of loss
RETURN_FADE_MAX = 80


def conceal(audio: Floats, lost: list[bool]) -> Floats:
    """`audio` with its 10 ms frames that are `lost` made up; of the same length, its delay taken off."""
    concealer = _Concealer()
    frames = audio[: len(lost) * FRAME].reshape(-1, FRAME)
    made = [concealer.lost() if gone else concealer.good(frame) for frame, gone in zip(frames, lost, strict=True)]
    return np.concatenate([*made, concealer.good(np.zeros(FRAME))])[DELAY : DELAY + frames.size]


class _Concealer:
    def __init__(self) -> None:
        self.history: Floats = np.zeros(HISTORY)
        self.erased = 0
        self.pitch = PITCH_MIN
        self.periods = 1
        self.offset = 0
        self.loop: Floats = np.zeros(PITCH_MAX)
        self.last_quarter: Floats = np.zeros(0)

    def good(self, frame: Floats) -> Floats:
        frame = frame.copy()
        if self.erased:
            # I.2.7: the synthesis goes on into the first good frame, and they are cross-faded.
            length = min(RETURN_FADE_MAX, self.pitch // 4 + RETURN_FADE * (self.erased - 1))
            rest = self._repeat(length) * self._gain_at_return()
            weight = _ramp(length)
            frame[:length] = frame[:length] * weight + rest * (1 - weight)
            self.erased = 0
        return self._out(frame)

    def lost(self) -> Floats:
        if self.erased == 0:
            self._begin()
            frame = self._repeat(FRAME)
        elif self.erased < 3:
            frame = self._more_periods()
        else:
            frame = self._repeat(FRAME)
        if self.erased >= 6:
            frame = np.zeros(FRAME)
        elif self.erased >= 1:
            # I.2.6: a linear ramp from 1 at 10 ms to 0 at 60 ms.
            frame = frame * (1 - ATTENUATION * (self.erased - 1 + np.arange(FRAME) / FRAME))
        self.erased += 1
        return self._out(frame)

    def _begin(self) -> None:
        """I.2.3, I.2.4: the pitch, one period of it, and its cross-fade with what was received last."""
        self.pitch = pitch = _pitch(self.history)
        self.periods = 1
        quarter = pitch // 4
        self.source = self.history.copy()
        self.last_quarter = self.source[-quarter:].copy()
        self._build_loop()
        self.history[-quarter:] = self.loop[-quarter:]
        self.offset = 0

    def _build_loop(self) -> None:
        """The last periods; their end turns into what stood before their beginning."""
        length = self.periods * self.pitch
        quarter = self.pitch // 4
        loop = self.source[-length:].copy()
        before = self.source[-length - quarter : len(self.source) - length]
        weight = _ramp(quarter)
        loop[-quarter:] = self.last_quarter * (1 - weight) + before * weight
        self.loop = loop

    def _more_periods(self) -> Floats:
        """I.2.5: from 10 and 20 ms on two and three periods are repeated, with a cross-fade between."""
        quarter = self.pitch // 4
        tail = self._repeat(quarter)
        self.offset = (self.offset - quarter) % self.pitch
        self.periods += 1
        self._build_loop()
        frame = self._repeat(FRAME)
        weight = _ramp(quarter)
        frame[:quarter] = tail * (1 - weight) + frame[:quarter] * weight
        return frame

    def _repeat(self, samples: int) -> Floats:
        at = (self.offset + np.arange(samples)) % len(self.loop)
        self.offset = (self.offset + samples) % len(self.loop)
        return self.loop[at]

    def _gain_at_return(self) -> float:
        return float(np.clip(1 - ATTENUATION * (self.erased - 1), 0, 1))

    def _out(self, frame: Floats) -> Floats:
        self.history = np.concatenate((self.history[FRAME:], frame))
        return self.history[-FRAME - DELAY : -DELAY]


def _pitch(history: Floats) -> int:
    """I.2.3: the peak of the normalised cross-correlation of the last 20 ms with 5 to 15 ms before."""
    target = history[-CORRELATED:]
    best, found = -np.inf, PITCH_MIN
    for lag in range(PITCH_MIN, PITCH_MAX + 1):
        candidate = history[-CORRELATED - lag : len(history) - lag]
        likeness = float(candidate @ target) / np.sqrt(max(float(candidate @ candidate), 1.0))
        if likeness > best:
            best, found = likeness, lag
    return found


def _ramp(length: int) -> Floats:
    return np.arange(1, length + 1) / (length + 1)
