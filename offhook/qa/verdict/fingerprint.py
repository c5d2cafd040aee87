"""Which prompt was heard: recordings are compared by the shape of their spectrum, 100 times a second. Pure.

Each frame of 32 ms is reduced to the levels of 18 bands of 200 to 3400 Hz, without their mean and without what the
whole recording has in common, as a vector of length 1; quiet frames are zero. Two recordings of the same sound have
nearly the same vectors whatever their level and codec, other words have not. The reference is moved along what was
heard, and where the two are most alike is its place; the parts between its pauses, if all are there, one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from offhook.telephony.pcm import RATE_HZ, to_array

HOP, WINDOW, FFT = 80, 256, 256
HOP_MS = 1_000 * HOP / RATE_HZ
BANDS = 18
FLOOR_DB = 26.0
"""How far below the loudest frames a band is cut off: there may be noise."""

QUIET_DB = 22.0
"""How far below them a frame is quiet."""

ALIKE = 0.72
"""The least mean likeness of the same prompt, which has 0.99 on a clean line and 0.95 with noise 20 dB below it. Other
words of the same voice have 0.45 at the most (tests/qa/verdict/test_fingerprint.py)."""

ALIKE_FRAME = 0.5
"""The least likeness of the same sound, for a few frames together."""

LEAST_SHARE = 0.6
"""So much of a prompt has to be heard, or"""

LEAST_FRAMES = 60
"""so many frames of it that are not quiet (0.6 s), where nothing else is heard: it was interrupted."""

PAUSE_FRAMES = 15
"""A pause of more than 0.15 s need not be as long as it is in the reference: a bot puts together what it says, and a
sentence comes when it is ready."""

MOVED_FRAMES = 50
"""So much longer or shorter (0.5 s) it may be."""

LEAST_PART_FRAMES = 40
"""What stands by itself beside such a pause has as many frames that are not quiet: less is like anything."""

SMOOTHED = 5

Frames = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Match:
    """Where a reference was found: the places of its beginning and its end in milliseconds of what was heard (the first
    may be before it, the other behind), the mean likeness (0 to 1), and how much of the reference's beginning is
    missing."""

    at_ms: float
    ends_ms: float
    likeness: float
    missing_ms: float


def frames_of(pcm: bytes) -> Frames:
    """Vectors of a recording at 8 kHz, shape (frames, BANDS)."""
    samples = to_array(pcm).astype(np.float64)
    if len(samples) < WINDOW:
        return np.zeros((0, BANDS))
    count = 1 + (len(samples) - WINDOW) // HOP
    places = HOP * np.arange(count)[:, None] + np.arange(WINDOW)[None, :]
    spectrum = np.abs(np.fft.rfft(samples[places] * np.hanning(WINDOW), FFT)) ** 2
    levels_db = 10 * np.log10(spectrum @ _bands().T + 1e3)
    loudness_db = levels_db.max(axis=1)
    loudest_db = np.percentile(loudness_db, 95)
    quiet = loudness_db < loudest_db - QUIET_DB
    levels_db = np.maximum(levels_db, loudest_db - FLOOR_DB)
    vectors = levels_db - levels_db.mean(axis=1, keepdims=True)
    # Without what all of the recording has in common: the voice and the line.
    vectors = vectors - vectors[~quiet].mean(axis=0)
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    vectors[quiet] = 0.0
    return np.asarray(vectors)


def find(reference: Frames, heard: Frames) -> Match | None:
    """Where the reference, which begins with a sound, is in what was heard; None: it is not there."""
    parts = _parts(np.any(reference != 0.0, axis=1))
    return (_in_parts(reference, parts, heard) if len(parts) > 1 else None) or _as_it_is(reference, heard)


def _in_parts(reference: Frames, parts: Sequence[slice], heard: Frames) -> Match | None:
    """As `find`, with other pauses: all parts are there, one behind the other."""
    found: list[Match] = []
    offset = 0
    for part in parts:
        near = slice(max(0, offset + part.start - MOVED_FRAMES), offset + part.stop + MOVED_FRAMES if found else None)
        match = _as_it_is(reference[part], heard[near])
        if match is None:
            return None
        offset = near.start + round(match.at_ms / HOP_MS) - part.start
        found.append(replace(match, at_ms=HOP_MS * offset, ends_ms=HOP_MS * (offset + len(reference))))
    likeness = float(np.average([each.likeness for each in found], weights=[each.stop - each.start for each in parts]))
    return replace(found[0], ends_ms=found[-1].ends_ms, likeness=likeness)


def _parts(sounding: npt.NDArray[np.bool_]) -> list[slice]:
    """A recording in parts with pauses in between; each begins with a sound."""
    until = np.concatenate(([0], np.cumsum(sounding)))
    cuts = [0]
    for before, after in pairwise(np.flatnonzero(sounding)):
        is_pause = after - before > PAUSE_FRAMES
        if is_pause and min(until[after] - until[cuts[-1]], until[-1] - until[after]) >= LEAST_PART_FRAMES:
            cuts.append(int(after))
    return [slice(*each) for each in pairwise((*cuts, len(sounding)))]


def _as_it_is(reference: Frames, heard: Frames) -> Match | None:
    """As `find`, as a whole."""
    sounding = np.any(reference != 0.0, axis=1)
    heard_total = int(np.any(heard != 0.0, axis=1).sum())
    if not sounding.any() or not heard_total:
        return None
    offsets = np.arange(1 - len(reference), len(heard))
    first, last = np.maximum(0, -offsets), np.minimum(len(reference), len(heard) - offsets)
    until = np.concatenate(([0], np.cumsum(sounding)))
    counts = until[last] - until[first]
    enough = (counts >= LEAST_SHARE * until[-1]) | ((counts >= LEAST_FRAMES) & (counts >= 0.8 * heard_total))
    alike = sum(np.correlate(heard[:, band], reference[:, band], "full") for band in range(BANDS))
    likeness = np.where(enough, alike / np.maximum(1, counts), 0.0)
    best = int(np.argmax(likeness))
    if likeness[best] < ALIKE:
        return None
    part = slice(int(first[best]), int(last[best]))
    offset = int(offsets[best])
    values = np.sum(reference[part] * heard[part.start + offset : part.stop + offset], axis=1)
    missing = _missing(values, sounding[part], part.start, int(np.argmax(sounding)))
    return Match(offset * HOP_MS, (offset + len(reference)) * HOP_MS, float(likeness[best]), missing * HOP_MS)


def _missing(values: Frames, sounding: npt.NDArray[np.bool_], first: int, begins: int) -> int:
    """How many frames of the reference's beginning are not heard. `values` begin with its frame `first`; its sound
    begins with the frame `begins`."""
    places = np.flatnonzero(sounding)
    missing = first
    if len(places) >= SMOOTHED:
        smooth = np.convolve(values[places], np.ones(SMOOTHED) / SMOOTHED, "same")
        good = np.flatnonzero((smooth >= ALIKE_FRAME) & (values[places] >= ALIKE_FRAME))
        missing += int(places[good[0]]) if len(good) else 0
    return missing if missing - begins > SMOOTHED // 2 else 0


@cache
def _bands() -> Frames:
    """Triangles on the mel scale, shape (BANDS, bins)."""
    edges_hz = 700 * (10 ** (np.linspace(_mel(200), _mel(3_400), BANDS + 2) / 2_595) - 1)
    bins_hz = np.arange(FFT // 2 + 1) * RATE_HZ / FFT
    low, middle, high = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    rising, falling = (bins_hz - low) / (middle - low), (high - bins_hz) / (high - middle)
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)))


def _mel(frequency_hz: float) -> float:
    return float(2_595 * np.log10(1 + frequency_hz / 700))
