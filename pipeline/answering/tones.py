"""Call progress tones, fax tones and beeps in 8 kHz audio: ITU-T E.180 and E.182, T.30 §4, telephony practice.

A frame is tonal if one or two frequencies above 340 Hz have nearly all of its energy; a tone is a run of frames with
the same frequencies. What a tone means follows from its frequencies and from how long it and the pauses last.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from offhook.pipeline.answering.verdict import AnsweredBy
from offhook.pipeline.rates import NARROW_HZ

FRAME_MS = 20
FRAME = NARROW_HZ * FRAME_MS // 1_000
WINDOW = 2 * FRAME

_SPECTRUM = 1_024
_HZ_PER_BIN = NARROW_HZ / _SPECTRUM
_SKIRT = 7  # bins on either side that a sine of 40 ms fills
_LOWEST_HZ, _HIGHEST_HZ = 340.0, 3_000.0
_SHARE = 0.88
_SECOND_SHARE = 0.06  # less is the skirt of the first
_SAME_HZ = 25.0
_LEAST_POWER = 16.0**2 * 10  # per sample: about -56 dBFS
MIN_TONE = 3  # frames

SIT_HZ = ((900, 1_000), (1_350, 1_450), (1_740, 1_820))
CNG_HZ, CED_HZ = (1_062, 1_138), (2_080, 2_120)
BUSY_HZ, RING_HZ = (340, 640), (380, 500)

Floats = npt.NDArray[np.float64]


@dataclass(slots=True)
class Tone:
    """A tone from frame `began` to before frame `ended`; `hz` is its strongest frequency, `second_hz` 0 for none."""

    hz: float
    second_hz: float
    began: int
    ended: int

    @property
    def ms(self) -> int:
        """How long it lasted."""
        return (self.ended - self.began) * FRAME_MS

    def within(self, band: tuple[int, int]) -> bool:
        """Whether all of it is in that band."""
        both = (self.hz, self.second_hz or self.hz)
        return all(band[0] <= hz <= band[1] for hz in both)


@dataclass(slots=True)
class ToneTracker:
    """The tones of one call. `running` is the one that sounds, `past` those that are over, at most eight."""

    running: Tone | None = None
    past: tuple[Tone, ...] = ()
    _dropped: int = 0  # frames in a row without it

    def frame(self, number: int, window: Floats) -> bool:
        """Take the window that ends with this frame. Returns whether it is a tone's."""
        found = _frequencies(window)
        tone = self.running
        if tone is not None and found is not None and _same(tone, found):
            tone.ended = number + 1
            self._dropped = 0
            return True
        if tone is not None:
            self._dropped += 1
            if found is None and self._dropped == 1:
                return True  # the window of its end is half silence
            if tone.ended - tone.began >= MIN_TONE:
                self.past = (*self.past, tone)[-8:]
        self.running = None if found is None else Tone(*found, number, number + 1)
        self._dropped = 0
        return found is not None

    def meaning(self) -> AnsweredBy | None:
        """What the tones so far say, if that is certain."""
        tones = self.past if self.running is None else (*self.past, self.running)
        if not tones or tones[-1].ended - tones[-1].began < MIN_TONE:
            return None
        return _sit(tones) or _fax(tones[-1]) or _busy(tones)

    def is_ringback(self) -> bool:
        """Whether the latest tone is the network's ringing."""
        tones = self.past if self.running is None else (*self.past, self.running)
        if not tones or not tones[-1].within(RING_HZ):
            return False
        if tones[-1].ms >= 860:
            return True
        # The United Kingdom's double ring: 0.4 s, a pause of 0.2 s, 0.4 s.
        pair = tones[-2:]
        pause = (pair[-1].began - pair[0].ended) * FRAME_MS
        return len(pair) == 2 and 340 <= pair[0].ms <= 460 and pair[-1].ms >= 300 and 120 <= pause <= 260


def _sit(tones: tuple[Tone, ...]) -> AnsweredBy | None:
    latest = tones[-2:]
    if len(latest) < 2 or not (latest[0].within(SIT_HZ[0]) and latest[1].within(SIT_HZ[1])):
        return None
    follows = latest[1].began - latest[0].ended <= 4
    return AnsweredBy.SIT if follows and 200 <= latest[0].ms <= 480 and latest[1].ms >= 160 else None


def _fax(tone: Tone) -> AnsweredBy | None:
    """Only before anybody has spoken: a voicemail's beep may have these frequencies."""
    if tone.second_hz:
        return None
    if tone.within(CNG_HZ) and tone.ms >= 420:
        return AnsweredBy.FAX
    return AnsweredBy.FAX if tone.within(CED_HZ) and tone.ms >= 500 else None


def _busy(tones: tuple[Tone, ...]) -> AnsweredBy | None:
    """The same tone again after an equal pause: busy by half seconds or so; congestion by quarters, four of them."""
    latest = tones[-1].hz, tones[-1].second_hz
    same = [tone for tone in tones if tone.within(BUSY_HZ) and _same(tone, latest)]
    pauses = [(b.began - a.ended) * FRAME_MS for a, b in pairwise(same)]
    if len(same) >= 2 and 280 <= pauses[-1] <= 620 and 280 <= same[-2].ms <= 620:
        return AnsweredBy.BUSY
    quick = [*pauses[-3:], *(tone.ms for tone in same[-4:-1])]
    if len(same) >= 4 and all(100 <= each <= 310 for each in quick):
        return AnsweredBy.REORDER
    return None


def _same(tone: Tone, found: tuple[float, float]) -> bool:
    """A tone may lose or gain its second frequency where two of them beat."""
    near = min(abs(tone.hz - hz) for hz in found if hz)
    if near <= _SAME_HZ:
        return True
    return bool(tone.second_hz) and min(abs(tone.second_hz - hz) for hz in found if hz) <= _SAME_HZ


def _frequencies(window: Floats) -> tuple[float, float] | None:
    """The one or two frequencies (0: one) that make up a window; None if it is anything else."""
    if float(window @ window) < _LEAST_POWER * len(window):
        return None
    spectrum = np.square(np.abs(np.fft.rfft(window * _WEIGHTS, _SPECTRUM)))
    total = float(spectrum[8:].sum())  # from 60 Hz
    first, first_share = _peak(spectrum, total)
    second, second_share = _peak(spectrum, total)
    if second_share < _SECOND_SHARE:
        second, second_share = 0.0, 0.0
    lowest = min(first, second or first)
    if first_share + second_share < _SHARE or lowest < _LOWEST_HZ or max(first, second) > _HIGHEST_HZ:
        return None
    return first, second


def _peak(spectrum: Floats, total: float) -> tuple[float, float]:
    """The strongest frequency and its share; it is taken out of the spectrum."""
    peak = int(spectrum.argmax())
    around = slice(max(0, peak - _SKIRT), peak + _SKIRT + 1)
    share = float(spectrum[around].sum()) / total if total else 0.0
    spectrum[around] = 0.0
    return peak * _HZ_PER_BIN, share


_WEIGHTS = np.hanning(WINDOW)
