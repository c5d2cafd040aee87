"""Percentiles, everywhere in the kit by the nearest rank: one of the values. They say no more than the values can: no
p90 of fewer than 10 values, no p95 of fewer than 20, no p99 of fewer than 100. Pure."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

LEAST_VALUES: Mapping[int, int] = {50: 1, 90: 10, 95: 20, 99: 100}
"""How many values a percentile takes: with fewer, one value decides it."""

SHOWN = (50, 95, 99)


def rank_of(percent: int, count: int) -> int:
    """Which of so many values in their order, from 1, is the percentile."""
    return max(1, -(-percent * count // 100))


def percentile(values: npt.ArrayLike, percent: int) -> float:
    """The percentile of one value or more, shape (count,), however few they are."""
    found = np.asarray(values, np.float64)
    place = rank_of(percent, len(found)) - 1
    return float(np.partition(found, place)[place])


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Those that so many values have: `p50`, `p95`, `p99`."""
    return {f"p{share}": percentile(values, share) for share in SHOWN if len(values) >= LEAST_VALUES[share]}
