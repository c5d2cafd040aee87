"""Whether callers of a queue were taken in their order, as `python -m bench.queue_calls` counts it."""

from collections.abc import Sequence

import pytest

from bench.queue_calls import Found


def found(waiting: Sequence[int], given: Sequence[int] = ()) -> Found:
    return Found(len(waiting), waiting, len(waiting), len(given), 1.0, 10.0, given)


@pytest.mark.parametrize(
    ("given", "overtaken"),
    [
        ([3, 1, 2, 0], 0),
        ([1, 3, 2, 0], 1),
        ([0, 3, 1, 2], 1),
        ([0, 2, 1, 3], 3),
        ([3, 1, 3, 2, 0], 0),  # nobody took the first call for 3
        ([], 0),
    ],
)
def test_who_is_overtaken_by_how_many(given: Sequence[int], overtaken: int) -> None:
    assert found([3, 1, 2, 0], given).overtaken == overtaken


def test_a_place_is_wrong_by_as_many_as_came_before_in_vain() -> None:
    assert found([0, 1, 2]).displaced == 0
    assert found([1, 0, 2]).displaced == 1
    assert found([1, 2, 0]).displaced == 2
