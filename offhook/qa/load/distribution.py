"""How values are distributed, in bounded memory whatever their number: percentiles as of `verdict.distribution`, of
values that are counted in classes. Pure."""

import math
from collections import Counter

import numpy as np
import numpy.typing as npt

from offhook.qa.verdict.distribution import LEAST_VALUES, rank_of

STEP = 1.01
"""The ratio of a class's bounds: a percentile is within half a percent of the value at its place."""

LEAST = 0.01
"""Smaller values count as 0; in the measure's own unit (0.01 ms, 0.01 %)."""

PERCENTS = tuple(LEAST_VALUES)


class Distribution:
    """Values of one measure, 0 and more; what is less counts as 0."""

    __slots__ = ("_classes", "count", "most")

    def __init__(self) -> None:
        self._classes: Counter[int] = Counter()
        self.count = 0
        self.most = 0.0
        """The largest, exactly."""

    def add(self, values: npt.ArrayLike) -> None:
        """More values, shape (count,)."""
        found = np.asarray(values, np.float64)
        if not len(found):
            return
        classes = 1 + np.floor(np.log(np.maximum(found, LEAST) / LEAST) / math.log(STEP)).astype(np.int64)
        numbers, counts = np.unique(np.where(found < LEAST, 0, classes), return_counts=True)
        self._classes.update(dict(zip(numbers.tolist(), counts.tolist(), strict=True)))
        self.count += len(found)
        self.most = max(self.most, float(found.max()))

    def percentile(self, percent: int) -> float | None:
        """The percentile, to half a percent of itself; None where there are too few values."""
        if self.count < LEAST_VALUES[percent]:
            return None
        rank = rank_of(percent, self.count)
        for number in sorted(self._classes):
            rank -= self._classes[number]
            if rank <= 0:
                return min(self.most, LEAST * STEP ** (number - 0.5)) if number else 0.0
        raise AssertionError("the classes have all that was counted")

    def to_dict(self) -> dict[str, float | None]:
        """`count`, `p50` to `p99`, and `max`; None for what cannot be told."""
        percentiles = {f"p{percent}": _rounded(self.percentile(percent)) for percent in PERCENTS}
        return {"count": self.count, **percentiles, "max": _rounded(self.most if self.count else None)}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
