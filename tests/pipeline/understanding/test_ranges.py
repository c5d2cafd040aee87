"""What may be the ends of a range."""

import pytest

from offhook.pipeline.understanding.ranges import MAX_REST, MAX_SIDE, range_sides
from offhook.pipeline.understanding.time_spans import read_time_span


def test_both_ends() -> None:
    assert list(range_sides(["between", "two", "and", "the", "four"], "en")) == [(["two"], ["four"])]


@pytest.mark.parametrize(
    "words", ["from a to ", "between b and ", "from from to to ", "between and and and and and and and "]
)
def test_their_number_grows_with_the_words_and_not_with_their_square(words: str) -> None:
    """Each is read: in 2000 characters of them there would be 40000."""
    text = (words * 1_000)[:2_000]
    found = list(range_sides(text.split(), "en"))
    assert 0 < len(found) < 4 * len(text.split())
    assert all(len(first) <= MAX_SIDE and len(last) <= MAX_REST for first, last in found)
    assert read_time_span(text, "en") is None
