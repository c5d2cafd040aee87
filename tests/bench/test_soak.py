"""The soak's judgement of memory."""

import random

import pytest

from bench.soak import GROWTH_MIB, SLOPE_MIB_PER_H, Sample, memory

MINUTES = 120


def samples(leak_mib_per_h: float, steps: list[tuple[float, float]]) -> list[Sample]:
    """Every five seconds, with noise; each of `steps` is a minute, and what is kept from then on."""
    chance = random.Random(1)

    def at(at_s: float) -> Sample:
        stepped = sum(mib for minute, mib in steps if at_s >= 60 * minute)
        rss_mib = 480 + leak_mib_per_h * at_s / 3_600 + stepped + chance.uniform(0, 0.2)
        return Sample(at_s, rss_mib, 56, 11, 3, 1, 7)

    return [at(float(at_s)) for at_s in range(0, 60 * MINUTES + 5, 5)]


@pytest.mark.parametrize("leak_mib_per_h", [0.0, 0.5])
def test_memory_that_stays_is_no_leak(leak_mib_per_h: float) -> None:
    found = memory(samples(leak_mib_per_h, []), MINUTES)
    assert found.slope_mib_per_h == pytest.approx(leak_mib_per_h, abs=0.05)
    assert found.slope_mib_per_h <= SLOPE_MIB_PER_H and found.growth_mib <= GROWTH_MIB


@pytest.mark.parametrize(
    ("leak_mib_per_h", "steps"),
    [(1.5, []), (0.0, [(float(minute), 0.5) for minute in range(0, MINUTES, 10)]), (0.0, [(86.0, 3.0)])],
    ids=["all the time", "by steps", "by one step"],
)
def test_a_leak_is_found(leak_mib_per_h: float, steps: list[tuple[float, float]]) -> None:
    assert memory(samples(leak_mib_per_h, steps), MINUTES).slope_mib_per_h > SLOPE_MIB_PER_H


def test_a_large_step_is_growth() -> None:
    assert memory(samples(0.0, [(60.0, 6.0)]), MINUTES).growth_mib > GROWTH_MIB
