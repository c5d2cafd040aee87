"""Calls in which nothing is wrong, all measures limited: nothing is found, and repeats agree (more: bench.qa_clean)."""

import asyncio

import pytest

from bench.qa_clean import REPEATED, Bench, Judged, what_happened, with_bots
from bench.qa_clean_cases import cases
from tests.rates import is_at_least, is_at_most

CASES = cases()[::2]
REPEATS = 6
AT_ONCE = 5
FALSE_RATE = 0.02
"""Of calls; a busy machine has its share in it."""


@pytest.fixture(scope="module")
def judged() -> list[Judged]:
    """All calls, the repeats last."""
    found: list[Judged] = []

    async def call(bench: Bench) -> None:
        found.extend(await bench.calls([*CASES, *[REPEATED] * REPEATS], AT_ONCE, lambda _: None))

    asyncio.run(with_bots(call))
    return found


def test_nothing_is_found(judged: list[Judged]) -> None:
    false = [each for each in judged if not each.result.passed]
    shown = "\n".join(f"late {each.late_ms} ms, {each.result.text()}" for each in false)
    assert is_at_most(len(false), len(judged), FALSE_RATE), shown


def test_repeats_agree(judged: list[Judged]) -> None:
    outcomes = [what_happened(each.result) for each in judged[-REPEATS:]]
    most = max(map(outcomes.count, outcomes))
    assert is_at_least(most, REPEATS, 1 - FALSE_RATE), outcomes
