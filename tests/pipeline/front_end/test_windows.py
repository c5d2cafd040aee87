import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from offhook.pipeline.front_end.windows import windows


@pytest.mark.parametrize("length", [1, 3, 10])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_all_stretches_are_rows(length: int, kind: type[np.floating]) -> None:
    values = np.arange(10, dtype=kind)
    assert np.array_equal(windows(values, length), sliding_window_view(values, length))


def test_of_a_part_of_an_array() -> None:
    values = np.arange(20.0)[5:15]
    assert np.array_equal(windows(values, 4), sliding_window_view(values, 4))


def test_what_is_too_short_has_none() -> None:
    with pytest.raises(ValueError, match="3 values have no stretch of 4"):
        windows(np.zeros(3), 4)
