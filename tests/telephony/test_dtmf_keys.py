"""Keys by several ways: each press once, in any interleaving."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.telephony.dtmf_keys import KeyMerger, KeyPath

EVENT, INFO, TONE = KeyPath.RFC4733, KeyPath.INFO, KeyPath.INBAND


def count(reports: list[tuple[float, str, KeyPath]], duration_ms: int = 100) -> str:
    merger = KeyMerger()
    return "".join(digit for at, digit, path in reports if merger.is_new(digit, path, duration_ms, at))


def test_one_way() -> None:
    assert count([(0.1 * n, "5", EVENT) for n in range(9)]) == "5" * 9


def test_the_same_key_by_three_ways_counts_once() -> None:
    assert count([(1.0, "5", EVENT), (1.03, "5", TONE), (1.4, "5", INFO)]) == "5"


def test_two_presses_by_two_ways_are_two() -> None:
    assert count([(1.0, "5", EVENT), (1.03, "5", TONE), (1.2, "5", EVENT), (1.23, "5", TONE)]) == "55"
    assert count([(1.0, "5", EVENT), (1.2, "5", EVENT), (1.23, "5", TONE), (1.4, "5", TONE)]) == "55"


def test_what_one_way_lost_the_other_has() -> None:
    assert count([(1.0, "1", EVENT), (1.23, "2", TONE), (1.4, "3", EVENT), (1.43, "3", TONE)]) == "123"


def test_a_long_press_whose_info_came_at_its_beginning() -> None:
    merger = KeyMerger()
    assert merger.is_new("5", INFO, 100, 1.0)
    assert not merger.is_new("5", EVENT, 3_000, 3.9)
    assert merger.duplicates == 1


def test_the_same_key_much_later_is_another() -> None:
    assert count([(1.0, "5", EVENT), (3.0, "5", INFO)]) == "55"


@given(st.text("0123456789*#", min_size=1, max_size=20), st.integers(0, 2**32))
@pytest.mark.parametrize("paths", [(EVENT, TONE), (EVENT, INFO), (EVENT, INFO, TONE)])
def test_any_keys_by_any_ways(paths: tuple[KeyPath, ...], digits: str, seed: int) -> None:
    chance = random.Random(seed)
    reports = []
    for path in paths:
        delay = {EVENT: 0.0, TONE: 0.03, INFO: chance.uniform(0, 0.3)}[path]
        reports += [(0.2 * n + delay, digit, path) for n, digit in enumerate(digits)]
    assert count(sorted(reports)) == digits
