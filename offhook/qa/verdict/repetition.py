"""Whether something was said twice in a row: the sound is compared with itself, later. Pure.

Only the same sound is found, a recording or a voice that always speaks alike; words that are said anew are not.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from offhook.qa.verdict.fingerprint import ALIKE, ALIKE_FRAME, HOP_MS, Frames

LEAST_FRAMES = 80
"""So much (0.8 s) that is not quiet is no accident: short words come again in any speech."""

MOST_FRAMES = 6_000
"""What comes later than a minute is not looked at."""

AGAIN_FRAMES = 300
"""So soon (3 s) it begins again; a question that is put again because nobody has answered comes later."""

LIKENESS = 0.85
"""The least mean likeness: the same sound has 0.9 and more, the same sentence with another word in it less."""

STEADY_FRAMES = 25
"""A tone is like itself all the time, and speech not a quarter of a second later."""

PERIOD_FRAMES = 5


@dataclass(frozen=True, slots=True)
class Repetition:
    """What was said from `began_ms` on was said again from `again_ms` on, for `repeated_ms`."""

    began_ms: float
    again_ms: float
    repeated_ms: float


def repetition(heard: Frames) -> Repetition | None:
    """The longest repetition in what was heard (frames of `fingerprint`); None: there is none."""
    heard = heard[:MOST_FRAMES]
    sounding = np.any(heard != 0.0, axis=1)
    best = (0, 0, 0)  # how many frames that are not quiet, the first, how many in all
    best_lag = 0
    for lag in range(LEAST_FRAMES, len(heard) - LEAST_FRAMES + 1):
        counted = sounding[:-lag] | sounding[lag:]
        alike = np.einsum("ij,ij->i", heard[:-lag], heard[lag:])
        found = _stretch(alike, counted)
        if found[0] > best[0] and lag - found[2] <= AGAIN_FRAMES and not _is_steady(heard[found[1] :][: found[2]]):
            best, best_lag = found, lag
    _, first, length = best
    if not best_lag:
        return None
    return Repetition(first * HOP_MS, (first + best_lag) * HOP_MS, min(length, best_lag) * HOP_MS)


def _stretch(alike: Frames, counted: npt.NDArray[np.bool_]) -> tuple[int, int, int]:
    """The stretch that is alike for longest: how many of its frames are not quiet, its first one and its length; zeros
    if it is too short, or not alike enough."""
    scores = np.concatenate(([0.0], np.cumsum(alike - ALIKE * counted)))
    last = int(np.argmax(scores - np.minimum.accumulate(scores)))
    first = int(np.argmin(scores[: last + 1]))
    count = int(counted[first:last].sum())
    if count < LEAST_FRAMES or float(alike[first:last].sum()) < LIKENESS * count:
        return 0, 0, 0
    return count, first, last - first


def _is_steady(part: Frames) -> bool:
    """Whether it is a tone, whose faint changes may be periodic, too."""
    return any(
        float(np.einsum("ij,ij->i", part[:-lag], part[lag:]).mean()) >= ALIKE_FRAME
        for lag in range(STEADY_FRAMES, STEADY_FRAMES + PERIOD_FRAMES)
    )
