"""Percentiles that say no more than the values can: no p90 of fewer than 10 values, no p95 of fewer than 20, no p99 of
fewer than 100. Pure."""

from collections.abc import Mapping, Sequence

import numpy as np

LEAST_VALUES: Mapping[int, int] = {50: 1, 90: 10, 95: 20, 99: 100}
"""How many values a percentile takes: with fewer, one value decides it."""

SHOWN = (50, 95, 99)


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Those that so many values have: `p50`, `p95`, `p99`."""
    return {f"p{share}": float(np.percentile(values, share)) for share in SHOWN if len(values) >= LEAST_VALUES[share]}
