"""How often the embedded recogniser accepts a sentence that is not a choice: voices and sentences that nothing was
tuned on."""

from math import sqrt

import pytest

from bench.phone_line import is_installed
from bench.rejection import Turn, turns

VOICES = ("flite:slt", "espeak:en-gb")
THRESHOLD = 0.5
"""The default of asr.min_confidence."""


def interval(hits: int, count: int) -> tuple[float, float]:
    """The Wilson interval that contains the true rate with 95 % confidence."""
    z, rate = 1.96, hits / count
    middle, width = rate + z * z / (2 * count), z * sqrt(rate * (1 - rate) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    return (middle - width) / scale, (middle + width) / scale


@pytest.fixture(scope="module")
def found() -> list[Turn]:
    if not all(map(is_installed, VOICES)):
        pytest.skip("flite and espeak-ng are not installed (make peers)")
    return list(turns(VOICES, 0.18, seed=2))


@pytest.mark.peer
def test_other_sentences_are_seldom_accepted(found: list[Turn]) -> None:
    others = [turn for turn in found if turn.meant is None]
    low, high = interval(sum(turn.taken(THRESHOLD) is not None for turn in others), len(others))
    assert low < 0.08
    assert high < 0.16


@pytest.mark.peer
def test_right_answers_are_kept(found: list[Turn]) -> None:
    right = [turn for turn in found if turn.meant and not turn.courteous and turn.meaning == turn.meant]
    low, high = interval(sum(turn.taken(THRESHOLD) == turn.meant for turn in right), len(right))
    assert high > 0.92
    assert low > 0.85


@pytest.mark.peer
def test_most_answers_are_understood_with_and_without_courtesies(found: list[Turn]) -> None:
    for courteous, least in ((False, 0.8), (True, 0.65)):
        said = [turn for turn in found if turn.meant and turn.courteous is courteous]
        _, high = interval(sum(turn.taken(THRESHOLD) == turn.meant for turn in said), len(said))
        assert high > least + 0.05
